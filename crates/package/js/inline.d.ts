export * from "./brooklet.js";
export { default } from "./brooklet.js";

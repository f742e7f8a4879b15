// Workers of workerd may compile no wasm; it is imported compiled.

import module from "./brooklet_bg.wasm";

export const locate = () => module;
export const remote = null;

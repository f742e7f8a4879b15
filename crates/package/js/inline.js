// The wasm within the JavaScript, for where there is one file and nothing to fetch.

import bytes from "./wasm.js";

export const locate = bytes;
export const remote = () => import("./worker.js");

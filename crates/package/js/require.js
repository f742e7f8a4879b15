// The same for `require`.

import { readFile } from "node:fs/promises";
import { join } from "node:path";

export const locate = () => readFile(join(__dirname, "brooklet_bg.wasm"));
export const remote = null;

// Where a server's wasm comes from: a file beside this one; a bundle may have moved this one and not that.

import { readFile } from "node:fs/promises";

export const locate = async () => {
  try {
    return await readFile(new URL("brooklet_bg.wasm", import.meta.url));
  } catch {
    return (await import("./wasm.js")).default();
  }
};
export const remote = null;

// The package as it is built, before and after its wasm is loaded.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import init, { Learner } from "../../pkg/brooklet.js";

test("who opens a learner before init() is told to await it", async () => {
  const before = { name: "BrookletError", code: "not_initialised", message: /await init\(\)/ };
  await assert.rejects(Learner.open({ url: "/seed" }), before);
  const loading = init({ module_or_path: await readFile(new URL("../../pkg/brooklet_bg.wasm", import.meta.url)) });
  await assert.rejects(Learner.open({ url: "/seed" }), before, "loading is not loaded");
  await loading;
  await assert.rejects(Learner.open({}), { name: "BrookletError", code: "bad_argument" });
});

// The package as it is built, before and after its wasm is loaded.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { promisify } from "node:util";
import init, { Learner } from "../../pkg/brooklet.js";

const file = (path) => readFile(new URL(`../../${path}`, import.meta.url));

test("who opens a learner before init() is told to await it", async () => {
  const before = { name: "BrookletError", code: "not_initialised", message: /await init\(\)/ };
  await assert.rejects(Learner.open({ url: "/seed" }), before);
  const loading = init({ module_or_path: await file("pkg/brooklet_bg.wasm") });
  await assert.rejects(Learner.open({ url: "/seed" }), before, "loading is not loaded");
  await loading;
  await assert.rejects(Learner.open({}), { name: "BrookletError", code: "bad_argument" });
});

test("a learner that is none, or no more, says so", async () => {
  assert.throws(() => new Learner(), { name: "BrookletError", code: "bad_argument", message: /Learner\.open/ });
  const learner = await Learner.open({ bytes: await file("crates/core/tests/fixtures/base-v1-f16.safetensors"), store: null });
  learner.free();
  assert.throws(() => learner.metrics(), { name: "BrookletError", code: "closed", message: /freed/ });
  await assert.rejects(async () => learner.sync(), { name: "BrookletError", code: "closed" });
});

test("a process ends though its learner has something to send", async () => {
  const script = `
    import { readFile } from "node:fs/promises";
    import init, { Learner } from ${JSON.stringify(new URL("../../pkg/brooklet.js", import.meta.url))};
    const file = (path) => readFile(new URL(path, ${JSON.stringify(new URL("../../", import.meta.url))}));
    await init({ module_or_path: await file("pkg/brooklet_bg.wasm") });
    const bytes = await file("crates/core/tests/fixtures/base-v1-f16.safetensors");
    const learner = await Learner.open({ bytes, endpoint: "http://127.0.0.1:9/v1/models/films", store: null });
    learner.learnOne({ item: "1" }, 1);
    console.log(learner.metrics().unsent);`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], { timeout: 20_000 });
  assert.equal(stdout.trim(), "1");
});

// src/learning/same_everywhere.rs lives the same natively.
test("what is downloaded computes the bits that are tested natively", async (t) => {
  // Slates are numbered from a random place.
  t.mock.method(Math, "random", () => 0);
  const { options, seed, log, items, inputs, targets, verbs, steps, digest } = JSON.parse(await file("tests/same_everywhere.json"));
  const bytes = await file("crates/core/tests/fixtures/base-v1-f16.safetensors");
  const learner = await Learner.open({ ...options, seed, log, bytes, store: null });
  learner.addItems(items);
  const prepared = inputs.map((input) => learner.prepare(input));
  const lived = [];
  for (let step = 0; step < steps; step++) {
    const at = step % inputs.length;
    const [input, target, verb] = [inputs[at], targets[step % targets.length], verbs[step % verbs.length]];
    lived.push(learner.predictOne(input));
    if (verb === "learnOne") {
      lived.push(learner.learnOne(input, target));
    } else if (verb === "learnPrepared") {
      lived.push(learner.predictPrepared(prepared[at]), learner.learnPrepared(prepared[at], target, 0.5));
    } else if (verb === "recommend") {
      const slate = learner.recommend({ context: input, k: 4 });
      const [first, second, third] = slate.items.map(({ id }) => id);
      lived.push(learner.click(slate, second), learner.skip(slate, first), learner.label(slate, third, target));
    } else if (verb === "hold") {
      const held = learner.hold(input);
      lived.push(held);
      learner.labelHeld(held, target, 2);
    } else if (verb === "learnPair") {
      learner.learnPair(input, inputs[(at + 1) % inputs.length]);
    } else {
      assert.fail(`no verb: ${verb}`);
    }
  }
  const values = lived.flatMap((answer) =>
    typeof answer === "number" ? answer : [answer.score, answer.probability, answer.baseScore, answer.baseProbability]);
  const records = learner.exportLog().trimEnd().split("\n").map((line) => JSON.parse(line));
  await learner.close();
  assert.equal(digestOf([...values, ...records.filter(({ type }) => type !== "named")]), digest);
});

/** FNV-1a of the numbers' bits, the texts' bytes and the order in which they stand. */
function digestOf(value) {
  let hash = 0xcbf29ce484222325n;
  const bytes = (array) => array.forEach((byte) => (hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)));
  const walk = (value) => {
    if (value === null) bytes([0]);
    else if (typeof value === "boolean") bytes([value ? 2 : 1]);
    else if (typeof value === "number") bytes(new Uint8Array(Float64Array.of(value).buffer));
    else if (typeof value === "string") bytes(new TextEncoder().encode(value));
    else if (Array.isArray(value)) value.forEach(walk);
    else Object.entries(value).flat().forEach(walk);
  };
  walk(value);
  return hash.toString(16).padStart(16, "0");
}

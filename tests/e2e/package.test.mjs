// The package as it is built, before and after its wasm is loaded.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { promisify } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { decodeDelta } from "../../www/delta.js";
import init, { BrookletError, Learner } from "../../pkg/brooklet.js";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc");
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

test("instanceof tells a failure of ours from any other", async () => {
  assert.throws(() => new Learner(), BrookletError);
  await assert.rejects(Learner.open({}), BrookletError, "what the wasm throws, too");
  assert.ok(!(new TypeError("bad_argument") instanceof BrookletError));
  assert.ok(!({ name: "BrookletError", code: "offline" } instanceof BrookletError));
});

test("the catalogue is what the page says it is now", async () => {
  const bytes = await file("crates/core/tests/fixtures/base-v1-f16.safetensors");
  const learner = await Learner.open({ bytes, store: null });
  const shown = (options) => learner.recommend({ k: 9, ...options }).items.map(({ id }) => id).sort();
  learner.addItems([1, 2, 3, 4].map((id) => ({ id })));
  assert.equal(learner.removeItems(["2", 3, "of no shop"]), 2);
  assert.deepEqual(shown(), ["1", "4"]);
  const slate = learner.recommend({ k: 2 });
  learner.setItems([{ id: 4 }, { id: 5 }, { id: 6, features: { genres: ["Drama"] } }]);
  assert.deepEqual(shown(), ["4", "5", "6"]);
  assert.ok(learner.click(slate, "1"), "a slate keeps what it showed");
  assert.throws(() => learner.setItems([{ id: 7 }, { id: "" }]), { code: "bad_argument" });
  assert.throws(() => learner.removeItems("45"), { code: "bad_argument" });
  assert.deepEqual(shown(), ["4", "5", "6"], "nothing is half done");

  const next = learner.recommend({ k: 3 });
  learner.click(next, "5");
  learner.skip(next, "6");
  assert.deepEqual(shown({ unseen: true }), ["4"], "neither what was clicked nor what was passed over");
  learner.undo(next, "5");
  assert.deepEqual(shown({ unseen: true }), ["4", "5"]);
  assert.deepEqual(shown({ unseen: false }), ["4", "5", "6"]);
  assert.throws(() => learner.recommend({ unseen: 1 }), { code: "bad_argument", message: /unseen/ });
  learner.setItems([]);
  assert.deepEqual(shown(), []);
  await learner.close();
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

test("names without end do not grow for ever, in what is downloaded nor around it", async (t) => {
  let acknowledged = 0;
  t.mock.method(globalThis, "fetch", async (_, { method, body } = {}) => {
    if (method !== "POST") return new Response(null, { status: 304 });
    acknowledged++;
    return Response.json({ acknowledged: decodeDelta(body).seq, repeat: false, version: 1 });
  });
  const { memory } = await init();
  const bytes = await file("crates/core/tests/fixtures/base-v1-f16.safetensors");
  const options = { bytes, endpoint: "http://127.0.0.1:9/v1/models/films", store: null, syncEvents: 1e6, syncSeconds: 1e6, model: { maxRows: 4096 } };
  const learner = await Learner.open(options);
  let name = 0;
  const live = async (events) => {
    for (let n = 0; n < events; n++, name++) {
      learner.learnOne({ item: `${name % 10}`, [`flag ${name}`]: true, tag: `tag ${name}` }, n % 2);
      learner.predictOne({ [`off ${name}`]: false, [`none ${name}`]: [], [`empty ${name}`]: {}, [`number ${name}`]: 1 });
      if (n % 500 === 499) await learner.sync();
    }
    gc();
    return { wasm: memory.buffer.byteLength, heap: process.memoryUsage().heapUsed };
  };
  // By then all has been forgotten once, and history is as long as it gets.
  const before = await live(50_000);
  const after = await live(100_000);
  assert.ok(after.wasm - before.wasm < 3 << 20, `${(after.wasm - before.wasm) >> 10} KiB more of WebAssembly's memory`);
  assert.ok(after.heap - before.heap < 12 << 20, `${(after.heap - before.heap) >> 10} KiB more of the heap`);
  assert.ok(acknowledged >= 300);
  await learner.close();
});

test("a learner that is closed leaves its memory, also while somebody holds it", async () => {
  const { memory } = await init();
  const bytes = await file("crates/core/tests/fixtures/base-v1-f16.safetensors");
  const closed = [];
  const live = async (learners) => {
    for (let n = 0; n < learners; n++) {
      const learner = await Learner.open({ bytes, store: null });
      for (let tag = 0; tag < 200; tag++) learner.learnOne({ tag: `${tag}` }, tag % 2);
      await learner.close();
      closed.push(learner);
    }
    return memory.buffer.byteLength;
  };
  const before = await live(20);
  assert.ok((await live(300)) - before <= 2 << 20, "300 learners of 60 KiB and more");
  assert.throws(() => closed[0].metrics(), { code: "closed" });
  await closed[0].close();
});

test("who leaves a block with using, or await using, has closed its learner", async () => {
  const bytes = await file("crates/core/tests/fixtures/base-v1-f16.safetensors");
  const learner = await Learner.open({ bytes, store: null });
  const inner = await Learner.open({ bytes, store: null });
  learner[Symbol.dispose]();
  assert.throws(() => learner.metrics(), { code: "closed" });
  await inner[Symbol.asyncDispose]();
  assert.throws(() => inner.metrics(), { code: "closed" });
  await inner[Symbol.asyncDispose]();
  inner[Symbol.dispose]();
  await inner[Symbol.asyncDispose]();
});

test("in development a learner that was forgotten is told of, and one that was freed or closed is not", async (t) => {
  const bytes = await file("crates/core/tests/fixtures/base-v1-f16.safetensors");
  const warnings = t.mock.method(console, "warn", () => {}).mock;
  const turn = () => new Promise((resolve) => setTimeout(resolve, 20));
  const collect = async () => {
    for (let n = 0; n < 10; n++) await turn(gc());
    return warnings.callCount();
  };
  const open = async (then) => void (await then?.(await Learner.open({ bytes, store: null })));
  globalThis.location = { hostname: "localhost" };
  t.after(() => delete globalThis.location);
  const before = await collect();
  await open((learner) => learner.close());
  await open((learner) => learner.free());
  assert.equal(await collect(), before);
  await open((learner) => void learner.learnOne({ item: "1" }, 1));
  assert.equal(await collect(), before + 1);
  assert.match(warnings.calls.at(-1).arguments[0], /close\(\)/);
  globalThis.location = { hostname: "shop.example" };
  await open();
  assert.equal(await collect(), before + 1, "visitors need not know");
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

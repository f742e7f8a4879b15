// What is measured, in Node and in a page alike. The package is measured beside the yardstick in one run, turn by turn, so that
// whatever else the machine does hits both; the ratios are what counts.

import { Fm, Items, Names, names } from "./fm.mjs";

const ITEMS = 10_000;
const INPUTS = 512;
const ROUNDS = 9;
const ROUND_MS = 60;
const K = 12;

/** An input of 10 features, nested, made anew at every call. */
const input = (n) => ({
  item: String((n * 37) % ITEMS),
  genres: [`g${n % 18}`, `g${(n + 5) % 18}`, `g${(n + 11) % 18}`],
  device: { kind: n % 2 ? "phone" : "desk", os: "abc"[n % 3] },
  page: { kind: n & 2 ? "shop" : "search", place: "top" },
  hour: String(n % 24),
  weekend: true,
});

/** A seed without rows: every row is learnt on the device. */
function seed(factors) {
  const width = 1 + factors;
  const metadata = {
    format: 1,
    model: "bench",
    version: 1,
    factors,
    loss: "logistic",
    w0: 0,
    schema: { visitor: "user", item: "item", private: [], fields: ["item"], rates: [] },
    rates: { private: 0.3, shared: 0.05, delta: 0.05 },
    prior: {
      mean: Array.from({ length: width }, (_, at) => ((at * 0.618) % 1) - 0.5),
      covariance: Array.from({ length: width * width }, (_, at) => (at % (width + 1) ? 0 : 0.1)),
      scale: 8,
    },
    calibration: { a: 1, b: 0 },
    labels: { positive: null, map: [] },
    private_rows: false,
    training: null,
  };
  const empty = (dtype, shape) => ({ dtype, shape, data_offsets: [0, 0] });
  const header = JSON.stringify({
    __metadata__: { brooklet: JSON.stringify(metadata) },
    ids: empty("U64", [0]),
    w: empty("F16", [0]),
    v: empty("F16", [0, factors]),
  });
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

function check(holds, what) {
  if (!holds) throw new Error(`not what was meant to be measured: ${what}`);
}

/** Cases that are compared: the first is the yardstick of its group. `Learner` is the package's. */
async function cases(Learner) {
  let n = 0;
  const next = () => (n = (n + 1) % INPUTS);

  const fm = new Fm(8);
  const known = new Names();
  const named = Array.from({ length: INPUTS }, (_, n) => names(input(n)));
  const ids = named.map((list) => Int32Array.from(known.all(list)));
  check(named.every((list) => new Set(list).size === 10), "10 features an input");

  const learner = await Learner.open({ bytes: seed(8), store: null, seed: 1 });
  for (const [who, predict, learn] of [
    ["the yardstick", (n) => fm.predict(ids[n]), (n) => fm.learn(ids[n], n % 2, 0.05)],
    ["the package", (n) => learner.predictOne(input(n)).probability, (n) => learner.learnOne(input(n), n % 2)],
  ]) {
    const before = predict(1);
    learn(1);
    check(predict(1) > before, `${who} rises after a click`);
    for (let n = 0; n < INPUTS; n++) learn(n);
    check(predict(1) !== predict(2), `${who} tells inputs apart`);
  }

  const prepared = Array.from({ length: INPUTS }, (_, n) => learner.prepare(input(n)));
  check(learner.predictPrepared(prepared[3]) === learner.predictOne(input(3)).probability, "an integer stands for its input");

  const shop = await Learner.open({ bytes: seed(16), store: null, seed: 1 });
  const items = Array.from({ length: ITEMS }, (_, id) => ({ id, features: { genres: [`g${id % 18}`] } }));
  shop.addItems(items);
  // So that every item has a row and a score of its own.
  for (const { id, features } of items) shop.learnOne({ item: String(id), ...features }, (id * 0.618) % 1);
  const rank = () => shop.recommend({ k: K, context: { hour: "9" } });
  const first = rank();
  check(first.items.length === K && new Set(first.items.map(({ score }) => score)).size > 1, "a slate of items that differ");
  for (let i = 0; i < 5; i++) shop.skip(first, first.items[i].id);
  check(rank().items[0].score !== first.items[0].score, "skips change the ranking");

  const catalogue = new Items(ITEMS, 16);
  const context = Float64Array.from({ length: 16 }, (_, f) => Math.cos(f));
  check(catalogue.top(context, K).every(({ score }, i, best) => i === 0 || best[i - 1].score >= score), "best first");

  return [
    [
      `predict, 10 features of 8 factors`,
      ["JS FM, integer ids", () => fm.predict(ids[next()])],
      ["JS FM, names through a Map", () => fm.predict(known.all(named[next()]))],
      ["JS FM, fresh nested object", () => fm.predict(known.all(names(input(next()))))],
      ["Brooklet predictPrepared, an integer", () => learner.predictPrepared(prepared[next()])],
      ["Brooklet predictOne, fresh nested object", () => learner.predictOne(input(next())).probability],
      // The parts of it: making the object; a call that asks for nothing; a call, reading and the answer of an input without
      // features. What the integer leaves out is reading the object, what remains of the integer is the model.
      ["Brooklet part: the object is made", () => input(next()).item.length],
      ["Brooklet part: a bare call", () => learner.version],
      ["Brooklet part: predictOne, empty object", () => learner.predictOne({}).probability],
    ],
    [
      `learn, 10 features of 8 factors`,
      ["JS FM, integer ids", () => fm.learn(ids[next()], n % 2, 0.05)],
      ["JS FM, names through a Map", () => fm.learn(known.all(named[next()]), n % 2, 0.05)],
      ["JS FM, fresh nested object", () => fm.learn(known.all(names(input(next()))), n % 2, 0.05)],
      ["Brooklet learnPrepared, an integer", () => learner.learnPrepared(prepared[next()], n % 2)],
      ["Brooklet learnOne, fresh nested object", () => learner.learnOne(input(next()), n % 2).probability],
    ],
    [
      `best ${K} of ${ITEMS.toLocaleString("en")} items of 16 factors`,
      ["JS matrix-vector product", () => catalogue.top(context, K)[0].score],
      ["Brooklet recommend", () => rank().items[0].score],
      [
        // The skip moves the rows of a genre, which every 18th item has: the next ranking sums these anew.
        "Brooklet recommend, then skip",
        () => {
          const slate = rank();
          return shop.skip(slate, slate.items[0].id).probability;
        },
      ],
    ],
  ].map(([group, ...rows]) => ({ group, rows: rows.map(([name, run]) => ({ name, run, times: [] })) }));
}

/** Microseconds of one call, over about `ms`. */
function time(row, ms) {
  let sum = 0;
  const start = performance.now();
  for (let i = 0; i < row.calls; i++) sum += row.run();
  const took = performance.now() - start;
  check(Number.isFinite(sum) && sum !== 0, `${row.name} gives numbers`);
  const each = took / row.calls;
  row.calls = Math.max(1, Math.round(ms / Math.max(each, 1e-6)));
  return 1000 * each;
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

/** Measures everything: groups of rows, each with its microseconds and its ratio to every yardstick of its group. */
export async function measure(Learner, progress = () => {}) {
  const groups = await cases(Learner);
  const rows = groups.flatMap(({ rows }) => rows);
  for (const row of rows) row.calls = 10;
  // The first rounds warm up: they are for the compilers, and find out how many calls a round has.
  for (let round = -3; round < ROUNDS; round++) {
    for (const row of rows) {
      const took = time(row, ROUND_MS);
      if (round >= 0) row.times.push(took);
      // The package's timers have their turn.
      await new Promise((resume) => setTimeout(resume));
    }
    progress(Math.max(0, round + 1), ROUNDS);
  }
  return groups.map(({ group, rows }) => ({
    group,
    rows: rows.map(({ name, times }) => ({
      name,
      microseconds: median(times),
      least: Math.min(...times),
      // Round by round, so that both sides of a ratio met the same neighbours.
      ratios: Object.fromEntries(
        rows
          .filter((other) => !other.name.startsWith("Brooklet") && other.name !== name)
          .map((other) => [other.name, median(times.map((took, round) => took / other.times[round]))]),
      ),
    })),
  }));
}

/** A table for people. */
export function table(groups) {
  const lines = [];
  for (const { group, rows } of groups) {
    const yardsticks = rows.filter(({ name }) => !name.startsWith("Brooklet")).map(({ name }) => name);
    lines.push("", `${group.padEnd(44)}${"µs".padStart(9)}  times ${yardsticks.join(" / ")}`);
    for (const { name, microseconds, ratios } of rows) {
      const times = yardsticks.map((other) => (name === other ? "1" : ratios[other].toFixed(2)));
      lines.push(`  ${name.padEnd(42)}${microseconds.toFixed(2).padStart(9)}  ${times.join(" / ")}`);
    }
  }
  return lines.join("\n").slice(1);
}

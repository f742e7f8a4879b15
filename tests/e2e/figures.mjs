// The figures of docs/browser.md, from the real browser and the real endpoint:
//
//     node tests/e2e/figures.mjs [leaving | back | start | save | large | tasks | worker | items]... [--times 100]

import { rm, mkdtemp } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { Shop, WAYS, until } from "./shop.mjs";
import { Endpoint, trainSeed } from "./stage.mjs";

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Median and the one that 90 in 100 do not exceed, in milliseconds. */
function told(times) {
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(share * times.length))].toFixed(1);
  return `median ${at(0.5)} ms, nine in ten below ${at(0.9)} ms`;
}

/** Of so many visits of eight events each, how many were with the endpoint within two seconds of leaving. */
async function leaving({ shop, browser, times }) {
  for (const [way, leave] of Object.entries(WAYS)) {
    let arrived = 0;
    for (let visit = 0; visit < times; visit++) {
      const context = await browser.newContext();
      const page = await shop.tab(context, "?enter");
      const before = shop.taken;
      await page.evaluate(() => answer(8));
      // Half of them at once, the others after what people take to move a hand.
      await pause(visit % 2 ? 300 : 0);
      await leave(page);
      arrived += await until("", () => shop.taken === before + 8, 2).then(() => 1, () => 0);
      await context.close();
    }
    console.log(`leaving by ${way}: the delta of ${arrived} of ${times} visits arrived`);
  }
}

/** Of so many pages that were left, how many the back button brings as they were, while another tab saves all the time. */
async function back({ shop, browser, times }) {
  const context = await browser.newContext();
  const other = await shop.tab(context, "?enter");
  for (const wait of [0, 5, 30, 400]) {
    const reasons = {};
    let kept = 0;
    for (let round = 0; round < times; round++) {
      const page = await shop.tab(context, "?enter");
      await page.evaluate(() => (globalThis.mark = true));
      let why = "not told";
      const cdp = await context.newCDPSession(page);
      await cdp.send("Page.enable");
      cdp.on("Page.backForwardCacheNotUsed", ({ notRestoredExplanations }) => (why = notRestoredExplanations.map(({ reason }) => reason).join()));
      await page.evaluate(() => answer(3));
      await pause(wait);
      await WAYS["a link"](page);
      await page.waitForURL("**/next");
      await other.evaluate(() => learner.save(answer(2)));
      await page.goBack({ waitUntil: "commit" });
      await until("it is back", () => page.evaluate(() => globalThis.ready).catch(() => false));
      if (await page.evaluate(() => globalThis.mark)) kept++;
      else reasons[why] = (reasons[why] ?? 0) + 1;
      await page.close();
    }
    console.log(`the back button ${wait} ms after a click: ${kept} of ${times} pages as they were`, JSON.stringify(reasons));
  }
  await context.close();
}

/** From a script that begins to its first recommendation. */
async function start({ shop, browser, times }) {
  const cold = [];
  const warm = [];
  for (let visit = 0; visit < times; visit++) {
    const context = await browser.newContext();
    const page = await shop.tab(context, "?enter");
    cold.push(await page.evaluate(() => first));
    await shop.visit(page, "?enter");
    warm.push(await page.evaluate(() => first));
    await context.close();
  }
  console.log(`first recommendation of a first visit: ${told(cold)}; of a second: ${told(warm)}`);
}

/** A save after one event. */
async function save({ shop, browser, times }) {
  const context = await browser.newContext();
  const page = await shop.tab(context, "?enter");
  const took = await page.evaluate(async (times) => {
    const took = [];
    for (let n = 0; n < times; n++) {
      answer(1);
      const began = performance.now();
      await learner.save();
      took.push(performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    return took;
  }, times);
  console.log(`a save after one event: ${told(took)}`);
  await context.close();
}

/** A save after one event of a profile that has learnt 100,000 values: as many rows as it may have. */
async function large({ shop, browser, times }) {
  const context = await browser.newContext();
  const page = await shop.tab(context, "?enter");
  const took = await page.evaluate(async (times) => {
    for (let n = 0; n < 100_000; n++) {
      learner.learnOne({ tag: `value-${n}` }, n % 2);
      if (n % 1000 === 999) await learner.save();
    }
    const took = [];
    for (let n = -1; n < times; n++) {
      learner.learnOne({ tag: `value-${99_999 - 997 * (n + 1) % 50_000}` }, n & 1);
      await new Promise((resolve) => setTimeout(resolve, 150));
      learner.learnOne({ tag: `value-${99_998 - 991 * (n + 1) % 50_000}` }, n & 1);
      const began = performance.now();
      await learner.save();
      took.push(performance.now() - began);
    }
    return took.slice(1);
  }, times);
  console.log(`a save after one event, of a profile of 100,000 values: ${told(took)}`);
  await context.close();
}

/** The longest tasks of the page's thread while it learns and syncs: of a new visitor, and of one with as long a history as is kept. */
async function tasks({ shop, browser, times }) {
  for (const history of [8, 1500]) await tasksAfter(history, { shop, browser, times });
}

async function tasksAfter(history, { shop, browser, times }) {
  const context = await browser.newContext();
  const page = await shop.tab(context, "?enter");
  await page.evaluate(async (history) => {
    for (let n = 0; n < history; n += 8) {
      answer(8);
      if (n % 200 === 0) await learner.sync();
    }
    await learner.sync();
  }, history);
  await browser.startTracing(page, { categories: ["toplevel", "disabled-by-default-devtools.timeline", "devtools.timeline", "blink.user_timing"] });
  await page.evaluate(async (times) => {
    performance.mark("begin");
    for (let n = 0; n < times; n++) {
      answer(1);
      await new Promise((resolve) => setTimeout(resolve, 50));
      if (n % 20 === 19) await learner.sync();
    }
    performance.mark("end");
  }, times);
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  const [begin, end] = ["begin", "end"].map((mark) => traceEvents.find(({ name, cat }) => name === mark && cat.includes("user_timing")));
  const ran = traceEvents.filter(
    ({ name, ts, pid, tid }) => (name === "RunTask" || name === "ThreadControllerImpl::RunTask") && pid === begin.pid && tid === begin.tid && ts > begin.ts && ts < end.ts,
  );
  const longest = (of) => (Math.max(...ran.map(of)) / 1000).toFixed(1);
  console.log(`${ran.length} tasks while ${times} events were learnt and sent after ${history} of before: the longest took ${longest(({ dur }) => dur)} ms, ${longest(({ tdur }) => tdur ?? 0)} ms of the processor`);
  await context.close();
}

/** The longest tasks of the page's thread while a learner in a worker learns, syncs and gets a hundred thousand items, in either form. */
async function worker({ shop, browser, times }) {
  const context = await browser.newContext();
  const page = await shop.tab(context);
  await page.evaluate(async () => {
    globalThis.learner = await Learner.open({ worker: true, endpoint: "/v1/models/films", store: "shop" });
    const genre = (n) => [["Drama", "Comedy", "Action"][n % 3]];
    const ids = Array.from({ length: 100_000 }, (_, n) => n + 1);
    globalThis.columns = { ids, features: { genres: ids.map(genre) } };
    globalThis.objects = ids.map((id) => ({ id, features: { genres: genre(id) } }));
    await learner.addItems(items);
  });
  const work = {
    [`${times} events are learnt and sent`]: `async () => {
      for (let n = 0; n < ${times}; n++) {
        const slate = await learner.recommend({ k: 8 });
        await learner.click(slate, slate.items[0].id);
        await new Promise((resolve) => setTimeout(resolve, 50));
        if (n % 20 === 19) await learner.sync();
      }
    }`,
    "100,000 items in columns are added": "async () => { await learner.addItems(columns); await learner.recommend(); }",
    "100,000 items as objects are added": "async () => { await learner.addItems(objects); await learner.recommend(); }",
  };
  for (const [what, script] of Object.entries(work)) console.log(`in a worker, ${what}: ${await longestTask({ browser, page, script })}`);
  await context.close();
}

/** The same without a worker. */
async function items({ shop, browser }) {
  const context = await browser.newContext();
  const page = await shop.tab(context, "?enter");
  await page.evaluate(() => {
    const genre = (n) => [["Drama", "Comedy", "Action"][n % 3]];
    const ids = Array.from({ length: 100_000 }, (_, n) => n + 1);
    globalThis.columns = { ids, features: { genres: ids.map(genre) } };
    globalThis.objects = ids.map((id) => ({ id, features: { genres: genre(id) } }));
  });
  const work = {
    "100,000 items as objects": "() => learner.addItems(objects)",
    "100,000 items in columns": "() => learner.addItems(columns)",
    "100,000 items as objects, in slices": "() => learner.addItemsInSlices(objects)",
    "100,000 items in columns, in slices": "() => learner.addItemsInSlices(columns)",
    "the first slate of them": "() => learner.recommend({ k: 12 })",
    "the next": "() => learner.recommend({ k: 12 })",
  };
  for (const [what, script] of Object.entries(work)) {
    const clean = what.includes("items") ? "() => learner.setItems([])" : "() => {}";
    await page.evaluate(`(${clean})()`);
    console.log(`in the page, ${what}: ${await longestTask({ browser, page, script })}`);
  }
  await context.close();
}

/** What a page's script takes, and the longest task of the page's thread meanwhile. */
async function longestTask({ browser, page, script }) {
  await browser.startTracing(page, { categories: ["toplevel", "disabled-by-default-devtools.timeline", "devtools.timeline", "blink.user_timing"] });
  const took = await page.evaluate(`(async () => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    performance.mark("begin");
    const began = performance.now();
    await (${script})();
    const took = performance.now() - began;
    performance.mark("end");
    await new Promise((resolve) => setTimeout(resolve, 100));
    return took;
  })()`);
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  const [begin, end] = ["begin", "end"].map((mark) => traceEvents.find(({ name, cat }) => name === mark && cat.includes("user_timing")));
  const ran = traceEvents.filter(
    ({ name, ts, dur, pid, tid }) => (name === "RunTask" || name === "ThreadControllerImpl::RunTask") && pid === begin.pid && tid === begin.tid && ts + dur > begin.ts && ts < end.ts,
  );
  const longest = (of) => (Math.max(...ran.map(of)) / 1000).toFixed(1);
  return `${took.toFixed(0)} ms in ${ran.length} tasks, the longest ${longest(({ dur }) => dur)} ms, ${longest(({ tdur }) => tdur ?? 0)} ms of the processor`;
}

const ALL = { leaving, back, start, save, large, tasks, worker, items };
const { values, positionals } = parseArgs({ allowPositionals: true, options: { times: { type: "string", default: "100" } } });
const folder = await mkdtemp(path.join(os.tmpdir(), "brooklet-figures-"));
const endpoint = new Endpoint(folder, await trainSeed(folder), ["--fold-seconds", "0"]);
await endpoint.start();
const shop = await Shop.open(endpoint);
const browser = await Shop.browser();
for (const name of positionals.length > 0 ? positionals : Object.keys(ALL)) {
  await ALL[name]({ shop, browser, times: Number(values.times) });
}
await browser.close();
shop.close();
await endpoint.stop("SIGTERM");
await rm(folder, { recursive: true, force: true, maxRetries: 5 });

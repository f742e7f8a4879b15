// Whatever pages, network and endpoint go through, an event is learnt once and sent once. `BROOKLET_SOAK_SECONDS=900` is the long form, and
// `BROOKLET_SOAK_SEED` repeats what was drawn.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import init, { Learner } from "../../pkg/brooklet.js";
import { ITEMS, Shop } from "./shop.mjs";
import { Soak, numberOf } from "./soak.mjs";

const SECONDS = Number(process.env.BROOKLET_SOAK_SECONDS ?? 60);
const SEED = Number(process.env.BROOKLET_SOAK_SEED ?? Math.floor(Math.random() * 2 ** 31));

test("three tabs, a network and an endpoint come and go", { timeout: 1000 * (SECONDS + 240) }, async (t) => {
  t.diagnostic(`BROOKLET_SOAK_SEED=${SEED} BROOKLET_SOAK_SECONDS=${SECONDS}`);
  const shop = await Shop.during(t, ["--fold-seconds", "0", "--fold-deltas", "1000000"], ["--loss", "squared"]);
  const { endpoint } = shop;
  const soak = new Soak(shop, endpoint, SEED);
  t.after(() => soak.close());

  const page = await soak.run(SECONDS);
  t.diagnostic(JSON.stringify(soak.counts));
  const done = await soak.done();
  const { order, crashed } = soak;
  const { events, profile } = await page.evaluate(() => learner.metrics());
  t.diagnostic(`${events} events of ${done.length} pages, ${shop.posts.length} posts`);

  await t.test("nothing fails that the network does not explain", () => {
    const unexplained = done.flatMap(({ errors }) => errors).filter((error) => !/: (offline|timeout|http_\d+|busy|draining):/.test(error));
    assert.deepEqual([...soak.complaints, ...unexplained], []);
    assert.equal(profile, "restored");
  });

  await t.test("the profile has each event once", () => {
    const learnt = new Set(order);
    assert.equal(order.length, learnt.size, "none twice");
    assert.equal(events, order.length);
    const lost = done.flatMap(({ session, made, safe }) =>
      made.map(([target]) => numberOf(target)).filter((n, at) => !learnt.has(n) && !(crashed.has(session) && at >= safe)).map((n) => ({ session, n })));
    assert.deepEqual(lost, []);
  });

  await t.test("the endpoint has what it acknowledged, which is what was learnt", async () => {
    const taken = new Map(shop.posts.filter(({ status }) => status === 200).map((post) => [`${post.client}/${post.seq}`, post.events]));
    const sum = [...taken.values()].reduce((sum, events) => sum + events, 0);
    const stats = await endpoint.stats();
    assert.equal(stats.pending_deltas, taken.size);
    assert.equal(stats.pending_events, sum);
    assert.equal(sum, events);
  });

  await t.test("the profile is that of one learner that met the same events in this order", async () => {
    await init({ module_or_path: await readFile(new URL("../../pkg/brooklet_bg.wasm", import.meta.url)) });
    const alone = await Learner.open({ bytes: await endpoint.base("application/vnd.brooklet.base"), store: null });
    const made = new Map(done.flatMap(({ made }) => made).map(([target, id]) => [numberOf(target), { target, id }]));
    const features = ({ id }) => ({ item: id, ...ITEMS.find((item) => item.id === id).features });
    for (const n of order) alone.learnOne(features(made.get(n)), made.get(n).target);
    const scores = await page.evaluate((inputs) => inputs.map((input) => learner.predictOne(input).score), ITEMS.map(features));
    assert.deepEqual(scores, ITEMS.map((item) => alone.predictOne(features(item)).score));
    await alone.close();
  });
});

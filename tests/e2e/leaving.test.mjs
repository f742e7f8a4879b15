// Pages come and go: what was learnt goes out as they go, comes back when they come back, and is lost in no tab.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Shop, WAYS, eventsKept, until } from "./shop.mjs";

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

test("a page that comes and goes", { timeout: 240_000 }, async (t) => {
  const shop = await Shop.during(t);
  const browser = await Shop.browser();
  t.after(() => browser.close());

  await t.test("however a page is left, its delta goes out", async () => {
    const lost = [];
    for (const [way, leave] of Object.entries(WAYS)) {
      for (const wait of [0, 300]) {
        const context = await browser.newContext();
        const page = await shop.tab(context, "?enter");
        const before = shop.taken;
        await page.evaluate(() => answer(8));
        await pause(wait);
        await leave(page);
        await until(`8 events of ${way}`, () => shop.taken === before + 8, 2).catch(() => lost.push(`${way} ${wait} ms later`));
        await context.close();
      }
    }
    assert.deepEqual(lost, []);
  });

  await t.test("visit after visit, each event goes out once, whether answers are heard or not", async () => {
    const context = await browser.newContext();
    const before = shop.taken;
    const page = await shop.tab(context, "?enter");
    for (let visit = 0; visit < 6; visit++) {
      shop.fault = visit % 2 ? "deaf" : null;
      await page.evaluate((n) => answer(n), visit + 2);
      await WAYS["a link"](page);
      await page.waitForURL("**/next");
      await shop.visit(page, "?enter");
    }
    shop.fault = null;
    await until("all of them are known to be there", async () => (await page.evaluate(() => learner.sync().then(() => learner.metrics().unsent))) === 0);
    assert.equal(await page.evaluate(() => learner.metrics().events), 2 + 3 + 4 + 5 + 6 + 7);
    assert.equal(shop.taken - before, 2 + 3 + 4 + 5 + 6 + 7);
    await context.close();
  });

  await t.test("the page that the back button brings is the one that was left, and has heard of the other tab", async () => {
    const context = await browser.newContext();
    const waits = [0, 5, 30, 400];
    let kept = 0;
    for (const wait of waits) {
      const page = await shop.tab(context, "?enter");
      await page.evaluate(() => (globalThis.mark = Math.random()));
      const events = await page.evaluate(() => (answer(3), learner.metrics().events));
      await pause(wait);
      await WAYS["a link"](page);
      await page.waitForURL("**/next");
      const other = await shop.tab(context, "?enter");
      assert.equal(await other.evaluate(() => learner.metrics().events), events, "what was left is learnt by who comes next");
      await other.evaluate(() => learner.save(answer(2)));
      await page.goBack({ waitUntil: "commit" });
      await until("the page is back", () => page.evaluate(() => globalThis.ready));
      kept += await page.evaluate(() => Number(globalThis.mark > 0));
      await until("it knows what the other learnt", async () => (await page.evaluate(() => learner.metrics().events)) === events + 2);
      await page.evaluate(() => learner.save(answer(1)));
      await other.close();
      await page.close();
      assert.equal(await eventsKept(shop, context), events + 3);
    }
    // On a busy machine, Chromium lets one of a hundred go by itself; then it is loaded anew.
    assert.ok(kept >= waits.length - 1, `${kept} of ${waits.length} pages were kept`);
    await context.close();
  });

  await t.test("a page that was left in the middle of a sync keeps no other tab waiting, comes back as it was, and its delta counts once", async () => {
    const context = await browser.newContext();
    const other = await shop.tab(context, "?enter");
    const before = shop.taken;
    let kept = 0;
    for (let round = 0; round < 3; round++) {
      const page = await shop.tab(context, "?enter");
      await page.evaluate(() => (globalThis.mark = Math.random()));
      shop.fault = "slow";
      await page.evaluate(() => void (answer(3), learner.sync().catch(() => {})));
      await pause(200);
      await WAYS["a link"](page);
      await page.waitForURL("**/next");
      await other.evaluate(() => (answer(1), learner.sync()));
      await page.goBack({ waitUntil: "commit" });
      await until("the page is back", () => page.evaluate(() => globalThis.ready));
      kept += await page.evaluate(() => Number(globalThis.mark > 0));
      shop.fault = null;
      await until("all is known to be there", async () => (await page.evaluate(() => learner.sync().then(() => learner.metrics().unsent))) === 0);
      await page.close();
    }
    assert.equal(shop.taken, before + 12);
    assert.ok(kept >= 2, `${kept} of 3 pages were kept`);
    await context.close();
  });

  await t.test("a page that waited for its turn to sync does not take it in its sleep", async () => {
    const context = await browser.newContext();
    const other = await shop.tab(context, "?enter");
    let kept = 0;
    for (let round = 0; round < 3; round++) {
      const page = await shop.tab(context, "?enter");
      await page.evaluate(() => (globalThis.mark = true));
      shop.fault = "slow";
      await other.evaluate(() => void (answer(2), learner.sync()));
      await pause(100);
      await page.evaluate(() => void (answer(3), learner.sync()));
      await pause(200);
      await WAYS["a link"](page);
      await page.waitForURL("**/next");
      // The first sync of the other tab is over then.
      await pause(1500);
      shop.fault = null;
      await other.evaluate(() => (answer(2), learner.sync()));
      await page.goBack({ waitUntil: "commit" });
      await until("the page is back", () => page.evaluate(() => globalThis.ready));
      kept += await page.evaluate(() => Number(globalThis.mark === true));
      await until("all is known to be there", async () => (await page.evaluate(() => learner.sync().then(() => learner.metrics().unsent))) === 0);
      await page.close();
    }
    assert.ok(kept >= 2, `${kept} of 3 pages were kept`);
    await context.close();
  });

  await t.test("clicks that navigate, in three tabs at once, are all kept", async () => {
    const context = await browser.newContext();
    const tabs = [];
    for (let n = 0; n < 3; n++) tabs.push(await shop.tab(context, "?enter"));
    let events = 0;
    for (const wait of [0, 0, 30]) {
      const go = async (wait) => {
        answer(2);
        if (wait) await new Promise((resolve) => setTimeout(resolve, wait));
        location.href = "/next";
      };
      await Promise.all(tabs.map((tab) => tab.evaluate(go, wait).catch(() => {})));
      events += 6;
      await Promise.all(tabs.map((tab) => tab.waitForURL("**/next")));
      await Promise.all(tabs.map((tab) => shop.visit(tab, "?enter")));
    }
    await Promise.all(tabs.map((tab) => tab.close()));
    assert.equal(await eventsKept(shop, context), events);
    await context.close();
  });
});

// The same package in Firefox: it learns, keeps, sends as it goes, and comes back.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import puppeteer from "puppeteer-core";
import { Shop, until } from "./shop.mjs";

const FIREFOX = process.env.FIREFOX ?? "/usr/bin/firefox-esr";

const WAYS = {
  "a link": (page) => page.click("a"),
  "a reload": (page) => page.reload(),
  "location.href": (page) => page.evaluate(() => void (location.href = "/next")),
  "a closed tab": (page) => page.close(),
  "history.back()": (page) => page.evaluate(() => history.back()),
};

test("a page that comes and goes in Firefox", { timeout: 180_000, skip: existsSync(FIREFOX) ? false : `there is no ${FIREFOX}` }, async (t) => {
  const shop = await Shop.during(t);
  const browser = await puppeteer.launch({ browser: "firefox", executablePath: FIREFOX, headless: true });
  t.after(() => browser.close());
  t.diagnostic(await browser.version());

  const visit = async (page) => {
    await page.goto(`${shop.origin}/?enter`);
    await page.waitForFunction(() => globalThis.ready);
  };
  const tab = async (context) => {
    const page = await context.newPage();
    await page.goto(`${shop.origin}/next`);
    await visit(page);
    return page;
  };

  await t.test("however a page is left, its delta goes out", async () => {
    const lost = [];
    for (const [way, leave] of Object.entries(WAYS)) {
      for (const wait of [0, 300]) {
        const context = await browser.createBrowserContext();
        const page = await tab(context);
        const before = shop.taken;
        await page.evaluate(() => answer(8));
        await new Promise((resolve) => setTimeout(resolve, wait));
        await leave(page).catch(() => {});
        await until(`8 events of ${way}`, () => shop.taken === before + 8, 10).catch(() => lost.push(`${way} ${wait} ms later`));
        await context.close();
      }
    }
    assert.deepEqual(lost, []);
  });

  await t.test("who comes back is known, and tabs learn from one another", async () => {
    const context = await browser.createBrowserContext();
    const page = await tab(context);
    await page.evaluate(() => answer(3));
    await WAYS["a link"](page);
    await until("the next page", () => page.url().endsWith("/next"));
    await visit(page);
    const { events, profile } = await page.evaluate(() => learner.metrics());
    assert.deepEqual([events, profile], [3, "restored"]);
    const other = await tab(context);
    await other.evaluate(() => learner.save(answer(2)));
    // A tab that is hidden hears of others when it is looked at again.
    await page.bringToFront();
    await until("the first has heard of it", async () => (await page.evaluate(() => learner.metrics().events)) === 5);
    await until("all is sent", async () => (await page.evaluate(() => learner.sync().then(() => learner.metrics().unsent))) === 0);
    await context.close();
  });

  await t.test("a page that the back button brings goes on learning", async () => {
    const context = await browser.createBrowserContext();
    let kept = 0;
    for (const wait of [0, 400]) {
      const page = await tab(context);
      await page.evaluate(() => (globalThis.mark = true));
      const before = await page.evaluate(() => (answer(3), learner.metrics().events));
      await new Promise((resolve) => setTimeout(resolve, wait));
      await WAYS["a link"](page);
      await until("the next page", () => page.url().endsWith("/next"));
      await page.evaluate(() => history.back()).catch(() => {});
      await until("the page is back", () => page.evaluate(() => globalThis.ready).catch(() => false));
      kept += Number(await page.evaluate(() => globalThis.mark === true));
      await until("it has all", async () => (await page.evaluate(() => learner.metrics().events)) === before);
      await page.evaluate(() => learner.save(answer(1)));
      await page.close();
    }
    t.diagnostic(`${kept} of 2 pages came back as they were`);
    await context.close();
  });
});

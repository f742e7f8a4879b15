// examples/plain.html, as a page of another origin than the endpoint's.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import http from "node:http";
import path from "node:path";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { ARGS, CHROMIUM, Endpoint, temporaryFolder, trainSeed, until } from "./stage.mjs";

test("the plain example sorts itself, from another origin", { timeout: 120_000 }, async (t) => {
  const folder = await temporaryFolder(t);
  const endpoint = new Endpoint(folder, await trainSeed(folder), ["--fold-seconds", "0"]);
  await endpoint.start();
  t.after(() => endpoint.stop("SIGTERM"));
  const example = await readFile(path.join(import.meta.dirname, "../../examples/plain.html"), "utf8");
  const page = example.replaceAll("127.0.0.1:8787", `127.0.0.1:${endpoint.port}`);
  const site = http.createServer((_, response) => response.setHeader("content-type", "text/html").end(page)).listen(0, "127.0.0.1");
  await once(site, "listening");
  t.after(() => site.close());

  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
  t.after(() => browser.close());
  const tab = await browser.newPage();
  const complaints = [];
  tab.on("pageerror", (error) => complaints.push(String(error)));
  await tab.goto(`http://127.0.0.1:${site.address().port}/`);
  const titles = () => tab.locator("#films button").allTextContents();
  const first = await titles();
  const places = (order) => order.flatMap((title, i) => (["The Matrix", "Alien", "Blade Runner", "Star Wars", "Terminator 2"].includes(title) ? [i] : []));
  const depth = (order) => places(order).reduce((sum, i) => sum + i, 0);

  await until("the list learns", async () => {
    await tab.locator("#films button[data-genres*=Sci-Fi]").last().click();
    return depth(await titles()) === 0 + 1 + 2 + 3 + 4;
  });
  t.diagnostic(`places of the science fiction: ${places(first)} -> ${places(await titles())}`);
  assert.notDeepEqual(await titles(), first);
  const learnt = await titles();
  // Hiding the page sends what was learnt.
  await tab.reload();
  await until("the profile is back", async () => (await titles()).join() === learnt.join());
  await until("a delta came over from the other origin", async () => (await endpoint.stats()).deltas_total > 0);
  assert.deepEqual(complaints, []);
});

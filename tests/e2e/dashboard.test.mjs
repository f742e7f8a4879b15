// The operator's page in Chromium, on a real endpoint with real deltas: it shows what happens as it happens, does what an operator asks for, and tells nothing to
// whoever has no token.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { before, after, test } from "node:test";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import init, { Learner } from "../../pkg/brooklet.js";
import { ARGS, BROOKLET, CHROMIUM, Endpoint, Wire, freePort, temporaryFolder, until } from "./stage.mjs";

const MODEL = "/v1/models/films";
const brooklet = async (...args) => (await promisify(execFile)(BROOKLET, args)).stdout.trim();

let browser;
before(async () => {
  await init({ module_or_path: await readFile(new URL("../../pkg/brooklet_bg.wasm", import.meta.url)) });
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
});
after(() => browser.close());

/** A seed that knows twenty items and no person. */
async function emptySeed(folder) {
  const items = path.join(folder, "items.csv");
  await writeFile(items, ["item,genre", ...Array.from({ length: 20 }, (_, item) => `i${item},g${item % 3}`), ""].join("\n"));
  const seed = path.join(folder, "seed.safetensors");
  await brooklet("init", "--items", items, "--item-fields", "genre", "--model", "films", "--out", seed);
  return seed;
}

/** So many people learn and send a delta each. */
async function people(origin, count) {
  for (let person = 0; person < count; person++) {
    const learner = await Learner.open({ url: origin + MODEL, endpoint: origin + MODEL, store: null });
    for (let n = 0; n < 6; n++) learner.learnOne({ item: `i${(7 * person + n) % 20}`, genre: `g${n % 3}` }, Number((person + n) % 3 === 0));
    await learner.sync();
    await learner.close();
  }
}

/** A page whose complaints, and every address that it asks for, are kept. */
async function open(t, address) {
  const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
  t.after(() => page.close());
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  const requests = [];
  page.on("request", (request) => requests.push(request));
  await page.goto(address);
  return { page, complaints, requests };
}

const photograph = async (page, name) => {
  const folder = process.env.BROOKLET_SHOTS;
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
};

const isLive = (page) => page.getByTestId("status").filter({ hasText: "Live" }).waitFor();

test("an operator sees what happens, and publishes, rejects, goes back and pins by the keyboard", { timeout: 120_000 }, async (t) => {
  const folder = await temporaryFolder(t);
  // Each version is on trial first, so that there is something to decide.
  const trial = ["--canary-share", "50", "--canary-seconds", "3600"];
  const endpoint = new Endpoint(folder, await emptySeed(folder), [...trial, "--fold-deltas", "1000000", "--fold-seconds", "0"]);
  await endpoint.start();
  t.after(() => endpoint.stop("SIGTERM"));
  const origin = `http://127.0.0.1:${endpoint.port}`;
  const { page, complaints } = await open(t, `${origin}/dashboard`);
  await isLive(page);
  const [versions, candidates, events, tiles] = ["versions", "candidates", "events", "tiles"].map((id) => page.getByTestId(id));
  const current = () => versions.locator("tr[aria-current] th").innerText();
  const tile = (name) => tiles.locator("dl").filter({ hasText: name });
  /** Presses a button and gives what the page says before it is done; then does it. */
  const meant = async (testid) => {
    await page.getByTestId(testid).focus();
    await page.keyboard.press("Enter");
    const said = await page.getByTestId("sure-text").innerText();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    return said;
  };

  await people(origin, 4);
  await tile("Waiting").filter({ hasText: "the oldest for" }).waitFor();
  await tile("Live lift").filter({ hasText: "±" }).waitFor();
  await meant("fold");
  await candidates.getByText("canary").waitFor();
  assert.match(await meant("publish-1"), /All clients get it as version 2/);
  await events.getByText(/version 2\b/).first().waitFor();
  await until("version 2 is marked", async () => (await current()) === "2");
  assert.ok(await candidates.isHidden(), "what is out is a candidate no more");

  await people(origin, 4);
  await meant("fold");
  await candidates.locator("tr", { hasText: "#2" }).getByText("canary").waitFor();
  assert.match(await meant("reject-2"), /Nobody gets it/);
  await candidates.locator("tr", { hasText: "#2" }).getByText("rejected").waitFor();
  await meant("publish-2");
  await until("version 3 is marked", async () => (await current()) === "3");
  await page.locator("#lift canvas").waitFor();
  await page.locator("#rate canvas").waitFor();
  await tile("Hostile weight").filter({ hasText: "cut short" }).waitFor();

  // What changes nothing is what Enter gives.
  await page.getByTestId("rollback-2").focus();
  await page.keyboard.press("Enter");
  assert.match(await page.getByTestId("sure-text").innerText(), /Its rows become version 4/);
  await page.keyboard.press("Enter");
  assert.equal((await endpoint.stats()).version, 3);
  assert.equal(await page.evaluate(() => document.activeElement.id), "rollback-2");
  await meant("rollback-2");
  await versions.getByText("rollback to 2").waitFor();
  assert.equal(await current(), "4");
  assert.equal((await endpoint.stats()).version, 4);

  await meant("pin");
  await page.getByRole("button", { name: "Unpin" }).waitFor();
  await tile("Version").filter({ hasText: "pinned" }).waitFor();
  await people(origin, 1);
  await meant("fold");
  await events.getByText("outcome pinned").waitFor();
  await meant("pin");
  await page.getByRole("button", { name: "Pin", exact: true }).first().waitFor();

  // Labels over HTTP tell whether probabilities are right; a refusal is counted by its code.
  for (let label = 0; label < 2; label++) {
    const body = JSON.stringify({ visitor: "anna", features: { item: "i1" }, label });
    await fetch(`${origin}${MODEL}/learn`, { method: "POST", headers: { "content-type": "application/json" }, body });
  }
  await fetch(`${origin}${MODEL}/deltas`, { method: "POST", headers: { "content-type": "application/cbor" }, body: "x" });
  await page.getByTestId("refused").getByText("bad_delta").waitFor();
  await tile("Calibration").filter({ hasText: "of 2 labels" }).waitFor();
  await page.getByTestId("calls").getByText("learn").waitFor();

  for (const [name, colorScheme, width] of [["light", "light", 1440], ["dark", "dark", 1440], ["phone", "light", 390], ["phone-dark", "dark", 390]]) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 900 });
    await until("the charts fit", () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    await page.evaluate(() => scrollTo(0, 0));
    await photograph(page, `dashboard-${name}`);
  }
  assert.deepEqual(complaints, []);
});

test("without a token of the operator's nothing is told, and a connection that breaks goes on where it was", { timeout: 120_000 }, async (t) => {
  const folder = await temporaryFolder(t);
  const seed = await emptySeed(folder);
  const port = await freePort();
  const quiet = ["--fold-deltas", "1000000", "--fold-seconds", "0", "--noise-multiplier", "20", "--noise-epsilon", "8"];
  const endpoint = new Endpoint(folder, seed, ["--operate-listen", `0.0.0.0:${port}`, "--open", "ingest", ...quiet]);
  const [ingest, operate] = await Promise.all(["ingest", "operate"].map((scope) => brooklet("token", "make", "--data", endpoint.store, "--scope", scope, "--name", scope)));
  await endpoint.start();
  t.after(() => endpoint.stop("SIGTERM"));
  const origin = `http://127.0.0.1:${endpoint.port}`;
  assert.equal((await fetch(`${origin}/dashboard/`)).status, 404, "it is where an operator asks, and nowhere else");
  const wire = await Wire.open({ port });
  t.after(() => wire.close());

  const { page, complaints, requests } = await open(t, `${wire.origin}/dashboard/`);
  const policy = (await page.request.get(`${wire.origin}/dashboard/`)).headers()["content-security-policy"];
  assert.match(policy, /default-src 'self'/);
  assert.doesNotMatch(policy, /unsafe/);
  const [form, trouble] = [page.getByTestId("token-form"), page.getByTestId("token-trouble")];
  await form.waitFor();
  assert.ok(await trouble.isHidden());
  assert.ok(await page.locator("#told").isHidden());
  const enter = async (token) => {
    await page.getByTestId("token").fill(token);
    await page.keyboard.press("Enter");
  };
  await enter("nonsense");
  await trouble.filter({ hasText: "token" }).waitFor();
  await photograph(page, "dashboard-token");
  await enter(ingest);
  await trouble.filter({ hasText: "operate" }).waitFor();
  assert.ok(await page.locator("#told").isHidden());
  await enter(operate);
  await isLive(page);
  await form.waitFor({ state: "hidden" });
  await page.getByTestId("tiles").getByText(/of 8\.00/).waitFor();
  // The browser itself says on the console that it was refused; the page says nothing there.
  assert.deepEqual(complaints.filter((text) => !/status of 40[13]/.test(text)), []);
  complaints.length = 0;
  await page.reload();
  await isLive(page);
  assert.ok(await form.isHidden(), "once is enough for this tab");
  const another = await open(t, `${wire.origin}/dashboard/`);
  await another.page.getByTestId("token-form").waitFor();
  for (const request of requests) assert.ok(!request.url().includes(operate), request.url());

  const events = page.getByTestId("events");
  const fold = () => fetch(`http://127.0.0.1:${port}${MODEL}/fold`, { method: "POST", headers: { authorization: `Bearer ${operate}` } });
  await people(origin, 1);
  await fold();
  await events.getByText(/version 2\b/).waitFor();
  // What happens while nobody listens is told when the page is back.
  await people(origin, 1);
  wire.cut();
  await page.getByTestId("status").filter({ hasText: "trying again" }).waitFor();
  await fold();
  wire.isBroken = false;
  await isLive(page);
  await events.getByText(/version 3\b/).waitFor();
  const asked = requests.findLast((request) => request.url().endsWith("/v1/events"));
  assert.match(asked.headers()["last-event-id"], /-\d+$/);
  assert.equal(await events.getByText(/version 2\b/).count(), 1, "nothing is told twice");
});

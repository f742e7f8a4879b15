// A shop as small as can be, before the real endpoint: a page with a learner, another page to go to, and a way between that can fail.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import http from "node:http";
import path from "node:path";
import { chromium } from "playwright-core";
import { decodeDelta } from "../../www/delta.js";
import { ARGS, CHROMIUM, Endpoint, PKG, temporaryFolder, trainSeed, until } from "./stage.mjs";

const TYPES = { ".js": "text/javascript", ".wasm": "application/wasm" };
export const ITEMS = Array.from({ length: 24 }, (_, n) => ({ id: `${n + 1}`, features: { genres: [["Drama", "Comedy", "Action"][n % 3]] } }));

/** `ready` is a learner, `events` what it told, and `told` hears of it if there is one. */
const PAGE = `<!doctype html><meta charset="utf-8"><title>shop</title><a href="/next">another page</a>
<script type="module">
  import init, { Learner } from "/pkg/brooklet.js";
  const started = performance.now();
  globalThis.Learner = Learner;
  globalThis.items = ${JSON.stringify(ITEMS)};
  globalThis.events = [];
  globalThis.enter = async (options) => {
    await init();
    const onEvent = (event) => {
      events.push({ type: event.type, code: event.error?.code, seq: event.seq });
      globalThis.told?.(event);
    };
    globalThis.learner = await Learner.open({ endpoint: "/v1/models/films", store: "shop", onEvent, ...options });
    learner.addItems(items);
    return learner;
  };
  /** Answers so many items of a slate, clicks and skips by turns. */
  globalThis.answer = (count) => {
    const slate = learner.recommend({ k: count });
    slate.items.forEach(({ id }, n) => (n % 2 ? learner.skip(slate, id) : learner.click(slate, id)));
  };
  const options = new URLSearchParams(location.search).get("enter");
  if (options !== null) await enter(JSON.parse(options || "{}")).then(() => learner.recommend());
  globalThis.first = performance.now() - started;
  globalThis.ready = true;
</script>`;

/** Each way leaves a page that came from another. */
export const WAYS = {
  "a link": (page) => page.click("a", { noWaitAfter: true }),
  "a reload": (page) => page.reload({ waitUntil: "commit" }),
  "location.href": (page) => page.evaluate(() => void (location.href = "/next")).catch(() => {}),
  "a closed tab": (page) => page.close(),
  "history.back()": (page) => page.evaluate(() => history.back()).catch(() => {}),
};

export class Shop {
  /** What was answered to deltas: `{ status, repeat, client, seq, events }`. */
  posts = [];
  /** "offline" breaks every connection to the endpoint, "deaf" loses the answers to deltas, "slow" keeps them for a second. */
  fault = null;
  #server;

  static async open(endpoint) {
    const shop = new Shop();
    shop.endpoint = endpoint;
    shop.#server = http.createServer((request, response) => void shop.#answer(request, response));
    shop.#server.listen(0, "127.0.0.1");
    await once(shop.#server, "listening");
    shop.origin = `http://127.0.0.1:${shop.#server.address().port}`;
    return shop;
  }

  /** One of a test's own, with all that it stands on, which goes when the test ends. */
  static async during(test, flags = ["--fold-seconds", "0"], loss = undefined) {
    const folder = await temporaryFolder(test);
    const endpoint = new Endpoint(folder, await trainSeed(folder, loss), flags);
    await endpoint.start();
    test.after(() => endpoint.stop("SIGTERM"));
    const shop = await Shop.open(endpoint);
    test.after(() => shop.close());
    return shop;
  }

  close() {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** Chromium with a cache for the back button, as people have it. */
  static browser(options = {}) {
    return chromium.launch({
      executablePath: CHROMIUM,
      args: ARGS.filter((arg) => arg !== "--headless").concat("--enable-features=BackForwardCache"),
      ignoreDefaultArgs: ["--disable-back-forward-cache"],
      ...options,
    });
  }

  /** A tab in the shop, come from another page. */
  async tab(context, query = "") {
    const page = await context.newPage();
    await page.goto(`${this.origin}/next`);
    await this.visit(page, query);
    return page;
  }

  async visit(page, query = "") {
    await page.goto(`${this.origin}/${query}`);
    await page.waitForFunction(() => globalThis.ready);
  }

  /** Events in deltas that were taken for the first time. */
  get taken() {
    return this.posts.filter(({ status, repeat }) => status === 200 && !repeat).reduce((sum, { events }) => sum + events, 0);
  }

  async #answer(request, response) {
    const { pathname } = new URL(request.url, this.origin);
    if (pathname.startsWith("/v1/")) return this.#forward(request, response);
    if (pathname.startsWith("/pkg/")) {
      const file = path.join(PKG, path.basename(pathname));
      return response.setHeader("content-type", TYPES[path.extname(file)]).end(await readFile(file));
    }
    response.setHeader("content-type", "text/html").end(pathname === "/" ? PAGE : `<!doctype html><title>next</title><a href="/">back to the shop</a>`);
  }

  async #forward(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const { method, url, headers } = request;
    if (this.fault === "offline") return request.socket.destroy();
    const onward = http.request({ port: this.endpoint.port, host: "127.0.0.1", method, path: url, headers, agent: false }, async (answer) => {
      const parts = [];
      for await (const part of answer) parts.push(part);
      const content = Buffer.concat(parts);
      if (method === "POST") {
        const { client, seq, events } = decodeDelta(new Uint8Array(body));
        const repeat = answer.statusCode === 200 && JSON.parse(content).repeat;
        this.posts.push({ status: answer.statusCode, repeat, client: Buffer.from(client).toString("hex"), seq, events, at: Date.now() });
        if (this.fault === "deaf") return request.socket.destroy();
        if (this.fault === "slow") await new Promise((resolve) => setTimeout(resolve, 1000));
      }
      response.writeHead(answer.statusCode, answer.headers).end(content);
    });
    onward.on("error", () => request.socket.destroy());
    onward.end(body);
  }
}

/** How many events a profile has that is opened anew, without an endpoint. */
export async function eventsKept(shop, context) {
  const page = await shop.tab(context);
  const events = await page.evaluate(async () => {
    const bytes = await (await fetch("/v1/models/films")).arrayBuffer();
    return (await enter({ endpoint: undefined, bytes })).metrics().events;
  });
  await page.close();
  return events;
}

export { until };

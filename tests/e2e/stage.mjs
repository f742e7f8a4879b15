// What the end-to-end tests stand on: a seed trained for them, the endpoint as its own process, a recorder on the wire
// between it and the browsers, and browsers with a profile each. Everything lives in one temporary folder.

import { spawn, execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import http from "node:http";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { filmsOf } from "../../www/films.js";

const ROOT = path.resolve(import.meta.dirname, "../..");
export const BROOKLET =
  process.env.BROOKLET ?? process.env.BROOKLET_BIN ?? path.join(process.env.CARGO_TARGET_DIR ?? path.join(ROOT, "target"), "release/brooklet");
export const PKG = process.env.BROOKLET_PKG ?? path.join(ROOT, "pkg");
export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const RATINGS = path.join(ROOT, "data/ml-latest-small/ratings.csv");
const FILMS = path.join(ROOT, "data/ml-latest-small/movies.csv");

/** The films of the page, by their ids. */
export async function allFilms() {
  const read = async (name) => filmsOf(JSON.parse(await readFile(path.join(ROOT, "www", name), "utf8")));
  const films = (await Promise.all(["films.json", "more-films.json"].map(read))).flat();
  return films.toSorted((a, b) => a.id - b.id);
}

/** As in the demo (xtask/src/demo.rs). */
const SHADES = "0.5=.03,1=.05,1.5=.1,2=.15,2.5=.25,3=.35,3.5=.5,4=.7,4.5=.8,5=.9";

export const ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"];

/** A temporary folder that is gone after the test. */
export async function temporaryFolder(test) {
  const folder = await mkdtemp(path.join(os.tmpdir(), "brooklet-e2e-"));
  test.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** How what people did is learnt: clicks, by shades of their stars. */
const CLICKS = ["--loss", "logistic", "--positive", "4", "--label-map", SHADES];

export async function trainSeed(folder, loss = CLICKS) {
  for (const [file, way] of [[BROOKLET, "cargo build --release --package brooklet-cli"], [path.join(PKG, "brooklet.js"), "cargo xtask build"]]) {
    if (!existsSync(file)) throw new Error(`${file} is missing: ${way}`);
  }
  const seed = path.join(folder, "seed.safetensors");
  await promisify(execFile)(BROOKLET, [
    "train", RATINGS, "--out", seed, "--items", FILMS, "--item-fields", "genres",
    "--user", "user", "--item", "item", "--label", "rating", "--time", "timestamp",
    ...loss, "--factors", "16", "--seed", "42", "--model", "films", "--json",
  ]);
  return seed;
}

/** The endpoint: `brooklet serve` on a port that it keeps over restarts. */
export class Endpoint {
  #process;
  #log = "";

  constructor(folder, seed, flags) {
    this.store = path.join(folder, "store");
    this.seed = seed;
    this.flags = flags;
  }

  async start() {
    this.port ??= await freePort();
    this.#process = spawn(
      BROOKLET,
      [
        "serve", "--listen", `127.0.0.1:${this.port}`, "--model", "films", "--seed", this.seed, "--data", this.store,
        "--www", path.join(ROOT, "www"), "--pkg", PKG,
        // A test has one or two visitors and no ten minutes.
        "--version-clients", "1", "--version-seconds", "0", "--quorum", "1", ...this.flags,
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    this.#process.stderr.on("data", (chunk) => (this.#log += chunk));
    await until("the endpoint listens", async () => {
      if (this.#process.exitCode !== null) throw new Error(`brooklet serve ended:\n${this.#log}`);
      return (await fetch(`http://127.0.0.1:${this.port}/healthz`).catch(() => null))?.ok;
    });
  }

  /** SIGKILL by default, as when the power goes. */
  async stop(signal = "SIGKILL") {
    if (!this.#process || this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, "exit");
    this.#process.kill(signal);
    await gone;
  }

  async stats() {
    return (await fetch(`http://127.0.0.1:${this.port}/v1/models/films/stats`)).json();
  }

  /** The current base: a safetensors file, or what `accept` asks for. */
  async base(accept = "*/*") {
    const answer = await fetch(`http://127.0.0.1:${this.port}/v1/models/films`, { headers: { accept } });
    return new Uint8Array(await answer.arrayBuffer());
  }
}

/** Stands between a browser and the endpoint and keeps every request as it came. */
export class Wire {
  /** `{ method, path, headers, body, answered }`, in the order in which they came; `answered` has the headers of the answer. */
  requests = [];
  /** When true, a POST reaches the endpoint and its answer gets lost. */
  losesAnswers = false;
  /** When true, nobody is answered. */
  isBroken = false;
  #server;

  /** With a path at which it stands, as a proxy does: what is below is the endpoint's, and nothing else is there. */
  static async open(endpoint, below = "") {
    const wire = new Wire();
    wire.#server = http.createServer(async (request, response) => {
      if (wire.isBroken) return request.socket.destroy();
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const body = Buffer.concat(chunks);
      const asked = { method: request.method, path: request.url, headers: request.headers, body };
      wire.requests.push(asked);
      if (!request.url.startsWith(`${below}/`)) return response.writeHead(404).end();
      const onward = http.request(
        { port: endpoint.port, host: "127.0.0.1", method: request.method, path: request.url.slice(below.length), headers: request.headers, agent: false },
        (answer) => {
          if (wire.losesAnswers && request.method === "POST") {
            answer.resume().on("end", () => request.socket.destroy());
            return;
          }
          asked.answered = answer.headers;
          response.writeHead(answer.statusCode, answer.headers);
          answer.pipe(response);
        },
      );
      onward.on("error", () => request.socket.destroy());
      onward.end(body);
    });
    wire.#server.listen(0, "127.0.0.1");
    await once(wire.#server, "listening");
    wire.origin = `http://127.0.0.1:${wire.#server.address().port}`;
    return wire;
  }

  /** Breaks what is open, and answers nobody until `isBroken` is false again. */
  cut() {
    this.isBroken = true;
    this.#server.closeAllConnections();
  }

  close() {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  get withBodies() {
    return this.requests.filter(({ body }) => body.length > 0);
  }
}

/** A visitor: a browser with a profile of its own, on the shop window. */
export class Visitor {
  /** Every URL that the browser asked for. */
  urls = [];
  /** What the page complained of. */
  complaints = [];

  constructor(name, folder, origin) {
    this.name = name;
    this.userData = path.join(folder, `browser-${name}`);
    this.origin = origin;
  }

  /** Opens the browser, and the window in it, over a network of these conditions (CDP's `Network.emulateNetworkConditions`). */
  async arrive(conditions) {
    this.context = await chromium.launchPersistentContext(this.userData, {
      executablePath: CHROMIUM,
      args: ARGS,
      viewport: { width: 1440, height: 900 },
      reducedMotion: "reduce",
    });
    this.context.on("request", (request) => this.urls.push(request.url()));
    this.page = this.context.pages()[0] ?? (await this.context.newPage());
    this.page.on("pageerror", (error) => this.complaints.push(String(error)));
    if (conditions) await (await this.context.newCDPSession(this.page)).send("Network.emulateNetworkConditions", conditions);
    await this.page.goto(this.origin);
    await this.#opened();
  }

  async reload() {
    await this.page.reload();
    await this.#opened();
  }

  async leave() {
    await this.context?.close();
    this.context = undefined;
  }

  /** The row on the page: `{ item, genres }`, best first. */
  row() {
    return this.page.getByTestId("film").evaluateAll((cards) => cards.map(({ dataset }) => ({ item: dataset.item, genres: dataset.genres.split("|") })));
  }

  async showGenre(genre) {
    await this.page.getByTestId("genre").selectOption(genre);
  }

  /** Presses "click" or "skip" on the first card that fits, and gives its film. */
  async answer(kind, fits) {
    const film = (await this.row()).find(fits);
    if (!film) throw new Error(`${this.name} sees no film to ${kind}`);
    await this.page.locator(`[data-item="${film.item}"]`).getByTestId(kind).click();
    await this.page.locator(`[data-testid=film][data-item="${film.item}"]`).waitFor({ state: "detached" });
    return film;
  }

  async sync() {
    await this.page.getByTestId("sync").click();
    await this.page.locator("[data-testid=sync]:not([disabled])").waitFor();
  }

  /** Presses "Sync now" until nothing waits: a delta that was under way takes what came after it along only next time. */
  async syncAll() {
    await until(`all of ${this.name}'s answers are sent`, async () => {
      await this.sync();
      return (await this.state()) === "synced";
    });
  }

  state() {
    return this.page.getByTestId("status").getAttribute("data-state");
  }

  metrics() {
    return this.page.evaluate(() => brooklet.metrics());
  }

  /** Predictions for films, as the learner gives them. */
  predict(films) {
    return this.page.evaluate((films) => films.map(({ item, genres }) => brooklet.predictOne({ item, genres })), films);
  }

  /** The ids of the best k films. */
  best(k) {
    return this.page.evaluate((k) => brooklet.recommend({ k }).items.map(({ id }) => id), k);
  }

  taste() {
    return this.page.evaluate(() => brooklet.taste("genres", 20));
  }

  /** The profile as the browser keeps it, once everything learnt is in it; null if it keeps none. */
  async profile() {
    const bytes = await this.page.evaluate(async () => {
      await brooklet.save();
      const settled = (request) =>
        new Promise((resolve, reject) => {
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
      const database = await settled(indexedDB.open("brooklet-films"));
      const record = await settled(database.transaction("brooklet").objectStore("brooklet").get("profile/films"));
      database.close();
      return record && [...record.profile];
    });
    return bytes ? Uint8Array.from(bytes) : null;
  }

  async photograph(name) {
    const folder = process.env.BROOKLET_SHOTS;
    if (folder) await this.page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
  }

  async #opened() {
    await this.page.locator("[data-testid=row][aria-busy=false]").waitFor();
    await this.page.getByTestId("film").first().waitFor();
  }
}

/** Asks until the answer is truthy, and gives it. */
export async function until(what, ask, seconds = 20) {
  const deadline = Date.now() + 1000 * seconds;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`${seconds} seconds passed before ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

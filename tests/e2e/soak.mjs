// Three tabs of one visitor for a while, before the real endpoint: clicks, navigation, crashed tabs, a network that comes and goes, a server
// that is killed. What happens is drawn from a seed; when it happens is the machine's affair.
//
// Every event has a number of its own, which is its target: so the profile tells the order in which events were learnt, in the window that
// its figures are over. An observer reads it often enough to see every event there.

import { chromium } from "playwright-core";
import { ITEMS, WAYS } from "./shop.mjs";
import { ARGS, CHROMIUM, until } from "./stage.mjs";

const TABS = 3;
/** The longest that anything asked of the browser may take, in milliseconds. Of a tab that crashed, promises are never settled. */
const PATIENCE = 20_000;
/** What is learnt of event n; an item's own features are its id and these. */
export const targetOf = (n) => 1 + n / 4096;
export const numberOf = (target) => Math.round((target - 1) * 4096);

/** In every page: what it did stays in `localStorage`, and how many of these events are known to be in the store. */
function witness() {
  if (!location.protocol.startsWith("http") || location.pathname !== "/") return;
  const done = { made: [], safe: 0, errors: [] };
  globalThis.session = crypto.randomUUID();
  const keep = () => localStorage.setItem(`done/${session}`, JSON.stringify(done));
  globalThis.told = (event) => {
    if (event.type === "saved" && learner.metrics().saved) done.safe = done.made.length;
    if (event.type === "error") done.errors.push(`${event.during}: ${event.error.code}: ${event.error.message}`);
    keep();
  };
  globalThis.act = (targets) => {
    const slate = learner.recommend({ k: targets.length });
    slate.items.forEach(({ id }, place) => {
      learner.label(slate, id, targets[place]);
      done.made.push([targets[place], id]);
    });
    keep();
  };
}

/** A promise that is settled in a while, whatever becomes of what it is for. */
function bounded(promise, what, milliseconds = PATIENCE) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`${what}: no answer`)), milliseconds)));
  promise.catch(() => {});
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Uniform in [0, 1) (mulberry32). */
function dice(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let x = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export class Soak {
  /** Sessions whose page crashed. */
  crashed = new Set();
  /** The numbers of events in the order in which the profile has them. */
  order = [];
  /** How often what was done. */
  counts = {};
  /** What went wrong that nothing explains. */
  complaints = [];
  #made = 0;
  #offline = false;
  #offlineUntil = 0;

  constructor(shop, endpoint, seed) {
    Object.assign(this, { shop, endpoint, seed });
  }

  /** So many seconds of it, and then what it came to: the visitor's last tab, synced. */
  async run(seconds) {
    this.server = await chromium.launchServer({
      executablePath: CHROMIUM,
      args: ARGS.filter((arg) => arg !== "--headless").concat("--enable-features=BackForwardCache"),
      ignoreDefaultArgs: ["--disable-back-forward-cache"],
    });
    const browser = await chromium.connect(this.server.wsEndpoint());
    this.context = await browser.newContext();
    await this.context.addInitScript(witness);
    this.observer = await this.context.newPage();
    await this.observer.goto(`${this.shop.origin}/next`);
    // A first visit needs the endpoint; later ones have what it gave.
    await (await this.#open()).close();
    this.end = Date.now() + 1000 * seconds;
    const watching = this.#watch();
    await Promise.all([this.#world(dice(this.seed)), ...Array.from({ length: TABS }, (_, n) => this.#visitor(dice(this.seed * 31 + n + 1)))]);
    const last = await this.#open();
    await until("everything is sent", () => bounded(this.#synced(last), "sync"), 60);
    this.over = true;
    await watching;
    await this.#observe();
    return last;
  }

  /** Ends the browser, whatever hangs in it. */
  async close() {
    await this.server?.kill();
  }

  /** What pages did: `{ session, made: [[target, item]], safe, errors }`. */
  done() {
    const read = () =>
      Object.entries(localStorage).filter(([key]) => key.startsWith("done/")).map(([key, text]) => ({ session: key.slice(5), ...JSON.parse(text) }));
    return bounded(this.observer.evaluate(read), "what was done");
  }

  #count(what) {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  /** Without a network, pages do not load. */
  #complain(error) {
    if (!this.#offline && Date.now() > this.#offlineUntil + PATIENCE) this.complaints.push(String(error).split("\n")[0]);
  }

  async #synced(page) {
    return page.evaluate(() => learner.sync().then(() => learner.metrics().unsent === 0, () => false));
  }

  /** A tab in the shop. */
  async #open() {
    const page = await bounded(this.context.newPage(), "a new tab");
    page.setDefaultTimeout(PATIENCE);
    page.on("crash", () => this.crashed.add(page.session));
    page.on("pageerror", (error) => this.#complain(error));
    await bounded(page.goto(`${this.shop.origin}/next`), "the first page");
    await this.#enter(page);
    return page;
  }

  async #enter(page) {
    const options = encodeURIComponent(JSON.stringify({ syncEvents: 6, syncSeconds: 2 }));
    await bounded(page.goto(`${this.shop.origin}/?enter=${options}`), "the shop");
    await this.#arrived(page);
  }

  /** Waits until the page is there; which session of the shop it is. */
  async #arrived(page) {
    // A page that is on its way answers with another's words, or never.
    const look = () => (globalThis.told ? globalThis.ready && session : document.readyState === "complete" && "elsewhere");
    const ask = () => bounded(page.evaluate(look), "arriving", 3000).catch(() => null);
    page.session = await until("the page is there", ask, 10);
  }

  async #visitor(random) {
    let page = null;
    while (Date.now() < this.end) {
      try {
        page ??= await this.#open();
        page = await this.#step(page, random);
      } catch (error) {
        // A page that another's crash took along, or that was opened while the network was away.
        if (!this.crashed.has(page?.session)) this.#complain(error);
        page?.close().catch(() => {});
        page = null;
      }
    }
    if (page) await bounded(page.close(), "closing").catch(() => {});
  }

  /** One thing that a visitor does. The page, unless it is gone. */
  async #step(page, random) {
    const act = () => {
      this.#count("slates");
      const targets = Array.from({ length: 1 + Math.floor(4 * random()) }, () => targetOf(this.#made++));
      return bounded(page.evaluate((targets) => act(targets), targets), "acting");
    };
    const what = random();
    if (page.session === "elsewhere") {
      if (this.#offline) return pause(100).then(() => page);
      if (what < 0.6) await this.#back(page);
      else await this.#enter(page);
      return page;
    }
    if (what < 0.55 || this.#offline) {
      await act();
      await pause(400 * random() ** 2);
    } else if (what < 0.65) {
      await pause(1000 * random());
    } else if (what < 0.7) {
      this.#count("syncs");
      await bounded(page.evaluate(() => void learner.sync().catch(() => {})), "syncing");
    } else if (what < 0.97) {
      if (random() < 0.7) await act();
      await pause(random() < 0.5 ? 0 : 150 * random());
      return this.#leave(page, random);
    } else {
      await act();
      await pause(150 * random());
      this.#count("crashes");
      const cdp = await bounded(this.context.newCDPSession(page), "a session");
      const gone = page.waitForEvent("crash", { timeout: PATIENCE });
      cdp.send("Page.crash").catch(() => {});
      await bounded(gone, "the crash");
      page.close().catch(() => {});
      return null;
    }
    return page;
  }

  async #leave(page, random) {
    const ways = Object.keys(WAYS);
    const way = ways[Math.floor(ways.length * random())];
    this.#count(way);
    await bounded(WAYS[way](page), way);
    if (way === "a closed tab") return null;
    await pause(100 * random());
    await this.#arrived(page);
    return page;
  }

  async #back(page) {
    this.#count("the back button");
    await bounded(page.goBack({ waitUntil: "commit" }), "going back");
    await this.#arrived(page);
  }

  /** The network and the endpoint come and go. */
  async #world(random) {
    const troubles = {
      "no way to the endpoint": async () => {
        this.shop.fault = "offline";
        await pause(3000 * random());
        this.shop.fault = null;
      },
      "lost answers": async () => {
        this.shop.fault = "deaf";
        await pause(3000 * random());
        this.shop.fault = null;
      },
      "no network": async () => {
        this.#offline = true;
        // What is under way arrives first.
        await pause(500);
        await bounded(this.context.setOffline(true), "offline").catch(() => {});
        await pause(3000 * random());
        await bounded(this.context.setOffline(false), "online").catch(() => {});
        this.#offline = false;
        this.#offlineUntil = Date.now();
      },
      "kill -9": async () => {
        await this.endpoint.stop();
        await pause(1500 * random());
        await this.endpoint.start();
      },
      "a restart": async () => {
        await this.endpoint.stop("SIGTERM");
        await this.endpoint.start();
      },
    };
    const names = Object.keys(troubles);
    while (Date.now() < this.end) {
      await pause(Math.min(4000 * random(), Math.max(0, this.end - Date.now())));
      const name = names[Math.floor(names.length * random())];
      this.#count(name);
      await troubles[name]();
    }
  }

  async #watch() {
    while (!this.over) {
      await this.#observe().catch((error) => this.complaints.push(`the observer: ${error.message}`));
      await pause(200);
    }
  }

  /** Continues the order of events by what the profile tells now. */
  async #observe() {
    const read = async () => {
      const settled = (request) =>
        new Promise((resolve, reject) => {
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
      if (!(await indexedDB.databases()).some(({ name }) => name === "shop")) return null;
      const database = await settled(indexedDB.open("shop"));
      try {
        const record = await settled(database.transaction("brooklet").objectStore("brooklet").get("profile/films"));
        return record ? btoa(String.fromCharCode(...record.profile)) : null;
      } finally {
        database.close();
      }
    };
    const text = await bounded(this.observer.evaluate(read), "the profile");
    if (text === null) return;
    const window = lastTargets(Buffer.from(text, "base64")).map(numberOf);
    const from = this.order.length === 0 ? 0 : window.indexOf(this.order.at(-1)) + 1;
    if (this.order.length > 0 && from === 0) this.complaints.push("the observer came too late, or what was saved is gone");
    this.order.push(...window.slice(from));
  }
}

/** The targets of the last 100 events of a profile, oldest first, as crates/core/src/learner/profile.rs writes it. */
function lastTargets(profile) {
  let at = 0;
  const head = () => {
    const [major, info] = [profile[at] >> 5, profile[at++] & 31];
    if (info < 24) return [major, info];
    const size = 1 << (info - 24);
    at += size;
    return [major, size === 8 ? Number(profile.readBigUInt64BE(at - 8)) : profile.readUIntBE(at - size, size)];
  };
  const read = () => {
    const [major, size] = head();
    if (major === 2 || major === 3) return profile.subarray(at, (at += size));
    return major === 4 ? Array.from({ length: size }, read) : size;
  };
  const skip = (fields) => void Array.from({ length: fields }, read);
  head();
  // Up to the metrics, and in them events, clicks, and of each score four fields.
  skip(7);
  head();
  skip(2);
  skip(4 * head()[1]);
  skip(3);
  return read().map((event) => event.readFloatLE(0));
}

// The same package in WebKitGTK, which is driven by WebDriver: it learns, keeps, sends as it goes, and comes back. Debian has it as
// webkit2gtk-driver; Xvfb is its screen.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { Shop, until } from "./shop.mjs";
import { freePort } from "./stage.mjs";

const NEEDED = ["/usr/bin/WebKitWebDriver", "/usr/bin/Xvfb"];
const MISSING = NEEDED.filter((file) => !existsSync(file));

const WAYS = {
  "a link": `document.querySelector("a").click()`,
  "a reload": `location.reload()`,
  "location.href": `location.href = "/next"`,
  "history.back()": `history.back()`,
};

/** A window of WebKit, by the WebDriver protocol. */
class Window {
  static async open(port) {
    const window = new Window();
    window.port = port;
    const { sessionId } = await window.#ask("POST", "/session", { capabilities: {} });
    window.session = `/session/${sessionId}`;
    return window;
  }

  async goto(url) {
    await this.#ask("POST", `${this.session}/url`, { url });
  }

  /** Runs an expression, which may be a promise. */
  async evaluate(expression) {
    const script = `const [done] = arguments; Promise.resolve().then(() => eval(${JSON.stringify(expression)})).then(done, (error) => done("failed: " + error))`;
    return this.#ask("POST", `${this.session}/execute/async`, { script, args: [] });
  }

  async close() {
    await this.#ask("DELETE", this.session);
  }

  async #ask(method, path, body) {
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`, { method, body: body && JSON.stringify(body), signal: AbortSignal.timeout(60_000) });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${path}: ${value.message}`);
    return value;
  }
}

function start(t, command, args, env = {}) {
  const child = spawn(command, args, { stdio: "ignore", env: { ...process.env, ...env } });
  t.after(() => child.kill());
}

test("a page that comes and goes in WebKit", { timeout: 180_000, skip: MISSING.length === 0 ? false : `there is no ${MISSING}` }, async (t) => {
  const shop = await Shop.during(t);
  const [screen, port] = [`:${1000 + (process.pid % 9000)}`, await freePort()];
  let window;
  t.after(() => window?.close());
  start(t, "/usr/bin/Xvfb", [screen, "-nolisten", "tcp"]);
  start(t, "/usr/bin/WebKitWebDriver", [`--port=${port}`], { DISPLAY: screen });
  await until("WebKit's driver answers", async () => (window = await Window.open(port).catch(() => undefined)), 30);

  const ready = () => until("a learner", () => window.evaluate("globalThis.ready === true").catch(() => false));
  const visit = async () => {
    await window.goto(`${shop.origin}/?enter`);
    await ready();
  };
  const unheard = () => window.evaluate("learner.sync().then(() => learner.metrics().unsent)");

  await t.test("however a page is left, its delta goes out", async () => {
    const lost = [];
    for (const [way, leave] of Object.entries(WAYS)) {
      for (const wait of [0, 300]) {
        await window.goto(`${shop.origin}/next`);
        await visit();
        // It is one profile, and what went out last is heard of first.
        await until("all is sent", async () => (await unheard()) === 0);
        const before = shop.taken;
        await window.evaluate(wait ? `answer(8)` : `answer(8), void (${leave})`).catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, wait));
        if (wait) await window.evaluate(`void (${leave})`).catch(() => {});
        await until(`8 events of ${way}`, () => shop.taken === before + 8, 10).catch(() => lost.push(`${way} ${wait} ms later: ${shop.taken - before}`));
      }
    }
    assert.deepEqual(lost, []);
  });

  await t.test("who comes back is known, and a click can be taken back", async () => {
    await visit();
    assert.equal(await window.evaluate("learner.metrics().profile"), "restored");
    const before = await window.evaluate("learner.metrics().events");
    assert.equal(before, 64);
    await until("all is sent", async () => (await unheard()) === 0);
    const undone = await window.evaluate(`(() => {
      const slate = learner.recommend({ k: 3 });
      learner.click(slate, slate.items[1].id);
      return JSON.stringify([learner.undo(slate, slate.items[1].id), learner.undo(slate, slate.items[1].id)]);
    })()`);
    assert.equal(undone, `[{"sent":false},null]`);
  });

  await t.test("a page that was left while it opened, and is asleep, is in no other's way", async () => {
    await window.goto(`${shop.origin}/`);
    await ready();
    // A transaction of the page's own goes on until it is left, and the learner's first waits for it.
    const started = await window.evaluate(`new Promise((started) => {
      indexedDB.open("shop").onsuccess = ({ target }) => {
        const objects = target.result.transaction("brooklet", "readwrite").objectStore("brooklet");
        addEventListener("pagehide", () => objects.transaction.abort());
        const goOn = () => (objects.get("none").onsuccess = goOn);
        goOn();
        void enter();
        setTimeout(started, 300, "learner" in globalThis);
      };
    })`);
    assert.equal(started, false);
    await window.goto(`${shop.origin}/next`);
    await visit();
    await window.evaluate("answer(8)");
    await until("all is sent", async () => (await unheard()) === 0);
  });

  await t.test("a page that the back button brings goes on learning", async () => {
    await window.goto(`${shop.origin}/next`);
    await visit();
    await window.evaluate("void (globalThis.mark = true)");
    const before = await window.evaluate("answer(3), learner.metrics().events");
    await window.evaluate(`void (${WAYS["a link"]})`).catch(() => {});
    await until("the next page", async () => (await window.evaluate("document.title").catch(() => "")) === "next");
    await window.evaluate("void history.back()").catch(() => {});
    await ready();
    t.diagnostic(`the page came back ${(await window.evaluate("globalThis.mark === true")) ? "as it was" : "anew"}`);
    await until("it has all", async () => (await window.evaluate("learner.metrics().events")) === before);
    await window.evaluate("learner.save(answer(1)).then(() => null)");
    await until("all is sent", async () => (await unheard()) === 0);
  });
});

// The package as npm packs it, imported by whoever may: bundlers, whose pages Chromium opens, and what runs on servers.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createReadStream, existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { ARGS, CHROMIUM } from "../e2e/stage.mjs";

const HERE = import.meta.dirname;
const ROOT = path.join(HERE, "../..");
const SEED = path.join(ROOT, "crates/core/tests/fixtures/base-v1-f16.safetensors");
const MODULES = path.join(HERE, "node_modules");
const EXAMPLES = path.join(ROOT, "examples");
const LIVED = "2 shown, 1 clicked";
const run = promisify(execFile);
const bin = (name) => path.join(MODULES, ".bin", name);
const env = { ...process.env, SEED, NODE_ENV: undefined, NEXT_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1", CI: "1" };

let folder, browser;

before(async () => {
  folder = await mkdtemp(path.join(HERE, "built-"));
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", folder, path.join(ROOT, "pkg")]);
  const [{ filename }] = Object.values(JSON.parse(stdout));
  const at = path.join(MODULES, "brooklet");
  await rm(at, { recursive: true, force: true });
  await mkdir(at, { recursive: true });
  await run("tar", ["-xzf", path.join(folder, filename), "-C", at, "--strip-components", "1"]);
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
});

after(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** A sample in a folder of its own, above which the packages are. */
async function copyOf(sample, name = sample, from = path.join(HERE, "samples", sample)) {
  const at = path.join(folder, name);
  await cp(from, at, { recursive: true });
  await writeFile(path.join(at, "package.json"), JSON.stringify({ name, private: true, type: "module" }));
  return at;
}

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };

/** Serves a folder as it is, and the seed. */
async function serving(root, headers = {}) {
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://host");
    const file = pathname === "/seed.safetensors" ? SEED : path.join(root, pathname.endsWith("/") ? `${pathname}index.html` : pathname);
    if (!existsSync(file)) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": TYPES[path.extname(file)] ?? "application/octet-stream", ...headers });
    createReadStream(file).pipe(response);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

/** Opens the page at `url` and gives it to `look`, with what it says: messages with their types. */
async function open(url, look) {
  const page = await browser.newPage({ viewport: { width: 600, height: 600 } });
  const said = [];
  page.on("console", (message) => said.push({ type: message.type(), text: message.text() }));
  page.on("pageerror", (error) => said.push({ type: "error", text: String(error) }));
  await page.route("**/seed.safetensors", (route) => route.fulfill({ path: SEED }));
  await page.route("**/favicon.ico", (route) => route.fulfill({ status: 204 }));
  try {
    await page.goto(url);
    return await look(page, said);
  } finally {
    await page.close();
  }
}

/** What the page at `url` comes to, and what it said on the way. */
const visit = (url) =>
  open(url, async (page, said) => {
    // Not by a function in the page, which a strict policy forbids.
    for (const end = Date.now() + 20_000; Date.now() < end && !/:|clicked/.test(await page.title()); ) await setTimeout(50);
    return { title: await page.title(), said: said.map(({ text }) => text).join("\n"), html: await page.content() };
  });

async function visited(root, headers) {
  const site = await serving(root, headers);
  try {
    return await visit(site.url);
  } finally {
    site.close();
  }
}

const lives = (visit) => assert.equal(visit.title, LIVED, visit.said);
/** By whom the wasm is taken along. */
const streams = (visit) => (lives(visit), assert.doesNotMatch(visit.said, /brooklet:/));
/** By whom it is left behind: the copy is used, and that is told. */
const fallsBack = (visit) => (lives(visit), assert.match(visit.said, /brooklet: .*brooklet\/inline/));

for (const version of ["vite6", "vite7", "vite8"]) {
  test(`${version} builds a page, and serves it while it is written`, async () => {
    const root = await copyOf("page", version);
    const { build, createServer } = await import(version);
    await build({ root, logLevel: "error", build: { target: "esnext" } });
    streams(await visited(path.join(root, "dist")));
    const server = await createServer({ root, logLevel: "error", cacheDir: path.join(root, ".vite"), server: { fs: { strict: false } } });
    await server.listen(0);
    try {
      lives(await visit(server.resolvedUrls.local[0]));
    } finally {
      await server.close();
    }
  });
}

test("webpack builds a page", async () => {
  const root = await copyOf("page", "webpack");
  const { default: webpack } = await import("webpack");
  const stats = await promisify(webpack)({ context: root, mode: "production", entry: "./main.js", output: { path: path.join(root, "dist"), filename: "main.js" } });
  assert.deepEqual(stats.toJson().errors, []);
  await cp(path.join(root, "index.html"), path.join(root, "dist/index.html"));
  streams(await visited(path.join(root, "dist")));
});

test("Rollup builds a page", async () => {
  const root = await copyOf("page", "rollup");
  const [{ rollup }, { default: resolve }] = await Promise.all([import("rollup"), import("@rollup/plugin-node-resolve")]);
  const bundle = await rollup({ input: path.join(root, "main.js"), plugins: [resolve({ browser: true })] });
  await bundle.write({ dir: path.join(root, "dist"), format: "es" });
  await cp(path.join(root, "index.html"), path.join(root, "dist/index.html"));
  fallsBack(await visited(path.join(root, "dist")));
});

for (const [format, settings] of [["esm", { splitting: true }], ["iife", { logLevel: "error" }]]) {
  test(`esbuild builds a page as ${format}`, async () => {
    const root = await copyOf("page", `esbuild-${format}`);
    const { build } = await import("esbuild");
    await build({ absWorkingDir: root, entryPoints: ["main.js"], bundle: true, outdir: "dist", format, minify: true, ...settings });
    await cp(path.join(root, "index.html"), path.join(root, "dist/index.html"));
    fallsBack(await visited(path.join(root, "dist")));
  });
}

test("esbuild builds a page that has its wasm inline, which fetches none and warns of nothing", async () => {
  const root = await copyOf("page", "inline");
  const { build } = await import("esbuild");
  await build({ absWorkingDir: root, entryPoints: { main: "inline.js" }, bundle: true, outdir: "dist", format: "esm", minify: true });
  await cp(path.join(root, "index.html"), path.join(root, "dist/index.html"));
  streams(await visited(path.join(root, "dist")));
});

test("Parcel builds a page", async () => {
  const root = await copyOf("page", "parcel");
  await run(bin("parcel"), ["build", "index.html", "--cache-dir", ".cache", "--no-source-maps", "--dist-dir", "dist"], { cwd: root, env });
  streams(await visited(path.join(root, "dist")));
});

test("an import map and a strict policy are enough for a page without a bundler", async () => {
  const root = await copyOf("page", "plain");
  await cp(path.join(MODULES, "brooklet"), path.join(root, "brooklet"), { recursive: true });
  const map = `<script type="importmap" nonce="n">{ "imports": { "brooklet": "/brooklet/brooklet.js" } }</script>`;
  await writeFile(path.join(root, "index.html"), `<!doctype html>${map}<script type="module" nonce="n" src="./main.js"></script>`);
  streams(await visited(root, { "content-security-policy": "default-src 'self'; script-src 'self' 'nonce-n' 'wasm-unsafe-eval'" }));
});

test("Next builds a page with brooklet on the server and in the page", async () => {
  const root = await copyOf("next");
  await cp(path.join(HERE, "samples/page/live.js"), path.join(root, "app/told.js"));
  await run(bin("next"), ["build"], { cwd: root, env });
  const seen = await visited(path.join(root, "out"));
  lives(seen);
  assert.match(seen.html, /2(<!-- -->)? shown/);
});

test("SvelteKit builds a page that it renders on the server first", async () => {
  const root = await copyOf("sveltekit");
  await cp(path.join(HERE, "samples/page/live.js"), path.join(root, "src/routes/live.js"));
  await run(bin("vite"), ["build"], { cwd: root, env });
  streams(await visited(path.join(root, "build")));
});

const PROGRAMS = {
  Node: [process.execPath, []],
  Deno: [path.join(MODULES, "@deno/linux-x64-glibc/deno"), ["run", "--allow-read", "--allow-env", "--no-prompt"]],
  Bun: [bin("bun"), []],
};
for (const [name, [program, flags]] of Object.entries(PROGRAMS)) {
  test(`${name} runs a program`, async () => {
    const root = await copyOf("node", name);
    const { stdout } = await run(program, [...flags, "program.mjs", SEED], { cwd: root, env, timeout: 60_000 });
    assert.equal(stdout.trim(), LIVED);
  });
}

test("Jest requires it", async () => {
  const root = await copyOf("node", "jest");
  await run(process.execPath, [bin("jest"), "--rootDir", root, "--testMatch", "**/*.test.cjs"], { cwd: root, env });
});

test("vitest imports it", async () => {
  const root = await copyOf("node", "vitest");
  await run(bin("vitest"), ["run", "imported.test.js", "--root", root], { cwd: root, env });
});

test("workerd runs a worker", async () => {
  const root = await copyOf("node", "workerd");
  const { Miniflare } = await import("miniflare");
  const { build } = await import("esbuild");
  // As wrangler does: the wasm is a module of the worker's.
  await build({
    absWorkingDir: root, entryPoints: ["worker.js"], bundle: true, outfile: "dist/worker.mjs", format: "esm",
    conditions: ["workerd", "worker", "browser"], loader: { ".wasm": "copy" }, assetNames: "[name]",
  });
  const files = await readdir(path.join(root, "dist"));
  const modules = await Promise.all(files.sort((a) => (a === "worker.mjs" ? -1 : 1)).map(async (file) => ({
    type: file.endsWith(".wasm") ? "CompiledWasm" : "ESModule", path: path.join(root, "dist", file), contents: await readFile(path.join(root, "dist", file)),
  })));
  const worker = new Miniflare({ modules, modulesRoot: path.join(root, "dist"), compatibilityDate: "2026-01-01" });
  try {
    const answer = await worker.dispatchFetch("http://worker/", { method: "POST", body: await readFile(SEED) });
    assert.equal(await answer.text(), LIVED);
  } finally {
    await worker.dispose();
  }
});

// Strict projects, with the types of a page and without.
for (const version of ["typescript-5.4", "typescript-5.9", "typescript-6", "typescript-7"]) {
  test(`${version} takes the types`, async () => {
    const root = await copyOf("types", version);
    const strict = { noEmit: true, strict: true, skipLibCheck: false, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, target: "es2022" };
    const [anywhere, inPages] = [{ lib: ["es2022"], types: [] }, { lib: ["es2022", "dom", "dom.iterable"], types: ["react"] }];
    // The types of the frameworks themselves take long to check, but by the fastest.
    await cp(path.join(EXAMPLES, "vite/main.ts"), path.join(root, "example.ts"));
    const programs = [["typed.ts", anywhere], ...(version === "typescript-7" ? [["hooks.ts", inPages], ["example.ts", inPages]] : [])];
    for (const [module, moduleResolution] of [["nodenext", "nodenext"], ["es2022", "bundler"]]) {
      for (const [file, settings] of programs) {
        const compilerOptions = { ...strict, ...settings, module, moduleResolution };
        await writeFile(path.join(root, "tsconfig.json"), JSON.stringify({ compilerOptions, files: [file] }));
        const tsc = run(process.execPath, [path.join(MODULES, version, "bin/tsc")], { cwd: root, env });
        await tsc.catch((error) => assert.fail(`${file}, ${moduleResolution}: ${error.stdout}`));
      }
    }
  });
}

test("nothing is missing that a publisher would look for", async () => {
  const at = path.join(MODULES, "brooklet");
  await run(bin("publint"), ["--strict", at], { env });
  await run(bin("attw"), ["--pack", at, "--exclude-entrypoints", "./wasm", "./thread", "--ignore-rules", "cjs-resolves-to-esm"], { env });
});

/** Builds a sample with Vite, opens it, and gives the page to `look`, which it warns of nothing. */
async function opened(name, config, look) {
  const root = config.root ?? (await copyOf(name));
  const { build } = await import("vite");
  await build({ logLevel: "error", ...config, root, build: { target: "esnext" } });
  const site = await serving(path.join(root, "dist"));
  try {
    await open(site.url, async (page, said) => {
      await look(page);
      assert.deepEqual(said.filter(({ type }) => ["error", "warning"].includes(type)), []);
    });
  } finally {
    site.close();
  }
}

const figures = (page) => page.evaluate(async () => (({ clicks, skips }) => ({ clicks, skips }))((await window.learner()).metrics()));

test("observe tells what was clicked, what was passed over, and nothing of what was not seen", async () => {
  await opened("observe", {}, async (page) => {
    await page.waitForFunction("window.ready");
    await setTimeout(300);
    assert.deepEqual(await figures(page), { clicks: 0, skips: 0 }, "what is in view is not passed over yet");
    await page.evaluate("scrollTo(0, 2000)");
    await page.waitForFunction("learner().metrics().skips === 1");
    await page.evaluate("scrollTo(0, 0)");
    await page.click("[data-item=near]");
    await page.click("[data-item=near]");
    assert.deepEqual(await figures(page), { clicks: 1, skips: 1 }, "who comes back clicks once");
    await page.evaluate(() => {
      const late = Object.assign(document.createElement("li"), { textContent: "late" });
      late.dataset.item = "late";
      document.querySelector("ul").prepend(late);
    });
    await setTimeout(400);
    await page.evaluate(() => {
      Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    });
    await page.evaluate("document.querySelector('[data-item=late]').remove()");
    await page.waitForFunction("learner().metrics().skips === 2");
    await page.evaluate("scrollTo(0, document.body.scrollHeight)");
    await setTimeout(400);
    await page.evaluate("stop(); stopOne()");
    assert.deepEqual(await figures(page), { clicks: 1, skips: 2 }, "nobody sees a tab that is hidden");
  });
});

const frameworks = {
  React: { name: "react", entry: "main.jsx", server: "server.jsx", config: () => ({ oxc: { jsx: { runtime: "automatic" } } }) },
  Vue: { name: "vue", entry: "main.js", server: "server.js", config: () => ({}) },
  Svelte: {
    name: "svelte", entry: "main.js", server: "server.js",
    config: async () => ({ plugins: [(await import("@sveltejs/vite-plugin-svelte")).svelte({ configFile: false })] }),
  },
};
for (const [title, { name, entry, server, config }] of Object.entries(frameworks)) {
  test(`${title} shows a shelf that the server rendered first, without a warning, and tells of clicks and skips`, async () => {
    const root = await copyOf(name);
    const settings = { ...(await config()), root };
    const { createServer } = await import("vite");
    const renderer = await createServer({ ...settings, logLevel: "error", appType: "custom", server: { middlewareMode: true, hmr: false, ws: false }, cacheDir: path.join(root, ".vite") });
    const { html } = await renderer.ssrLoadModule(`/${server}`).finally(() => renderer.close());
    assert.match(html, /<ul>/);
    await writeFile(path.join(root, "index.html"), `<!doctype html><title>${name}</title><main>${html}</main><script type="module" src="./${entry}"></script>`);
    await opened(name, settings, async (page) => {
      await page.waitForSelector("li");
      assert.equal(await page.locator("li").count(), 3);
      await setTimeout(400);
      await page.locator("li").nth(1).click();
      assert.deepEqual(await figures(page), { clicks: 1, skips: 0 });
      await page.click("button");
      await page.waitForFunction("learner().then((learner) => learner.metrics().skips === 2)");
      assert.deepEqual(await figures(page), { clicks: 1, skips: 2 });
      assert.equal(await page.locator("li").count(), 3);
    });
  });
}

/** An example, in a project that has the package. */
const exampleOf = (name) => copyOf(name, `example-${name}`, path.join(EXAMPLES, name));

test("an example is short enough to be read", async () => {
  for (const entry of await readdir(EXAMPLES, { recursive: true, withFileTypes: true })) {
    // Python's are run elsewhere; a dashboard as JSON is Grafana's to read.
    if (!entry.isFile() || /\.(py|json)$/.test(entry.name)) continue;
    const lines = (await readFile(path.join(entry.parentPath ?? entry.path, entry.name), "utf8")).split("\n").length;
    assert.ok(lines < 100, `${entry.name} has ${lines} lines`);
  }
});

const shelves = { vite: () => ({}), react: frameworks.React.config, vue: frameworks.Vue.config };
for (const [name, config] of Object.entries(shelves)) {
  test(`the ${name} example shows three films, and others when it is asked for them`, async () => {
    const root = await exampleOf(name);
    await opened(name, { ...(await config()), root }, async (page) => {
      await page.waitForSelector("li");
      const titles = () => page.locator("li").allTextContents();
      const before = await titles();
      assert.equal(before.length, 3);
      assert.ok(before.every((title) => /[A-Z][a-z]+/.test(title)), before.join());
      await page.locator("li").first().click();
      await setTimeout(1200);
      await page.click("button");
      assert.equal((await titles()).length, 3);
      assert.equal(await page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name).join()), "brooklet");
    });
  });
}

/** Opens a page as it is, or with an `index` of its own, with the package beside it. */
async function plainly(name, look, index) {
  const root = await exampleOf(name);
  if (index) await writeFile(path.join(root, "index.html"), index);
  await cp(path.join(MODULES, "brooklet"), path.join(root, "brooklet"), { recursive: true });
  const site = await serving(root);
  try {
    await open(site.url, async (page, said) => {
      await look(page);
      assert.deepEqual(said.filter(({ type }) => ["error", "warning"].includes(type)), []);
    });
  } finally {
    site.close();
  }
}

test("the shop learns nothing before it is told that it may, and forgets when it is told not to", async () => {
  await plainly("shop", async (page) => {
    const stored = () => page.evaluate(async () => (await indexedDB.databases()).length);
    await page.locator("li").first().click();
    await setTimeout(300);
    assert.equal(await stored(), 0);
    await page.click("button[value=personal]");
    await page.locator("[data-item='1721']").click();
    await page.waitForFunction(async () => (await indexedDB.databases()).length === 1);
    await page.click("button[value=off]");
    const kept = () => page.evaluate(() => new Promise((resolve) => {
      const request = indexedDB.open("brooklet");
      request.onsuccess = () => {
        const count = request.result.transaction("brooklet").objectStore("brooklet").count();
        count.onsuccess = () => (request.result.close(), resolve(count.result));
      };
    }));
    for (const end = Date.now() + 5000; Date.now() < end && (await kept()) > 0; ) await setTimeout(50);
    assert.equal(await kept(), 0);
  });
});

/** What a learner in a worker does, as the page of the example has it. */
const inWorker = async (page) => {
  await page.waitForSelector("li", { timeout: 30_000 });
  assert.equal(await page.locator("li").count(), 6);
  await page.locator("li").first().click();
  await page.waitForFunction(async () => (await indexedDB.databases()).length === 1);
};

test("the worker example ranks a hundred thousand, built by Vite", async () => {
  const root = await exampleOf("worker");
  await opened("worker", { root }, inWorker);
});

test("a worker needs no bundler, and has every method as a promise", async () => {
  const map = `<script type="importmap">{ "imports": { "brooklet": "/brooklet/brooklet.js" } }</script>`;
  const index = `<!doctype html>${map}<ul></ul><script type="module" src="./main.js"></script>`;
  await plainly("worker", async (page) => {
    await inWorker(page);
    const found = await page.evaluate(async () => {
      const { Learner, BrookletError } = await import("/brooklet/brooklet.js");
      const code = (work) => work.then(() => "none", (error) => (error instanceof BrookletError ? error.code : `bare ${error}`));
      const heard = [];
      const options = { url: "/seed.safetensors", store: "worker", consent: "personal", onEvent: ({ type }) => heard.push(type) };
      const learner = await Learner.open({ ...options, worker: true });
      await learner.addItems([{ id: 1n, features: { genres: ["Drama"] } }, { id: "2" }]);
      await learner.on("consent", ({ consent }) => heard.push(consent));
      const slate = await learner.recommend({ k: 2 });
      await learner.click(slate, slate.items[0].id);
      const bad = [await code(learner.recommend({ K: 1 })), await code(learner.addItems([{ id: 3 }, { id: 4, name: "x" }])), await code(learner.predictOne({ f: () => 1 })), await code(learner.addItems([{ id: 5, features: { f: () => 1 } }]))];
      await learner.save();
      await learner.setConsent("off");
      const { items } = await learner.metrics();
      const told = [slate.items.length, items, await learner.version, await learner.consent, ...bad];
      await learner.close();
      const again = await Learner.open({ ...options, worker: true });
      const kept = await again.metrics();
      await again.close();
      const own = new Worker("/brooklet/thread.js");
      const third = await Learner.open({ ...options, worker: own });
      const asked = [await code(Learner.open({ worker: true, store: null })), await code(Learner.open({ ...options, store: null, url: "/nothing", worker: true }))];
      await third.close();
      return [told, kept.clicks, asked, heard];
    });
    assert.deepEqual(found[0], [2, 2, 1, "off", "bad_argument", "bad_argument", "bad_argument", "bad_argument"]);
    assert.deepEqual([found[1], found[2]], [1, ["bad_argument", "http_404"]]);
    assert.ok(found[3].includes("saved") && found[3].includes("off"), found[3].join());
    // The page's learner has one and the page made one; the others went with their learners, and with those that could not be opened.
    for (const end = Date.now() + 5000; Date.now() < end && page.workers().length > 2; ) await setTimeout(50);
    assert.equal(page.workers().length, 2);
  }, index);
});

/** Runs a program of the examples and gives the figures in its lines, of those that match. */
async function figuresOf(program, line, ...given) {
  const root = await copyOf("programs", "example-programs", EXAMPLES);
  const { stdout } = await run(process.execPath, [program, ...given], { cwd: root, env, timeout: 60_000 });
  return stdout.split("\n").map((text) => line.exec(text)).filter(Boolean).map(([, ...numbers]) => numbers.map(Number));
}

test("the car knows better and better where it is going", async () => {
  const right = await figuresOf("destination.mjs", /: (\d+) of 40 destinations/);
  assert.ok(right.length >= 4 && right.at(-1)[0] > right[0][0] + 8 && right.at(-1)[0] >= 32, right.join());
});

test("the ticket desk finds the new desk", async () => {
  const days = await figuresOf("tickets.mjs", /: (\d+) of 60 went/);
  assert.ok(days.length === 6 && days[5][0] >= 54 && days[2][0] < 54, days.join());
});

test("trips are foretold to about a minute", async () => {
  const errors = await figuresOf("duration.mjs", /off by ([\d.]+) minutes, ([\d.]+) if/);
  assert.ok(errors.length === 4 && errors[3][0] < 1.2 && errors[3][0] < errors[0][0] / 2 && errors[3][1] > 4, errors.join());
});

test("a batch is scored with the profile of a visitor", async () => {
  const root = await copyOf("programs", "example-batch", EXAMPLES);
  const visit = `
    import { readFile, writeFile } from "node:fs/promises";
    import init, { Learner } from "brooklet";
    await init();
    const learner = await Learner.open({ bytes: await readFile(process.env.SEED), store: null });
    for (let i = 0; i < 20; i++) for (const [id, clicked] of [["7", 1], ["3", 0]]) learner.learnOne({ item: id }, clicked);
    await writeFile("profile.bin", learner.exportProfile());
    await writeFile("new.json", JSON.stringify([...Array(30).keys()].map((id) => ({ id, features: { like: id % 2 ? "7" : "3" } }))));
  `;
  await writeFile(path.join(root, "visit.mjs"), visit);
  await run(process.execPath, ["visit.mjs"], { cwd: root, env });
  const { stdout } = await run(process.execPath, ["batch.mjs", SEED, "profile.bin", "new.json"], { cwd: root, env });
  const ids = stdout.trim().split("\n").map((line) => line.split("\t")[0]);
  assert.equal(ids.length, 5);
  assert.ok(!ids.includes("7") && !ids.includes("3"), "what was seen is left out");
});

test("memory is flat over 100,000 events and 10,000 slates", async (t) => {
  const root = await copyOf("node", "memory");
  const { stdout } = await run(process.execPath, ["--expose-gc", "memory.mjs", SEED], { cwd: root, env, timeout: 120_000 });
  const { events, held } = JSON.parse(stdout);
  t.diagnostic(`KB of WebAssembly and of JavaScript, each 20,000 events: ${JSON.stringify(held)}`);
  assert.equal(events, 100_000);
  const [[wasm, heap], last] = [held[1], held.at(-1)];
  assert.ok(last[0] - wasm <= 1024 && last[1] - heap <= 512, JSON.stringify(held));
});

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
async function copyOf(sample, name = sample) {
  const at = path.join(folder, name);
  await cp(path.join(HERE, "samples", sample), at, { recursive: true });
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
    const programs = [["typed.ts", anywhere], ...(version === "typescript-7" ? [["hooks.ts", inPages]] : [])];
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
  await run(bin("attw"), ["--pack", at, "--exclude-entrypoints", "./wasm", "--ignore-rules", "cjs-resolves-to-esm"], { env });
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

// What a visitor downloads, in bytes as they are on the wire, by part: no more than tests/e2e/weights.json allows.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import init, { Learner } from "../../pkg/brooklet.js";
import { Endpoint, Visitor, Wire, allFilms, temporaryFolder, trainSeed, until } from "./stage.mjs";

const MODEL = "/v1/models/films";
const COMPACT = "application/vnd.brooklet.base";
/** Bytes of a body as it is on the wire. */
const length = async (url, encoding) => {
  const answer = await fetch(url, { headers: { accept: COMPACT, "accept-encoding": encoding } });
  await answer.arrayBuffer();
  return Number(answer.headers.get("content-length"));
};
const file = (name) => readFile(new URL(`../../${name}`, import.meta.url));

test("the first visit and the next weigh no more than they may", { timeout: 240_000 }, async (t) => {
  const limits = JSON.parse(await file("tests/e2e/weights.json"));
  const weighed = (part, bytes) => {
    t.diagnostic(`${part}: ${bytes} bytes of at most ${limits[part]}`);
    assert.ok(bytes > 0 && bytes <= limits[part], `${part}: ${bytes} bytes, and ${limits[part]} are allowed`);
  };
  const folder = await temporaryFolder(t);
  // Fifty deltas make a version.
  const endpoint = new Endpoint(folder, await trainSeed(folder), ["--fold-deltas", "50", "--fold-seconds", "0"]);
  await endpoint.start();
  t.after(() => endpoint.stop("SIGTERM"));
  const wire = await Wire.open(endpoint);
  t.after(() => wire.close());

  const visitor = new Visitor("first", folder, wire.origin);
  t.after(() => visitor.leave());
  await visitor.arrive();
  const size = (path) => {
    const { headers, answered } = wire.requests.find((request) => request.path === path);
    assert.equal(answered["content-encoding"], "br", `${path}: ${JSON.stringify([headers, answered])}`);
    return Number(answered["content-length"]);
  };
  const parts = { wasm: size("/pkg/brooklet_bg.wasm"), javascript: size("/pkg/brooklet.js"), base: size(MODEL) };
  for (const [part, bytes] of Object.entries(parts)) weighed(part, bytes);
  weighed("first visit", parts.wasm + parts.javascript + parts.base);
  for (const [part, path] of [["wasm", "/pkg/brooklet_bg.wasm"], ["javascript", "/pkg/brooklet.js"], ["base", MODEL]]) {
    const bytes = await Promise.all(["identity", "gzip", "zstd", "br"].map((encoding) => length(wire.origin + path, encoding)));
    t.diagnostic(`${part}: ${bytes.join(", ")} bytes plain and by gzip, zstd, brotli`);
  }
  weighed("the shop's own catalogue", size("/films.json") + size("/more-films.json"));
  t.diagnostic(`of which before films are shown: ${size("/films.json")} bytes`);

  const slow = new Visitor("slow", folder, wire.origin);
  t.after(() => slow.leave());
  await slow.arrive({ offline: false, latency: 150, downloadThroughput: 1.6e6 / 8, uploadThroughput: 750e3 / 8 });
  const took = await slow.page.evaluate(() => performance.getEntriesByName("films")[0].startTime);
  t.diagnostic(`at 1.6 Mbit/s and 150 ms, from navigation until films are shown: ${took.toFixed(0)} ms`);
  await slow.leave();

  // A hundred other visitors answer twenty films each and send what they learnt.
  await init({ module_or_path: await file("pkg/brooklet_bg.wasm") });
  const films = (await allFilms()).slice(0, 1500);
  const origin = `http://127.0.0.1:${endpoint.port}`;
  const since = async (version) => {
    const headers = { accept: COMPACT, "accept-encoding": "br" };
    const answer = await fetch(`${origin}${MODEL}?from=${version}`, { headers });
    assert.equal(answer.headers.get("content-type"), "application/vnd.brooklet.patch");
    return Number(answer.headers.get("content-length"));
  };
  let state = 7;
  const random = (n) => (state = (state * 48271) % 2147483647) % n;
  const version = () => endpoint.stats().then((stats) => stats.version);
  for (let person = 0; person < 100; person++) {
    const learner = await Learner.open({ url: `${origin}${MODEL}`, endpoint: `${origin}${MODEL}`, store: null });
    for (let n = 0; n < 20; n++) {
      const { id, genres } = films[random(films.length)];
      learner.learnOne({ item: id, genres }, Number(genres.includes("Drama") === (person % 2 === 0)));
    }
    await learner.sync();
    await learner.close();
    if (person === 49) {
      await until("version 2", async () => (await version()) === 2);
      weighed("one version on", await since(1));
    }
  }
  await until("version 3", async () => (await version()) === 3);
  weighed("a hundred visitors on", await since(1));

  // The first visitor comes back, pulls what has changed, and has what whoever comes anew is given, bit for bit.
  await visitor.reload();
  await until("the page has version 3", async () => (await visitor.metrics()).version === 3);
  const pulled = wire.requests.filter(({ path }) => path.startsWith(MODEL)).at(-1);
  assert.equal(pulled.path, `${MODEL}?from=1`);
  assert.equal(pulled.answered["content-type"], "application/vnd.brooklet.patch");
  const anew = await Learner.open({ url: `${origin}${MODEL}`, store: null });
  const some = films.slice(0, 400).map(({ id, genres }) => ({ item: id, genres }));
  const scores = (await visitor.predict(some)).map(({ baseScore }) => baseScore);
  assert.deepEqual(scores, some.map((film) => anew.predictOne(film).baseScore));
  await anew.close();
});

// The loop, end to end: two browsers, one endpoint. Learning stays with who learnt, its shared part goes round.

import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeDelta } from "../../www/delta.js";
import { xxh3 } from "../../www/xxh3.js";
import { readBase } from "./base.mjs";
import { Endpoint, Visitor, Wire, allFilms, temporaryFolder, trainSeed, until } from "./stage.mjs";

const IN_ROW = 12;
const MOST_PAIRS = 20;
/** MovieLens numbers its people; these are the names that their rows would have. */
const PEOPLE = 671;

const isSciFi = ({ genres }) => genres.includes("Sci-Fi") && !genres.includes("Romance");
const isRomance = ({ genres }) => genres.includes("Romance") && !genres.includes("Sci-Fi");
const count = (films, genre) => films.filter(({ genres }) => genres.includes(genre)).length;
const mean = (numbers) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
const ids = (films) => films.map(({ item }) => item);

test("what one visitor learns reaches another, and nothing of the visitor does", { timeout: 240_000 }, async (t) => {
  const folder = await temporaryFolder(t);
  const catalogue = new Map(
    (await allFilms()).map(({ id, genres }) => [id, { item: id, genres }]),
  );
  // No fold yet: what is seen before one is the visitor's own learning. What one visitor teaches a genre, whose row thousands of events
  // made, is less than a step of what is published by default.
  const fine = ["--precision", "f16"];
  const endpoint = new Endpoint(folder, await trainSeed(folder), [...fine, "--fold-deltas", "1000", "--fold-seconds", "0"]);
  await endpoint.start();
  t.after(() => endpoint.stop("SIGTERM"));
  const wires = { A: await Wire.open(endpoint), B: await Wire.open(endpoint) };
  t.after(() => Object.values(wires).forEach((wire) => wire.close()));
  const a = new Visitor("A", folder, wires.A.origin);
  const b = new Visitor("B", folder, wires.B.origin);
  t.after(() => Promise.all([a.leave(), b.leave()]));
  const base1 = readBase(await endpoint.base());

  const clicked = [];
  const skipped = [];
  /** Learning with the page's buttons: a science fiction film is opened, a romance waved off. */
  const answerAPair = async () => {
    await a.showGenre("Sci-Fi");
    clicked.push(await a.answer("click", isSciFi));
    await a.showGenre("Romance");
    skipped.push(await a.answer("skip", isRomance));
    await a.showGenre("");
  };
  /** Two answers, whatever is on show. */
  const answerTwice = async () => {
    await a.answer("click", () => true);
    await a.answer("skip", () => true);
  };
  const inBest = async (visitor, k, genre) => count((await visitor.best(k)).map((id) => catalogue.get(id)), genre);
  /** Films that nobody answers in this test. */
  const untouched = () => {
    const known = new Set(ids([...clicked, ...skipped]));
    const popular = [...catalogue.values()].filter(({ item }) => Number(item) < 3000 && !known.has(item));
    return { sciFi: popular.filter(isSciFi), romance: popular.filter(isRomance) };
  };

  await t.test("B opens the window on version 1", async () => {
    await b.arrive();
    assert.equal((await b.metrics()).version, 1);
    assert.equal((await b.row()).length, IN_ROW);
  });

  await t.test("A opens science fiction and waves off romance until the row shows it", async () => {
    await a.arrive();
    const first = await a.row();
    const romanceBefore = await inBest(a, 300, "Romance");
    await a.photograph("a-first");
    let row = first;
    while (clicked.length < 5 || (count(row, "Sci-Fi") < 8 && clicked.length < MOST_PAIRS)) {
      await answerAPair();
      row = await a.row();
    }
    const romanceAfter = await inBest(a, 300, "Romance");
    await a.photograph("a-learnt");
    t.diagnostic(
      `after ${clicked.length} pairs: Sci-Fi in the row ${count(first, "Sci-Fi")} -> ${count(row, "Sci-Fi")}, ` +
        `Romance in the row ${count(first, "Romance")} -> ${count(row, "Romance")}, in the best 300 ${romanceBefore} -> ${romanceAfter}`,
    );
    assert.ok(count(row, "Sci-Fi") >= 8, "the row is science fiction");
    assert.ok(count(row, "Sci-Fi") > count(first, "Sci-Fi"));
    assert.ok(count(row, "Romance") <= count(first, "Romance"));
    assert.ok(romanceAfter < romanceBefore, "romance sinks");
    const { events, personal, base } = await a.metrics();
    assert.equal(events, 2 * clicked.length);
    t.diagnostic(`log-loss over ${events} events: personal ${personal.logLoss.toFixed(3)}, base ${base.logLoss.toFixed(3)}`);
    const taste = new Map((await a.taste()).map(({ value, weight }) => [value, weight]));
    assert.ok(taste.get("Sci-Fi") > 0 && taste.get("Romance") < 0, "the visitor row says so too");
  });

  await t.test("A reloads, closes the browser and comes back: the profile is still there", async () => {
    const remembered = async () => ({
      row: ids(await a.row()),
      events: (await a.metrics()).events,
      taste: await a.taste(),
      visitor: visitorRow(await a.profile()),
    });
    const before = await remembered();
    await a.reload();
    assert.deepEqual(await remembered(), before);
    assert.equal((await a.metrics()).profile, "restored");
    await a.leave();
    await a.arrive();
    assert.deepEqual(await remembered(), before);
    assert.equal((await b.metrics()).events, 0, "and it is A's alone");
  });

  await t.test("A's delta reaches the endpoint", async () => {
    await a.syncAll();
    // A delta whose answer a closing page did not hear goes out again, byte for byte: that is one delta.
    const bodies = new Map(wires.A.withBodies.map(({ body }) => [body.toString("hex"), body]));
    const sent = [...bodies.values()].map((body) => decodeDelta(new Uint8Array(body)));
    const { events } = await a.metrics();
    assert.equal(sent.reduce((sum, delta) => sum + delta.events, 0), events, "every event went out once");
    const stats = await endpoint.stats();
    t.diagnostic(`deltas of ${wires.A.withBodies.map(({ body }) => body.length).join(", ")} bytes for ${events} events`);
    assert.equal(stats.pending_events, events);
    assert.equal(stats.pending_deltas, sent.length);
    assert.equal(stats.version, 1);
    assert.equal((await a.metrics()).unsent, 0);
    assert.equal(await a.state(), "synced");
    await a.photograph("a-sent");
  });

  await t.test("a fold publishes version 2", async () => {
    const { pending_deltas, pending_events } = await endpoint.stats();
    await endpoint.stop("SIGTERM");
    endpoint.flags = [...fine, "--fold-deltas", "1000", "--fold-seconds", "1"];
    await endpoint.start();
    const stats = await until("version 2", async () => {
      const stats = await endpoint.stats();
      return stats.version > 1 && stats;
    });
    assert.equal(stats.version, 2);
    assert.equal(stats.pending_deltas, 0);
    assert.equal(stats.set_aside_deltas, 0);
    assert.equal(stats.versions[0].deltas, pending_deltas);
    assert.equal(stats.versions[0].events, pending_events);
  });

  await t.test("B pulls it, and ranks as A taught, by shared rows alone", async () => {
    const { sciFi, romance } = untouched();
    const observe = async () => {
      const order = new Map((await b.best(catalogue.size)).map((id, rank) => [id, rank]));
      const score = async (films) => mean((await b.predict(films)).map(({ score }) => score));
      const rank = (films) => mean(ids(films).map((id) => order.get(id)));
      return {
        learntGap: (await score(clicked)) - (await score(skipped)),
        otherGap: (await score(sciFi)) - (await score(romance)),
        clickedRank: rank(clicked),
        skippedRank: rank(skipped),
      };
    };
    const before = await observe();
    const prior = base1.metadata.prior.mean.map(Math.fround);
    assert.deepEqual(visitorRow(await b.profile()), prior, "B has learnt nothing");
    assert.equal((await b.metrics()).events, 0);
    assert.equal((await b.metrics()).version, 1, "B has not moved so far");
    await b.sync();
    assert.equal((await b.metrics()).version, 2);
    assert.equal(await b.page.getByTestId("version").textContent(), "Base 2");
    const after = await observe();
    await b.photograph("b-pulled");
    const told = (name, digits) => `${before[name].toFixed(digits)} -> ${after[name].toFixed(digits)}`;
    t.diagnostic(
      `for B, A's films: score gap ${told("learntGap", 3)}, mean rank of the opened ${told("clickedRank", 0)}, of the waved off ` +
        `${told("skippedRank", 0)}; other science fiction over other romance: ${told("otherGap", 3)}`,
    );
    assert.ok(after.learntGap > before.learntGap, "what A opened gained on what A waved off");
    assert.ok(after.clickedRank < before.clickedRank, "what A opened rose");
    assert.ok(after.skippedRank > before.skippedRank, "what A waved off sank");
    assert.ok(after.otherGap > before.otherGap, "the genres carry it to films that A never met");

    const metrics = await b.metrics();
    assert.equal(metrics.events, 0);
    assert.deepEqual(visitorRow(await b.profile()), prior, "B's visitor row is untouched");
    assert.ok((await b.taste()).every(({ weight }) => Math.abs(weight) < 1e-6), "B has no taste yet");
    for (const { score, baseScore } of await b.predict([...clicked, ...skipped])) {
      assert.ok(Math.abs(score - baseScore) < 1e-4, "for B, its model is still the base");
    }
    assert.equal(wires.B.withBodies.length, 0, "who learns nothing sends nothing");
  });

  await t.test("offline, deltas wait; online, they are delivered once", async () => {
    await a.syncAll();
    const before = await endpoint.stats();
    await a.context.setOffline(true);
    await answerTwice();
    await a.sync();
    await until("A has noticed", async () => (await a.state()) === "offline");
    assert.equal((await a.metrics()).unsent, 2);
    // A delta that was made and not delivered is among them, and the page does not count it again.
    assert.match(await a.page.locator("#sync-state").textContent(), /offline, 2 answers wait here$/);
    await a.photograph("a-offline");
    assert.equal((await endpoint.stats()).events_total, before.events_total);
    await a.context.setOffline(false);
    await a.syncAll();
    assert.equal((await endpoint.stats()).events_total, before.events_total + 2);
  });

  await t.test("the endpoint is killed and comes back: nothing is lost", async () => {
    const before = await endpoint.stats();
    await endpoint.stop("SIGKILL");
    await answerTwice();
    await a.sync();
    await until("A has noticed", async () => (await a.state()) === "offline");
    await endpoint.start();
    const restarted = await endpoint.stats();
    // A may be quicker than the question: then its two answers, in one delta, are there already.
    const again = restarted.deltas_total - before.deltas_total;
    assert.ok(again === 0 || again === 1, `${again} deltas more`);
    assert.equal(restarted.events_total, before.events_total + 2 * again);
    await a.syncAll();
    assert.equal((await endpoint.stats()).events_total, before.events_total + 2);
  });

  await t.test("an acknowledgement gets lost and the endpoint is killed: nothing counts twice", async () => {
    const before = await endpoint.stats();
    wires.A.losesAnswers = true;
    await answerTwice();
    await a.sync();
    await until("A has noticed", async () => (await a.state()) === "offline");
    await until("the delta is durable", async () => (await endpoint.stats()).events_total > before.events_total);
    await endpoint.stop("SIGKILL");
    const untold = wires.A.withBodies.at(-1).body;
    await a.leave();
    await endpoint.start();
    wires.A.losesAnswers = false;
    // The browser does not know that the delta was taken: it sends the same bytes again, also after it was closed.
    const posted = wires.A.withBodies.length;
    await a.arrive();
    await a.syncAll();
    assert.deepEqual(wires.A.withBodies[posted].body, untold, "the same bytes again");
    const after = await endpoint.stats();
    assert.equal(after.events_total, before.events_total + 2);
    assert.equal(after.events_total, (await a.metrics()).events, "all of A's answers arrived, each once");
    const distinct = new Set(wires.A.withBodies.map(({ body }) => body.toString("hex")));
    assert.equal(after.deltas_total, distinct.size);
    assert.ok(distinct.size < wires.A.withBodies.length);
  });

  await t.test("nothing on the wire holds a private row", async () => {
    const names = new Set([...catalogue.keys()].map((id) => xxh3(`item=${id}`)));
    for (const { genres } of catalogue.values()) for (const genre of genres) names.add(xxh3(`genres=${genre}`));
    const secrets = new Set(["user", ...Array.from({ length: PEOPLE }, (_, i) => `user=${i + 1}`)].map(xxh3));
    for (const id of base1.ids) assert.ok(names.has(id) && !secrets.has(id), "the seed itself holds items and genres only");

    const row = visitorRow(await a.profile());
    assert.ok(row.length > 0 && row.some((x) => x !== 0));
    let rows = 0;
    for (const { method, path, headers, body } of wires.A.withBodies) {
      assert.equal(`${method} ${path}`, "POST /v1/models/films/deltas");
      assert.equal(headers.cookie, undefined);
      assert.equal(headers.referer, undefined);
      const delta = decodeDelta(new Uint8Array(body));
      assert.deepEqual(Object.keys(delta.parts), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
      assert.equal(delta.format, 2);
      for (const id of delta.ids) {
        assert.ok(base1.ids.has(id), "the row is one of the base");
        assert.ok(names.has(id) && !secrets.has(id), "the row is a film's or a genre's");
      }
      rows += delta.ids.length;
      assertAbsent(row, body);
    }
    t.diagnostic(`${wires.A.withBodies.length} bodies with ${rows} rows left A, all of films and genres`);
    for (const { body, method, path } of [...wires.A.requests, ...wires.B.requests]) {
      // Whoever asks for a newer base says which one he has, and in which of a hundred groups the key of his last delta is.
      const carried = path.startsWith("/v1/models/films") ? path.replace(/(\?|&)(from=\d+|cohort=\d{1,2})/g, "") : path;
      if (body.length === 0) assert.ok(method === "GET" && !carried.includes("?") && !carried.includes("&"), `${method} ${path} carries nothing else`);
    }
    for (const visitor of [a, b]) {
      assert.deepEqual(visitor.urls.filter((url) => !url.startsWith(`${visitor.origin}/`)), [], "nobody else is asked for anything");
      assert.deepEqual(visitor.complaints, []);
    }
  });

  await t.test("A is forgotten on request", async () => {
    await a.page.getByTestId("forget").click();
    await a.page.getByTestId("forget-confirm").click();
    await until("the profile is gone", async () => (await a.metrics()).events === 0);
    assert.ok((await a.taste()).every(({ weight }) => Math.abs(weight) < 1e-6));
    await a.reload();
    assert.equal((await a.metrics()).events, 0);
  });
});

/** The visitor's mean, out of a profile: the fifth value of its CBOR array is the models, the first of a model the doubles of the row. */
function visitorRow(profile) {
  const view = new DataView(profile.buffer, profile.byteOffset, profile.byteLength);
  let at = 1;
  const head = () => {
    const info = profile[at++] & 31;
    if (info < 24) return info;
    const width = { 24: 1, 25: 2, 26: 4 }[info];
    let number = 0;
    for (let i = 0; i < width; i++) number = number * 256 + profile[at++];
    return number;
  };
  const skipText = () => {
    const length = head();
    at += length;
  };
  head();
  skipText();
  head();
  head();
  const [models, fields] = [head(), head()];
  assert.ok(models >= 1 && fields === 7, "a profile of format 2");
  const length = head();
  return Array.from({ length: length / 8 }, (_, i) => view.getFloat64(at + 8 * i, true));
}

/** None of the numbers stands in the bytes, as a double or as a float, in either order. */
function assertAbsent(numbers, body) {
  for (const number of numbers) {
    if (Math.abs(number) < 1e-9) continue;
    for (const [width, set] of [[8, "setFloat64"], [4, "setFloat32"]]) {
      for (const little of [true, false]) {
        const bytes = new DataView(new ArrayBuffer(width));
        bytes[set](0, number, little);
        assert.equal(body.indexOf(Buffer.from(bytes.buffer)), -1, `${number} of the visitor row was sent`);
      }
    }
  }
}

// The page's modules that need no browser.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { decodeDelta, hexId } from "../../www/delta.js";
import { asItems, featureNames, filmsOf } from "../../www/films.js";
import { xxh3 } from "../../www/xxh3.js";
import { allFilms } from "./stage.mjs";

const GOLDEN = path.join(import.meta.dirname, "../../crates/core/tests/fixtures/delta-v2.cbor");

test("films are read from their columns, and told the learner in columns", () => {
  const films = filmsOf({ ids: [3, 4], titles: ["A", "B"], years: [1999, 0], genres: [1, 0], sets: [[], ["Drama", "War"]] });
  assert.deepEqual(films, [
    { id: "3", title: "A", year: 1999, genres: ["Drama", "War"] },
    { id: "7", title: "B", year: "", genres: [] },
  ]);
  assert.deepEqual(asItems(films), { ids: ["3", "7"], features: { genres: [["Drama", "War"], []] } });
});

test("the whole catalogue is there", async () => {
  const films = await allFilms();
  assert.equal(films.length, 9066);
  assert.equal(new Set(films.map(({ id }) => id)).size, 9066);
  assert.ok(films.every(({ id, title }) => id && title));
  assert.deepEqual(films.find(({ id }) => id === "2571"), { id: "2571", title: "The Matrix", year: 1999, genres: ["Action", "Sci-Fi", "Thriller"] });
  assert.equal(featureNames(films).size, 9066 + 19, "no two names share an id");
});

test("XXH3 gives the ids of the reference implementation", () => {
  const known = {
    a: 0xe6c632b61e964e1fn,
    abc: 0x78af5f94892f3950n,
    item: 0x6ca8f7b0f03f9e41n,
    "item=1": 0x8d4c64037cf400c5n,
    "item=2571": 0x4ee3c419a3a5aa54n,
    "genres=Sci-Fi": 0x820b79fa0575a905n,
    "genres=Documentary": 0x1d8f6d7384f4a07en,
    [`item=${"x".repeat(40)}`]: 0x13a23ad40726a7b9n,
    [`é=${"y".repeat(70)}`]: 0x36abd5b104fd082an,
    ["z".repeat(128)]: 0xa88a9e7461be1d37n,
  };
  for (const [name, id] of Object.entries(known)) assert.equal(xxh3(name), id, name);
  assert.equal(xxh3("z".repeat(129)), null);
});

test("the golden delta is read byte for byte", async () => {
  const bytes = new Uint8Array(await readFile(GOLDEN));
  const delta = decodeDelta(bytes);
  assert.equal(delta.format, 2);
  assert.equal(delta.baseVersion, 300);
  assert.equal(new TextDecoder().decode(delta.client), "0123456789abcdef");
  assert.equal(delta.seq, 7);
  assert.equal(delta.events, 41);
  assert.deepEqual(delta.ids.map(hexId), ["0000000000000102", "ff00000000000001"]);
  assert.deepEqual(delta.scales, [0.5, 0, 0.015625]);
  assert.deepEqual(delta.rows.map(({ cells }) => cells), [[127, 0, 1], [-127, 0, -2]]);
  assert.deepEqual([...delta.evidence], [64, 0, 0, 72]);
  assert.deepEqual(delta.report, [40, 0.5, 0.25]);
  // The parts cover the message without a gap: all of it is explained.
  assert.equal(delta.parts[0].start, 1);
  assert.equal(delta.parts.at(-1).end, bytes.length);
  delta.parts.slice(1).forEach((part, i) => assert.equal(part.start, delta.parts[i].end));
});

test("what is no delta is an error with a sentence", async () => {
  const golden = new Uint8Array(await readFile(GOLDEN));
  assert.throws(() => decodeDelta(new Uint8Array()), /end too early/);
  assert.throws(() => decodeDelta(Uint8Array.of(0x80)), /expected a map/);
  assert.throws(() => decodeDelta(Uint8Array.of(0xa2, 0, 1, 0, 1)), /twice/);
  assert.throws(() => decodeDelta(Uint8Array.of(...golden, 0)), /follow the map/);
  for (let length = 0; length < golden.length; length++) assert.throws(() => decodeDelta(golden.slice(0, length)), Error);
});

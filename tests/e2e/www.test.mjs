// The page's modules that need no browser.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { parseCsv } from "../../www/csv.js";
import { decodeDelta, hexId } from "../../www/delta.js";
import { featureNames, parseFilms, readable } from "../../www/films.js";
import { xxh3 } from "../../www/xxh3.js";
import { FILMS } from "./stage.mjs";

const GOLDEN = path.join(import.meta.dirname, "../../crates/core/tests/fixtures/delta-v2.cbor");

test("CSV: quotes, doubled quotes, commas and line breaks inside, any line end, no last one", () => {
  const text = '\uFEFFitem,title,year\r\n1,"Usual Suspects, The",1995\n2,"He said ""no""",\n\n3,"two\nlines",2001';
  assert.deepEqual(parseCsv(text), [
    { item: "1", title: "Usual Suspects, The", year: "1995" },
    { item: "2", title: 'He said "no"', year: "" },
    { item: "3", title: "two\nlines", year: "2001" },
  ]);
  assert.deepEqual(parseCsv(""), []);
  assert.deepEqual(parseCsv("a,b\n"), []);
});

test("the whole catalogue is read", async () => {
  const films = parseFilms(await readFile(FILMS, "utf8"));
  assert.equal(films.length, 9066);
  assert.equal(new Set(films.map(({ id }) => id)).size, 9066);
  assert.ok(films.every(({ id, title }) => id && title));
  assert.deepEqual(films.find(({ id }) => id === "2571"), { id: "2571", title: "The Matrix", year: "1999", genres: ["Action", "Sci-Fi", "Thriller"] });
  assert.equal(featureNames(films).size, 9066 + 19, "no two names share an id");
});

test("titles are put as people say them", () => {
  assert.equal(readable("City of Lost Children, The (Cité des enfants perdus, La)"), "The City of Lost Children");
  assert.equal(readable("Misérables, Les"), "Les Misérables");
  assert.equal(readable("Corrina, Corrina"), "Corrina, Corrina");
  assert.equal(readable("(500) Days of Summer"), "(500) Days of Summer");
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

// Reads a delta as it goes over the wire: one CBOR map with the keys 0 to 9 (docs: "The delta"). It keeps where every
// value stands in the bytes, so that the page can lay the explanation beside the dump and nothing has to be believed.

/** What each key of the map says, in the order of the keys. */
export const PARTS = [
  { name: "format", says: "of this message" },
  { name: "base version", says: "what the delta is relative to" },
  { name: "client key", says: "random, made on this device, rotates" },
  { name: "sequence", says: "so that a repeat is not counted twice" },
  { name: "events", says: "how many answers went in" },
  { name: "row ids", says: "64-bit hashes of feature names" },
  { name: "scales", says: "one a column" },
  { name: "rows", says: "one signed byte a number, column by column" },
  { name: "evidence", says: "how much each row was learnt from, in one byte or two" },
  { name: "report", says: "how many answers were predicted, and how well" },
];

/**
 * The delta in `bytes`:
 * `{ format, baseVersion, client, seq, events, ids, scales, columns, rows, report, parts }` where `parts[key]` is
 * `{ start, end, at, length }`: the key and its value stand in [start, end), the value's payload is `length` bytes from `at`.
 * Throws a sentence when it is not one.
 */
export function decodeDelta(bytes) {
  const reader = new Reader(bytes);
  const size = reader.head(5, "a map");
  const parts = [];
  const values = [];
  for (let i = 0; i < size; i++) {
    const start = reader.at;
    const key = reader.head(0, "an unsigned key");
    if (key in values) throw new Error(`key ${key} stands twice`);
    const value = reader.value();
    values[key] = value.value;
    parts[key] = { start, end: reader.at, at: value.at, length: value.length };
  }
  if (reader.at !== bytes.length) throw new Error(`${bytes.length - reader.at} bytes follow the map`);
  const [format, baseVersion, client, seq, events, idBytes, scales, rowBytes, evidence, report] = values;
  if (!(idBytes instanceof Uint8Array) || !(rowBytes instanceof Uint8Array) || !Array.isArray(scales)) {
    throw new Error("row ids, scales or rows are missing");
  }
  if (!(evidence instanceof Uint8Array) || !Array.isArray(report)) throw new Error("evidence or report is missing");
  const view = new DataView(idBytes.buffer, idBytes.byteOffset, idBytes.byteLength);
  const ids = Array.from({ length: idBytes.length / 8 }, (_, i) => view.getBigUint64(8 * i, true));
  if (rowBytes.length !== ids.length * scales.length) throw new Error("the rows do not fit the ids and scales");
  const columns = new Int8Array(rowBytes.buffer, rowBytes.byteOffset, rowBytes.byteLength);
  const rows = ids.map((id, i) => ({ id, cells: scales.map((_, c) => columns[c * ids.length + i]) }));
  return { format, baseVersion, client, seq, events, ids, scales, columns, rows, evidence, report, parts };
}

/** A feature id as people write it: sixteen hex digits. */
export const hexId = (id) => id.toString(16).padStart(16, "0");

/** The part of CBOR (RFC 8949) that a delta is written in. */
class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
  }

  value() {
    const major = this.bytes[this.at] >> 5;
    if (major === 0) return this.payload(() => this.head(0, "a number"));
    if (major === 2) {
      const length = this.head(2, "bytes");
      if (this.at + length > this.bytes.length) throw new Error("the bytes end too early");
      const at = this.at;
      this.at += length;
      return { value: this.bytes.slice(at, at + length), at, length };
    }
    if (major === 4) {
      const length = this.head(4, "a list");
      return this.payload(() => Array.from({ length }, () => this.number()));
    }
    throw new Error(`a delta holds no CBOR of major type ${major}`);
  }

  payload(read) {
    const at = this.at;
    const value = read();
    return { value, at, length: this.at - at };
  }

  /** The head of an item: its length, count or number. */
  head(major, what) {
    const first = this.byte();
    if (first >> 5 !== major) throw new Error(`expected ${what} at byte ${this.at - 1}`);
    const info = first & 31;
    if (info < 24) return info;
    const width = { 24: 1, 25: 2, 26: 4, 27: 8 }[info];
    if (!width || this.at + width > this.bytes.length) throw new Error(`expected ${what} at byte ${this.at - 1}`);
    let number = 0;
    for (let i = 0; i < width; i++) number = number * 256 + this.byte();
    return number;
  }

  /** A number of a list: a float, or one that counts. */
  number() {
    return this.bytes[this.at] >> 5 === 0 ? this.head(0, "a number") : this.float();
  }

  float() {
    const first = this.byte();
    const width = { 0xfa: 4, 0xfb: 8 }[first];
    if (!width || this.at + width > this.bytes.length) throw new Error(`expected a float at byte ${this.at - 1}`);
    const number = width === 4 ? this.view.getFloat32(this.at) : this.view.getFloat64(this.at);
    this.at += width;
    return number;
  }

  byte() {
    if (this.at >= this.bytes.length) throw new Error("the bytes end too early");
    return this.bytes[this.at++];
  }
}

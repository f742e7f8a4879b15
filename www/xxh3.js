// A feature's id is the XXH3-64 of its name. A delta carries ids alone, so to say which films are in one, the page hashes
// the names it knows. Names here are short; XXH3's loops for input over 128 bytes are left out.

const M64 = (1n << 64n) - 1n;
const PRIME_1 = 0x9e3779b185ebca87n;
const PRIME_2 = 0xc2b2ae3d27d4eb4fn;
const PRIME_3 = 0x165667b19e3779f9n;

const SECRET = view(
  Uint8Array.from(
    (
      "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221b8084674f743248e" +
      "e03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8a8fa763fe39c343ff9dcbbc7c70b4f1d8a" +
      "51e04bcdb45931c89f7ec9d9787364"
    ).match(/../g),
    (byte) => parseInt(byte, 16),
  ),
);

/** XXH3-64 of a text's UTF-8, as a BigInt; null when it is longer than 128 bytes. */
export function xxh3(text) {
  const bytes = new TextEncoder().encode(text);
  const n = bytes.length;
  if (n === 0 || n > 128) return null;
  const input = view(bytes);
  if (n <= 3) return upTo3(bytes, n);
  if (n <= 8) return upTo8(input, n);
  if (n <= 16) return upTo16(input, n);
  return upTo128(input, n);
}

function upTo3(bytes, n) {
  const word = (bytes[0] << 16) | (bytes[n >> 1] << 24) | bytes[n - 1] | (n << 8);
  let h = BigInt(word >>> 0) ^ (u32(SECRET, 0) ^ u32(SECRET, 4));
  h = ((h ^ (h >> 33n)) * PRIME_2) & M64;
  h = ((h ^ (h >> 29n)) * PRIME_3) & M64;
  return h ^ (h >> 32n);
}

function upTo8(input, n) {
  const word = (u32(input, n - 4) + (u32(input, 0) << 32n)) & M64;
  let h = word ^ (u64(SECRET, 8) ^ u64(SECRET, 16));
  h ^= rotateLeft(h, 49n) ^ rotateLeft(h, 24n);
  h = (h * 0x9fb21c651e98df25n) & M64;
  h ^= (h >> 35n) + BigInt(n);
  h = (h * 0x9fb21c651e98df25n) & M64;
  return h ^ (h >> 28n);
}

function upTo16(input, n) {
  const low = u64(input, 0) ^ (u64(SECRET, 24) ^ u64(SECRET, 32));
  const high = u64(input, n - 8) ^ (u64(SECRET, 40) ^ u64(SECRET, 48));
  return avalanche(BigInt(n) + swapBytes(low) + high + foldedProduct(low, high));
}

function upTo128(input, n) {
  let sum = BigInt(n) * PRIME_1;
  for (let i = Math.floor((n - 1) / 32); i >= 0; i--) {
    sum += mix16(input, 16 * i, 32 * i) + mix16(input, n - 16 * (i + 1), 32 * i + 16);
  }
  return avalanche(sum);
}

const mix16 = (input, at, secretAt) =>
  foldedProduct(u64(input, at) ^ u64(SECRET, secretAt), u64(input, at + 8) ^ u64(SECRET, secretAt + 8));

function foldedProduct(a, b) {
  const product = a * b;
  return (product & M64) ^ (product >> 64n);
}

function avalanche(sum) {
  let h = sum & M64;
  h = ((h ^ (h >> 37n)) * 0x165667919e3779f9n) & M64;
  return h ^ (h >> 32n);
}

function swapBytes(word) {
  const out = new DataView(new ArrayBuffer(8));
  out.setBigUint64(0, word, true);
  return out.getBigUint64(0, false);
}

const rotateLeft = (word, by) => ((word << by) | (word >> (64n - by))) & M64;
const u32 = (from, at) => BigInt(from.getUint32(at, true));
const u64 = (from, at) => from.getBigUint64(at, true);

function view(bytes) {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

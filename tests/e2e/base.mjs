// Reads what the tests ask of a base: a safetensors file, whose header is JSON behind a 64-bit length.

export function readBase(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const [start, end] = header.ids.data_offsets;
  const ids = new Set();
  for (let at = start; at < end; at += 8) ids.add(view.getBigUint64(8 + length + at, true));
  return { ids, metadata: JSON.parse(header.__metadata__.brooklet) };
}

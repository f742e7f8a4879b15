// A seed that knows nothing: the file by hand, safetensors with no rows. All that a learner upon it knows it has learnt by itself, on the spot.

/**
 * The bytes for `Learner.open({ bytes })`. `loss` is "logistic" for yes or no, "squared" for numbers, whose mean `w0` is about. Every feature moves at the
 * `rate`: nobody else has taught it, so there is nothing to be careful with.
 */
export function emptySeed({ model, loss = "logistic", w0 = 0, rate = 0.3 }) {
  const brooklet = JSON.stringify({
    format: 1, model, version: 1, factors: 1, loss, w0,
    schema: { visitor: "user", item: "item", private: [], fields: ["item"] },
    rates: { private: rate, shared: rate, delta: 0.2 },
    prior: { mean: [0, 0], covariance: [1, 0, 0, 0.01], scale: 1 },
    calibration: { a: 1, b: 0 },
    labels: { positive: null, map: [] },
    private_rows: false,
    training: {},
  });
  const tensor = (dtype, shape) => ({ dtype, shape, data_offsets: [0, 0] });
  const tensors = { ids: tensor("U64", [0]), w: tensor("F16", [0]), v: tensor("F16", [0, 1]) };
  const header = new TextEncoder().encode(JSON.stringify({ __metadata__: { brooklet }, ...tensors }));
  const bytes = new Uint8Array(8 + header.length);
  new DataView(bytes.buffer).setUint32(0, header.length, true);
  bytes.set(header, 8);
  return bytes;
}

/** Numbers from 0 to 1 that look random, the same every time. */
export function drawing(seed) {
  return () => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
  };
}

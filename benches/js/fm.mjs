// The yardstick: a factorization machine as one would write it by hand, learning by plain gradient steps. It knows no visitor
// row, no posterior, no calibration and no catalogue.

/** Rows by number. */
export class Fm {
  constructor(factors, rows = 1 << 14) {
    this.factors = factors;
    this.w = new Float64Array(rows);
    this.v = new Float64Array(rows * factors).map((_, at) => 0.3 * (((at * 0.6180339887) % 1) - 0.5));
    this.q = new Float64Array(factors);
  }

  /** The score of the active rows, each with the value 1. */
  score(ids) {
    const { factors, w, v, q } = this;
    q.fill(0);
    let score = 0;
    let squares = 0;
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i];
      score += w[id];
      for (let f = 0, at = id * factors; f < factors; f++, at++) {
        const x = v[at];
        q[f] += x;
        squares += x * x;
      }
    }
    for (let f = 0; f < factors; f++) score += 0.5 * q[f] * q[f];
    return score - 0.5 * squares;
  }

  predict(ids) {
    return 1 / (1 + Math.exp(-this.score(ids)));
  }

  learn(ids, target, rate) {
    const p = this.predict(ids);
    const { factors, w, v, q } = this;
    const pull = rate * (target - p);
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i];
      w[id] += pull;
      for (let f = 0, at = id * factors; f < factors; f++, at++) v[at] += pull * (q[f] - v[at]);
    }
    return p;
  }
}

/** Names to numbers. */
export class Names {
  constructor() {
    this.ids = new Map();
    // Reused, and of the same kind as numbers given directly, so that one compiled machine serves both.
    this.buffers = [];
  }

  id(name) {
    let id = this.ids.get(name);
    if (id === undefined) this.ids.set(name, (id = this.ids.size));
    return id;
  }

  all(names) {
    const found = (this.buffers[names.length] ??= new Int32Array(names.length));
    for (let i = 0; i < names.length; i++) found[i] = this.id(names[i]);
    return found;
  }
}

/** The names of a nested object's features, as Brooklet names them: `genres=Drama`, `device.os=a`, `weekend`. */
export function names(object, path = "", found = []) {
  for (const key of Object.keys(object)) {
    const value = object[key];
    if (Array.isArray(value)) for (const element of value) found.push(`${path}${key}=${element}`);
    else if (typeof value === "object") names(value, `${path}${key}.`, found);
    else if (value === true) found.push(path + key);
    else if (typeof value === "string") found.push(`${path}${key}=${value}`);
  }
  return found;
}

/** A catalogue of items, ranked by b + <q, q_i>. */
export class Items {
  constructor(items, factors) {
    this.factors = factors;
    this.b = new Float64Array(items).map((_, at) => (at * 0.7548776662) % 1);
    this.q = new Float64Array(items * factors).map((_, at) => ((at * 0.6180339887) % 1) - 0.5);
    this.scores = new Float64Array(items);
  }

  /** The k best under the context's q, best first: one pass, the best so far kept sorted. */
  top(context, k) {
    const { factors, b, q, scores } = this;
    const best = [];
    for (let item = 0, at = 0; item < b.length; item++) {
      let score = b[item];
      for (let f = 0; f < factors; f++, at++) score += context[f] * q[at];
      scores[item] = score;
      if (best.length === k && score <= scores[best[k - 1]]) continue;
      let place = best.length;
      while (place > 0 && scores[best[place - 1]] < score) place--;
      best.splice(place, 0, item);
      if (best.length > k) best.pop();
    }
    return best.map((item) => ({ id: String(item), score: scores[item] }));
  }
}

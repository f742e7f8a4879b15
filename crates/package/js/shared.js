// One learner for each store, whoever asks first: a page of many components has one visitor.

import init, { Learner } from "brooklet";

const learners = new Map();

/** The learner of `options.store`, opened once. A failure is not kept. */
export function shared(options) {
  const store = options.store === undefined ? "brooklet" : options.store;
  if (!learners.has(store)) {
    const opening = init().then(() => Learner.open(options));
    opening.catch(() => learners.delete(store));
    learners.set(store, opening);
  }
  return learners.get(store);
}

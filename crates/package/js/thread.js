// The worker's side of a learner that lives in one: what worker.js asks for is done here.

import init, { Learner } from "brooklet-glue";

/** Items by slices, until all are there. */
const batches = new Map();
const tokens = new Map();
const calling = new AbortController();
let learner;
let asked = 0;

const plain = ({ message, code }) => ({ message, code });

/** What the page's function says, which cannot be called from here. */
const endpointToken = () =>
  new Promise((resolve, reject) => {
    const token = ++asked;
    tokens.set(token, ({ given, failed }) => (failed ? reject(new Error(failed)) : resolve(given)));
    postMessage({ token });
  });

function* items(slices) {
  for (const slice of slices) {
    if (Array.isArray(slice)) yield* slice;
    else {
      const columns = Object.entries(slice.features);
      for (const [at, id] of slice.ids.entries()) yield { id, features: Object.fromEntries(columns.map(([name, column]) => [name, column[at]])) };
    }
  }
}

async function answer({ name, given = [], batch, options, compiled, tokens: withTokens, aborted }) {
  if (name === "open") {
    await init({ module_or_path: compiled });
    if (aborted) calling.abort();
    const onEvent = (event) => postMessage({ event: event.error ? { ...event, error: plain(event.error) } : event });
    learner = await Learner.open({ ...options, onEvent, signal: calling.signal, ...(withTokens && { endpointToken }) });
    return;
  }
  if (batch) {
    given = [items(batches.get(batch) ?? [])];
    batches.delete(batch);
  }
  const method = learner[name];
  return typeof method === "function" ? method.apply(learner, given) : method;
}

addEventListener("message", async ({ data }) => {
  const { id, batch, slice, dropped, token, abort } = data;
  if (abort) return calling.abort();
  if (token) {
    tokens.get(token)(data);
    return void tokens.delete(token);
  }
  if (slice) {
    if (!batches.has(batch)) batches.set(batch, []);
    return void batches.get(batch).push(slice);
  }
  if (dropped) return void batches.delete(batch);
  try {
    postMessage({ id, value: await answer(data) });
  } catch (error) {
    postMessage({ id, error: plain(error) });
  }
});

// A learner that lives in a worker: whatever a page asks of it goes there as a message, and comes back as a promise.

/** Items that go in one message, and how long a task may hand over such, in milliseconds. */
const SLICE = 200;
const BUDGET = 2;

/** So that the page can do what it has to. */
const breath = () =>
  new Promise((resolve) => {
    // A task as any other: `scheduler.yield` comes before timers, and those wait 4 ms.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => (port1.close(), resolve());
    port2.postMessage(0);
  });

const failure = ({ message, code }) => Object.assign(new Error(message), code && { name: "BrookletError", code });

/** What cannot go to a worker, such as a function, is no value of a feature; what the page's own code throws stays what it is. */
const refusal = (error) => (error.name === "DataCloneError" ? failure({ message: String(error), code: "bad_argument" }) : error);

/** The rows of columns, or the items, from one to another, as they are handed over. */
function* slices(items) {
  if (items?.ids) {
    const { ids, features = {} } = items;
    for (let at = 0; at < ids.length; at += SLICE) {
      const part = (column) => column.slice(at, at + SLICE);
      yield { ids: part(ids), features: Object.fromEntries(Object.entries(features).map(([name, column]) => [name, part(column)])) };
    }
    return;
  }
  let slice = [];
  for (const item of items) {
    if (slice.push(item) < SLICE) continue;
    yield slice;
    slice = [];
  }
  yield slice;
}

export async function open({ worker, onEvent, endpointToken, signal, ...options }, compiled) {
  const own = worker === true;
  const thread = own ? new Worker(new URL("./thread.js", import.meta.url), { type: "module" }) : worker;
  const waiting = new Map();
  const listeners = new Map();
  let asked = 0;

  const ask = (message) =>
    new Promise((resolve, reject) => {
      waiting.set(++asked, { resolve, reject });
      try {
        thread.postMessage({ ...message, id: asked });
      } catch (error) {
        reject(refusal(error));
      }
    });
  const call = (name, ...given) => ask({ name, given });
  const tell = (event) => {
    if (event.error) event.error = failure(event.error);
    onEvent?.(event);
    for (const listener of [...(listeners.get(event.type) ?? [])]) listener(event);
  };
  thread.addEventListener("message", async ({ data: { id, value, error, event, token } }) => {
    if (event) return tell(event);
    if (token) {
      const [given, failed] = await Promise.resolve().then(endpointToken).then((given) => [given], (thrown) => [null, String(thrown)]);
      return thread.postMessage({ token, given, failed });
    }
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error) reject(failure(error));
    else resolve(value);
  });
  thread.addEventListener("error", ({ message }) => {
    const why = `the worker failed${message ? `: ${message}` : ", or thread.js is not where it should be"}; pass \`worker\`, a Worker of brooklet/thread`;
    for (const { reject } of waiting.values()) reject(failure({ message: why, code: "worker" }));
    waiting.clear();
  });

  /** Hands items over in slices; the worker takes all of them at once. */
  const feed = async (name, items) => {
    const batch = ++asked;
    let began = performance.now();
    try {
      for (const slice of slices(items)) {
        thread.postMessage({ batch, slice });
        if (performance.now() - began < BUDGET) continue;
        await breath();
        began = performance.now();
      }
    } catch (error) {
      // Nobody will ask for what is there of it.
      thread.postMessage({ batch, dropped: true });
      throw refusal(error);
    }
    return ask({ name, batch });
  };
  const end = () => own && thread.terminate();
  const close = async () => {
    removeEventListener("visibilitychange", hidden, true);
    await call("close").finally(end);
  };
  // A page that is left has no time: what is not in the store by now is saved while it still has.
  const hidden = () => document.visibilityState === "hidden" && call("save").catch(() => {});

  const methods = {
    close,
    [Symbol.asyncDispose ?? Symbol()]: close,
    addItems: (items) => feed("addItems", items),
    addItemsInSlices: (items) => feed("addItems", items),
    setItems: (items) => feed("setItems", items),
    removeItems: (ids) => call("removeItems", [...ids]),
    on: async (type, listener) => void listeners.set(type, (listeners.get(type) ?? new Set()).add(listener)),
    off: async (type, listener) => void listeners.get(type)?.delete(listener),
  };
  const learner = new Proxy(methods, {
    get(_, name) {
      // Whoever awaits a learner has it.
      if (name in methods || typeof name === "symbol" || name === "then") return methods[name];
      if (name === "version" || name === "consent") return call(name);
      return (...given) => call(name, ...given);
    },
  });

  const address = (name) => options[name] && { [name]: new URL(options[name], globalThis.document?.baseURI ?? location.href).href };
  signal?.addEventListener("abort", () => thread.postMessage({ abort: true }));
  Object.assign(options, address("url"), address("endpoint"));
  try {
    await ask({ name: "open", options, compiled: await compiled(), tokens: !!endpointToken, aborted: signal?.aborted });
  } catch (error) {
    end();
    throw error;
  }
  globalThis.addEventListener?.("visibilitychange", hidden, true);
  return learner;
}

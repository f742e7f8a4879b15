// What an input names, on JavaScript's side of the boundary. Strings are dear to hand over, so each feature crosses once, by
// its name, and goes by a number from then on: two lookups where it lies instead of a copy and a hash.

/** What `read` returns when it fails. */
const FAILED = -2147483648;

/** Fields that are remembered; beyond, all are met anew. */
const MOST_FIELDS = 1 << 16;

/** What the values of a field are, where the model knows; else `undefined`. */
const CATEGORICAL = 1;
const NUMERIC = 3;

/** The text of a number, as the core reads it. */
const NUMBER = /^[ \t\n\r]*-?\d+(\.\d+)?([eE][-+]?\d+)?[ \t\n\r]*$/;

/** The features that stand at one dotted path. */
class Field {
  constructor(key, path, kind) {
    this.key = key;
    this.path = path;
    this.kind = kind;
    this.within = new Map(); // key of an object -> Field
    this.usual = []; // the fields of the object that was met first, in its order
    this.categories = new Map(); // text, or a number that is one -> number
    this.numeric = -1;
    this.flag = -1;
  }
}

export class Vocabulary {
  /** `memory` is WebAssembly's; the bounds of an input are the core's, and so are the kinds of the fields that the model knows. */
  constructor(memory, mostFeatures, largestNumber, deepest, kinds) {
    this.kinds = kinds;
    this.memory = memory;
    this.largestNumber = largestNumber;
    this.deepest = deepest;
    this.out = new Float64Array();
    this.found = new Float64Array(2 * mostFeatures);
    this.forget();
  }

  /** Gives out numbers from 0 again. */
  forget() {
    this.clear();
    this.known = 0;
    this.fresh = [];
  }

  /** Forgets which number stands where; the numbers that were given stay. */
  clear() {
    this.root = new Field("", "");
    this.fields = 0;
  }

  /** The features that were given a number since the last time: path, then a value as it was met, by turns. */
  take() {
    const { fresh } = this;
    this.fresh = [];
    return fresh;
  }

  /** The categories that were met at a dotted path. */
  categories(path) {
    let field = this.root;
    for (const key of path.split(".")) field = field?.within.get(key);
    return field ? Array.from(field.categories.keys(), String) : [];
  }

  /** The names of all features that were met. */
  names() {
    const names = [];
    const walk = (field) => {
      for (const text of field.categories.keys()) names.push(`${field.path}=${text}`);
      if (field.numeric >= 0 || field.flag >= 0) names.push(field.path);
      field.within.forEach(walk);
    };
    walk(this.root);
    return names;
  }

  /**
   * Writes the number and the value of each feature of the input, by turns, to where `at` points. Returns how many features these
   * are; if there are new ones to take, the same below zero, less one; and if it fails a number far below, with what was
   * thrown in `thrown`: as no exception crosses, no call needs to be wrapped for one.
   */
  read(input, at) {
    try {
      this.length = 0;
      // Not every field has a number: an array or an object may be empty.
      if (this.fields >= MOST_FIELDS) this.clear();
      if (input !== undefined && input !== null) {
        if (!isPlain(input)) throw refused("", "must be a plain object of named values");
        this.object(this.root, input, 0);
      }
      const { found, length, memory } = this;
      // Memory that has grown, by a getter of the page's that uses a learner too, has left its old views behind, empty.
      if (this.out.length === 0 || this.out.byteOffset !== at) {
        this.out = new Float64Array(memory.buffer, at, found.length);
      }
      const { out } = this;
      for (let i = 0; i < length; i++) out[i] = found[i];
      return this.fresh.length === 0 ? length >> 1 : -1 - (length >> 1);
    } catch (thrown) {
      this.thrown = thrown;
      return FAILED;
    }
  }

  object(field, object, depth) {
    const keys = Object.keys(object);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      const value = object[key];
      if (value === undefined || value === null) continue;
      // Objects of one kind have their keys in one order, and the same string is quick to compare.
      const usual = field.usual[i];
      const within = usual !== undefined && usual.key === key ? usual : this.enter(field, key, i, value);
      if (within === undefined) continue;
      if (within.kind !== undefined) this.ofKind(within, value);
      else if (typeof value === "string") this.category(within, value);
      else if (typeof value === "number") this.number(within, value);
      else if (typeof value === "bigint") this.category(within, String(value));
      else if (value === true) this.put(within, (within.flag = this.numbered(within.flag, within.path, true)), 1);
      else if (value === false) continue;
      else if (Array.isArray(value)) this.elements(within, value);
      else if (!isPlain(value)) throw refused(within.path, "must be a string, number, boolean, array or plain object");
      // A cycle ends here too.
      else if (depth === this.deepest) throw refused(within.path, "is nested too deeply");
      else this.object(within, value, depth + 1);
    }
  }

  /** A value of a field whose kind the model knows. */
  ofKind(field, value) {
    if (typeof value === "bigint") value = String(value);
    const type = typeof value;
    if (field.kind === NUMERIC) {
      if (type === "number" || (type === "string" && NUMBER.test(value))) return this.number(field, Number(value));
      throw refused(field.path, "must be a number or the text of one: the model knows the field as numeric");
    }
    if (type === "string" || type === "number") return this.category(field, value);
    if (type === "boolean") return this.category(field, String(value));
    if (!Array.isArray(value)) {
      throw refused(field.path, "must be a text, a number or a boolean: the model knows the field as categories");
    }
    const elements = value.filter((element) => element !== undefined && element !== null);
    if (field.kind === CATEGORICAL && elements.length > 1) {
      throw refused(field.path, "must be one category: the model knows the field as categorical");
    }
    for (const element of elements) {
      if (!["string", "number", "bigint"].includes(typeof element)) {
        throw refused(field.path, "must be an array of strings or whole numbers");
      }
      this.category(field, typeof element === "bigint" ? String(element) : element);
    }
  }

  elements(field, elements) {
    for (let i = 0; i < elements.length; i++) {
      const element = elements[i];
      if (typeof element === "string") this.category(field, element);
      else if (Number.isSafeInteger(element) || typeof element === "bigint") this.category(field, String(element));
      else if (element !== undefined && element !== null) {
        throw refused(field.path, "must be an array of strings or whole numbers");
      }
    }
  }

  /** The field of a key; none for a flag that is off and was never on, so that these are not remembered. */
  enter(field, key, place, value) {
    let within = field.within.get(key);
    if (within === undefined) {
      const path = field === this.root ? key : `${field.path}.${key}`;
      const kind = this.kinds.get(path);
      if (value === false && kind === undefined) return undefined;
      within = new Field(key, path, kind);
      this.fields++;
      field.within.set(key, within);
      if (place === field.usual.length) field.usual.push(within);
    }
    return within;
  }

  category(field, text) {
    let number = field.categories.get(text);
    if (number === undefined) field.categories.set(text, (number = this.numbered(-1, field.path, text)));
    this.put(field, number, 1);
  }

  number(field, value) {
    if (!(Math.abs(value) <= this.largestNumber)) {
      throw refused(field.path, "must be a number of at most a million in magnitude");
    }
    this.put(field, (field.numeric = this.numbered(field.numeric, field.path, 0)), value);
  }

  numbered(number, path, value) {
    if (number >= 0) return number;
    this.fresh.push(path, value);
    return this.known++;
  }

  put(field, number, value) {
    if (this.length === this.found.length) {
      throw refused(field.path, "is one feature too many: an input has at most 1024");
    }
    this.found[this.length++] = number;
    this.found[this.length++] = value;
  }
}

/** As an object literal would have made it, in whichever realm. Dates, maps and class instances keep their content where no walk
 * over keys would find it, so they are not taken for empty objects. */
function isPlain(value) {
  if (typeof value !== "object") return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function refused(path, why) {
  return new TypeError(`the value at \`${path}\` ${why}`);
}

/**
 * The options of these names, as JSON; or what was thrown on the way. What JSON would leave out or take for null becomes a text,
 * which is no setting of any name.
 */
export const settings = (options, names) => {
  const tell = (_, value) =>
    ["bigint", "function", "symbol"].includes(typeof value) || (typeof value === "number" && !Number.isFinite(value)) ? String(value) : value;
  try {
    return JSON.stringify(Object.fromEntries(names.split(",").map((name) => [name, options[name]])), tell);
  } catch (error) {
    return error;
  }
};

/** Whether this is an object with `id` and `features` alone. */
export const isItem = (value) =>
  typeof value === "object" && value !== null && Object.keys(value).every((key) => key === "id" || key === "features");

/** Puts the values that columns have at a place into a row. */
export const rowOf = (columns, at, row) => {
  for (const name of Object.keys(columns)) row[name] = columns[name][at];
};

/** Is kept when the page has had its turn. */
export const breath = () =>
  new Promise((resolve) => {
    // A task as any other: `scheduler.yield` comes before timers, and those wait 4 ms.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => (port1.close(), resolve());
    port2.postMessage(0);
  });

/** `Prediction`, in one call. */
export const prediction = (score, probability, baseScore, baseProbability) => ({
  score,
  probability,
  baseScore,
  baseProbability,
});

/** The same of what waits for its label, `Held`. */
export const held = (id, ...predicted) => ({ id, ...prediction(...predicted) });

/** An item of a slate, `Recommended`. */
export const recommended = (id, score, probability, propensity) => ({ id, score, probability, propensity });

/** `fetch` for a page that is leaving: what comes of it is nobody's to hear, and a rejection no complaint on the console. */
export const fetchAndGo = (url, init) => {
  try {
    fetch(url, init).catch(() => {});
  } catch {}
};

/** Waits for the lock of this name, and gives what lets go of it: nothing where no lock can be had, or if the page goes meanwhile. */
export const locked = async (name) => {
  const waiting = new AbortController();
  const goes = () => waiting.abort();
  try {
    globalThis.addEventListener?.("pagehide", goes);
    return await new Promise((granted, refused) =>
      navigator.locks.request(name, { signal: waiting.signal }, () => new Promise(granted)).catch(refused));
  } catch {
  } finally {
    globalThis.removeEventListener?.("pagehide", goes);
  }
};

/** Why an address cannot be fetched from here, if so. */
export const unfit = (address) => {
  const here = globalThis.document?.baseURI ?? globalThis.location?.href;
  try {
    if (new URL(address, here).protocol !== "file:") return;
  } catch {
    return `\`${address}\` is no address that can be read from \`${here}\`: pass one with a protocol and a host`;
  }
  return `\`${address}\` is a file, which no page may fetch: serve it over HTTP, or pass \`bytes\``;
};

/** Whether somebody of another origin answers, but not to this page. */
export const barred = async (address) => {
  try {
    if (new URL(address, location.href).origin === location.origin) return false;
    await fetch(address, { method: "HEAD", mode: "no-cors", credentials: "omit", referrerPolicy: "no-referrer", signal: AbortSignal.timeout(5000) });
    return true;
  } catch {
    return false;
  }
};

/** What is called when a learner is let go of that was not closed: says so, in development, if nobody freed it, so that it was forgotten. */
export const whenForgotten = (learner) => {
  const there = new WeakRef(learner);
  return () => {
    if (there.deref() === undefined && /^(localhost$|127\.|\[::1\])/.test(globalThis.location?.hostname)) {
      console.warn("brooklet: a learner was forgotten, and is closed: keep it for as long as the page learns, or close() it");
    }
  };
};

/** `setTimeout`; a process of Node ends though it is set. */
export const setTimer = (callback, milliseconds) => {
  const id = setTimeout(callback, milliseconds);
  id.unref?.();
  return id;
};

/** A signal that aborts after so many milliseconds, or when `signal` does. */
export const bounded = (milliseconds, signal) => {
  const timeout = AbortSignal.timeout(milliseconds);
  return signal ? AbortSignal.any([timeout, signal]) : timeout;
};

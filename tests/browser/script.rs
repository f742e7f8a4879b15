//! Running JavaScript against the learner.

use js_sys::{Function, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::seed::{keen_seed, seed, seed_of};

/// What every script finds: `open(options)` on the seed of version 1 with the four films in the catalogue, `bytes(version)`,
/// `keen()`: those of a seed with low thresholds, `code(work)`: the code of the error that `work` ends in, `kept(store)`: the log
/// in the store, and `endpoint([answers])`, which stands in for `fetch`.
const PRELUDE: &str = r#"
const films = [
  { id: 1, features: { genres: ["Sci-Fi"] } }, { id: "2", features: { genres: ["Sci-Fi"] } },
  { id: 3, features: { genres: ["Romance"] } }, { id: "4", features: { genres: ["Romance"] } },
];
const open = async (options = {}) => {
  const learner = await openBare({ ...(options.url || options.bytes ? {} : { bytes: bytes(1) }), store: null, ...options });
  learner.addItems(films);
  return learner;
};
const code = async (work) => {
  try { await work(); } catch (error) {
    return error instanceof Error && error.name === "BrookletError" && error.message.length > 10 ? error.code : `bare ${error}`;
  }
  return "none";
};
const equal = (found, expected, what = "") => {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what} found ${a}, expected ${b}`);
};
const holds = (fact, what) => { if (!fact) throw new Error(`does not hold: ${what}`); };
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const until = async (fact, what) => {
  for (let i = 0; i < 200; i++) { if (await fact()) return; await pause(20); }
  throw new Error(`never happened: ${what}`);
};
const kept = async (store, key = "log/films") => {
  const done = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = reject;
  });
  const database = await done(indexedDB.open(store));
  const value = await done(database.transaction("brooklet").objectStore("brooklet").get(key));
  database.close();
  return value;
};
let stores = 0;
const fresh = () => `test-${Date.now()}-${Math.random()}-${stores++}`;
// What a test that fails has put in its place would answer the next one.
const fetched = globalThis.fetch;
const endpoint = (answer) => {
  const calls = [];
  const real = globalThis.fetch;
  globalThis.fetch = async (url, init = {}) => {
    const headers = Object.fromEntries(new Headers(init.headers));
    const call = { url: String(url), method: init.method ?? "GET", headers, body: init.body, init };
    calls.push(call);
    const { status = 200, body = null, headers: answered = {}, offline = false } = await answer(call, calls.length);
    if (offline) throw new TypeError("Failed to fetch");
    const content = body === null || body instanceof Uint8Array ? body : JSON.stringify(body);
    return new Response(status === 304 ? null : content, { status, headers: answered });
  };
  return { calls, restore: () => { globalThis.fetch = real; } };
};
"#;

/// Runs the body of an async function and returns what that returns. What it throws fails the test.
pub(crate) async fn run(body: &str) -> JsValue {
    let bytes = function(|version: JsValue, model: JsValue| {
        let version = version.as_f64().unwrap() as u64;
        let bytes = model.as_string().map_or_else(|| seed(version), |model| seed_of(&model, version));
        Uint8Array::from(&bytes[..]).into()
    });
    let keen = function(|_, _| Uint8Array::from(&keen_seed()[..]).into());
    let open = function(|options: JsValue, _| brooklet::Learner::open(&options).into());
    let source = format!(
        "(async (openBare, bytes, keen) => {{ {PRELUDE} try {{ {body} }} finally {{ globalThis.fetch = fetched }} }})"
    );
    let script = js_sys::eval(&source).unwrap().unchecked_into::<Function>();
    let promise = script.call3(&JsValue::UNDEFINED, &open, &bytes, &keen).unwrap().unchecked_into::<Promise>();
    JsFuture::from(promise).await.unwrap_or_else(|thrown| {
        let message = Reflect::get(&thrown, &"stack".into()).ok().and_then(|stack| stack.as_string());
        panic!("{}", message.unwrap_or_else(|| format!("{thrown:?}")))
    })
}

fn function(body: impl FnMut(JsValue, JsValue) -> JsValue + 'static) -> JsValue {
    let closure = wasm_bindgen::closure::Closure::<dyn FnMut(JsValue, JsValue) -> JsValue>::new(body);
    closure.into_js_value()
}

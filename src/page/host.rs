//! What a page or a worker offers: the few globals that the learner uses, typed as thinly as they are used.
//!
//! They are looked up as globals, not on `window`, so that the learner runs in a worker as well.

use js_sys::{Promise, Reflect};
use wasm_bindgen::prelude::*;
use web_sys::{Crypto, Document, EventTarget, IdbFactory, RequestInit, Storage};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = clearTimeout)]
    pub(crate) fn clear_timeout(id: &JsValue);

    #[wasm_bindgen(catch)]
    pub(crate) fn fetch(url: &str, init: &RequestInit) -> Result<Promise, JsValue>;

    #[wasm_bindgen(thread_local_v2, js_name = crypto)]
    static CRYPTO: Option<Crypto>;

    #[wasm_bindgen(thread_local_v2, js_name = document)]
    static DOCUMENT: Option<Document>;

    #[wasm_bindgen(thread_local_v2, js_name = navigator)]
    static NAVIGATOR: Option<Navigator>;

    #[wasm_bindgen(thread_local_v2, js_name = globalThis)]
    static GLOBAL: JsValue;

    /// `navigator`, of a window or of a worker.
    type Navigator;

    #[wasm_bindgen(method, getter, js_name = onLine)]
    fn on_line(this: &Navigator) -> Option<bool>;

    #[wasm_bindgen(method, getter, js_name = globalPrivacyControl)]
    fn global_privacy_control(this: &Navigator) -> Option<bool>;
}

/// Whether the browser knows itself to be offline. That it is not does not mean that the endpoint can be reached.
pub(crate) fn is_offline() -> bool {
    NAVIGATOR.with(|navigator| navigator.as_ref().and_then(Navigator::on_line) == Some(false))
}

/// Whether the visitor has told the browser that nothing of him is to be shared.
pub(crate) fn wants_privacy() -> bool {
    NAVIGATOR.with(|navigator| navigator.as_ref().and_then(Navigator::global_privacy_control) == Some(true))
}

/// The document, unless this is a worker.
pub(crate) fn document() -> Option<Document> {
    DOCUMENT.with(Clone::clone)
}

/// Where `pagehide` and `online` are heard: the window or the worker itself.
pub(crate) fn global_target() -> EventTarget {
    GLOBAL.with(|global| global.clone().unchecked_into())
}

/// IndexedDB. In a sandboxed frame even looking at it may throw.
pub(crate) fn indexed_db() -> Option<IdbFactory> {
    let factory = GLOBAL.with(|global| Reflect::get(global, &"indexedDB".into())).ok()?;
    factory.is_object().then(|| factory.unchecked_into())
}

/// `localStorage`. In a sandboxed frame looking at it throws; workers have none.
pub(crate) fn local_storage() -> Option<Storage> {
    let storage = GLOBAL.with(|global| Reflect::get(global, &"localStorage".into())).ok()?;
    storage.is_object().then(|| storage.unchecked_into())
}

/// Sixteen bytes that nobody can guess.
pub(crate) fn random_key() -> Option<[u8; 16]> {
    let mut key = [0; 16];
    CRYPTO.with(|crypto| crypto.as_ref()?.get_random_values_with_u8_array(&mut key).ok())?;
    Some(key)
}

/// Uniform in [0, 1): for jitter, not for secrets.
pub(crate) fn random() -> f64 {
    js_sys::Math::random()
}

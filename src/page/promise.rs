//! Futures as promises, and futures that nobody waits for.
//!
//! Boxed, so that what wasm-bindgen builds around a future is compiled once and not once a future: that halves the
//! asynchronous part of the download.

use alloc::boxed::Box;
use core::pin::Pin;

use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{future_to_promise, spawn_local};

use crate::page::error::Failure;

/// Runs `work`; the promise is settled with its outcome.
pub(crate) fn promise(work: impl Future<Output = Result<JsValue, Failure>> + 'static) -> Promise {
    let work: Pin<Box<dyn Future<Output = Result<JsValue, JsValue>>>> =
        Box::pin(async move { work.await.map_err(JsValue::from) });
    future_to_promise(work)
}

/// Runs `work`.
pub(crate) fn spawn(work: impl Future<Output = ()> + 'static) {
    let work: Pin<Box<dyn Future<Output = ()>>> = Box::pin(work);
    spawn_local(work);
}

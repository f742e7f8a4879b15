//! Futures as promises, and futures that nobody waits for.
//!
//! Boxed, so that what wasm-bindgen builds around a future is compiled once and not once a future: that halves the
//! asynchronous part of the download.

use alloc::boxed::Box;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::Poll;

use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, future_to_promise, spawn_local};

use crate::page::error::Failure;
use crate::page::vocabulary;

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

/// What comes of `work` if it is done within so many milliseconds; else the work, to be gone on with.
pub(crate) async fn within<T>(
    milliseconds: f64,
    mut work: Pin<Box<dyn Future<Output = T>>>,
) -> Result<T, Pin<Box<dyn Future<Output = T>>>> {
    let mut timeout =
        JsFuture::from(Promise::new(&mut |resolve, _| drop(vocabulary::set_timer(&resolve, milliseconds))));
    let done = poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => Pin::new(&mut timeout).poll(context).map(|_| None),
    });
    match done.await {
        Some(done) => Ok(done),
        None => Err(work),
    }
}

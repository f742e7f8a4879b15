//! One tab at a time: the Web Locks API.

use alloc::rc::Rc;
use core::cell::RefCell;
use core::future::Future;

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::page::error::Failure;
use crate::page::host;
use crate::page::promise::promise;

/// Runs `work` while holding the lock `name`. Where there are no locks (an insecure page), it simply runs: the store's
/// revisions and the endpoint's sequence numbers keep the learning right, the lock only spares a second sender the trip.
pub(crate) async fn exclusive<T: 'static>(
    name: &str,
    work: impl Future<Output = Result<T, Failure>> + 'static,
) -> Result<T, Failure> {
    let Some(locks) = host::locks() else { return work.await };
    let outcome = Rc::new(RefCell::new(None));
    let slot = Rc::clone(&outcome);
    // The lock is held until the promise that this returns is settled.
    let callback = Closure::once(move || {
        promise(async move {
            let result = work.await;
            *slot.borrow_mut() = Some(result);
            Ok(JsValue::UNDEFINED)
        })
    });
    let granted = JsFuture::from(locks.request(name, callback.as_ref().unchecked_ref())).await;
    let outcome = outcome.borrow_mut().take();
    match (outcome, granted) {
        (Some(outcome), _) => outcome,
        (None, Err(thrown)) => Err(Failure::thrown("storage", &thrown)),
        (None, Ok(_)) => Err(Failure::new("storage", "the lock was granted, but nothing ran under it")),
    }
}

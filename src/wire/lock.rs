//! One tab at a time: the Web Locks API.

use alloc::string::String;
use core::cell::RefCell;

use js_sys::Function;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::page::vocabulary;

/// A lock that the tabs of an origin share by its name. Where there are no locks (an insecure page), or none may be had (a sandboxed
/// frame), everybody goes on: the store's revisions and the endpoint's sequence numbers keep the learning right, the lock only spares
/// a second sender the trip.
pub(crate) struct Lock {
    name: String,
    /// What lets go of it, while this tab has it.
    held: RefCell<Option<Function>>,
}

impl Lock {
    pub(crate) fn new(name: String) -> Lock {
        Lock { name, held: RefCell::default() }
    }

    /// Runs `work` while holding the lock.
    pub(crate) async fn exclusive<T>(&self, work: impl Future<Output = T>) -> T {
        let held = JsFuture::from(vocabulary::locked(&self.name)).await;
        self.held.replace(held.ok().and_then(|held| held.dyn_into().ok()));
        let outcome = work.await;
        self.release();
        outcome
    }

    /// Lets go of the lock, whatever the work: a page that goes would keep the other tabs waiting until it is back.
    pub(crate) fn release(&self) {
        if let Some(release) = self.held.take() {
            let _ = release.call0(&JsValue::UNDEFINED);
        }
    }
}

//! Timers and listeners that end when they are dropped. Whom they wake they do not know.

use alloc::rc::Rc;
use core::cell::RefCell;

use wasm_bindgen::prelude::*;
use web_sys::EventTarget;

use crate::page::host;
use crate::page::vocabulary;

/// The longest time that a timer can be set to, in milliseconds.
const LONGEST_TIMER: f64 = 2_147_483_647.0;

/// A timer that is set again and again.
pub(crate) struct Timer {
    callback: Closure<dyn FnMut()>,
    id: Rc<RefCell<Option<JsValue>>>,
}

impl Timer {
    pub(crate) fn new(mut ring: impl FnMut() + 'static) -> Timer {
        let id = Rc::<RefCell<Option<JsValue>>>::default();
        let rung = Rc::clone(&id);
        let callback = Closure::new(move || {
            rung.replace(None);
            ring();
        });
        Timer { callback, id }
    }

    /// Sets the timer unless it is set.
    pub(crate) fn start(&self, milliseconds: f64) {
        if self.id.borrow().is_none() {
            let callback = self.callback.as_ref().unchecked_ref();
            let id = vocabulary::set_timer(callback, milliseconds.min(LONGEST_TIMER));
            self.id.replace(Some(id));
        }
    }

    /// Sets the timer anew.
    pub(crate) fn restart(&self, milliseconds: f64) {
        self.stop();
        self.start(milliseconds);
    }

    fn stop(&self) {
        if let Some(id) = self.id.take() {
            host::clear_timeout(&id);
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A listener that ends with this value.
pub(crate) struct Listener {
    target: EventTarget,
    kind: &'static str,
    callback: Closure<dyn FnMut()>,
}

impl Listener {
    pub(crate) fn new(target: EventTarget, kind: &'static str, heard: impl FnMut() + 'static) -> Listener {
        let callback = Closure::new(heard);
        // A target that cannot be listened to (some engines are no event targets) has nothing to say.
        let _ = target.add_event_listener_with_callback(kind, callback.as_ref().unchecked_ref());
        Listener { target, kind, callback }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.target.remove_event_listener_with_callback(self.kind, self.callback.as_ref().unchecked_ref());
    }
}

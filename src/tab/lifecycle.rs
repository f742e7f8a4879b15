//! The page around the learner: timers, and what the browser says of being hidden and of being online.

use alloc::rc::{Rc, Weak};
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;

use wasm_bindgen::prelude::*;
use web_sys::{EventTarget, VisibilityState};

use crate::page::event::Event;
use crate::page::host;
use crate::tab::client::Tab;
use crate::tab::sync::{Occasion, sync_in_background};

/// How long an event waits to be saved, in milliseconds, so that a burst of them is one save.
const SAVE_AFTER: f64 = 100.0;
/// When the network is back, browsers do not all send in the same instant: up to this many milliseconds.
const BACK_ONLINE: f64 = 2000.0;
/// The longest time that a timer can be set to, in milliseconds.
const LONGEST_TIMER: f64 = 2_147_483_647.0;

/// Timers and listeners of one learner; all are gone when this is dropped.
pub(crate) struct Page {
    save: Timer,
    sync: Timer,
    _listeners: Vec<Listener>,
}

impl Page {
    pub(crate) fn watch(tab: &Rc<Tab>) -> Page {
        let mut listeners = vec![
            Listener::new(host::global_target(), "pagehide", tab, on_hidden),
            Listener::new(host::global_target(), "online", tab, on_online),
        ];
        if let Some(document) = host::document() {
            listeners.push(Listener::new(document.into(), "visibilitychange", tab, |tab| {
                if host::document().is_some_and(|document| document.visibility_state() == VisibilityState::Hidden) {
                    on_hidden(tab);
                }
            }));
        }
        Page {
            save: Timer::new(tab, save),
            sync: Timer::new(tab, |tab| sync_in_background(tab, Occasion::Due)),
            _listeners: listeners,
        }
    }

    /// Sets the timers that are not set, if there is something for them to do.
    pub(crate) fn arm(&self, tab: &Tab) {
        if tab.is_unsaved() {
            self.save.start(SAVE_AFTER);
        }
        let Some(link) = &tab.link else { return };
        // A sync that is under way looks again when it is done; one that is impossible is begun by `online`.
        if link.syncing.is_taken() || host::is_offline() {
            return;
        }
        match link.due.get().next(tab.waiting(), link.failures.get(), host::random()) {
            Some(0.0) => self.sync.restart(0.0),
            Some(wait) => self.sync.start(wait),
            None => {}
        }
    }

    pub(crate) fn sync_within(&self, milliseconds: f64) {
        self.sync.restart(milliseconds);
    }
}

/// Saves and nothing else.
fn save(tab: &Rc<Tab>) {
    let saving = Rc::clone(tab);
    tab.background("save", async move { saving.save().await });
}

/// The page may be gone in a moment: nothing is left for later.
fn on_hidden(tab: &Rc<Tab>) {
    if let Err(failure) = tab.leave() {
        tab.tell(Event::Failed { during: "save", failure: &failure });
    }
    let can_send = tab.link.as_ref().is_some_and(|link| link.failures.get() == 0 && !link.syncing.is_taken());
    if can_send && tab.waiting() > 0 && !host::is_offline() {
        sync_in_background(tab, Occasion::Leaving);
    } else {
        save(tab);
    }
}

/// Failures of the time without network count no more.
fn on_online(tab: &Rc<Tab>) {
    let Some(link) = &tab.link else { return };
    link.failures.set(0);
    if tab.waiting() > 0 {
        tab.sync_within(BACK_ONLINE * host::random());
    }
}

/// A timer that is set again and again.
struct Timer {
    callback: Closure<dyn FnMut()>,
    id: Rc<RefCell<Option<JsValue>>>,
}

impl Timer {
    fn new(tab: &Rc<Tab>, ring: fn(&Rc<Tab>)) -> Timer {
        let tab = Rc::downgrade(tab);
        let id = Rc::<RefCell<Option<JsValue>>>::default();
        let rung = Rc::clone(&id);
        let callback = Closure::new(move || {
            rung.replace(None);
            if let Some(tab) = Weak::upgrade(&tab) {
                ring(&tab);
            }
        });
        Timer { callback, id }
    }

    /// Sets the timer unless it is set.
    fn start(&self, milliseconds: f64) {
        if self.id.borrow().is_none() {
            let callback = self.callback.as_ref().unchecked_ref();
            let id = host::set_timeout(callback, milliseconds.min(LONGEST_TIMER));
            self.id.replace(Some(id));
        }
    }

    /// Sets the timer anew.
    fn restart(&self, milliseconds: f64) {
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
struct Listener {
    target: EventTarget,
    kind: &'static str,
    callback: Closure<dyn FnMut()>,
}

impl Listener {
    fn new(target: EventTarget, kind: &'static str, tab: &Rc<Tab>, heard: fn(&Rc<Tab>)) -> Listener {
        let tab = Rc::downgrade(tab);
        let callback = Closure::new(move || {
            if let Some(tab) = Weak::upgrade(&tab) {
                heard(&tab);
            }
        });
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

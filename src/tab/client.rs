//! One learner in one tab: its session, where the session is kept, and where it sends to.
//!
//! No borrow of the session is held across an await, nor while anything of the page's is called, so the page may click
//! while a sync is under way, and ask for metrics from inside a callback.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use brooklet_core::{FeatureId, Features, Prediction};
use js_sys::Function;
use wasm_bindgen::JsValue;

use crate::learning::journal;
use crate::learning::saved::Replaced;
use crate::learning::session::Session;
use crate::page::error::Failure;
use crate::page::event::Event;
use crate::page::host;
use crate::page::names::Names;
use crate::page::promise::spawn;
use crate::page::store::Store;
use crate::page::timer::{Listener, Timer};
use crate::page::vocabulary::Vocabulary;
use crate::tab::pace::Pace;
use crate::tab::turn::Turn;

/// How often a save gives way to other tabs before it gives up: each time, one of them got through.
const MOST_CONFLICTS: usize = 100;

/// How long an event waits to be saved, in milliseconds, so that a burst of them is one save.
const SAVE_AFTER: f64 = 100.0;

/// Inputs that may be prepared.
const MOST_PREPARED: usize = 1 << 16;

/// A learner and its surroundings.
pub(crate) struct Client {
    session: RefCell<Session>,
    vocabulary: RefCell<Vocabulary>,
    prepared: RefCell<Vec<Features>>,
    pub(crate) store: Option<Store>,
    pub(crate) link: Option<Link>,
    on_event: Option<Function>,
    closed: Cell<bool>,
    saving: Turn,
    alarms: RefCell<Option<Alarms>>,
    /// Where the names of features go, if there is a log.
    names: Option<Names>,
}

/// What wakes a client; all of it ends when this is dropped.
pub(crate) struct Alarms {
    pub(crate) save: Timer,
    pub(crate) sync: Timer,
    pub(crate) _listeners: Vec<Listener>,
}

/// The way to the endpoint.
pub(crate) struct Link {
    pub(crate) endpoint: String,
    /// The lock under which one tab at a time sends.
    pub(crate) lock: String,
    /// How often deltas are to go out, and when the next one is due: the same, give or take some jitter.
    pub(crate) pace: Pace,
    pub(crate) due: Cell<Pace>,
    /// The tag of the base that the endpoint gave last.
    pub(crate) etag: RefCell<Option<String>>,
    /// The delta sent last.
    pub(crate) sent: RefCell<Option<Sent>>,
    /// Whether a delta from before may still wait for its acknowledgement.
    pub(crate) pending: Cell<bool>,
    /// Events that were learnt without moving anything shared: there is nothing in them to send.
    pub(crate) idle: Cell<u32>,
    /// Attempts that failed since one succeeded.
    pub(crate) failures: Cell<u32>,
    pub(crate) syncing: Turn,
}

impl Link {
    pub(crate) fn new(endpoint: String, lock: String, pace: Pace) -> Link {
        Link {
            endpoint,
            lock,
            pace,
            due: Cell::new(pace.spread(host::random())),
            etag: RefCell::default(),
            sent: RefCell::default(),
            pending: Cell::new(false),
            idle: Cell::new(0),
            failures: Cell::new(0),
            syncing: Turn::default(),
        }
    }
}

/// A delta as it was sent.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) seq: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) acknowledged: bool,
    /// Milliseconds since 1970.
    pub(crate) at: f64,
}

impl Client {
    pub(crate) fn new(
        session: Session,
        names: Option<Names>,
        store: Option<Store>,
        link: Option<Link>,
        on_event: Option<Function>,
    ) -> Rc<Client> {
        Rc::new(Client {
            vocabulary: RefCell::new(Vocabulary::new(session.core().schema().clone(), names.clone())),
            prepared: RefCell::default(),
            session: RefCell::new(session),
            store,
            link,
            on_event,
            closed: Cell::new(false),
            saving: Turn::default(),
            alarms: RefCell::default(),
            names,
        })
    }

    /// The features that an object names.
    pub(crate) fn features(&self, object: &JsValue) -> Result<Features, Failure> {
        self.read(|vocabulary| vocabulary.features(object))
    }

    /// The same, with their names.
    pub(crate) fn named_features(&self, object: &JsValue) -> Result<(Features, Vec<(FeatureId, String)>), Failure> {
        self.read(|vocabulary| vocabulary.named_features(object))
    }

    /// Keeps the features that an object names, to go by an integer from now on.
    pub(crate) fn prepare(&self, object: &JsValue) -> Result<u32, Failure> {
        let features = self.features(object)?;
        let mut prepared = self.prepared.borrow_mut();
        if prepared.len() == MOST_PREPARED {
            return Err(Failure::argument("65,536 inputs are prepared: use them again, or pass features as they are"));
        }
        prepared.push(features);
        Ok(prepared.len() as u32 - 1)
    }

    /// The features of such an integer.
    pub(crate) fn prepared(&self, prepared: f64) -> Result<Features, Failure> {
        let whole = prepared as usize;
        let found = self.prepared.borrow().get(whole).filter(|_| whole as f64 == prepared).cloned();
        found.ok_or(Failure::argument("pass what prepare() of this learner returned"))
    }

    /// Adds items to the catalogue; their names go into the log.
    pub(crate) fn set_items(&self, items: &[(String, Features)]) -> Result<(), Failure> {
        let outcome = self.ask(|session| {
            if let Some(names) = &self.names {
                let name = |(id, _): &(String, Features)| [&session.core().schema().item, "=", id].concat();
                names.remember(items.iter().map(name).map(|name| (FeatureId::named(&name), name)));
            }
            items.iter().try_for_each(|(id, features)| session.set_item(id, features))
        })?;
        Ok(outcome?)
    }

    fn read<T>(&self, reading: impl FnOnce(&mut Vocabulary) -> Result<T, Failure>) -> Result<T, Failure> {
        if self.closed.get() {
            return Err(Failure::CLOSED);
        }
        match self.vocabulary.try_borrow_mut() {
            Ok(mut vocabulary) => reading(&mut vocabulary),
            // A getter of the page's uses the learner while its object is read.
            Err(_) => {
                reading(&mut Vocabulary::new(self.with(|session| session.core().schema().clone())?, self.names.clone()))
            }
        }
    }

    /// What the page asks of the session, while the learner is open.
    pub(crate) fn ask<T>(&self, question: impl FnOnce(&mut Session) -> T) -> Result<T, Failure> {
        if self.closed.get() { Err(Failure::CLOSED) } else { self.with(question) }
    }

    /// Learns what happened, and says what was predicted before.
    pub(crate) fn learn(&self, event: journal::Event) -> Result<Option<Prediction>, Failure> {
        let (predicted, drifts) = self.change(|session| {
            let before = session.core().drifts();
            let predicted = session.learn(event);
            let drifts = session.core().drifts();
            (predicted, (drifts > before).then_some(drifts))
        })?;
        let predicted = predicted?;
        if let Some(drifts) = drifts {
            self.tell(Event::Drift { drifts });
        }
        Ok(predicted)
    }

    /// What the page changes in the session, while the learner is open; it is saved and sent in a while.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Session) -> T) -> Result<T, Failure> {
        let changed = self.ask(change)?;
        self.arm();
        Ok(changed)
    }

    /// Work on the session, which goes on after the learner was closed.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Session) -> T) -> Result<T, Failure> {
        // Nothing borrows the session for longer than a call into it, so this does not fail.
        let mut session = self.session.try_borrow_mut().map_err(|_| Failure::BUSY)?;
        Ok(work(&mut session))
    }

    /// Makes a change and saves it. When another tab saved first, moves onto its profile and makes the change again.
    /// What it returns is in the store.
    pub(crate) async fn commit<T>(&self, mut change: impl FnMut(&mut Session) -> T) -> Result<T, Failure> {
        let mut value = None;
        self.commit_with(&mut |session| value = Some(change(session))).await?;
        value.ok_or(Failure::new("unexpected", "a change was not made"))
    }

    async fn commit_with(&self, change: &mut dyn FnMut(&mut Session)) -> Result<(), Failure> {
        let _turn = self.saving.take().await;
        for _ in 0..MOST_CONFLICTS {
            self.with(&mut *change)?;
            let Some(store) = &self.store else { return self.with(Session::forget_journal) };
            let Some(snapshot) = self.with(|session| session.is_unsaved().then(|| session.snapshot()))? else {
                return Ok(());
            };
            match store.replace(&snapshot).await? {
                Replaced::Done(revision) => {
                    self.with(|session| session.saved(&snapshot, revision))?;
                    self.tell(Event::Saved { revision });
                    return Ok(());
                }
                Replaced::Conflict(saved) => {
                    self.with(|session| session.adopt(saved))??;
                    self.tell(Event::Merged);
                }
            }
        }
        Err(Failure::new("storage", "other tabs kept on saving first"))
    }

    /// Saves what is not saved yet.
    pub(crate) async fn save(&self) -> Result<(), Failure> {
        self.commit(|_| ()).await
    }

    /// Leaves behind what is not saved yet: the page may be gone before a save is done.
    pub(crate) fn leave(&self) -> Result<(), Failure> {
        let Some(store) = self.store.as_ref().filter(|_| self.is_unsaved()) else { return Ok(()) };
        let snapshot = self.with(|session| session.snapshot())?;
        store.leave(&snapshot)
    }

    /// Forgets what was learnt, in the store as well.
    pub(crate) async fn reset(&self) -> Result<(), Failure> {
        self.commit(Session::reset).await?;
        if let Some(link) = &self.link {
            link.sent.replace(None);
            link.idle.set(0);
        }
        Ok(())
    }

    /// Saves for the last time and lets go of the page and of the store.
    pub(crate) async fn close(&self) -> Result<(), Failure> {
        self.closed.set(true);
        let alarms = self.alarms.take();
        drop(alarms);
        let outcome = self.save().await;
        if let Some(store) = &self.store {
            store.close();
        }
        outcome
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Whether the store lacks something.
    pub(crate) fn is_unsaved(&self) -> bool {
        self.session.try_borrow().is_ok_and(|session| session.is_unsaved())
    }

    /// Events that the endpoint has not acknowledged, as far as is known; a delta from before counts as one.
    pub(crate) fn waiting(&self) -> u32 {
        let Some(link) = &self.link else { return 0 };
        let unsent = self.session.try_borrow().map_or(0, |session| session.core().unsent_events());
        unsent.saturating_sub(link.idle.get()).saturating_add(u32::from(link.pending.get()))
    }

    /// These ring from now on.
    pub(crate) fn watched_by(&self, alarms: Alarms) {
        self.alarms.replace(Some(alarms));
        self.arm();
    }

    /// Sets the timers that are not set to what is waiting to be saved and to be sent.
    pub(crate) fn arm(&self) {
        let alarms = self.alarms.borrow();
        let Some(alarms) = &*alarms else { return };
        if self.is_unsaved() {
            alarms.save.start(SAVE_AFTER);
        }
        let Some(link) = &self.link else { return };
        // A sync that is under way looks again when it is done; one that is impossible is begun by `online`.
        if link.syncing.is_taken() || host::is_offline() {
            return;
        }
        match link.due.get().next(self.waiting(), link.failures.get(), host::random()) {
            Some(0.0) => alarms.sync.restart(0.0),
            Some(wait) => alarms.sync.start(wait),
            None => {}
        }
    }

    /// Syncs after so many milliseconds.
    pub(crate) fn sync_within(&self, milliseconds: f64) {
        if let Some(alarms) = &*self.alarms.borrow() {
            alarms.sync.restart(milliseconds);
        }
    }

    pub(crate) fn tell(&self, event: Event<'_>) {
        if let Some(listener) = &self.on_event {
            event.tell(listener);
        }
    }

    /// Runs work that nobody waits for; a failure becomes an event. A save that failed is tried again with what is
    /// learnt next.
    pub(crate) fn background(
        self: &Rc<Client>,
        during: &'static str,
        work: impl Future<Output = Result<(), Failure>> + 'static,
    ) {
        let client = Rc::clone(self);
        spawn(async move {
            match work.await {
                Ok(()) => client.arm(),
                Err(failure) => client.tell(Event::Failed { during, failure: &failure }),
            }
        });
    }
}

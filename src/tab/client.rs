//! One learner in one tab: its session, where the session is kept, and where it sends to.
//!
//! No borrow of the session is held across an await, nor while anything of the page's is called, so the page may click
//! while a sync is under way, and ask for metrics from inside a callback.

use alloc::rc::{Rc, Weak};
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use brooklet_core::{Error, FeatureId, Features, Prediction, Subject};
use js_sys::Function;
use wasm_bindgen::JsValue;

use crate::learning::consent::Consent;
use crate::learning::journal;
use crate::learning::saved::{Replaced, Snapshot};
use crate::learning::session::Session;
use crate::page::channel::Channel;
use crate::page::error::Failure;
use crate::page::event::Event;
use crate::page::host;
use crate::page::names::Names;
use crate::page::promise::spawn;
use crate::page::store::Store;
use crate::page::timer::{Listener, Timer};
use crate::page::vocabulary::Vocabulary;
use crate::tab::link::Link;
use crate::tab::turn::Turn;

/// How often a save gives way to other tabs before it gives up: each time, one of them got through.
const MOST_CONFLICTS: usize = 100;

/// How long it is from one save to the next, in milliseconds, so that a burst of events is one. The first begins when the page's script
/// ends: the page may be left by the very click that is saved.
const BETWEEN_SAVES: f64 = 100.0;

/// Inputs that may be prepared.
const MOST_PREPARED: usize = 1 << 16;

/// A learner and its surroundings.
pub(crate) struct Client {
    pub(super) me: Weak<Client>,
    /// Nothing once it is closed.
    session: RefCell<Option<Session>>,
    vocabulary: RefCell<Vocabulary>,
    /// By their integers; what was released is None.
    prepared: RefCell<Vec<Option<Features>>>,
    released: RefCell<Vec<u32>>,
    pub(crate) store: Option<Rc<Store>>,
    pub(crate) link: Option<Link>,
    on_event: Option<Function>,
    /// Who listens, and to which events.
    listeners: RefCell<Vec<(&'static str, Function)>>,
    complaint: RefCell<Option<Function>>,
    closed: Cell<bool>,
    /// Whether the page was hidden and has not come back.
    pub(super) away: Cell<bool>,
    /// Whether it is gone, perhaps to come back from the cache for the back button.
    pub(super) gone: Cell<bool>,
    pub(super) saving: Turn,
    /// When the last save began, in milliseconds since 1970.
    saved_at: Cell<f64>,
    alarms: RefCell<Option<Alarms>>,
    /// To the other tabs, while the page is there.
    pub(super) channel: RefCell<Option<Channel>>,
    /// Where the names of features go, if there is a log.
    names: Option<Names>,
}

/// What wakes a client; all of it ends when this is dropped.
pub(crate) struct Alarms {
    pub(crate) save: Timer,
    pub(crate) sync: Timer,
    pub(crate) _listeners: Vec<Listener>,
}

impl Client {
    pub(crate) fn new(
        session: Session,
        names: Option<Names>,
        store: Option<Rc<Store>>,
        link: Option<Link>,
        on_event: Option<Function>,
    ) -> Rc<Client> {
        Rc::new_cyclic(|me| Client {
            me: me.clone(),
            vocabulary: RefCell::new(Vocabulary::new(session.core().schema().clone(), names.clone())),
            prepared: RefCell::default(),
            released: RefCell::default(),
            session: RefCell::new(Some(session)),
            store,
            link,
            on_event,
            listeners: RefCell::default(),
            complaint: RefCell::default(),
            closed: Cell::new(false),
            away: Cell::new(false),
            gone: Cell::new(false),
            saving: Turn::default(),
            saved_at: Cell::new(0.0),
            alarms: RefCell::default(),
            channel: RefCell::default(),
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
        if let Some(free) = self.released.borrow_mut().pop() {
            prepared[free as usize] = Some(features);
            return Ok(free);
        }
        if prepared.len() == MOST_PREPARED {
            return Err(Failure::argument("65,536 inputs are prepared: release() those that are not needed any more"));
        }
        prepared.push(Some(features));
        Ok(prepared.len() as u32 - 1)
    }

    /// Its integer is free for others.
    pub(crate) fn release(&self, prepared: f64) -> Result<(), Failure> {
        self.prepared(prepared)?;
        self.prepared.borrow_mut()[prepared as usize] = None;
        self.released.borrow_mut().push(prepared as u32);
        Ok(())
    }

    /// The features of such an integer.
    pub(crate) fn prepared(&self, prepared: f64) -> Result<Features, Failure> {
        if self.closed.get() {
            return Err(Failure::CLOSED);
        }
        let whole = prepared as usize;
        let found = self.prepared.borrow().get(whole).filter(|_| whole as f64 == prepared).cloned();
        found.flatten().ok_or(Failure::argument("pass what prepare() of this learner returned and is not released"))
    }

    /// Adds items to the catalogue, and leaves no `others` in it; their names go into the log.
    pub(crate) fn set_items(&self, items: &[(String, Features)], others: bool) -> Result<(), Failure> {
        let outcome = self.ask(|session| {
            if let Some(names) = &self.names {
                let name = |(id, _): &(String, Features)| [&session.core().schema().item, "=", id].concat();
                names.remember(items.iter().map(name).map(|name| (FeatureId::named(&name), name)));
            }
            items.iter().try_for_each(|(id, features)| session.set_item(id, features))?;
            if !others {
                session.remove_items(&mut items.iter().map(|(id, _)| &**id), true);
            }
            Ok::<(), Error>(())
        })?;
        Ok(outcome?)
    }

    /// Takes items out of the catalogue; how many were in it.
    pub(crate) fn remove_items(&self, ids: &[String]) -> Result<usize, Failure> {
        self.ask(|session| session.remove_items(&mut ids.iter().map(|id| &**id), false))
    }

    /// The categories of a field that the page has named.
    pub(crate) fn categories(&self, field: &str) -> Result<Vec<String>, Failure> {
        self.read(|vocabulary| Ok(vocabulary.categories(field)))
    }

    /// What these features are called, as far as the page, its catalogue or the base has named them; the ids ascend.
    pub(crate) fn names_of(&self, ids: &[FeatureId]) -> Result<Vec<Option<String>>, Failure> {
        let met = self.read(|vocabulary| Ok(vocabulary.names()))?;
        self.ask(|session| {
            let (core, base) = (session.core(), session.core().base());
            let named = |id: &FeatureId| Some(base.name(base.find(*id)?)?.into());
            let mut names: Vec<Option<String>> = ids.iter().map(named).collect();
            let items = core.item_ids().map(|id| [&core.schema().item, "=", id].concat());
            for name in items.chain(met) {
                if let Ok(at) = ids.binary_search(&FeatureId::named(&name)) {
                    names[at] = Some(name);
                }
            }
            names
        })
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

    /// Learns a label, and says what was predicted; None if there was one as high before, or it is a skip of a slate that made room.
    pub(crate) fn label(&self, subject: Subject, target: f32, weight: f32) -> Result<Option<Prediction>, Failure> {
        let of_item = matches!(subject, Subject::Item { .. });
        let click = self.ask(|session| session.core().base().metadata().labels.click_target())?;
        match self.learn(journal::Event::Labelled { subject, target, weight }) {
            Err(failure) if failure.is(Error::AlreadyLabelled.code()) => Ok(None),
            Err(failure) if of_item && target < click && failure.is(Error::UnknownSlate.code()) => Ok(None),
            outcome => outcome,
        }
    }

    /// What the page changes in the session, while the learner is open; it is saved and sent in a while.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Session) -> T) -> Result<T, Failure> {
        let changed = self.ask(change)?;
        match self.me.upgrade().filter(|_| self.gone.get()) {
            // The page's own handlers hear that it goes, too: what they teach is left behind when they have returned.
            Some(me) => spawn(async move { me.leave() }),
            None => self.arm(),
        }
        Ok(changed)
    }

    /// Work on the session, which goes on after the learner was closed.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Session) -> T) -> Result<T, Failure> {
        // Nothing borrows the session for longer than a call into it, so this does not fail.
        let mut session = self.session.try_borrow_mut().map_err(|_| Failure::BUSY)?;
        Ok(work(session.as_mut().ok_or(Failure::CLOSED)?))
    }

    /// What can be asked of the session while something of it is borrowed; the default if there is none any more.
    pub(super) fn look<T: Default>(&self, look: impl FnOnce(&Session) -> T) -> T {
        self.session.try_borrow().ok().and_then(|session| session.as_ref().map(look)).unwrap_or_default()
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
        self.saved_at.set(js_sys::Date::now());
        for _ in 0..MOST_CONFLICTS {
            let key = self.link.as_ref().and_then(|_| host::random_key());
            let snapshot = self.with(|session| {
                change(session);
                if let Some(key) = key {
                    session.make_ready(key);
                }
                (self.store.is_some() && session.is_unsaved() && !session.is_waiting()).then(|| session.snapshot())
            })?;
            let Some(store) = &self.store else { return self.with(Session::forget_journal) };
            let Some(snapshot) = snapshot else { return Ok(()) };
            if self.replace(store, &snapshot).await? {
                return Ok(());
            }
        }
        Err(Failure::new("storage", "other tabs kept on saving first"))
    }

    /// Offers a snapshot to the store. If it cannot be taken any more, moves onto what the store has.
    async fn replace(&self, store: &Store, snapshot: &Snapshot) -> Result<bool, Failure> {
        let offer = || self.with(|session| session.offer(snapshot)).unwrap_or(false);
        match store.replace(snapshot, &offer).await {
            Ok(Replaced::Done(revision)) => {
                self.with(|session| session.saved(snapshot, revision))?;
                self.channel.borrow().iter().for_each(|channel| channel.tell(&JsValue::NULL));
                self.tell(Event::Saved { revision });
                return Ok(true);
            }
            // What it has is not to be read any more if the visitor has said so meanwhile.
            Ok(Replaced::Conflict(_)) if self.is_waiting() => {}
            Ok(Replaced::Conflict(kept)) => {
                self.with(|session| session.adopt(kept))??;
                self.tell(Event::Merged);
            }
            Ok(Replaced::Overtaken) => {}
            Err(failure) => {
                self.with(Session::refused)?;
                return Err(failure);
            }
        }
        Ok(false)
    }

    /// The store, if the visitor lets anything be kept.
    pub(crate) fn home(&self) -> Option<&Rc<Store>> {
        self.store.as_ref().filter(|_| self.consent() != Consent::Off)
    }

    /// The store answers at last.
    pub(crate) async fn wake(&self) -> Result<(), Failure> {
        self.with(Session::found_store)?;
        self.save().await
    }

    /// Saves what is not saved yet.
    pub(crate) async fn save(&self) -> Result<(), Failure> {
        self.commit(|_| ()).await
    }

    /// Moves onto what the store has if another tab saved or left something.
    pub(crate) async fn catch_up(&self) -> Result<(), Failure> {
        let Some(store) = self.store.as_ref().filter(|_| !self.is_waiting()) else { return Ok(()) };
        let turn = self.saving.take().await;
        let (model, with_log) =
            self.with(|session| (session.core().base().metadata().model.clone(), session.has_log()))?;
        let kept = store.kept(&model, with_log).await?;
        if !self.is_waiting() && self.with(|session| session.is_behind(&kept))? {
            self.with(|session| session.adopt(kept))??;
            self.tell(Event::Merged);
        }
        drop(turn);
        Ok(())
    }

    /// Forgets what was learnt, in the store as well.
    pub(crate) async fn reset(&self) -> Result<(), Failure> {
        self.commit(Session::reset).await?;
        if let Some(link) = &self.link {
            link.sent.replace(None);
        }
        Ok(())
    }

    /// Saves and sends for the last time and lets go of the page and of the store.
    pub(crate) async fn close(&self) -> Result<(), Failure> {
        self.closed.set(true);
        let alarms = self.alarms.take();
        drop(alarms);
        drop(self.channel.take());
        let outcome = self.save().await;
        self.depart();
        if let Some(store) = &self.store {
            store.close();
        }
        // An exchange that is under way still has something to hear.
        if self.link.as_ref().is_none_or(|link| !link.syncing.is_taken()) {
            drop((self.session.take(), self.prepared.take(), self.released.take()));
            self.vocabulary.borrow_mut().let_go();
        }
        outcome
    }

    /// What says so if the page has lost its learner without closing it.
    pub(crate) fn complain_with(&self, complaint: Function) {
        self.complaint.replace(Some(complaint));
    }

    pub(crate) fn complain(&self) {
        if let Some(complaint) = self.complaint.take() {
            let _ = complaint.call0(&JsValue::UNDEFINED);
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Whether the store has not answered yet.
    fn is_waiting(&self) -> bool {
        self.look(Session::is_waiting)
    }

    /// Whether the store lacks something.
    pub(crate) fn is_unsaved(&self) -> bool {
        self.look(Session::is_unsaved)
    }

    /// Events that the endpoint has not acknowledged, as far as is known; a delta from before counts as one.
    pub(crate) fn waiting(&self) -> u32 {
        if self.link.is_none() { 0 } else { self.look(Session::waiting) }
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
        if self.is_unsaved() && !self.is_waiting() {
            let now = js_sys::Date::now();
            match self.me.upgrade().filter(|_| (now - self.saved_at.get()).abs() >= BETWEEN_SAVES) {
                Some(me) => {
                    self.saved_at.set(now);
                    let saving = Rc::clone(&me);
                    me.background("save", async move { saving.save().await });
                }
                None => alarms.save.start(BETWEEN_SAVES),
            }
        }
        let Some(link) = &self.link else { return };
        // A sync that is under way looks again when it is done; one that is impossible is begun by `online`.
        if link.syncing.is_taken() || host::is_offline() || self.is_waiting() {
            return;
        }
        let held_up = self.look(Session::is_held_up);
        let due = link.due.get();
        let due = if held_up { due.soon() } else { due };
        if let Some(wait) = due.next(self.waiting(), host::random()) {
            let wait = wait.max(link.not_before.get() - js_sys::Date::now());
            if wait == 0.0 { alarms.sync.restart(wait) } else { alarms.sync.start(wait) }
        }
    }

    /// Syncs after so many milliseconds.
    pub(crate) fn sync_within(&self, milliseconds: f64) {
        if let Some(alarms) = &*self.alarms.borrow() {
            alarms.sync.restart(milliseconds);
        }
    }

    pub(crate) fn tell(&self, event: Event<'_>) {
        // A copy, for who is told may listen to more.
        let listeners = self.listeners.borrow().clone();
        let listening = listeners.iter().filter(|(kind, _)| *kind == event.kind()).map(|(_, listener)| listener);
        self.on_event.iter().chain(listening).for_each(|listener| event.tell(listener));
    }

    /// Tells events of this kind to `listener`, too.
    pub(crate) fn on(&self, kind: &'static str, listener: Function) {
        self.off(kind, &listener);
        self.listeners.borrow_mut().push((kind, listener));
    }

    pub(crate) fn off(&self, kind: &'static str, listener: &Function) {
        self.listeners.borrow_mut().retain(|(other, listening)| *other != kind || listening != listener);
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
                // It was begun before the learner was closed.
                Err(failure) if failure.is("closed") => {}
                Err(failure) => client.tell(Event::Failed { during, failure: &failure }),
            }
        });
    }
}

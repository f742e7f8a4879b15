//! A model while the server runs: its current base in memory, and how much is pending.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, Weak};

use axum::body::Bytes;
use brooklet_core::{Base, Config, Error, Features, Learner, Precision, Release, compact, patch};
use tokio::sync::{Mutex, Notify, watch};
use xxhash_rust::xxh3::xxh3_128;

use crate::calls::Calls;
use crate::error::LearnError;
use crate::served::Served;
use crate::store::{Challenger, Store, StoreError, StoredVersion};

/// A model that is served.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) name: String,
    current: RwLock<Arc<Current>>,
    pending: AtomicI64,
    /// Deltas and their events that were accepted since the server started.
    accepted: [AtomicU64; 2],
    /// Told when the first delta arrives and when there are enough for a fold.
    pub(crate) arrived: Notify,
    /// Held during a fold: one at a time.
    pub(crate) folding: Mutex<()>,
    /// How many pending deltas are enough.
    enough: u64,
    gate: RwLock<Gate>,
    /// Held from before a version is in the store until it is the current one, and by whoever tells of both.
    pub(crate) publishing: tokio::sync::RwLock<()>,
    /// What versions with noise cost, as the bits of rho of zero-concentrated differential privacy.
    spent: AtomicU64,
    /// Whether the last fold failed.
    failing: AtomicBool,
    /// A next version that a share of the clients has first.
    canary: RwLock<Option<Arc<Canary>>>,
    /// A model that a share of the clients has in its place.
    challenger: RwLock<Option<Challenger>>,
    /// How clients say that they are served.
    pub(crate) served: Served,
    /// Learning over HTTP.
    pub(crate) calls: Calls,
    /// A learner with the items of the current version, once it was asked for, and that version.
    catalogue: Mutex<Option<(u64, Arc<Learner>)>>,
    /// Says that the model is not served any more.
    stop: watch::Sender<bool>,
    /// What makes a version that is out of older ones, by the numbers of both; None where that is no smaller.
    patches: Mutex<BTreeMap<[u64; 2], Option<Bytes>>>,
    /// Older versions that are being sent: whoever reads slowly reads the same copy as all others.
    sending: Mutex<BTreeMap<u64, Weak<Sent>>>,
}

/// A candidate that a share of the clients has first.
#[derive(Debug)]
pub(crate) struct Canary {
    /// The store's number for it.
    pub(crate) id: u64,
    /// When it began, in milliseconds since 1970.
    pub(crate) since: u64,
    /// How many of a hundred cohorts have it.
    pub(crate) share: u8,
    /// The deltas in it, which are pending.
    pub(crate) taken: BTreeSet<i64>,
    pub(crate) current: Arc<Current>,
}

/// A version that is being sent.
#[derive(Debug)]
struct Sent {
    etag: String,
    created: u64,
    base: Option<Bytes>,
}

/// Keeps a version as long as anybody is sent a part of it.
struct Part(Arc<Sent>);

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        self.0.base.as_deref().unwrap_or_default()
    }
}

/// What the gate did since the server started, as `stats` tells it.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
pub(crate) struct Gate {
    /// Candidates that were held back.
    held_back: u64,
    /// The share of its way that the last step went.
    step: Option<f32>,
    /// By how many standard errors clients reported to be served worse than before.
    regret: Option<f64>,
    /// The mean loss on the operator's events before the last fold, and after it.
    loss_before: Option<f64>,
    loss: Option<f64>,
}

/// The version that is given out.
#[derive(Debug)]
pub(crate) struct Current {
    pub(crate) version: u64,
    /// Without quotes.
    pub(crate) etag: String,
    pub(crate) bytes: Bytes,
    /// What browsers download, where the numbers are whole multiples of steps.
    pub(crate) compact: Option<Compact>,
    /// The names of its rows as a JSON array, once they were asked for.
    names: OnceLock<Option<Bytes>>,
    pub(crate) factors: usize,
    pub(crate) rows: usize,
    /// When it was published, in milliseconds since 1970.
    pub(crate) created: u64,
}

/// A version as browsers download it.
#[derive(Debug)]
pub(crate) struct Compact {
    /// Without quotes.
    pub(crate) etag: String,
    pub(crate) bytes: Bytes,
}

impl Current {
    /// The entity tag of what whoever reads compact bases is sent, or of what others are.
    pub(crate) fn tag(&self, reads_compact: bool) -> &str {
        self.compact.as_ref().filter(|_| reads_compact).map_or(&self.etag, |compact| &compact.etag)
    }

    /// Checks that browsers will be able to read the blob.
    pub(crate) fn decode(bytes: Bytes, created: u64, precision: Precision) -> Result<Current, Error> {
        let base = Base::decode(bytes.as_ref())?;
        let compact = match precision {
            Precision::Steps => {
                let bytes = Bytes::from(compact(&base)?);
                Some(Compact { etag: etag(&bytes), bytes })
            }
            Precision::F16 | Precision::Int8 => None,
        };
        Ok(Current {
            version: base.metadata().version,
            etag: etag(&bytes),
            factors: base.metadata().factors,
            rows: base.len(),
            created,
            compact,
            names: OnceLock::new(),
            bytes,
        })
    }

    /// The names of its rows, those that have one, as a JSON array. It takes the time of reading the base, once.
    pub(crate) fn names(&self) -> Option<Bytes> {
        let read = || {
            let base = Base::decode(self.bytes.as_ref()).ok()?;
            let names: Vec<&str> =
                (0..base.len()).filter_map(|i| base.name(i)).filter(|name| !name.is_empty()).collect();
            serde_json::to_vec(&names).ok().map(Bytes::from)
        };
        self.names.get_or_init(read).clone()
    }
}

fn catalogue(base: &Base) -> Result<Learner, LearnError> {
    let field = format!("{}=", base.metadata().schema.item);
    let mut learner = Learner::new(base.clone(), Config::default())?;
    for item in (0..base.len()).filter_map(|i| base.name(i)?.strip_prefix(&field)) {
        learner.set_item(item, &Features::default())?;
    }
    Ok(learner)
}

/// The strong entity tag of a blob, without quotes: equal for equal bytes alone.
pub(crate) fn etag(bytes: &[u8]) -> String {
    format!("{:032x}", xxh3_128(bytes))
}

impl Model {
    pub(crate) fn new(name: String, current: Current, pending: u64, enough: u64, spent: f64) -> Model {
        let model = Model {
            name,
            current: RwLock::new(Arc::new(current)),
            pending: AtomicI64::new(pending as i64),
            accepted: Default::default(),
            arrived: Notify::new(),
            folding: Mutex::new(()),
            enough,
            gate: RwLock::default(),
            publishing: tokio::sync::RwLock::default(),
            spent: AtomicU64::new(spent.to_bits()),
            failing: AtomicBool::new(false),
            canary: RwLock::default(),
            challenger: RwLock::default(),
            served: Served::default(),
            calls: Calls::default(),
            catalogue: Mutex::default(),
            stop: watch::Sender::new(false),
            patches: Mutex::default(),
            sending: Mutex::default(),
        };
        if pending > 0 {
            model.arrived.notify_one();
        }
        model
    }

    /// What all versions with noise cost so far.
    pub(crate) fn spent(&self) -> f64 {
        f64::from_bits(self.spent.load(Ordering::Relaxed))
    }

    pub(crate) fn spend(&self, spent: f64) {
        self.spent.store(spent.to_bits(), Ordering::Relaxed);
    }

    pub(crate) fn current(&self) -> Arc<Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes a version the one that is out. Whatever was on trial is over.
    pub(crate) async fn set_current(&self, current: Current) {
        let mut patches = self.patches.lock().await;
        patches.clear();
        *self.canary.write().unwrap_or_else(PoisonError::into_inner) = None;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(current);
    }

    /// The newest number of a version that anybody has of this model.
    pub(crate) fn newest(&self) -> u64 {
        let current = self.current().version;
        self.canary().map_or(current, |canary| current.max(canary.current.version))
    }

    pub(crate) fn canary(&self) -> Option<Arc<Canary>> {
        self.canary.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) async fn set_canary(&self, canary: Option<Canary>) {
        let mut patches = self.patches.lock().await;
        patches.clear();
        *self.canary.write().unwrap_or_else(PoisonError::into_inner) = canary.map(Arc::new);
    }

    /// What a client of this cohort, of a hundred, has; who tells none has what most have.
    pub(crate) fn served(&self, cohort: Option<u8>) -> Arc<Current> {
        let canary = self.canary().filter(|canary| cohort.is_some_and(|cohort| cohort < canary.share));
        canary.map_or_else(|| self.current(), |canary| canary.current.clone())
    }

    /// The version of this entity tag, if it is out or a share of the clients has it.
    pub(crate) fn out(&self, etag: &str) -> Option<Arc<Current>> {
        let canary = self.canary().map(|canary| canary.current.clone());
        [Some(self.current()), canary].into_iter().flatten().find(|out| out.etag == etag)
    }

    /// A learner that knows no visitor and all items that the current base names, made once for each version.
    pub(crate) async fn catalogue(&self) -> Result<Arc<Learner>, LearnError> {
        let current = self.current();
        // Held while it is made, so that it is made once.
        let mut kept = self.catalogue.lock().await;
        if let Some((version, learner)) = &*kept
            && *version == current.version
        {
            return Ok(learner.clone());
        }
        let bytes = current.bytes.clone();
        let made = tokio::task::spawn_blocking(move || catalogue(&Base::decode(bytes.as_ref())?));
        let made = Arc::new(made.await.map_err(|_| LearnError::Panicked)??);
        *kept = Some((current.version, made.clone()));
        Ok(made)
    }

    pub(crate) fn challenger(&self) -> Option<Challenger> {
        self.challenger.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_challenger(&self, challenger: Option<Challenger>) {
        *self.challenger.write().unwrap_or_else(PoisonError::into_inner) = challenger;
    }

    /// Tells whoever folds the model that it is not served any more.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// An older version was deleted.
    pub(crate) async fn forget(&self, version: u64) {
        self.sending.lock().await.remove(&version);
        self.patches.lock().await.retain(|[_, from], _| *from != version);
    }

    /// A version as it is stored, in one copy for all who are sent it.
    pub(crate) async fn version(&self, store: &dyn Store, version: u64) -> Result<Option<StoredVersion>, StoreError> {
        let current = self.current();
        if current.version == version {
            let (etag, created) = (current.etag.clone(), current.created);
            return Ok(Some(StoredVersion { version, etag, created, base: Some(current.bytes.clone()) }));
        }
        // Held while the store is asked, so that it is asked once.
        let mut sending = self.sending.lock().await;
        sending.retain(|_, sent| sent.strong_count() > 0);
        let sent = match sending.get(&version).and_then(Weak::upgrade) {
            Some(sent) => sent,
            None => {
                let Some(StoredVersion { etag, created, base, .. }) = store.version(&self.name, version).await? else {
                    return Ok(None);
                };
                let sent = Arc::new(Sent { etag, created, base });
                sending.insert(version, Arc::downgrade(&sent));
                sent
            }
        };
        let (etag, created) = (sent.etag.clone(), sent.created);
        let base = sent.base.is_some().then(|| Bytes::from_owner(Part(sent)));
        Ok(Some(StoredVersion { version, etag, created, base }))
    }

    /// What makes the compact base of a version that is out of an older version's, if both are there and it is smaller than the whole.
    pub(crate) async fn patch(&self, store: &dyn Store, to: &Current, from: u64) -> Result<Option<Bytes>, StoreError> {
        let Some(whole) = to.compact.as_ref().filter(|_| from < to.version) else { return Ok(None) };
        // Held while it is made, so that it is made once.
        let mut patches = self.patches.lock().await;
        if let Some(made) = patches.get(&[to.version, from]) {
            return Ok(made.clone());
        }
        let Some(old) = self.version(store, from).await?.and_then(|stored| stored.base) else { return Ok(None) };
        let new = whole.bytes.clone();
        let make = move || {
            let old = Base::decode(compact(&Base::decode(old.as_ref())?)?)?;
            let patch = patch(&old, &Base::decode(new.as_ref())?);
            Ok::<_, Error>(patch.filter(|patch| patch.len() < new.len()).map(Bytes::from))
        };
        // A version that cannot be read any more has no patch.
        let made = tokio::task::spawn_blocking(make).await.ok().and_then(Result::ok).flatten();
        let is_out = |out: &Current| out.etag == to.etag;
        if is_out(&self.current()) || self.canary().is_some_and(|canary| is_out(&canary.current)) {
            patches.insert([to.version, from], made.clone());
        }
        Ok(made)
    }

    /// How many deltas wait for the next fold.
    pub(crate) fn pending(&self) -> u64 {
        self.pending.load(Ordering::Relaxed).max(0) as u64
    }

    pub(crate) fn has_enough(&self) -> bool {
        self.pending() >= self.enough
    }

    /// Deltas and their events that were accepted since the server started.
    pub(crate) fn accepted(&self) -> (u64, u64) {
        let [deltas, events] = &self.accepted;
        (deltas.load(Ordering::Relaxed), events.load(Ordering::Relaxed))
    }

    /// Counts a delta of so many events that was accepted.
    pub(crate) fn arrived(&self, events: u32) {
        self.accepted[0].fetch_add(1, Ordering::Relaxed);
        self.accepted[1].fetch_add(events.into(), Ordering::Relaxed);
        let pending = 1 + self.pending.fetch_add(1, Ordering::Relaxed);
        if pending == 1 || pending >= self.enough as i64 {
            self.arrived.notify_one();
        }
    }

    /// Keeps whether the last fold failed.
    pub(crate) fn set_failing(&self, failing: bool) {
        self.failing.store(failing, Ordering::Relaxed);
    }

    pub(crate) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// What the gate did so far.
    pub(crate) fn gate(&self) -> Gate {
        *self.gate.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what the gate said of a fold.
    pub(crate) fn released(&self, release: &Release) {
        let mut gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        let [loss_before, loss] = release.losses.map_or([None; 2], |losses| losses.map(Some));
        let held_back = gate.held_back + u64::from(release.held_back);
        *gate = Gate { held_back, step: Some(release.step), regret: release.regret, loss_before, loss };
    }

    /// How many deltas wait, as the store says.
    pub(crate) fn set_pending(&self, pending: u64) {
        let before = self.pending.swap(pending as i64, Ordering::Relaxed);
        if before <= 0 && pending > 0 || pending >= self.enough {
            self.arrived.notify_one();
        }
    }

    /// Counts deltas that a fold took.
    pub(crate) fn taken(&self, deltas: u64) {
        // A fold may take a delta whose acceptance is not counted yet, so this may be below zero for a moment.
        self.pending.fetch_sub(deltas as i64, Ordering::Relaxed);
    }
}

//! The profile's home: one IndexedDB database a store, shared by all tabs of the origin.
//!
//! | key | record |
//! |---|---|
//! | `profile/<model>` | `{ revision: number, resets: number, open: number, merged: number[], departed: Uint8Array[], profile: Uint8Array, pieces: number[] }` |
//! | `["rows", <model>, n, at]` | rows of the profile's list n, one of its `pieces`: `Uint8Array`. A profile without `pieces` has its rows in itself |
//! | `log/<model>` | the event log, if one is kept: text |
//! | `base` | `{ url: string, etag: string \| null, bytes: Uint8Array }`: the base last fetched, for opening offline |
//!
//! A profile is replaced only by who has seen the revision that it replaces (compare and swap in one transaction), so two tabs
//! cannot destroy one another's learning. What a tab that was closing had not saved is in [`notes`](super::notes).

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::pin::pin;
use core::task::{Poll, Waker};

use brooklet_core::Piece;
use js_sys::{Array, Object, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{IdbDatabase, IdbObjectStore, IdbRequest, IdbTransaction};

use crate::learning::saved::{Kept, Note, Replaced, Snapshot};
use crate::page::error::Failure;
use crate::page::host;
use crate::page::notes::Notes;
use crate::page::record::{CachedBase, array, base_record, cached_base, profile_record, revision, saved};
use crate::page::timer::{Listener, Timer};

const OBJECT_STORE: &str = "brooklet";
const LAYOUT: u32 = 1;
const BASE: &str = "base";
/// How long a transaction may wait for those of other tabs, in milliseconds: what never comes is an error, not a promise that is never
/// settled.
const PATIENCE: f64 = 30_000.0;

/// An open store. Any tab may close it from outside (a deleted database, cleared site data): it is reopened on use.
pub(crate) struct Store {
    name: String,
    connection: Rc<RefCell<Option<Connection>>>,
    notes: Notes,
    /// Transactions that are under way, and not so far that they must be: of a page that is asleep in the cache for the back button
    /// they would stand in the way of all other tabs.
    looking: RefCell<Vec<Looking>>,
    /// The one that makes the database.
    upgrading: Rc<RefCell<Option<IdbTransaction>>>,
    /// How often such transactions were ended for the page to go.
    gave_way: Cell<u32>,
    /// Whether the page is gone, perhaps to come back, and what goes on then.
    asleep: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
    /// What tells of its going and coming.
    watch: RefCell<Option<[Listener; 2]>>,
}

/// A transaction, and what waits for it.
struct Looking {
    transaction: IdbTransaction,
    waker: Option<Waker>,
}

impl Store {
    /// The store called `name`, which is made on the first use if there is none.
    pub(crate) fn new(name: &str) -> Rc<Store> {
        let store = Rc::new(Store {
            name: name.into(),
            connection: Rc::default(),
            notes: Notes::of(name),
            looking: RefCell::default(),
            upgrading: Rc::default(),
            gave_way: Cell::default(),
            asleep: Cell::default(),
            waiting: RefCell::default(),
            watch: RefCell::default(),
        });
        // From the first on: a page may be left before its learner is open.
        let on = |kind, heard: fn(&Store)| {
            let store = Rc::downgrade(&store);
            Listener::new(host::global_target(), kind, move || store.upgrade().iter().for_each(|store| heard(store)))
        };
        store.watch.replace(Some([on("pagehide", Store::sleep), on("pageshow", Store::wake)]));
        store
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What is kept for `model`, with its log if that is wanted.
    pub(crate) async fn kept(&self, model: &str, with_log: bool) -> Result<Kept, Failure> {
        loop {
            let (objects, transaction) = self.transaction("readonly").await?;
            if let Some(kept) = self.look(&transaction, self.read(&objects, model, with_log)).await? {
                return Ok(kept);
            }
        }
    }

    /// Leaves a note behind, at once, and lets nothing stand in the way of other tabs.
    pub(crate) fn leave(&self, model: &str, note: &Note) -> Result<(), Failure> {
        self.give_way();
        self.notes.leave(model, note)
    }

    /// Ends the transactions that would be under way for as long as this page is asleep.
    pub(crate) fn give_way(&self) {
        let upgrading = self.upgrading.take().map(|transaction| Looking { transaction, waker: None });
        for Looking { transaction, waker } in self.looking.take().into_iter().chain(upgrading) {
            let _ = transaction.abort();
            self.gave_way.set(self.gave_way.get().wrapping_add(1));
            // WebKit does not say what became of a transaction whose connection was closed.
            waker.into_iter().for_each(Waker::wake);
        }
    }

    /// Replaces the profile, and with it the log, if its revision is still that of `snapshot` (0: if there is none), no note is
    /// there that the snapshot does not know, and it may still be offered.
    pub(crate) async fn replace(&self, snapshot: &Snapshot, offer: &dyn Fn() -> bool) -> Result<Replaced, Failure> {
        let (objects, transaction) = self.transaction("readwrite").await?;
        match self.look(&transaction, self.overtaking(&objects, snapshot)).await? {
            Some(Some(kept)) => Ok(Replaced::Conflict(kept)),
            Some(None) if offer() => self.write(&objects, &transaction, snapshot).await.map(Replaced::Done),
            _ => Ok(Replaced::Overtaken),
        }
    }

    /// What comes of `work`, which has begun `transaction`; None if that gave way.
    async fn look<T>(
        &self,
        transaction: &IdbTransaction,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<Option<T>, Failure> {
        let before = self.gave_way.get();
        self.looking.borrow_mut().push(Looking { transaction: transaction.clone(), waker: None });
        let ending = transaction.clone();
        let patience = Timer::new(move || drop(ending.abort()));
        patience.start(PATIENCE);
        let mut work = pin!(work);
        let outcome = poll_fn(|context| match work.as_mut().poll(context) {
            _ if self.gave_way.get() != before => Poll::Ready(None),
            Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
            Poll::Pending => {
                let mut looking = self.looking.borrow_mut();
                let own = looking.iter_mut().find(|looking| looking.transaction == *transaction);
                own.into_iter().for_each(|looking| looking.waker = Some(context.waker().clone()));
                Poll::Pending
            }
        });
        let outcome = outcome.await;
        self.looking.borrow_mut().retain(|looking| looking.transaction != *transaction);
        outcome.transpose()
    }

    /// What the store has, if it is not what `snapshot` replaces.
    async fn overtaking(&self, objects: &IdbObjectStore, snapshot: &Snapshot) -> Result<Option<Kept>, Failure> {
        let found = revision(&got(objects, &profile_key(&snapshot.model)).await?);
        let new_note = self.notes.ids(&snapshot.model).iter().any(|id| !snapshot.merged.contains(id));
        if found == snapshot.revision && !new_note {
            return Ok(None);
        }
        self.read(objects, &snapshot.model, snapshot.with_log).await.map(Some)
    }

    async fn write(
        &self,
        objects: &IdbObjectStore,
        transaction: &IdbTransaction,
        snapshot: &Snapshot,
    ) -> Result<f64, Failure> {
        let revision = snapshot.revision + 1.0;
        objects.put_with_key(&profile_record(snapshot, revision), &profile_key(&snapshot.model)).map_err(storage)?;
        for Piece { list, at, bytes } in &snapshot.rows {
            let key = rows_key(&snapshot.model, *list, *at as f64);
            objects.put_with_key(&Uint8Array::from(&bytes[..]), &key).map_err(storage)?;
        }
        for (list, pieces) in snapshot.pieces.iter().enumerate() {
            objects.delete(&rows_of(&snapshot.model, list, *pieces, ROWS_END)?).map_err(storage)?;
        }
        let log_key = log_key(&snapshot.model);
        match snapshot.log.as_deref() {
            None => {}
            Some("") => drop(objects.delete(&log_key).map_err(storage)?),
            Some(log) => drop(objects.put_with_key(&log.into(), &log_key).map_err(storage)?),
        }
        // Whatever becomes of the page, this is written. Engines that do not know it commit by themselves.
        let _ = commit(transaction);
        committed(transaction).await?;
        self.notes.remove(&snapshot.model, &snapshot.merged);
        Ok(revision)
    }

    async fn read(&self, objects: &IdbObjectStore, model: &str, with_log: bool) -> Result<Kept, Failure> {
        let mut saved = saved(&got(objects, &profile_key(model)).await?);
        let rows = saved.iter_mut().flat_map(|saved| saved.rows.iter_mut().enumerate());
        for (list, rows) in rows.filter(|(_, rows)| !rows.is_empty()) {
            let range = rows_of(model, list, 0, rows.len() as f64)?;
            let found = done(&objects.get_all_with_key(&range).map_err(storage)?).await?.unchecked_into::<Array>();
            // What is missing stays empty, which no piece is.
            rows.iter_mut().zip(found.iter()).for_each(|(rows, found)| *rows = array(found).unwrap_or_default());
        }
        if let Some(saved) = saved.as_mut().filter(|_| with_log) {
            saved.log = got(objects, &log_key(model)).await?.as_string().unwrap_or_default();
        }
        Ok(Kept { saved, notes: self.notes.all(model) })
    }

    /// The base fetched last.
    pub(crate) async fn base(&self) -> Result<Option<CachedBase>, Failure> {
        loop {
            let (objects, transaction) = self.transaction("readonly").await?;
            if let Some(base) = self.look(&transaction, got(&objects, &BASE.into())).await? {
                return Ok(cached_base(&base));
            }
        }
    }

    /// Keeps `base` for opening offline.
    pub(crate) async fn keep_base(&self, base: &CachedBase) -> Result<(), Failure> {
        loop {
            let (objects, transaction) = self.transaction("readwrite").await?;
            objects.put_with_key(&base_record(base), &BASE.into()).map_err(storage)?;
            let _ = commit(&transaction);
            if self.look(&transaction, committed(&transaction)).await?.is_some() {
                return Ok(());
            }
        }
    }

    /// Removes all that is kept: profiles, logs and notes of every model, and the base.
    pub(crate) async fn empty(&self) -> Result<(), Failure> {
        self.notes.empty();
        let (objects, transaction) = self.transaction("readwrite").await?;
        objects.clear().map_err(storage)?;
        let _ = commit(&transaction);
        committed(&transaction).await
    }

    /// Lets go of the database; the next use opens it again.
    pub(crate) fn close(&self) {
        let connection = self.connection.take();
        drop(connection);
    }

    /// The page goes, perhaps to come back. Until then nothing is begun here: it would stand in the way of other tabs.
    fn sleep(&self) {
        self.asleep.set(true);
        self.give_way();
        self.close();
    }

    /// The page is back.
    fn wake(&self) {
        self.asleep.set(false);
        self.waiting.take().into_iter().for_each(Waker::wake);
    }

    /// Waits while the page is gone.
    pub(crate) async fn awake(&self) {
        poll_fn(|context| {
            if self.asleep.get() {
                self.waiting.borrow_mut().push(context.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    }

    async fn transaction(&self, mode: &str) -> Result<(IdbObjectStore, IdbTransaction), Failure> {
        loop {
            self.awake().await;
            let before = self.gave_way.get();
            match self.database().await {
                // The page went while it was opened, or made.
                _ if self.asleep.get() => self.close(),
                Err(_) if self.gave_way.get() != before => {}
                database => return transaction(&database?, mode),
            }
        }
    }

    async fn database(&self) -> Result<IdbDatabase, Failure> {
        if let Some(connection) = &*self.connection.borrow() {
            return Ok(connection.database.clone());
        }
        let factory = host::indexed_db().ok_or(Failure::new("storage", "this page has no IndexedDB"))?;
        let request = factory.open_with_u32(&self.name, LAYOUT).map_err(storage)?;
        let (opening, upgrading) = (request.clone(), Rc::clone(&self.upgrading));
        let upgrade = Closure::once(move || {
            // The result of a request inside its upgrade is the database. If making the object store fails, so does
            // the request.
            if let Ok(database) = opening.result() {
                let _ = database.unchecked_into::<IdbDatabase>().create_object_store(OBJECT_STORE);
            }
            upgrading.replace(opening.transaction());
        });
        request.set_onupgradeneeded(Some(upgrade.as_ref().unchecked_ref()));
        let opened = done(&request).await;
        self.upgrading.take();
        let database = opened?.unchecked_into::<IdbDatabase>();
        *self.connection.borrow_mut() = Some(Connection::new(database.clone(), &self.connection));
        Ok(database)
    }
}

async fn got(objects: &IdbObjectStore, key: &JsValue) -> Result<JsValue, Failure> {
    done(&objects.get(key).map_err(storage)?).await
}

/// A connection that gives way when another tab deletes or upgrades the database.
#[derive(Debug)]
struct Connection {
    database: IdbDatabase,
    /// Called by the database for as long as the connection lives.
    _give_way: Closure<dyn FnMut()>,
}

impl Connection {
    fn new(database: IdbDatabase, home: &Rc<RefCell<Option<Connection>>>) -> Connection {
        let home = Rc::downgrade(home);
        let closing = database.clone();
        let give_way = Closure::new(move || {
            closing.close();
            let connection = home.upgrade().and_then(|home| home.borrow_mut().take());
            drop(connection);
        });
        database.set_onversionchange(Some(give_way.as_ref().unchecked_ref()));
        database.set_onclose(Some(give_way.as_ref().unchecked_ref()));
        Connection { database, _give_way: give_way }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.database.set_onversionchange(None);
        self.database.set_onclose(None);
        self.database.close();
    }
}

fn transaction(database: &IdbDatabase, mode: &str) -> Result<(IdbObjectStore, IdbTransaction), Failure> {
    // A delta must not be sent from a profile that a power cut takes back: "relaxed" would leave it to the disk.
    let options = Object::new().unchecked_into::<TransactionOptions>();
    options.set_durability("strict");
    let transaction =
        database.unchecked_ref::<Database>().transaction(OBJECT_STORE, mode, &options).map_err(storage)?;
    let objects = transaction.object_store(OBJECT_STORE).map_err(storage)?;
    Ok((objects, transaction))
}

fn profile_key(model: &str) -> JsValue {
    ["profile/", model].concat().into()
}

fn log_key(model: &str) -> JsValue {
    ["log/", model].concat().into()
}

/// Beyond all pieces of a list.
const ROWS_END: f64 = f64::INFINITY;

fn rows_key(model: &str, list: usize, at: f64) -> JsValue {
    Array::of4(&"rows".into(), &model.into(), &list.into(), &at.into()).into()
}

/// The pieces of a list from one to another, which is not among them.
fn rows_of(model: &str, list: usize, from: usize, to: f64) -> Result<JsValue, Failure> {
    let range = KeyRange::bound(&rows_key(model, list, from as f64), &rows_key(model, list, to), false, true);
    range.map_err(storage)
}

fn storage(thrown: JsValue) -> Failure {
    Failure::thrown("storage", &thrown)
}

/// The result of a request. The promise's own functions are the handlers, so nothing is left to free; and as they run
/// inside of the event, the transaction is still active when the caller goes on.
async fn done(request: &IdbRequest) -> Result<JsValue, Failure> {
    let settled = Promise::new(&mut |resolve, reject| {
        request.set_onsuccess(Some(&resolve));
        request.set_onerror(Some(&reject));
    });
    match JsFuture::from(settled).await {
        Ok(_) => request.result().map_err(storage),
        Err(_) => Err(because(request.error().ok().flatten())),
    }
}

/// Waits until a transaction is on the disk.
async fn committed(transaction: &IdbTransaction) -> Result<(), Failure> {
    let settled = Promise::new(&mut |resolve, reject| {
        transaction.set_oncomplete(Some(&resolve));
        transaction.set_onabort(Some(&reject));
    });
    match JsFuture::from(settled).await {
        Ok(_) => Ok(()),
        Err(_) => Err(because(transaction.error())),
    }
}

fn because(error: Option<web_sys::DomException>) -> Failure {
    match error {
        Some(error) => storage(error.into()),
        None => Failure::new("storage", "the browser did not say why"),
    }
}

/// Ends a transaction, which runs no callback any more to be committed.
fn commit(transaction: &IdbTransaction) -> Result<(), Failure> {
    transaction.unchecked_ref::<Transaction>().commit().map_err(storage)
}

#[wasm_bindgen]
extern "C" {
    /// `IDBDatabase`, for the one method that web-sys has without the options' durability.
    type Database;
    #[wasm_bindgen(method, catch)]
    fn transaction(
        this: &Database,
        object_store: &str,
        mode: &str,
        options: &TransactionOptions,
    ) -> Result<IdbTransaction, JsValue>;

    /// `IDBTransaction`, for the one method that web-sys has in another form.
    type Transaction;
    #[wasm_bindgen(method, catch)]
    fn commit(this: &Transaction) -> Result<(), JsValue>;

    /// `IDBKeyRange`.
    #[wasm_bindgen(js_name = IDBKeyRange)]
    type KeyRange;
    #[wasm_bindgen(static_method_of = KeyRange, js_class = "IDBKeyRange", catch)]
    fn bound(from: &JsValue, to: &JsValue, without_from: bool, without_to: bool) -> Result<JsValue, JsValue>;

    type TransactionOptions;
    #[wasm_bindgen(method, setter)]
    fn set_durability(this: &TransactionOptions, durability: &str);
}

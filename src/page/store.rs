//! The profile's home: one IndexedDB database a store, shared by all tabs of the origin.
//!
//! | key | record |
//! |---|---|
//! | `profile/<model>` | `{ revision: number, resets: number, profile: Uint8Array }` |
//! | `leaving/<model>` | the same, left behind by a page that was closing, upon the revision that it names |
//! | `log/<model>` | the event log, if one is kept: text |
//! | `base` | `{ url: string, etag: string \| null, bytes: Uint8Array }`: the base last fetched, for opening offline |
//!
//! A profile is replaced only by who has seen the revision that it replaces (compare and swap in one transaction), so
//! two tabs cannot destroy one another's learning.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;

use js_sys::{Object, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{IdbDatabase, IdbObjectStore, IdbRequest, IdbTransaction};

use crate::learning::saved::{Replaced, Saved, Snapshot};
use crate::page::error::Failure;
use crate::page::host;

const OBJECT_STORE: &str = "brooklet";
const LAYOUT: u32 = 1;
const BASE: &str = "base";

/// An open store. Any tab may close it from outside (a deleted database, cleared site data): it is reopened on use.
#[derive(Debug)]
pub(crate) struct Store {
    name: String,
    connection: Rc<RefCell<Option<Connection>>>,
}

/// A base as it was last fetched.
#[derive(Debug, Clone)]
pub(crate) struct CachedBase {
    pub(crate) url: String,
    pub(crate) etag: Option<String>,
    pub(crate) bytes: Vec<u8>,
}

impl Store {
    /// Opens the store called `name`, and makes it if there is none.
    pub(crate) async fn open(name: &str) -> Result<Store, Failure> {
        let store = Store { name: name.into(), connection: Rc::default() };
        store.database().await?;
        Ok(store)
    }

    /// The profile kept for `model`, and its log if it is wanted; what a closing page left behind, if nobody has saved since.
    pub(crate) async fn profile(&self, model: &str, with_log: bool) -> Result<Option<Saved>, Failure> {
        let (objects, _) = self.transaction("readonly").await?;
        let left = done(&objects.get(&leaving_key(model)).map_err(storage)?).await?;
        let saved = read(&objects, model, with_log).await?;
        let revision = saved.as_ref().map_or(0.0, |saved| saved.revision);
        let Some(left) = from_record(&left).filter(|left| left.revision == revision) else { return Ok(saved) };
        // The log goes on from the profile that is opened, whatever its last records were.
        let log = saved.map(|saved| saved.log).unwrap_or_default();
        Ok(Some(Saved { log, ..left }))
    }

    /// Leaves the profile of `snapshot` behind, upon the revision that it grew from, without waiting for anything: a page
    /// that is closing runs no callback any more, so it can neither look what is there first nor hear that it is done.
    pub(crate) fn leave(&self, snapshot: &Snapshot) -> Result<(), Failure> {
        let Some(database) = self.connection.borrow().as_ref().map(|connection| connection.database.clone()) else {
            return Ok(());
        };
        let (objects, transaction) = transaction(&database, "readwrite")?;
        let record = ProfileRecord::new(snapshot, snapshot.revision);
        objects.put_with_key(&record, &leaving_key(&snapshot.model)).map_err(storage)?;
        transaction.unchecked_ref::<Transaction>().commit().map_err(storage)
    }

    /// Replaces the profile if its revision is still that of `snapshot` (0: if there is none), and with it the log.
    pub(crate) async fn replace(&self, snapshot: &Snapshot) -> Result<Replaced, Failure> {
        let (objects, transaction) = self.transaction("readwrite").await?;
        let found = read(&objects, &snapshot.model, false).await?;
        if found.as_ref().map_or(0.0, |saved| saved.revision) != snapshot.revision {
            return read(&objects, &snapshot.model, snapshot.with_log).await.map(Replaced::Conflict);
        }
        let revision = snapshot.revision + 1.0;
        let record = ProfileRecord::new(snapshot, revision);
        objects.put_with_key(&record, &profile_key(&snapshot.model)).map_err(storage)?;
        objects.delete(&leaving_key(&snapshot.model)).map_err(storage)?;
        let log_key = log_key(&snapshot.model);
        match snapshot.log.as_deref() {
            None => {}
            Some("") => drop(objects.delete(&log_key).map_err(storage)?),
            Some(log) => drop(objects.put_with_key(&log.into(), &log_key).map_err(storage)?),
        }
        committed(&transaction).await?;
        Ok(Replaced::Done(revision))
    }

    /// The base fetched last.
    pub(crate) async fn base(&self) -> Result<Option<CachedBase>, Failure> {
        let (objects, _) = self.transaction("readonly").await?;
        let found = done(&objects.get(&BASE.into()).map_err(storage)?).await?;
        if !found.is_object() {
            return Ok(None);
        }
        let record = found.unchecked_ref::<BaseRecord>();
        let bytes = record.bytes().dyn_into::<Uint8Array>();
        Ok(record.url().as_string().zip(bytes.ok()).map(|(url, bytes)| CachedBase {
            url,
            etag: record.etag().as_string(),
            bytes: bytes.to_vec(),
        }))
    }

    /// Keeps `base` for opening offline.
    pub(crate) async fn keep_base(&self, base: &CachedBase) -> Result<(), Failure> {
        let (objects, transaction) = self.transaction("readwrite").await?;
        let record = Object::new().unchecked_into::<BaseRecord>();
        record.set_url(&base.url);
        record.set_etag(base.etag.as_deref());
        record.set_bytes(&Uint8Array::from(&base.bytes[..]));
        objects.put_with_key(&record, &BASE.into()).map_err(storage)?;
        committed(&transaction).await
    }

    /// Lets go of the database; the next use opens it again.
    pub(crate) fn close(&self) {
        let connection = self.connection.take();
        drop(connection);
    }

    async fn transaction(&self, mode: &str) -> Result<(IdbObjectStore, IdbTransaction), Failure> {
        transaction(&self.database().await?, mode)
    }

    async fn database(&self) -> Result<IdbDatabase, Failure> {
        if let Some(connection) = &*self.connection.borrow() {
            return Ok(connection.database.clone());
        }
        let factory = host::indexed_db().ok_or(Failure::new("storage", "this page has no IndexedDB"))?;
        let request = factory.open_with_u32(&self.name, LAYOUT).map_err(storage)?;
        let opening = request.clone();
        let upgrade = Closure::once(move || {
            // The result of a request inside its upgrade is the database. If making the object store fails, so does
            // the request.
            if let Ok(database) = opening.result() {
                let _ = database.unchecked_into::<IdbDatabase>().create_object_store(OBJECT_STORE);
            }
        });
        request.set_onupgradeneeded(Some(upgrade.as_ref().unchecked_ref()));
        let database = done(&request).await?.unchecked_into::<IdbDatabase>();
        *self.connection.borrow_mut() = Some(Connection::new(database.clone(), &self.connection));
        Ok(database)
    }
}

async fn read(objects: &IdbObjectStore, model: &str, with_log: bool) -> Result<Option<Saved>, Failure> {
    let found = done(&objects.get(&profile_key(model)).map_err(storage)?).await?;
    let mut saved = from_record(&found);
    if let Some(saved) = saved.as_mut().filter(|_| with_log) {
        let found = done(&objects.get(&log_key(model)).map_err(storage)?).await?;
        saved.log = found.as_string().unwrap_or_default();
    }
    Ok(saved)
}

/// The record, if it is one of ours: anything else is as good as no profile.
fn from_record(found: &JsValue) -> Option<Saved> {
    if !found.is_object() {
        return None;
    }
    let record = found.unchecked_ref::<ProfileRecord>();
    let profile = record.profile().dyn_into::<Uint8Array>().map_or_else(|_| Vec::new(), |bytes| bytes.to_vec());
    let resets = record.resets().as_f64().unwrap_or_default();
    Some(Saved { revision: record.revision().as_f64()?, resets, profile, log: String::new() })
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

impl ProfileRecord {
    fn new(snapshot: &Snapshot, revision: f64) -> ProfileRecord {
        let record = Object::new().unchecked_into::<ProfileRecord>();
        record.set_revision(revision);
        record.set_resets(snapshot.resets);
        record.set_profile(&Uint8Array::from(&snapshot.profile[..]));
        record
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

fn leaving_key(model: &str) -> JsValue {
    ["leaving/", model].concat().into()
}

fn profile_key(model: &str) -> JsValue {
    ["profile/", model].concat().into()
}

fn log_key(model: &str) -> JsValue {
    ["log/", model].concat().into()
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
        Some(error) => Failure::named("storage".into(), error.message()),
        None => Failure::new("storage", "the browser did not say why"),
    }
}

#[wasm_bindgen]
extern "C" {
    type ProfileRecord;
    #[wasm_bindgen(method, getter)]
    fn revision(this: &ProfileRecord) -> JsValue;
    #[wasm_bindgen(method, setter)]
    fn set_revision(this: &ProfileRecord, revision: f64);
    #[wasm_bindgen(method, getter)]
    fn resets(this: &ProfileRecord) -> JsValue;
    #[wasm_bindgen(method, setter)]
    fn set_resets(this: &ProfileRecord, resets: f64);
    #[wasm_bindgen(method, getter)]
    fn profile(this: &ProfileRecord) -> JsValue;
    #[wasm_bindgen(method, setter)]
    fn set_profile(this: &ProfileRecord, profile: &Uint8Array);

    type BaseRecord;
    #[wasm_bindgen(method, getter)]
    fn url(this: &BaseRecord) -> JsValue;
    #[wasm_bindgen(method, setter)]
    fn set_url(this: &BaseRecord, url: &str);
    #[wasm_bindgen(method, getter)]
    fn etag(this: &BaseRecord) -> JsValue;
    #[wasm_bindgen(method, setter)]
    fn set_etag(this: &BaseRecord, etag: Option<&str>);
    #[wasm_bindgen(method, getter)]
    fn bytes(this: &BaseRecord) -> JsValue;
    #[wasm_bindgen(method, setter)]
    fn set_bytes(this: &BaseRecord, bytes: &Uint8Array);

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

    type TransactionOptions;
    #[wasm_bindgen(method, setter)]
    fn set_durability(this: &TransactionOptions, durability: &str);
}

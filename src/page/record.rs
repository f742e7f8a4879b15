//! What stands in the store under its keys, as JavaScript objects. A record that is not one of ours is as good as none.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use brooklet_core::PendingDelta;
use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};

use crate::learning::saved::{Saved, Snapshot};
use crate::page::object::{field, object};

/// More pieces of rows than any model has.
const MOST_PIECES: f64 = 1e6;

/// A base as it was last fetched.
#[derive(Debug, Clone)]
pub(crate) struct CachedBase {
    pub(crate) url: String,
    pub(crate) etag: Option<String>,
    pub(crate) bytes: Vec<u8>,
}

/// The revision of a profile's record; 0 if it is none.
pub(crate) fn revision(record: &JsValue) -> f64 {
    number(record, "revision").unwrap_or_default()
}

/// The profile in a record. Its log stands elsewhere.
pub(crate) fn saved(record: &JsValue) -> Option<Saved> {
    Some(Saved {
        revision: number(record, "revision")?,
        resets: number(record, "resets").unwrap_or_default(),
        open: number(record, "open").unwrap_or_default(),
        merged: list(record, "merged", |id| id.as_f64()),
        // They are of notes: the first of their clients.
        departed: list(record, "departed", |bytes| Some(PendingDelta { seq: 1, bytes: array(bytes)? })),
        profile: bytes(record, "profile").unwrap_or_default(),
        // So many are to be read.
        rows: list(record, "pieces", |count| {
            Some(vec![Vec::new(); count.as_f64().filter(|n| *n < MOST_PIECES)? as usize])
        }),
        log: String::new(),
    })
}

/// A profile as it is kept.
pub(crate) fn profile_record(snapshot: &Snapshot, revision: f64) -> JsValue {
    object(&[
        ("revision", revision.into()),
        ("resets", snapshot.resets.into()),
        ("open", snapshot.open.into()),
        ("merged", snapshot.merged.iter().map(|id| JsValue::from(*id)).collect::<Array>().into()),
        (
            "departed",
            snapshot.departed.iter().map(|delta| Uint8Array::from(&delta.bytes[..])).collect::<Array>().into(),
        ),
        ("profile", Uint8Array::from(&snapshot.profile[..]).into()),
        ("pieces", snapshot.pieces.iter().map(|count| JsValue::from(*count)).collect::<Array>().into()),
    ])
}

/// The base in a record.
pub(crate) fn cached_base(record: &JsValue) -> Option<CachedBase> {
    let etag = value(record, "etag").and_then(|etag| etag.as_string());
    Some(CachedBase { url: value(record, "url")?.as_string()?, etag, bytes: bytes(record, "bytes")? })
}

/// A base as it is kept.
pub(crate) fn base_record(base: &CachedBase) -> JsValue {
    object(&[
        ("url", (&base.url).into()),
        ("etag", base.etag.as_ref().map_or(JsValue::NULL, JsValue::from)),
        ("bytes", Uint8Array::from(&base.bytes[..]).into()),
    ])
}

fn value(record: &JsValue, name: &str) -> Option<JsValue> {
    if record.is_object() { field(record, name).ok()? } else { None }
}

fn number(record: &JsValue, name: &str) -> Option<f64> {
    value(record, name)?.as_f64()
}

fn bytes(record: &JsValue, name: &str) -> Option<Vec<u8>> {
    array(value(record, name)?)
}

pub(crate) fn array(value: JsValue) -> Option<Vec<u8>> {
    value.dyn_into::<Uint8Array>().ok().map(|bytes| bytes.to_vec())
}

fn list<T>(record: &JsValue, name: &str, read: impl Fn(JsValue) -> Option<T>) -> Vec<T> {
    let list = value(record, name).and_then(|list| list.dyn_into::<Array>().ok());
    list.iter().flat_map(Array::iter).filter_map(read).collect()
}

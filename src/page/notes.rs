//! Notes of tabs that were left, in `localStorage`: a page that goes has no time for IndexedDB, which answers later.
//!
//! | key | text |
//! |---|---|
//! | `brooklet/<store>/<model>/<id>` | a byte a character: the length of the events (u32, little-endian), the events, the delta of them if one went out |
//!
//! Whoever learns a note names it in the profile in the same transaction, and removes it then: so it is learnt once, though the
//! two storages know nothing of one another.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use brooklet_core::PendingDelta;
use web_sys::Storage;

use crate::learning::saved::Note;
use crate::page::error::Failure;
use crate::page::host;

/// The notes of one store; none where there is no `localStorage`: in workers, in sandboxed frames.
#[derive(Debug)]
pub(crate) struct Notes {
    storage: Option<Storage>,
    prefix: String,
}

impl Notes {
    pub(crate) fn of(store: &str) -> Notes {
        Notes { storage: host::local_storage(), prefix: ["brooklet/", store, "/"].concat() }
    }

    /// The notes that tabs of `model` left.
    pub(crate) fn all(&self, model: &str) -> Vec<Note> {
        let Some(storage) = &self.storage else { return Vec::new() };
        let read = |id: f64| read(id, &storage.get_item(&self.key(model, id)).ok()??);
        self.ids(model).into_iter().filter_map(read).collect()
    }

    /// Their ids.
    pub(crate) fn ids(&self, model: &str) -> Vec<f64> {
        let Some(storage) = &self.storage else { return Vec::new() };
        let prefix = [&self.prefix, model, "/"].concat();
        // What does not end in a number is of another model, whose name begins like this.
        let id = |at| storage.key(at).ok()??.strip_prefix(&prefix)?.parse().ok();
        (0..storage.length().unwrap_or(0)).filter_map(id).map(|id: u64| id as f64).collect()
    }

    /// Leaves a note. When this returns, it is there.
    pub(crate) fn leave(&self, model: &str, note: &Note) -> Result<(), Failure> {
        let storage = self.storage.as_ref().ok_or(Failure::new("storage", "this page has no localStorage"))?;
        let length = (note.events.len() as u32).to_le_bytes();
        let delta = note.delta.as_ref().map_or(&[][..], |delta| &delta.bytes);
        let text = length.iter().chain(&note.events).chain(delta).map(|byte| char::from(*byte)).collect::<String>();
        storage.set_item(&self.key(model, note.id), &text).map_err(|thrown| Failure::thrown("storage", &thrown))
    }

    /// Removes notes that are learnt and saved.
    pub(crate) fn remove(&self, model: &str, ids: &[f64]) {
        let Some(storage) = &self.storage else { return };
        for id in self.ids(model).iter().filter(|id| ids.contains(id)) {
            // One that stays is known to be learnt.
            let _ = storage.remove_item(&self.key(model, *id));
        }
    }

    /// Removes all notes of the store, of every model.
    pub(crate) fn empty(&self) {
        let Some(storage) = &self.storage else { return };
        let key = |at| storage.key(at).ok()?.filter(|key| key.starts_with(&self.prefix));
        let keys: Vec<String> = (0..storage.length().unwrap_or(0)).filter_map(key).collect();
        for key in keys {
            let _ = storage.remove_item(&key);
        }
    }

    fn key(&self, model: &str, id: f64) -> String {
        [&self.prefix, model, "/", &(id as u64).to_string()].concat()
    }
}

fn read(id: f64, text: &str) -> Option<Note> {
    let bytes: Vec<u8> = text.chars().map(|char| char as u8).collect();
    let (length, rest) = bytes.split_first_chunk()?;
    let (events, delta) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    // Deltas of notes are the first of their clients.
    let delta = (!delta.is_empty()).then(|| PendingDelta { seq: 1, bytes: delta.into() });
    Some(Note { id, events: events.into(), delta })
}

//! What passes between a session and the store that the tabs of an origin share: plain values, so that neither needs to know
//! the other.

use alloc::string::String;
use alloc::vec::Vec;

use brooklet_core::{PendingDelta, Piece};

/// A profile as the store has it.
#[derive(Debug, Clone)]
pub(crate) struct Saved {
    /// Grows by one with every save, over all tabs.
    pub(crate) revision: f64,
    /// How often the profile was reset.
    pub(crate) resets: f64,
    /// The tab that may still replace the pending delta, for it alone knows that it has not sent it; 0 if that may be sent by now.
    pub(crate) open: f64,
    /// The notes whose events are in the profile, the latest of them.
    pub(crate) merged: Vec<f64>,
    /// Deltas that went out with notes and are not acknowledged.
    pub(crate) departed: Vec<PendingDelta>,
    /// The profile's head, and its rows: of each list of the core's, piece by piece.
    pub(crate) profile: Vec<u8>,
    pub(crate) rows: Vec<Vec<Vec<u8>>>,
    /// The event log beside it; empty if there is none, or nobody wants it.
    pub(crate) log: String,
}

/// What a tab left behind when it was hidden or closed: events that it had not saved, to be learnt by whoever comes next.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    /// Each note of each tab has another.
    pub(crate) id: f64,
    /// As [`Journal::encode`](crate::learning::journal::Journal::encode) writes them.
    pub(crate) events: Vec<u8>,
    /// The delta of these events, if it went out with the page: then no other is to hold them.
    pub(crate) delta: Option<PendingDelta>,
}

/// All that is kept of a model: the profile, and notes beside it. A note is removed only some time after its events are in the profile.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept {
    pub(crate) saved: Option<Saved>,
    pub(crate) notes: Vec<Note>,
}

/// A profile to be saved, and how much of its session it covers.
pub(crate) struct Snapshot {
    pub(crate) model: String,
    /// The revision that the profile grew from: the only one that it may replace.
    pub(crate) revision: f64,
    pub(crate) resets: f64,
    pub(crate) open: f64,
    /// The profile's head, the pieces of rows that the store has not, and how many there are of each list.
    pub(crate) profile: Vec<u8>,
    pub(crate) rows: Vec<Piece>,
    pub(crate) pieces: Vec<usize>,
    /// What a log can go on from, if there is one: the profile as a whole.
    pub(crate) whole: Vec<u8>,
    /// The delta in that profile which is not acknowledged.
    pub(crate) pending: Option<PendingDelta>,
    pub(crate) merged: Vec<f64>,
    pub(crate) departed: Vec<PendingDelta>,
    /// The event log if it is to be replaced too; an empty one is to be removed.
    pub(crate) log: Option<String>,
    /// Whether this tab has one.
    pub(crate) with_log: bool,
    pub(crate) covers: Covered,
}

/// How far a session was when its snapshot was taken: changes, the mark of its rows, events of its journal, lines of its log, how often it had been left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Covered {
    pub(crate) changes: u64,
    pub(crate) mark: u64,
    pub(crate) events: usize,
    pub(crate) log_end: usize,
    pub(crate) left: u32,
}

/// What came of an attempt to save.
#[derive(Debug)]
pub(crate) enum Replaced {
    /// The profile is saved under this revision.
    Done(f64),
    /// Another tab saved first or left a note, or the store was emptied: this is what it holds now.
    Conflict(Kept),
    /// The tab was left while its snapshot was on the way, so nothing was saved: take another.
    Overtaken,
}

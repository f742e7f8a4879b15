//! What passes between a session and the store that the tabs of an origin share: plain values, so that neither needs to know
//! the other.

use alloc::string::String;
use alloc::vec::Vec;

/// A profile as the store has it.
#[derive(Debug, Clone)]
pub(crate) struct Saved {
    /// Grows by one with every save, over all tabs.
    pub(crate) revision: f64,
    /// How often the profile was reset.
    pub(crate) resets: f64,
    pub(crate) profile: Vec<u8>,
    /// The event log beside it; empty if there is none, or nobody wants it.
    pub(crate) log: String,
}

/// A profile to be saved, and how much of its session it covers.
pub(crate) struct Snapshot {
    pub(crate) model: String,
    /// The revision that the profile grew from: the only one that it may replace.
    pub(crate) revision: f64,
    pub(crate) resets: f64,
    pub(crate) profile: Vec<u8>,
    /// The event log if it is to be replaced too; an empty one is to be removed.
    pub(crate) log: Option<String>,
    /// Whether this tab has one.
    pub(crate) with_log: bool,
    pub(crate) covers: Covered,
}

/// How far a session was when its snapshot was taken: changes, events of its journal, lines of its log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Covered {
    pub(crate) changes: u64,
    pub(crate) events: usize,
    pub(crate) log_end: usize,
}

/// What came of an attempt to save.
#[derive(Debug)]
pub(crate) enum Replaced {
    /// The profile is saved under this revision.
    Done(f64),
    /// Another tab saved first (or the store was emptied): this is what it holds now.
    Conflict(Option<Saved>),
}

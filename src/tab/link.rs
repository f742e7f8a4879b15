//! What a tab knows of the endpoint: where it is, what was sent there, how often it may be asked.

use alloc::string::String;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use brooklet_core::PendingDelta;

use crate::page::error::Failure;
use crate::page::host;
use crate::tab::pace::Pace;
use crate::tab::turn::Turn;
use crate::wire::lock::Lock;
use crate::wire::token::Token;

/// The way to the endpoint.
pub(crate) struct Link {
    pub(crate) endpoint: String,
    pub(crate) token: Option<Token>,
    /// The lock under which one tab at a time sends.
    pub(crate) lock: Lock,
    /// How often deltas are to go out, and when the next one is due: the same, give or take some jitter.
    pub(crate) pace: Pace,
    pub(crate) due: Cell<Pace>,
    /// The tag of the base that the endpoint gave last.
    pub(crate) etag: RefCell<Option<String>>,
    /// The delta sent last.
    pub(crate) sent: RefCell<Option<Sent>>,
    /// Attempts that failed since one succeeded.
    pub(crate) failures: Cell<u32>,
    /// Whether the last one that failed got no answer at all.
    pub(crate) unheard: Cell<bool>,
    /// The endpoint asked not to be asked before then, in milliseconds since 1970.
    pub(crate) not_before: Cell<f64>,
    pub(crate) syncing: Turn,
}

impl Link {
    pub(crate) fn new(endpoint: String, token: Option<Token>, lock: Lock, pace: Pace) -> Link {
        Link {
            endpoint,
            token,
            lock,
            pace,
            due: Cell::new(pace.spread(host::random())),
            etag: RefCell::default(),
            sent: RefCell::default(),
            failures: Cell::new(0),
            unheard: Cell::new(false),
            not_before: Cell::new(0.0),
            syncing: Turn::default(),
        }
    }

    /// The token of this moment, where there are any.
    pub(crate) async fn token(&self) -> Result<Option<String>, Failure> {
        match &self.token {
            Some(token) => token.fresh().await,
            None => Ok(None),
        }
    }

    /// Whether the endpoint may be asked again.
    pub(crate) fn is_open(&self) -> bool {
        self.not_before.get() <= js_sys::Date::now()
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

impl Sent {
    /// `delta`, which goes out in this moment.
    pub(crate) fn now(delta: &PendingDelta) -> Sent {
        Sent { seq: delta.seq, bytes: delta.bytes.clone(), acknowledged: false, at: js_sys::Date::now() }
    }
}

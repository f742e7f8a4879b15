//! What the endpoint needs of a database, behind one trait.
//!
//! Whole deltas are appended; nothing is upserted per feature. A store keeps, whatever the database: the aggregate beside
//! each model's newest base, the versions, the last sequence number of each client key, and the deltas with where each
//! of them is: pending, in a version, or set aside.

use std::any::Any;
use std::ops::RangeInclusive;

use async_trait::async_trait;
use axum::body::Bytes;
use brooklet_core::ClientKey;

use super::error::StoreError;
use super::made::{Candidate, CandidateState, CandidateStats, Comparison, Made, ModelSettings, Publication};
use crate::token::Token;

/// A durable store of models, versions and deltas. Every method either happened wholly when it returns `Ok`, and is then
/// durable, or did not happen at all.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Adds a model with its first version, unless it is there already.
    async fn register(&self, model: &str, seed: Publication) -> Result<Registered, StoreError>;

    /// The names of all models.
    async fn models(&self) -> Result<Vec<String>, StoreError>;

    /// Which version of a model is the newest, and what waits for the next.
    async fn head(&self, model: &str) -> Result<Option<Head>, StoreError>;

    /// The newest version of a model.
    async fn current(&self, model: &str) -> Result<Option<StoredVersion>, StoreError>;

    /// One version of a model.
    async fn version(&self, model: &str, version: u64) -> Result<Option<StoredVersion>, StoreError>;

    /// The version whose base has this entity tag and is still kept.
    async fn tagged(&self, model: &str, etag: &str) -> Result<Option<u64>, StoreError>;

    /// Appends a delta if it is the client's next one, and moves the client's sequence number in the same transaction.
    async fn append(&self, delta: Append) -> Result<Receipt, StoreError>;

    /// The client's last accepted sequence number; 0 if the client is unknown.
    async fn last_seq(&self, model: &str, client: ClientKey) -> Result<u64, StoreError>;

    /// Which deltas no version holds yet: the oldest of each client, then the second of each, and so on.
    async fn waiting(&self, model: &str, limit: Limit) -> Result<Vec<Waiting>, StoreError>;

    /// What these deltas say, which no version holds yet; in any order.
    async fn deltas(&self, model: &str, waiting: Vec<Waiting>) -> Result<Vec<Pending>, StoreError>;

    /// The aggregate's state beside a version; None once it was pruned.
    async fn aggregate(&self, model: &str, version: u64) -> Result<Option<Vec<u8>>, StoreError>;

    /// How a version was made; None if it is not known.
    async fn made(&self, model: &str, version: u64) -> Result<Option<Made>, StoreError>;

    /// The deltas that were folded into a version and are still kept, in the order of their ids.
    async fn folded(&self, model: &str, version: u64) -> Result<Vec<Pending>, StoreError>;

    /// Publishes the version after `publication.version - 1` with the aggregate's state and marks exactly the
    /// deltas of `publication.fold` as folded, in one transaction. Candidates lose what they could be published from: they are of another
    /// time. [`StoreError::Conflict`] if the newest version is another one, or if one of the deltas is not pending any more.
    async fn publish(&self, model: &str, publication: Publication) -> Result<(), StoreError>;

    /// Forgets the bases and aggregates of these versions and the deltas that went into them. Numbers about them stay.
    async fn prune(&self, model: &str, versions: RangeInclusive<u64>) -> Result<(), StoreError>;

    /// Forgets what a client key has sent, folded or pending, as far as it is kept; how many deltas that were. Its last sequence number stays.
    async fn forget(&self, model: &str, client: ClientKey) -> Result<u64, StoreError>;

    /// What an operator has said of a model.
    async fn settings(&self, model: &str) -> Result<ModelSettings, StoreError>;

    /// Takes the place of what was said before.
    async fn set_settings(&self, model: &str, settings: ModelSettings) -> Result<(), StoreError>;

    /// Keeps a candidate, and of the one before it the numbers alone. Returns its number.
    async fn propose(&self, model: &str, state: CandidateState, publication: Publication) -> Result<u64, StoreError>;

    /// The last candidates, at most [`Stats::VERSIONS`], the newest first.
    async fn candidates(&self, model: &str) -> Result<Vec<CandidateStats>, StoreError>;

    /// A candidate that can still be published.
    async fn candidate(&self, model: &str, id: u64) -> Result<Option<Candidate>, StoreError>;

    /// Says what has become of a canary.
    async fn reject(&self, model: &str, id: u64, trial: Option<Comparison>) -> Result<(), StoreError>;

    /// Forgets a candidate; whether there was one.
    async fn discard(&self, model: &str, id: u64) -> Result<bool, StoreError>;

    /// Forgets a model and all that belongs to it; whether there was one.
    async fn remove(&self, model: &str) -> Result<bool, StoreError>;

    /// Numbers about a model.
    async fn stats(&self, model: &str) -> Result<Option<Stats>, StoreError>;

    /// The profile of a visitor that is kept under an id, and which one it is, from 1.
    async fn profile(&self, model: &str, id: &str) -> Result<Option<(u64, Vec<u8>)>, StoreError>;

    /// Keeps a profile in the place of number `after`, 0 for none, if that is the one, and so many at `most`; whether it did.
    async fn keep_profile(
        &self,
        model: &str,
        id: &str,
        after: u64,
        bytes: Vec<u8>,
        most: u64,
    ) -> Result<bool, StoreError>;

    /// Forgets a profile; whether there was one.
    async fn forget_profile(&self, model: &str, id: &str) -> Result<bool, StoreError>;

    /// What the servers of this store seal with; `fresh` if nothing was before.
    async fn secret(&self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError>;

    /// All tokens, in the order in which they were made.
    async fn tokens(&self) -> Result<Vec<Token>, StoreError>;

    /// How much of a disk the store takes, in bytes.
    async fn bytes(&self) -> Result<u64, StoreError>;

    /// Whether the store can be written to and read from.
    async fn check(&self) -> Result<(), StoreError>;

    /// The right to fold a model until what is returned is dropped; None if another process has it.
    async fn lead(&self, _model: &str) -> Result<Option<Box<dyn Any + Send>>, StoreError> {
        Ok(Some(Box::new(())))
    }

    /// Returns when another process may have published a version or taken in deltas. Where one process at a time uses the store it never does.
    async fn changed(&self) {
        std::future::pending().await
    }

    /// Finishes what was begun and closes; every later call fails with [`StoreError::Closed`].
    async fn close(&self) -> Result<(), StoreError>;
}

/// A delta on its way into the store.
#[derive(Debug, Clone)]
pub struct Append {
    /// The model that it is for.
    pub model: String,
    /// The client key.
    pub client: ClientKey,
    /// Which one of the client's, from 1.
    pub seq: u64,
    /// How many events went into it.
    pub events: u32,
    /// The delta itself, as it was sent: what [`brooklet_core::Delta::decode`] reads, or that compressed by gzip.
    pub bytes: Bytes,
}

/// What became of an [`Append`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// It is durable, and will be in exactly one version.
    Accepted,
    /// It was accepted before; nothing has changed.
    Repeated,
    /// The one before it is missing; nothing has changed.
    Gap {
        /// The sequence number that the client's next delta must have.
        expected: u64,
    },
    /// The model's deltas take as much room as they may; nothing has changed.
    NoRoom,
}

/// What came of registering a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// The seed is the first version now.
    Added,
    /// The store had the model, with this first version, and keeps it.
    Present,
}

/// How much a fold takes: it bounds the length of the transaction that publishes.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// Deltas.
    pub deltas: usize,
    /// Deltas of one client key: many deltas of one must not take the place of others.
    pub of_a_client: usize,
}

/// A delta that waits to be folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// The store's name for it.
    pub id: i64,
    /// Who sent it.
    pub client: ClientKey,
}

/// A delta and what it says.
#[derive(Debug, Clone)]
pub struct Pending {
    /// The store's name for it.
    pub id: i64,
    /// Who sent it.
    pub client: ClientKey,
    /// The delta, as it was sent.
    pub bytes: Vec<u8>,
}

/// How far a model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The newest version.
    pub version: u64,
    /// Deltas that no version holds yet.
    pub pending: u64,
    /// When the oldest of them was taken in, in milliseconds since 1970.
    pub oldest: Option<u64>,
    /// Bytes of the deltas that are kept, folded or not.
    pub stored: u64,
}

/// A version as it is stored.
#[derive(Debug, Clone)]
pub struct StoredVersion {
    /// Its number.
    pub version: u64,
    /// The strong entity tag, without quotes.
    pub etag: String,
    /// When it was published, in milliseconds since 1970.
    pub created: u64,
    /// The base's blob; `None` once it was pruned.
    pub base: Option<Bytes>,
}

/// Numbers about a model.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Stats {
    /// The model.
    pub model: String,
    /// The newest version.
    pub version: u64,
    /// The digest of the newest version's fold, in hexadecimal.
    pub digest: String,
    /// Deltas that were accepted and are in no version yet.
    pub pending_deltas: u64,
    /// Their events.
    pub pending_events: u64,
    /// Deltas that were accepted, ever.
    pub deltas_total: u64,
    /// Their events.
    pub events_total: u64,
    /// Accepted deltas that could not be folded. There should never be one.
    pub set_aside_deltas: u64,
    /// Client keys ever seen.
    pub clients: u64,
    /// The last versions, at most [`Stats::VERSIONS`], the newest first.
    pub versions: Vec<VersionStats>,
}

impl Stats {
    /// How many versions are told of one by one.
    pub const VERSIONS: usize = 100;
}

/// Numbers about a version.
#[derive(Debug, Clone, serde::Serialize)]
pub struct VersionStats {
    /// Its number.
    pub version: u64,
    /// The strong entity tag, without quotes.
    pub etag: String,
    /// Size of the base.
    pub bytes: u64,
    /// Deltas that were folded into it.
    pub deltas: u64,
    /// Their events.
    pub events: u64,
    /// Rows of the base.
    pub rows: u64,
    /// Rows that the deltas touched.
    pub changed_rows: u64,
    /// The digest of the fold's sums, in hexadecimal.
    pub digest: String,
    /// When it was published, in milliseconds since 1970.
    pub created: u64,
    /// Whether the base can still be had.
    pub retained: bool,
    /// How it was made, and its figures.
    pub made: Made,
}

//! What can go wrong in a store, by kind and whatever the database, so that whoever asked can tell a full disk from a
//! broken file without knowing which database it was.

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What can go wrong in a store. The cause, where there is one, is as the database or the system told it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no room left; nothing was written.
    #[error("the store has no room left: {0}")]
    Full(Cause),
    /// Somebody else holds the database's lock, and did not let go of it in time.
    #[error("another program holds the database: {0}")]
    Locked(Cause),
    /// What is stored cannot be understood.
    #[error("the store is damaged: {0}")]
    Corrupt(Cause),
    /// The store cannot be reached: its files are not there, may not be used, or the disk does not answer.
    #[error("the store cannot be reached: {0}")]
    Gone(Cause),
    /// The database failed in another way.
    #[error("the database failed: {0}")]
    Failed(Cause),
    /// The database was written by a newer Brooklet.
    #[error(
        "the store has schema {found}, this version of Brooklet knows up to {known}: use the newer one, or another data folder"
    )]
    TooNew {
        /// The schema found.
        found: i64,
        /// The newest schema known.
        known: i64,
    },
    /// Another server has this store open.
    #[error("another server uses the store {0}: stop it, or use another data folder")]
    InUse(String),
    /// Something is where a file is to be written.
    #[error("{0} is there already: name another place")]
    Exists(String),
    /// More is waiting to be written than the store takes in; nothing was written.
    #[error("too many deltas are waiting to be written")]
    Busy,
    /// The commit that held the delta failed; nothing of it was written.
    #[error("the commit failed")]
    NotCommitted,
    /// The store was closed, or its writer died.
    #[error("the store is closed")]
    Closed,
    /// Somebody else published, or took one of the deltas.
    #[error("another fold came first")]
    Conflict,
    /// The model is not in the store.
    #[error("the store has no such model")]
    UnknownModel,
}

//! Where models, versions and deltas are kept: what is asked of a database, its errors, and the one that is built in.

mod contract;
mod error;
mod made;
mod sqlite;

pub use contract::{Append, Limit, Pending, Receipt, Registered, Stats, Store, StoredVersion, VersionStats};
pub use error::StoreError;
pub use made::{
    By, Candidate, CandidateState, CandidateStats, Challenger, Comparison, FoldedVersion, Judged, Made, ModelSettings,
    Publication, Reported, Settings,
};
pub use sqlite::{Sqlite, SqliteConfig, backup, list_tokens, make_token, restore, revoke_token};

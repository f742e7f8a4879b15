//! Where models, versions and deltas are kept: what is asked of a database, its errors, the one that is built in, and PostgreSQL.

mod contract;
mod error;
mod made;
mod postgres;
mod sqlite;

pub use contract::{
    Append, Head, Limit, Pending, Receipt, Registered, Stats, Store, StoredVersion, VersionStats, Waiting,
};
pub use error::StoreError;
pub use made::{
    By, Candidate, CandidateState, CandidateStats, Challenger, Comparison, FoldedVersion, Judged, Made, ModelSettings,
    Publication, Reported, Settings,
};
pub use postgres::{Postgres, PostgresConfig, PostgresUrl, migrate};
pub use sqlite::{Sqlite, SqliteConfig, backup, list_tokens, make_token, restore, revoke_token};

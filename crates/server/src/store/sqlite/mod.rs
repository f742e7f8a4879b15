//! The embedded store: one SQLite file in WAL mode, one thread that writes, a few connections that read.
//!
//! `synchronous = FULL` makes every commit a sync of the log, so a commit that returned is durable. What makes that
//! affordable is the group commit of the writer.

mod backup;
mod config;
mod connect;
mod database;
mod error;
mod folder;
mod history;
pub(super) mod parts;
mod profiles;
mod readers;
mod schema;
mod stats;
mod tokens;
mod writer;

pub use backup::{backup, restore};
pub use config::SqliteConfig;
pub(super) use connect::connect;
pub use database::Sqlite;
pub(super) use folder::Folder;
pub use tokens::{list_tokens, make_token, revoke_token};

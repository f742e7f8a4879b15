//! PostgreSQL as the store: any number of server processes upon one database.
//!
//! No process keeps what another could not know: who is next is said by a row of the database, a fold is under a lock of the database, and
//! a version is told of by a notification, behind which each process looks by itself once a second. A commit is durable when the database says so, which is
//! as the operator set `synchronous_commit` and `synchronous_standby_names`.

mod config;
mod connect;
mod database;
mod error;
mod history;
mod import;
mod news;
mod rows;
mod stats;
mod tls;
mod tokens;
mod url;
mod writer;

pub use config::PostgresConfig;
pub use database::Postgres;
pub use import::migrate;
pub use url::PostgresUrl;

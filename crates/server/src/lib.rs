//! The central endpoint: it publishes a model's base, takes in what browsers learnt, and folds it into the next version.
//!
//! ```text
//!   GET  /v1/models/{model}                 the current base; strong ETag, 304
//!   GET  /v1/models/{model}/versions/{n}    one version, immutable
//!   POST /v1/models/{model}/deltas          one delta; acknowledged once it is durable
//!   GET  /v1/models/{model}/stats           what came in and what became of it
//!   GET  /healthz  /metrics
//! ```
//!
//! A delta goes through four hands: [`app`] reads and checks it, the [`Store`] makes it durable together with the
//! client's sequence number and only then is it acknowledged, the folder takes what is pending and adds it up with
//! [`brooklet_core::Fold`], and the store publishes the next version and marks the deltas folded in one transaction.
//!
//! Two promises hold at any moment, a `kill -9` included: what was acknowledged is never lost, and no delta is counted
//! twice. They rest on three things: `clients.last_seq` moves in the transaction that appends the delta; a fold marks
//! exactly the rows that it read, never a range of ids; and whoever was accepted is folded, however old the base has
//! become by then.
//!
//! ```no_run
//! # async fn example() -> Result<(), brooklet_server::ServeError> {
//! let mut config = brooklet_server::Config::new("data");
//! config.model = "films".into();
//! config.seed = Some("seed.safetensors".into());
//! brooklet_server::serve(config).await
//! # }
//! ```
//!
//! A version that is known to be worse is not published: see [`brooklet_core::Release`] and [`Judge`].
//!
//! What it does not do: TLS, users and quotas (a proxy's work), and more than one process on one SQLite file (refused).

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod config;
mod serve;

mod api;
mod app;
mod body;
mod etag;
mod problem;

mod fold;
mod model;

mod metrics;
mod sqlite;
mod store;

pub use app::{AppState, app};
pub use config::{Config, Judge, Mount};
pub use fold::{FoldError, Folded};
pub use metrics::Metrics;
pub use serve::{ServeError, Server, init_logging, serve};
pub use sqlite::{Sqlite, SqliteConfig};
pub use store::{
    Append, FoldedVersion, Limit, Pending, Publication, Receipt, Registered, Stats, Store, StoreError, StoredVersion,
    VersionStats,
};

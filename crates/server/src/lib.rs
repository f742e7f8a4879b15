//! The central endpoint of Brooklet: it publishes a model's base, takes in what browsers learnt, and folds it into the next version.
//!
//! A *base* is the model that all visitors share. A browser learns upon it and sends what it learnt of the shared rows as a *delta*; a
//! *fold* adds thousands of deltas up and makes the next *version* of the base ([`brooklet_core::Fold`] has the mathematics).
//!
//! # How it works
//!
//! A delta goes through four hands:
//!
//! 1. [`app`] reads it, within limits of size and time, and checks that a fold will take it. Its documentation is the reference of
//!    routes, statuses and problem codes.
//! 2. The [`Store`] appends it together with the client's sequence number, in one transaction. Deltas that arrive during a commit
//!    share the next one, so a sync of the disk is paid once for up to a hundred of them.
//! 3. A fold takes what is pending as soon as [`Config::fold_deltas`] wait or the first has waited [`Config::fold_seconds`], if
//!    [`Config::version_clients`] sent it and the last version is [`Config::version_seconds`] old; or
//!    [`fold_now`] does. It computes on a snapshot, so deltas keep being acknowledged meanwhile. With a [`Judge`], a version that is
//!    known to be worse is not published, see [`brooklet_core::Release`].
//! 4. The store publishes the version: its base, the state of the sums and the mark on each delta that went into it, in one
//!    transaction.
//!
//! # What is durable when
//!
//! - Once a delta is answered with 200, it is on disk and will be in exactly one version.
//! - A delta without an answer is on disk or it is not; sending the same bytes again is right in both cases. What is on disk is
//!   answered as a repeat and not counted again, because `(client key, sequence number)` is unique: a client's number is accepted if
//!   it is one more than the last one.
//! - A version that anybody has seen is on disk, and its bytes never change.
//! - A process that dies during a fold leaves every delta pending; the next fold computes the same sums, which are in fixed point and
//!   so the same in any order.
//!
//! That holds after a `kill -9` at any moment, and rests on three things: the sequence number moves in the transaction that appends
//! the delta; a fold marks exactly the rows that it read, never a range of ids; and a delta that was accepted is folded, however old
//! its base has become by then.
//!
//! # Example
//!
//! A browser's round, without a socket. [`serve`] does the same on an address until the process is told to stop.
//!
//! ```
//! use axum::body::{Body, to_bytes};
//! use axum::http::{Request, StatusCode};
//! use brooklet_core::{Base, Features, Learner, Value};
//! use brooklet_server::{AppState, Config, Folded, app, fold_now};
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let seed = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/tests/fixtures/base-v1-f16.safetensors");
//! let mut config = Config::new(folder.path());
//! config.model = "films".into();
//! config.seed = Some(seed.into());
//! // One browser is enough for a version here.
//! config.version_clients = 1;
//! let state = AppState::open(config).await?;
//! let router = app(state.clone());
//!
//! // A browser pulls the base and learns from a click ...
//! let pull = Request::get("/v1/models/films").body(Body::empty())?;
//! let answer = router.clone().oneshot(pull).await?;
//! assert_eq!(answer.headers()["brooklet-version"], "1");
//! let base = to_bytes(answer.into_body(), 1 << 20).await?;
//! let mut learner = Learner::new(Base::decode(base.to_vec())?, brooklet_core::Config::default())?;
//! let film = Features::from_value(learner.schema(), &Value::parse(r#"{"item": "3"}"#)?)?;
//! learner.learn_one(&film, 1.0, 1.0)?;
//!
//! // ... sends what it learnt, twice, as if the first answer had been lost ...
//! let delta = learner.prepare_delta([7; 16]).ok_or("nothing was learnt")?;
//! for _ in 0..2 {
//!     let post = Request::post("/v1/models/films/deltas").header("content-type", "application/cbor");
//!     let answer = router.clone().oneshot(post.body(Body::from(delta.bytes.clone()))?).await?;
//!     assert_eq!(answer.status(), StatusCode::OK);
//! }
//!
//! // ... and it is in the next version, once.
//! assert_eq!(fold_now(&state, "films").await?, Folded::Published(2));
//! let stats = state.store().stats("films").await?.ok_or("no such model")?;
//! assert_eq!((stats.deltas_total, stats.pending_deltas, stats.versions[0].deltas), (1, 0, 1));
//! # Ok(()) }
//! ```
//!
//! # Limits
//!
//! No TLS, no accounts: that is a proxy's work. Tokens are looked at where strangers reach the address, see [`Config::open`]. One process uses one data folder; a second one is refused. What one
//! client key can do to a version is bounded by [`Config::clip`], [`Config::influence`] and [`Config::quorum`], what all can do ever by [`Config::reach`]; but
//! whoever makes up a thousand keys is a thousand clients. All current bases are in memory, and one fold takes at most 8,192 deltas or 16 MiB, of which
//! no client has more than its share; what is left waits for the next.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod error;
mod net;
mod router;
mod serve;
mod state;

mod events;
mod fold;
mod follow;
mod model;
mod models;
mod mounts;
mod operate;
mod publish;
mod ready;
mod seed;
mod served;
mod trial;
mod visitors;

mod budget;
mod caller;
mod calls;
mod clock;
mod config;
mod gzip;
mod log;
mod metrics;
mod pace;
mod process;
mod seal;
mod token;
#[cfg(feature = "otel")]
mod traces;

mod http;
mod store;

pub use config::{Config, Judge, Mount};
pub use error::{FoldError, ServeError};
pub use fold::{Folded, fold_now};
pub use log::{LogFormat, LogGuard, init_logging};
pub use metrics::Metrics;
pub use router::app;
pub use serve::{Server, serve};
pub use state::AppState;
pub use store::{
    Append, By, Candidate, CandidateState, CandidateStats, Challenger, Comparison, FoldedVersion, Head, Judged, Limit,
    Made, ModelSettings, Pending, Postgres, PostgresConfig, PostgresUrl, Publication, Receipt, Registered, Reported,
    Settings, Sqlite, SqliteConfig, Stats, Store, StoreError, StoredVersion, VersionStats, Waiting, backup,
    list_tokens, make_token, migrate, restore, revoke_token,
};
pub use token::{Scope, Token};

/// The Rust in what tells of tokens is compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/tokens.md")]
struct Tokens;

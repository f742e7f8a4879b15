//! brooklet-core: the model of Brooklet, a recommender that learns inside each visitor's browser.
//!
//! A *seed* (a second-order factorization machine) is trained in batch. Every visitor's copy, a [`Learner`], lies as a sparse
//! overlay over that immutable [`Base`] and learns one event at a time: its own visitor row in closed form, the shared rows
//! slowly. What it learnt about shared rows leaves as a [`Delta`]; a central endpoint sums thousands of them in a [`Fold`]
//! and publishes the next base.
//!
//! The crate is `no_std`, has no clock, no entropy and no I/O: the same bytes and numbers in give the same bits out, natively
//! and in wasm. It never panics on what comes from outside and never learns a weight that is not finite.
//!
//! ```
//! use brooklet_core::*;
//!
//! # fn main() -> Result<(), Error> {
//! // A seed of two films and one factor. It is trained in batch, and here written by hand.
//! let prior = Prior { mean: vec![0.0, 0.0], covariance: vec![0.5, 0.0, 0.0, 0.5], scale: 1.0 };
//! let rates = Rates { private: 0.3, shared: 0.005, delta: 0.2 };
//! let metadata = Metadata::new("films", Schema::new("user", "item"), rates, prior);
//! let ids = ["item=31", "item=597"].map(FeatureId::named).to_vec();
//! let rows = Rows { ids, rows: vec![0.1, 0.5, 0.2, -0.5], ..Rows::default() };
//! let base = Base::decode(encode_base(&metadata, &rows, Precision::F16)?)?;
//!
//! // The seed ranks 597 first, and this visitor clicks 31.
//! let mut learner = Learner::new(base, Config::default())?;
//! learner.set_item("31", &Features::default())?;
//! learner.set_item("597", &Features::default())?;
//! let query = Query { k: 2, ..Query::default() };
//! let slate = learner.recommend(&query);
//! assert_eq!(slate.items[0].item, "597");
//! learner.click(slate.id, "31")?;
//! learner.skip(slate.id, "597")?;
//! assert_eq!(learner.recommend(&query).items[0].item, "31");
//!
//! // What it has become stays on the device, and what it learnt about shared rows is sent.
//! let again = Learner::restore(learner.base().clone(), Config::default(), &learner.profile())?;
//! assert_eq!(again.digest(), learner.digest());
//! let pending = learner.prepare_delta([7; 16]).expect("two events");
//! assert_eq!(Delta::decode(&pending.bytes)?.events, 2);
//! # Ok(()) }
//! ```
//!
//! # Where the mathematics and the bytes are
//!
//! | module | what its pages say |
//! |---|---|
//! | [`model`] | the factorization machine, the proximal step, rows in closed form |
//! | [`watch`] | progressive validation, the choice among models, drift |
//! | [`share`] | what a delta says, and the fold that makes the next base of many |
//! | [`format`](mod@format) | base, metadata, delta and event log, byte by byte |
//!
//! Limits: at most 256 factors, 1,024 features an input, numbers up to a million, 65,536 rows a delta.

#![no_std]

extern crate alloc;

mod config;
mod error;
pub mod format;
mod input;
mod learner;
mod limits;
mod loss;
mod maths;
pub mod model;
mod names;
mod rates;
pub mod share;
mod slates;
mod thresholds;
pub mod watch;

pub use config::{Config, Detector, DriftPolicy, Exploration, Feedback, ModelConfig, Privacy, VisitorStep};
pub use error::{Error, Fault};
#[doc(inline)]
pub use format::base::{Base, Precision};
#[cfg(feature = "write")]
#[doc(inline)]
pub use format::base_writer::{Rows, encode_base};
#[cfg(feature = "write")]
#[doc(inline)]
pub use format::compact_writer::{compact, patch};
#[doc(inline)]
pub use format::delta::{ClientKey, Delta, Report, cohort};
#[doc(inline)]
pub use format::evidence::Evidence;
#[doc(inline)]
pub use format::metadata::{BASE_FORMAT, CataloguePrior, Labels, Metadata, Prior, Steps};
#[doc(inline)]
pub use format::patch::patched;
#[doc(inline)]
pub use format::record::{Candidate, Record, Scored, Subject};
pub use input::feature::{Feature, FeatureId, Features, FeaturesBuilder, Known};
pub use input::kind::{FieldKind, Kind, Scale};
pub use input::schema::{FieldRate, Schema};
pub use input::value::Value;
pub use learner::pieces::Piece;
pub use learner::rank::{AtMost, Query, Uncertain};
pub use learner::shelves::{Popular, Similar};
pub use learner::state::Learner;
pub use limits::{
    MAX_DEPTH, MAX_FACTORS, MAX_FEATURES, MAX_LABEL, MAX_NUMBER, MAX_PENDING, MAX_RATE, MAX_ROWS, MAX_SHADOWS,
    MAX_WEIGHT,
};
pub use loss::{Calibration, Loss, loss};
pub use maths::scalar::sigmoid;
#[doc(inline)]
pub use model::prediction::Prediction;
pub use rates::Rates;
#[cfg(feature = "write")]
#[doc(inline)]
pub use share::aggregate::Aggregate;
#[doc(inline)]
pub use share::fold::{Fold, FoldConfig};
#[cfg(feature = "write")]
#[doc(inline)]
pub use share::influence::CutShort;
#[cfg(feature = "write")]
#[doc(inline)]
pub use share::noise::Sums;
#[doc(inline)]
pub use share::outbox::{PendingDelta, Sharing};
#[cfg(feature = "write")]
#[doc(inline)]
pub use share::release::{Judging, Release};
#[cfg(feature = "write")]
#[doc(inline)]
pub use share::taking::Taking;
pub use slates::slate::{Recommended, Slate};
pub use thresholds::Thresholds;
#[doc(inline)]
pub use watch::drift::LossWatch;
#[doc(inline)]
pub use watch::explain::{Explanation, Source, Term};
#[doc(inline)]
pub use watch::figures::{Metrics, Score, SlateScore, Tally};
#[doc(inline)]
pub use watch::serving::Serving;

/// Holds the code of the README against the crate.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

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
//! use brooklet_core::{Base, Config, Features, Learner, Value};
//!
//! # fn demo(bytes: Vec<u8>) -> Result<(), brooklet_core::Error> {
//! let mut learner = Learner::new(Base::decode(bytes)?, Config::default())?;
//! let features = Value::parse(r#"{"item": "31", "genres": ["Drama", "War"], "device": "phone"}"#)?;
//! let features = Features::from_value(learner.schema(), &features)?;
//! let before = learner.predict_one(&features).probability;
//! learner.learn_one(&features, 1.0, 1.0)?;
//! assert!(learner.predict_one(&features).probability > before);
//! # Ok(()) }
//! ```
//!
//! Limits: at most 256 factors, 1,024 features an input, numbers up to a million, 65,536 rows a delta.

#![no_std]

extern crate alloc;

mod config;
mod error;
mod format;
mod input;
mod learner;
mod limits;
mod loss;
mod maths;
mod model;
mod names;
mod rates;
mod share;
mod slates;
mod thresholds;
mod watch;

pub use config::{Config, Detector, DriftPolicy, Exploration, Feedback, ModelConfig, VisitorStep};
pub use error::{Error, Fault};
pub use format::base::{Base, Precision};
#[cfg(feature = "write")]
pub use format::base_writer::{Rows, encode_base};
pub use format::delta::{ClientKey, Delta, Report};
pub use format::evidence::Evidence;
pub use format::metadata::{BASE_FORMAT, Labels, Metadata, Prior};
pub use format::record::{Candidate, Record, Scored, Subject};
pub use input::feature::{Feature, FeatureId, Features, FeaturesBuilder, Known};
pub use input::schema::{FieldRate, Schema};
pub use input::value::Value;
pub use learner::rank::{Query, Uncertain};
pub use learner::state::Learner;
pub use limits::{
    MAX_DEPTH, MAX_FACTORS, MAX_FEATURES, MAX_LABEL, MAX_NUMBER, MAX_PENDING, MAX_RATE, MAX_ROWS, MAX_SHADOWS,
    MAX_WEIGHT,
};
pub use loss::{Calibration, Loss, loss};
pub use maths::scalar::sigmoid;
pub use model::prediction::Prediction;
pub use rates::Rates;
#[cfg(feature = "write")]
pub use share::aggregate::Aggregate;
pub use share::fold::{Fold, FoldConfig};
pub use share::outbox::PendingDelta;
#[cfg(feature = "write")]
pub use share::release::{Judging, Release};
pub use slates::slate::{Recommended, Slate};
pub use thresholds::Thresholds;
pub use watch::explain::{Explanation, Source, Term};
pub use watch::figures::{Metrics, Score, SlateScore, Tally};
pub use watch::serving::Serving;

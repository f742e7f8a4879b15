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
//! let mut learner = Learner::new(Base::read(bytes)?, Config::default());
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

mod error;
mod place;
mod value;

mod feature;
mod schema;

mod base;
mod config;
mod metadata;
mod names;
#[cfg(feature = "write")]
mod write;

mod learner;

mod active;
mod fm;
mod math;
mod model;
mod posterior;
mod rows;
mod scale;

mod index;
mod lanes;
mod order;

mod catalogue;
mod explain;
mod explore;
mod log;
mod random;
mod ranking;
mod slate;

mod choice;
mod drift;
mod progress;
mod thresholds;

mod curvature;
mod outbox;
mod profile;
mod teaching;
mod told;

#[cfg(feature = "write")]
mod aggregate;
mod delta;
mod fold;
#[cfg(feature = "write")]
mod release;

#[cfg(feature = "write")]
pub use aggregate::Aggregate;
pub use base::{Base, Precision};
pub use config::{
    Config, Detector, DriftPolicy, Exploration, Feedback, MAX_PENDING, MAX_ROWS, MAX_SHADOWS, ModelConfig, VisitorStep,
};
pub use delta::{ClientKey, Delta, Evidence, Report};
pub use error::{Error, Fault};
pub use explain::{Explanation, Source, Term};
pub use feature::{Feature, FeatureId, Features, FeaturesBuilder, Known, MAX_FEATURES, MAX_NUMBER};
pub use fold::{Fold, FoldConfig};
pub use learner::{Learner, MAX_LABEL, MAX_WEIGHT, Prediction, Serving};
pub use log::{Candidate, Record, Scored};
pub use math::{loss, sigmoid};
pub use metadata::{BASE_FORMAT, Calibration, Labels, Loss, MAX_FACTORS, MAX_RATE, Metadata, Prior, Rates};
pub use outbox::PendingDelta;
pub use progress::{Metrics, Score, SlateScore, Tally};
pub use ranking::{Query, Uncertain};
#[cfg(feature = "write")]
pub use release::{Judging, Release};
pub use schema::{FieldRate, Schema};
pub use slate::{Recommended, Slate, Subject};
pub use thresholds::Thresholds;
pub use value::{MAX_DEPTH, Value};
#[cfg(feature = "write")]
pub use write::{Rows, write_base};

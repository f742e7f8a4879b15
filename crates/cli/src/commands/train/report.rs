//! What a training tells.

use brooklet_train::training::{Fit, Implicit, Tuned};
use serde::Serialize;
use std::path::PathBuf;

/// What `--json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// As it was asked for, or as suits the labels.
    pub(super) method: &'static str,
    pub(super) rows: usize,
    pub(super) users: usize,
    pub(super) items: usize,
    /// Rows of the model as it was trained, private ones among them.
    pub(super) features: usize,
    pub(super) epochs: usize,
    /// From start to end, reading and tuning included.
    pub(super) seconds: f64,
    /// Events that gradient descent went over in a second of its own time, all threads together.
    pub(super) rows_per_s: f64,
    /// Of the run that held rows out, on the rows that it was trained on; of millions a part.
    pub(super) train: Fit,
    /// Of the same run, on the rows that it held out.
    pub(super) validation: Fit,
    /// Null unless the whole catalogue is ranked by something of its own.
    pub(super) implicit: Option<Implicit>,
    /// Null if there were too few people to hold some out.
    pub(super) tuning: Option<Tuned>,
    pub(super) prior_users: usize,
    pub(super) prior_scale: f32,
    pub(super) calibration: [f32; 2],
    pub(super) shared_rate: f32,
    pub(super) bytes: usize,
    pub(super) out: PathBuf,
}

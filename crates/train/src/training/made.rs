//! What comes of a training.

use super::catalogue::Implicit;
use super::recipe::Method;
use super::settings::{Settings, Tuned};
use serde::Serialize;
use std::time::Duration;

/// A seed, and what its making told.
pub struct Made {
    /// How it was learnt: as the recipe says, or else as suits the data.
    pub method: Method,
    /// Events that it was made of, their users and items.
    pub rows: usize,
    /// Their users.
    pub users: usize,
    /// Their items.
    pub items: usize,
    /// Rows of the model as it was trained, private ones among them.
    pub features: usize,
    /// The seed, as [`Base::decode`] reads it.
    pub bytes: Vec<u8>,
    /// What was chosen for learning from it.
    pub settings: Settings,
    /// Passes over the events that led to it.
    pub epochs: usize,
    /// Of the run that held rows out.
    pub train: Fit,
    /// Of the same run, on the rows that it held out.
    pub validation: Fit,
    /// What was chosen for ranking the whole catalogue, if that was learnt.
    pub implicit: Option<Implicit>,
    /// None if there were too few people to hold some out.
    pub tuning: Option<Tuned>,
    /// Its losses after each epoch, on rows trained on and held out, if somebody wants a report.
    pub curve: Vec<(f64, f64)>,
    /// Users whose rows the prior of a new visitor is made of.
    pub prior_users: usize,
    /// Events that gradient descent went over, and the time it took.
    pub descended: usize,
    /// The time of those.
    pub descent: Duration,
}

/// `log_loss` is the cross-entropy against the target that was learnt (graded, if labels were mapped); `auc` is against
/// clicks; `rmse` is against the target: of the probability under the logistic loss.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Fit {
    /// None of a regression.
    pub log_loss: Option<f64>,
    /// None if nothing says what a click is.
    pub auc: Option<f64>,
    /// None of no rows.
    pub rmse: Option<f64>,
}

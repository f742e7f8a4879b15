//! What a replay of an event log says of a seed, and which files are logs.

use super::estimate::{Difference, Estimate};
use super::evaluation::minus;
use serde::Serialize;

/// What a replay of an event log says of one seed.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct LogReport {
    /// Lines of the log.
    pub records: usize,
    /// Whether the log was made with this very seed.
    pub same_seed: bool,
    /// Scores that the log tells.
    pub predictions: usize,
    /// Those whose score has the very bits that the log has.
    pub identical: usize,
    /// The largest distance of a score from the log's.
    pub largest_difference: f32,
    /// Inputs that were labelled, and how they were predicted when they were shown.
    pub labelled: usize,
    /// Mean cross-entropy of the labelled inputs.
    pub log_loss: Option<Estimate>,
    /// Over the labelled inputs together.
    pub auc: Option<Estimate>,
    /// None if no slate has a label.
    pub off_policy: Option<OffPolicy>,
}

/// The click rate that a greedy ranking by the replayed learner would have had on the labelled places of the log's slates.
#[derive(Debug, PartialEq, Serialize)]
pub struct OffPolicy {
    /// Labelled places of slates.
    pub places: usize,
    /// Places at which it would have shown what was shown.
    pub agreed: usize,
    /// What the log itself earned.
    pub logged: f64,
    /// Inverse propensity scoring (Horvitz and Thompson 1952).
    pub ips: Option<Estimate>,
    /// The same, normalised by its own weights (Swaminathan and Joachims 2015).
    pub snips: Option<Estimate>,
}

/// How much the figures of one seed are above those of another, with the standard error over slates.
#[derive(Debug, Serialize)]
pub struct LogDifferences {
    /// Of the cross-entropy.
    pub log_loss: Option<Difference>,
    /// Of the AUC.
    pub auc: Option<Difference>,
    /// Of inverse propensity scoring.
    pub ips: Option<Difference>,
    /// Of its normalised form.
    pub snips: Option<Difference>,
}

impl LogReport {
    /// How much each figure is above that of another seed, with the standard error over slates.
    pub fn minus(&self, other: &LogReport) -> LogDifferences {
        let off_policy = |figure: fn(&OffPolicy) -> &Option<Estimate>| {
            minus(figure(self.off_policy.as_ref()?), figure(other.off_policy.as_ref()?))
        };
        LogDifferences {
            log_loss: minus(&self.log_loss, &other.log_loss),
            auc: minus(&self.auc, &other.auc),
            ips: off_policy(|o| &o.ips),
            snips: off_policy(|o| &o.snips),
        }
    }
}

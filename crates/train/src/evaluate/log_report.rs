//! What a replay of an event log says of a seed, and which files are logs.

use super::estimate::{Difference, Estimate};
use super::evaluation::minus;
use super::off_policy::OffPolicy;
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
    /// What a greedy ranking by the replayed learner would have earned on the labelled places of slates; None if no slate has a label.
    pub off_policy: Option<OffPolicy>,
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
    /// Of the doubly robust estimate.
    pub dr: Option<Difference>,
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
            dr: off_policy(|o| &o.dr),
        }
    }
}

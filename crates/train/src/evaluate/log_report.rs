//! What a replay of an event log says of a seed, and which files are logs.

use super::estimate::{Difference, Estimate};
use super::evaluation::minus;
use brooklet_core::{Record, Value};
use serde::Serialize;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

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

/// Whether a file is an event log and no file of events: its first line is a record.
pub fn is_log(path: &Path) -> bool {
    // Where there is no file to read, whoever reads it will say so.
    let Ok(file) = std::fs::File::open(path) else { return false };
    let mut lines = BufReader::new(file.take(LONGEST_LINE)).split(b'\n').map_while(Result::ok);
    let first = lines.find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let Ok(first) = std::str::from_utf8(&first) else { return false };
    match Value::parse(first) {
        Ok(value) => Record::from_value(&value).is_ok(),
        // A log that is broken from its first line on; its reader will name the line.
        Err(_) => first.trim_start().starts_with("{\"type\""),
    }
}

/// The first record carries a profile, which is long.
const LONGEST_LINE: u64 = 16 << 20;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_log_is_told_from_events_by_its_first_line() {
        for (text, expected) in [
            ("\n {\"type\":\"opened\"\n", true),
            ("{\"name\":\"x\",\"type\":\"named\",\"id\":\"279a8b0c2f1d6733\"}\n", true),
            ("user,item,label\n", false),
            ("{\"user\":\"a\",\"type\":1}\n", false),
            ("", false),
        ] {
            assert_eq!(is_log(testing::temp_file(text).path()), expected, "{text}");
        }
    }
}

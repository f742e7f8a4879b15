//! How often learning over HTTP is asked for, and how long it takes.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The share that the last call has in the exponentially weighted mean.
const LAST: f64 = 0.1;

/// Of one kind of call.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub(crate) struct Called {
    pub(crate) calls: u64,
    /// Seconds.
    pub(crate) mean_seconds: f64,
    /// Exponentially weighted: the last call counts for a tenth.
    pub(crate) recent_seconds: f64,
}

/// How labels were predicted before they were learnt.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub(crate) struct Predicted {
    pub(crate) events: u64,
    /// Brier score (mean squared error) of the learners.
    pub(crate) brier: f64,
    /// And of the base without them.
    pub(crate) base_brier: f64,
    /// The mean probability that learners gave, and the mean label that came: of a calibrated model they are the same.
    pub(crate) predicted: f64,
    pub(crate) came: f64,
}

/// What is told of it.
#[derive(Debug, Clone, serde::Serialize)]
pub(crate) struct Told {
    pub(crate) calls: BTreeMap<&'static str, Called>,
    pub(crate) metrics: Predicted,
}

/// Since the server started.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    by_kind: Mutex<BTreeMap<&'static str, Called>>,
    predicted: Mutex<Predicted>,
}

impl Calls {
    pub(crate) fn count(&self, kind: &'static str, took: Duration) {
        let mut all = self.by_kind.lock().unwrap_or_else(PoisonError::into_inner);
        let called = all.entry(kind).or_default();
        let seconds = took.as_secs_f64();
        called.calls += 1;
        called.mean_seconds += (seconds - called.mean_seconds) / called.calls as f64;
        let weight = if called.calls == 1 { 1.0 } else { LAST };
        called.recent_seconds += weight * (seconds - called.recent_seconds);
    }

    /// A label came of which this was predicted, by the learner and by the base.
    pub(crate) fn learnt(&self, label: f64, predicted: [f64; 2]) {
        let mut mean = self.predicted.lock().unwrap_or_else(PoisonError::into_inner);
        mean.events += 1;
        let events = mean.events as f64;
        let [own, base] = predicted.map(|predicted| (predicted - label) * (predicted - label));
        mean.brier += (own - mean.brier) / events;
        mean.base_brier += (base - mean.base_brier) / events;
        mean.predicted += (predicted[0] - mean.predicted) / events;
        mean.came += (label - mean.came) / events;
    }

    pub(crate) fn told(&self) -> Told {
        Told {
            calls: self.by_kind.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            metrics: *self.predicted.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_of_all_calls_and_of_the_last() {
        let calls = Calls::default();
        for milliseconds in [10, 10, 40] {
            calls.count("predict", Duration::from_millis(milliseconds));
        }
        let called = calls.told().calls["predict"];
        assert_eq!(called.calls, 3);
        assert!(
            (called.mean_seconds - 0.02).abs() < 1e-12 && (called.recent_seconds - 0.013).abs() < 1e-12,
            "{called:?}"
        );
    }
}

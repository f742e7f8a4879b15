//! Progressive validation: every event is predicted before it is learnt from, by the personal model and by the bare base
//! (Blum, Kalai and Langford 1999; `evaluate.progressive_val_score` in River).

use crate::Loss;
use crate::math::loss;

/// Events over which the recent loss is averaged (exponentially weighted).
const RECENT: f64 = 30.0;

/// How one model has predicted.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Score {
    /// Sum of losses: log-loss in nats of the calibrated probability, or half the squared error.
    pub(crate) sum: f64,
    pub(crate) recent_sum: f64,
    /// Sum of the weights of `recent_sum`.
    pub(crate) recent_weight: f64,
}

impl Score {
    fn add(&mut self, loss: f64) {
        let decay = 1.0 - 1.0 / RECENT;
        self.sum += loss;
        self.recent_sum = self.recent_sum * decay + loss;
        self.recent_weight = self.recent_weight * decay + 1.0;
    }

    /// Exponentially weighted mean over about the last 30 events; None before the first.
    pub fn recent(&self) -> Option<f64> {
        (self.recent_weight > 0.0).then(|| self.recent_sum / self.recent_weight)
    }
}

/// What progressive validation has seen.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Metrics {
    /// Events learnt from.
    pub events: u64,
    /// Those with a target above one half.
    pub clicks: u64,
    /// The personal model.
    pub personal: Score,
    /// The base with the prior's mean as the visitor row: what a visitor without a profile would be shown.
    pub base: Score,
}

impl Metrics {
    pub(crate) fn add(&mut self, kind: Loss, personal: f64, base: f64, target: f64) {
        self.events += 1;
        self.clicks += u64::from(target > 0.5);
        self.personal.add(loss(kind, personal, target));
        self.base.add(loss(kind, base, target));
    }

    /// Mean loss of the personal model; None before the first event.
    pub fn personal_loss(&self) -> Option<f64> {
        (self.events > 0).then(|| self.personal.sum / self.events as f64)
    }

    /// Mean loss of the bare base; None before the first event.
    pub fn base_loss(&self) -> Option<f64> {
        (self.events > 0).then(|| self.base.sum / self.events as f64)
    }
}

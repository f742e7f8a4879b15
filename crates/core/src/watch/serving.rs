//! Which model serves: Hedge over the models' progressive losses (Freund and Schapire 1997), and the gate that serves the
//! bare base while the personal model is significantly worse.
//!
//! ```text
//! weight of model m ~ exp(-0.3 L_m)        L_m <- 0.99 L_m + min(loss of m, 3)        the heaviest serves
//! gate: d = loss of that model - loss of the base, z = mean(d) / sqrt(var(d) / n), over about the last 100 events
//!       closed where z > threshold after 30 events, opened again where mean(d) <= 0
//! ```

use crate::maths::scalar::{exp, sqrt};
use alloc::vec;
use alloc::vec::Vec;

/// Whose scores a ranking goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serving {
    /// The bare base: the gate is closed.
    Base,
    /// The first model (0) or a shadow.
    Model(usize),
}

/// Hedge's learning rate.
const ETA: f64 = 0.3;
/// Hedge forgets: losses count for about the last 100 events, so that another model can take over.
const MEMORY: f64 = 0.99;
/// Losses are counted up to this: one surprise must not decide.
const SURPRISE: f64 = 3.0;

/// Weights of several models by what they lost.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hedge {
    pub(crate) losses: Vec<f64>,
}

impl Hedge {
    pub(crate) fn new(models: usize) -> Hedge {
        Hedge { losses: vec![0.0; models] }
    }

    pub(crate) fn add(&mut self, losses: &[f64]) {
        for (sum, loss) in self.losses.iter_mut().zip(losses) {
            *sum = *sum * MEMORY + loss.min(SURPRISE);
        }
    }

    /// The weights; they sum to 1.
    pub(crate) fn weights(&self) -> Vec<f64> {
        let least = self.losses.iter().fold(f64::INFINITY, |least, loss| least.min(*loss));
        let weights: Vec<f64> = self.losses.iter().map(|loss| exp(-ETA * (loss - least))).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / sum).collect()
    }

    /// The model of most weight, the first of equals.
    pub(crate) fn best(&self) -> usize {
        let mut best = 0;
        for (at, loss) in self.losses.iter().enumerate() {
            if *loss < self.losses[best] {
                best = at;
            }
        }
        best
    }
}

/// Events that the gate reaches back.
const REACH: f64 = 100.0;
/// Events before it may close.
const LEAST_EVENTS: u64 = 30;

/// Compares the personal model's loss with the base's, event by event: a paired z-test, exponentially weighted.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Gate {
    pub(crate) events: u64,
    pub(crate) mean: f64,
    pub(crate) variance: f64,
    /// Whether the base is served.
    pub(crate) closed: bool,
}

impl Gate {
    /// Takes note of one event; closes at `threshold` standard errors, opens again when the personal model is no worse.
    pub(crate) fn add(&mut self, personal: f64, base: f64, threshold: f64) {
        self.events += 1;
        let share = 1.0 / (self.events as f64).min(REACH);
        let off = personal - base - self.mean;
        self.mean += share * off;
        self.variance = (1.0 - share) * (self.variance + share * off * off);
        let error = sqrt(self.variance / (self.events as f64).min(REACH));
        self.closed = if self.closed {
            self.mean > 0.0
        } else {
            self.events >= LEAST_EVENTS && error > 0.0 && self.mean > threshold * error
        };
    }
}

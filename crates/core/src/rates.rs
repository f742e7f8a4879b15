//! How fast the plain steps go. A seed carries the rates that were tuned for it and a page may set others, so they stand below both the
//! metadata of a seed and the settings of a learner.

use crate::input::place::{Bounds, Place};
use crate::limits::MAX_RATE;

/// What a learning rate may be.
pub(crate) const RATE: Bounds = Bounds::new(0.0, MAX_RATE as f64, "a number from 0 to 1000");

/// Learning rates of the plain step, each in \[0, 1000\].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Of the visitor row and private rows, where the visitor row learns by steps: high, they belong to this visitor alone.
    pub private: f32,
    /// Of shared rows, on this device: low.
    pub shared: f32,
    /// Kept for the format alone, since every base of format 1 has the number: no delta is made with it, because a delta says
    /// gradients and curvature and not steps.
    pub delta: f32,
}

/// Reads the three rates of an object.
pub(crate) fn rates(place: &Place<'_>) -> Rates {
    let [private, shared, delta] = ["private", "shared", "delta"].map(|key| place.field(key).single(&RATE));
    Rates { private, shared, delta }
}

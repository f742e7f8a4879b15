//! An event as it is kept to be taught again: below the model that learns from it and the outbox that keeps it.

use crate::input::feature::Features;

/// An event to be reconstructed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) features: Features,
    pub(crate) target: f32,
    pub(crate) weight: f32,
}

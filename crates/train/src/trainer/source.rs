//! Where events come from: memory, or something that hands them over piece by piece.

use super::problem::Event;
use crate::error::Result;

/// Where an epoch's events come from.
pub(crate) enum Source<'a> {
    Memory(Vec<Event>),
    Stream(Box<dyn Stream + 'a>),
}

/// Events that are not in memory all at once.
pub(crate) trait Stream {
    fn len(&self) -> usize;

    /// Weighted mean of the targets.
    fn mean(&self) -> f64;

    /// Hands over every event once, in groups, in an order that is another one every epoch. A group may be kept.
    fn epoch(&mut self, epoch: usize, learn: &mut dyn FnMut(&mut Vec<Event>)) -> Result<()>;
}

impl From<Vec<Event>> for Source<'_> {
    fn from(events: Vec<Event>) -> Self {
        Source::Memory(events)
    }
}

impl Source<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Source::Memory(events) => events.len(),
            Source::Stream(stream) => stream.len(),
        }
    }

    /// Weighted mean of the targets; 0 of nothing.
    pub(super) fn mean(&self) -> f64 {
        match self {
            Source::Memory(events) => {
                let weights: f64 = events.iter().map(|event| f64::from(event.weight)).sum();
                events.iter().map(|event| f64::from(event.weight * event.target)).sum::<f64>() / weights.max(1e-9)
            }
            Source::Stream(stream) => stream.mean(),
        }
    }
}

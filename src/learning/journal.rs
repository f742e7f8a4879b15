//! The events that the store does not hold yet, to be learnt again on the profile of another tab if that was saved first.

use alloc::collections::VecDeque;

use brooklet_core::{Error, Features, Learner, Prediction, Subject};

/// How many unsaved events are kept: only a store that fails for hours lets them grow so many.
const LONGEST: usize = 10_000;

/// An event as the core learns it.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// An input with its label.
    Learnt { features: Features, target: f32, weight: f32 },
    /// The label of an item of a slate, where 1 is a click and 0 a skip, or of a held prediction.
    Labelled { subject: Subject, target: f32, weight: f32 },
    /// One input that is preferred to another.
    Compared { preferred: Features, other: Features, weight: f32 },
}

impl Event {
    /// Learns it; what was predicted before, if that is one thing.
    pub(crate) fn learn(&self, core: &mut Learner) -> Result<Option<Prediction>, Error> {
        match self {
            Event::Learnt { features, target, weight } => core.learn_one(features, *target, *weight).map(Some),
            Event::Labelled { subject, target, weight } => core.label(subject, *target, *weight).map(Some),
            Event::Compared { preferred, other, weight } => core.learn_pair(preferred, other, *weight).map(|()| None),
        }
    }
}

/// Unsaved events, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Journal(VecDeque<Event>);

impl Journal {
    /// Takes note of an event that was learnt.
    pub(crate) fn push(&mut self, event: Event) {
        if self.0.len() == LONGEST {
            self.0.pop_front();
        }
        self.0.push_back(event);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The first so many events are in the store.
    pub(crate) fn saved(&mut self, events: usize) {
        self.0.drain(..events.min(self.0.len()));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Moves `core` onto `other`, a learner that was restored from what another tab saved, and learns all events again there.
    pub(crate) fn rebase(&self, core: &mut Learner, other: Learner) -> Result<(), Error> {
        for event in &self.0 {
            if let Event::Labelled { subject, .. } = event {
                core.unlabel(subject);
            }
        }
        core.adopt(other);
        for event in &self.0 {
            // A label may have been given in the other tab too, or its slate made room for that tab's: then it counts no more.
            match event.learn(core) {
                Err(Error::AlreadyLabelled | Error::UnknownSlate) => {}
                outcome => drop(outcome?),
            }
        }
        Ok(())
    }
}

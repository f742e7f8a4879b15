//! The learner's side of sharing: deltas of its first model, one underway at a time.

use crate::format::delta::{ClientKey, Delta};
use crate::share::outbox::PendingDelta;

use crate::learner::state::Learner;

impl Learner {
    /// The delta to send: the pending one, or else one of what was learnt since; None if that is nothing. `fresh` is a random
    /// key, used when a new one is due.
    pub fn prepare_delta(&mut self, fresh: ClientKey) -> Option<PendingDelta> {
        self.outbox.prepare(&self.models[0], &mut self.random, fresh)
    }

    /// The endpoint has stored `delta`. If that is not the pending one (any more), nothing happens.
    pub fn acknowledge(&mut self, delta: &PendingDelta) {
        self.outbox.acknowledge(delta);
    }

    /// The endpoint will never take `delta` (a gap in the sequence, a base past the horizon): what it held is sent again under
    /// the key `fresh`, against the base of that time. If it is not the pending one (any more), nothing happens.
    pub fn reject(&mut self, delta: &PendingDelta, fresh: ClientKey) {
        self.outbox.reject(delta, fresh);
    }

    /// Events that no delta holds yet.
    pub fn unsent_events(&self) -> u32 {
        self.outbox.waiting()
    }

    /// Events of the pending delta, which was made and not yet acknowledged; None if there is none.
    pub fn pending_events(&self) -> Option<u32> {
        // It was encoded by the outbox or checked when the profile was read.
        self.outbox.pending.as_ref().map(|bytes| Delta::decode(bytes).map_or(0, |delta| delta.events))
    }
}

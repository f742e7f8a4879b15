//! The learner's side of sharing: deltas of its first model, one underway at a time.

use alloc::vec::Vec;

use crate::format::delta::{ClientKey, Delta, cohort};
use crate::input::feature::Features;
use crate::loss::Loss;
use crate::maths::random::normal;
use crate::model::event::Event;
use crate::share::outbox::{BUFFER, PendingDelta, Sharing};
use crate::share::privacy::{Cover, Entropy};

use crate::learner::state::Learner;

impl Learner {
    /// The delta to send: the pending one, or else one of what was learnt since; None if that is nothing. `fresh` is a random
    /// key, used when a new one is due.
    pub fn prepare_delta(&mut self, fresh: ClientKey) -> Option<PendingDelta> {
        let cover = self.cover(fresh);
        self.outbox.prepare(&self.models[0], &mut self.random, fresh, cover)
    }

    /// The delta that was made and not yet acknowledged.
    pub fn pending_delta(&self) -> Option<PendingDelta> {
        self.outbox.pending_delta()
    }

    /// Takes back the pending delta, which nobody may have sent: what it held goes into the next one, under the same number.
    pub fn withdraw_delta(&mut self) {
        self.outbox.withdraw();
    }

    /// A delta of these events alone (features, target and weight of each), under a key of its own: for who cannot keep what he has told
    /// of them. They are to be learnt without being shared.
    pub fn delta_of(&self, events: &[(Features, f32, f32)], key: ClientKey) -> Option<PendingDelta> {
        let mut outbox = self.outbox.aside(self.config.privacy.unlinkable);
        for (features, target, weight) in events.iter().take(BUFFER) {
            let event = Event { features: self.scales.apply(features), target: *target, weight: *weight };
            if !event.features.shared().is_empty() && event.weight > 0.0 {
                outbox.events.push(event);
            }
        }
        outbox.prepare(&self.models[0], &mut self.random.clone(), key, self.cover(key))
    }

    /// What becomes of events that are learnt from now on; deltas tell of them unless this says otherwise.
    pub fn share(&mut self, sharing: Sharing) {
        self.sharing = sharing;
    }

    /// The delta that would be sent now; with `anew` one of all that was learnt, though another is pending. Changes nothing; `key` stands for
    /// that of a client that has none yet.
    pub fn next_delta(&mut self, key: ClientKey, anew: bool) -> Option<Vec<u8>> {
        let cover = self.cover(key);
        self.outbox.next(&self.models[0], key, anew, cover)
    }

    /// The endpoint has stored `delta`. If that is not the pending one (any more), nothing happens.
    pub fn acknowledge(&mut self, delta: &PendingDelta) {
        self.outbox.acknowledge(delta);
    }

    /// The endpoint will never take `delta` (a gap in the sequence, a base past the horizon): what it held is sent again under
    /// the key `fresh`, against the base of that time. If it is not the pending one (any more), nothing happens.
    pub fn reject(&mut self, delta: &PendingDelta, fresh: ClientKey) {
        self.outbox.reject(delta, fresh, self.config.privacy.unlinkable);
    }

    /// The endpoint will never take the bytes of `delta`: what it held counts as told, and the next one goes under the key `fresh`. If it is
    /// not the pending one (any more), nothing happens.
    pub fn discard(&mut self, delta: &PendingDelta, fresh: ClientKey) {
        self.outbox.discard(delta, fresh, self.config.privacy.unlinkable);
    }

    /// What a delta is hidden with; `fresh` is random.
    fn cover(&self, fresh: ClientKey) -> Cover {
        let (privacy, mut entropy) = (self.config.privacy, Entropy::of(fresh));
        let items = self.catalogue.len();
        let decoy = |_| {
            let features = &self.catalogue.item(entropy.below(items)).features;
            let expected = self.probability(features);
            let target = match self.models[0].loss() {
                Loss::Logistic => f32::from(u8::from(entropy.uniform() < f64::from(expected))),
                Loss::Squared => expected + normal(|| entropy.uniform()) as f32,
            };
            Event { features: self.scales.apply(features), target, weight: 1.0 }
        };
        let decoys = (0..if items > 0 { privacy.padding } else { 0 }).map(decoy).collect();
        Cover { privacy, entropy, decoys }
    }

    /// The group that its client key is in, see [`cohort`]; None before there is one: whoever sends no delta has none.
    pub fn cohort(&self) -> Option<u8> {
        self.outbox.client.as_ref().map(cohort)
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

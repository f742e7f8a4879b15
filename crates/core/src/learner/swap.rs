//! A learner changes what is under it or beside it: the next base, what another tab has saved, or nothing at all when it forgets.

use crate::error::Error;
use crate::format::base::Base;
use crate::format::delta::Report;

use crate::learner::state::Learner;

impl Learner {
    /// Puts another version of the base under what was learnt.
    pub fn swap_base(&mut self, base: Base) -> Result<(), Error> {
        let (old, new) = (self.base().metadata(), base.metadata());
        let same = (old.factors, old.loss, &old.model, &old.schema) == (new.factors, new.loss, &new.model, &new.schema);
        if !same || self.base().catalogue_width() != base.catalogue_width() {
            return Err(Error::IncompatibleBase);
        }
        for model in &mut self.models {
            model.swap_base(base.clone());
        }
        // What was predicted by the old base is no figure of the new one.
        self.outbox.report = Report::default();
        self.catalogue.touch_all();
        self.serve();
        Ok(())
    }

    /// Becomes `other`, a learner of the same settings over the same base: one that was restored from what another tab saved.
    /// The catalogue stays, and so do what becomes of events, and the slates and held predictions that the other does not know.
    pub fn adopt(&mut self, other: Learner) {
        let old = core::mem::replace(self, other);
        self.catalogue = old.catalogue;
        self.catalogue.touch_all();
        self.random = old.random;
        self.sharing = old.sharing;
        self.slates.next = old.slates.next;
        for (id, shown) in old.slates.pending {
            if self.slates.pending.iter().all(|(pending, _)| *pending != id) {
                self.slates.insert(id, shown);
            }
        }
    }

    /// Forgets all that was learnt of the visitor. The catalogue stays, and so do the slates and held predictions: without
    /// their labels, and predicted anew.
    pub fn forget(&mut self) {
        let mut new = Learner::begin(self.base().clone(), self.config.clone());
        for (id, mut shown) in core::mem::take(&mut self.slates.pending) {
            for shown in &mut shown {
                shown.target = None;
                shown.thoughts = new.thoughts(&shown.features);
            }
            new.slates.insert(id, shown);
        }
        self.adopt(new);
    }

    /// Gives the next slate or held prediction this id, and those after it the numbers that follow. Learners that share a
    /// profile, as the tabs of one browser do, each number from elsewhere, so that no id means two slates.
    pub fn number_slates_from(&mut self, id: u64) {
        self.slates.next = id;
    }
}

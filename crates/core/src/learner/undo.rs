//! Taking a label back: the learner becomes what it would be without it, as far as can be told.

use crate::error::Error;
use crate::format::record::{Record, Subject};
use crate::learner::learn::touch;
use crate::learner::state::Learner;
use crate::slates::slate::{Shown, unscore};
use crate::watch::serving::Serving;

impl Learner {
    /// Takes back the label of an item of a slate or of a held prediction, which may then be labelled again. What it taught is taken out
    /// of every model: exactly, but for rounding, as long as nothing else was learnt since, and else as well as a Newton step does.
    /// No delta that is made from now on holds it. Figures of predictions stay: it was predicted.
    ///
    /// Returns whether a delta has told of it, or may have; then those to come take that back. None if there is no label.
    /// [`Error::CannotUndo`] if the event is not among those that are kept, or the settings are not those of closed form and single items.
    #[cold]
    #[inline(never)]
    pub fn undo(&mut self, subject: &Subject) -> Result<Option<bool>, Error> {
        let click_target = self.base().metadata().labels.click_target();
        let (place, shown) = self.slates.find(subject)?;
        let Shown { features, thoughts, target, .. } = shown[place].clone();
        let Some(target) = target else { return Ok(None) };
        if !self.models.iter().all(|model| model.can_unlearn()) {
            return Err(Error::CannotUndo);
        }
        let (weight, told) = self.outbox.take_back(&features, target).ok_or(Error::CannotUndo)?;
        match subject {
            Subject::Item { .. } => unscore(&mut self.metrics.slates, shown, place, click_target),
            Subject::Held(_) => shown[place].target = None,
        }
        self.record(|| Record::Undone { subject: subject.clone() });

        let click = target >= click_target;
        if let Some(interest) = self.interest.as_mut().filter(|_| click) {
            interest.unlearn(self.models[0].rows.base(), &features, weight.into());
        }
        for (at, (model, thought)) in self.models.iter_mut().zip(&thoughts[1..]).enumerate() {
            let evicted = model.unlearn(&features, thought.moderated.into(), click, target.into(), weight.into());
            if self.serving == Serving::Model(at) {
                touch(&mut self.catalogue, &[&features], evicted);
            }
        }
        Ok(Some(told))
    }
}

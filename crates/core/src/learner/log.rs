//! The learner's side of the event log: records are handed out, and done again.

use crate::error::Error;
use crate::format::record::Record;
use crate::learner::state::Learner;
use crate::slates::slate::Shown;
use alloc::vec;
use alloc::vec::Vec;

impl Learner {
    /// The records since the last call, oldest first. With logging off there are none.
    pub fn take_log(&mut self) -> Vec<Record> {
        self.log.as_mut().map(core::mem::take).unwrap_or_default()
    }

    /// Begins the log again with the learner as it is.
    pub fn open_log(&mut self) {
        let opened = Record::opened(self.base(), self.profile(), &self.config);
        self.record(|| opened);
    }

    /// Does again what a record says was done, and returns what is predicted now for each input of it, in its order. A slate
    /// is shown as it was, whatever this learner would have ranked. `Opened` and `Named` do nothing: the caller restores.
    pub fn replay(&mut self, record: &Record) -> Result<Vec<f32>, Error> {
        match record {
            Record::Opened { .. } | Record::Named { .. } => Ok(Vec::new()),
            Record::Shown { slate, items, .. } => {
                let shown: Vec<Shown> = items.iter().map(|of| self.shown(Some(&of.item), &of.features)).collect();
                let scores = shown.iter().map(|shown| self.score_of(shown)).collect();
                self.slates.insert_as(*slate, shown);
                Ok(scores)
            }
            Record::Held { id, scored } => {
                let shown = self.shown(None, &scored.features);
                let score = self.score_of(&shown);
                self.slates.insert_as(*id, vec![shown]);
                Ok(vec![score])
            }
            Record::Labelled { subject, target, weight } => {
                self.label(subject, *target, *weight)?;
                Ok(Vec::new())
            }
            Record::Undone { subject } => {
                self.undo(subject)?;
                Ok(Vec::new())
            }
            Record::Learnt { scored, target, weight } => {
                Ok(vec![self.learn_one(&scored.features, *target, *weight)?.score])
            }
            Record::Preferred { preferred, other, weight } => {
                self.learn_pair(preferred, other, *weight)?;
                Ok(Vec::new())
            }
        }
    }
}

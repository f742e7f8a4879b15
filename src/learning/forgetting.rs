//! What a session does with what it has learnt when the visitor allows something else, or wants to be forgotten, or comes with the profile of another
//! device.

use alloc::vec::Vec;

use brooklet_core::{Error, Learner as Core, Sharing};

use crate::learning::consent::Consent;
use crate::learning::session::{Origin, Session};

impl Session {
    pub(crate) fn consent(&self) -> Consent {
        self.consent
    }

    /// The visitor lets the page do this from now on. Without consent what was learnt is gone from here; the store keeps what it has.
    pub(crate) fn allow(&mut self, consent: Consent) {
        self.consent = consent;
        self.core.share(self.sharing());
        if consent == Consent::Off {
            self.put_aside();
        }
    }

    /// What becomes of what is learnt.
    pub(super) fn sharing(&self) -> Sharing {
        if self.consent == Consent::Sharing { Sharing::Told } else { Sharing::Kept }
    }

    /// Forgets everything that was learnt.
    pub(crate) fn reset(&mut self) {
        self.put_aside();
        self.changes += 1;
        self.resets += 1.0;
    }

    /// The store was emptied: there is nothing here any more that it could be filled from.
    pub(crate) fn forget(&mut self) {
        self.put_aside();
        (self.revision, self.resets, self.saved_resets) = (0.0, 0.0, 0.0);
        (self.merged, self.gone) = (Vec::new(), None);
        self.saved_changes = self.changes;
    }

    /// Takes the profile of another device in the place of its own.
    pub(crate) fn import(&mut self, profile: &[u8]) -> Result<(), Error> {
        let core = Core::import(self.core.base().clone(), self.config.clone(), profile)?;
        self.reset();
        self.core.adopt(core);
        self.origin = Origin::Restored;
        self.open_log();
        Ok(())
    }

    /// Nothing of what was learnt is here any more.
    fn put_aside(&mut self) {
        self.journal.clear();
        self.core.forget();
        self.saved_mark = 0;
        self.departed.clear();
        (self.open, self.idle, self.offered, self.ready) = (0.0, 0, 0, None);
        self.origin = Origin::New;
        if let Some(log) = &mut self.log {
            log.restart("");
        }
        self.open_log();
    }
}

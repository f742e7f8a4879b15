//! What a session has to send: one delta at a time, of all that was learnt; and deltas that went out with notes.
//!
//! A delta is ready before it is wanted: it is saved with the profile that it is of, so that it can go out when the page does. As long as
//! it has not, the tab that made it may make it anew (`open` names that tab); who else wants to send it closes it first, in
//! the store.

use alloc::vec::Vec;

use brooklet_core::{ClientKey, PendingDelta};

use crate::learning::consent::Consent;
use crate::learning::session::{NONE, Session};

impl Session {
    /// Has a delta of all that can be sent ready, so that it is saved with everything else and can go out when the page does. One that
    /// may be on its way is as it is; one that is not is made anew.
    pub(crate) fn make_ready(&mut self, key: ClientKey) {
        if !self.shares() || self.core.unsent_events() == self.idle {
            return;
        }
        if self.core.pending_events().is_some() {
            if self.open != self.tab {
                return;
            }
            self.core.withdraw_delta();
        }
        self.changes += 1;
        let made = self.core.prepare_delta(key).is_some();
        (self.open, self.idle) = if made { (self.tab, 0) } else { (0.0, self.core.unsent_events()) };
    }

    /// A delta to be sent: the same bytes until it is acknowledged or rejected. Nobody may replace it any more.
    pub(crate) fn prepare(&mut self, key: ClientKey) -> Option<PendingDelta> {
        if !self.shares() {
            return None;
        }
        self.make_ready(key);
        self.close_delta();
        self.departed.first().cloned().or_else(|| self.core.pending_delta())
    }

    /// The delta that would be sent now, which is not made for it.
    pub(crate) fn next_delta(&mut self, key: ClientKey) -> Option<Vec<u8>> {
        if !self.shares() {
            return None;
        }
        match self.departed.first() {
            Some(departed) => Some(departed.bytes.clone()),
            None => self.core.next_delta(key, self.open == self.tab),
        }
    }

    /// Whether the visitor lets anything be sent.
    pub(crate) fn shares(&self) -> bool {
        self.consent == Consent::Sharing
    }

    pub(super) fn close_delta(&mut self) {
        self.changes += u64::from(self.open != 0.0);
        self.open = 0.0;
    }

    /// Events that are to be sent, as far as is known; a delta from before counts as one.
    pub(crate) fn waiting(&self) -> u32 {
        if !self.shares() {
            return 0;
        }
        let unsent = self.core.unsent_events().saturating_sub(self.idle);
        let pending = self.core.pending_events().unwrap_or(0);
        let pending = if self.open == self.tab { pending } else { pending.min(1) };
        unsent.saturating_add(pending).saturating_add(self.departed.len() as u32)
    }

    /// Whether a delta that is not this tab's to replace is in the way of what waits.
    pub(crate) fn is_held_up(&self) -> bool {
        self.shares()
            && self.open != self.tab
            && self.core.pending_events().is_some()
            && self.core.unsent_events() > self.idle
    }

    /// Whether a delta may be on its way, or may have been.
    pub(crate) fn is_unheard(&self) -> bool {
        self.shares() && (!self.departed.is_empty() || (self.open != self.tab && self.core.pending_events().is_some()))
    }

    pub(crate) fn acknowledge(&mut self, delta: &PendingDelta) {
        self.core.acknowledge(delta);
        self.settle(delta);
    }

    pub(crate) fn reject(&mut self, delta: &PendingDelta, key: [u8; 16]) {
        self.core.reject(delta, key);
        self.idle = 0;
        self.settle(delta);
    }

    /// A delta will never be taken: what it held is not sent again.
    pub(super) fn discard(&mut self, delta: &PendingDelta, key: [u8; 16]) {
        self.core.discard(delta, key);
        self.settle(delta);
    }

    /// A delta is no more to be sent.
    fn settle(&mut self, delta: &PendingDelta) {
        self.departed.retain(|departed| departed != delta);
        self.ready.take_if(|ready| ready == delta);
        self.changes += 1;
    }

    /// The delta that can go out with the page, which sends it: nobody may replace it any more.
    pub(crate) fn depart(&mut self) -> Option<PendingDelta> {
        let ready = self.ready.take_if(|_| self.consent == Consent::Sharing)?;
        if self.core.pending_delta().as_ref() == Some(&ready) {
            self.close_delta();
        } else {
            // What was made in its place was not saved and never will be.
            self.revision = NONE;
            self.left += 1;
        }
        self.gone = Some(ready.clone());
        Some(ready)
    }

    /// The same where there is nothing to be saved before it goes out.
    pub(crate) fn make_ready_unsaved(&mut self, key: [u8; 16]) {
        self.make_ready(key);
        self.forget_journal();
    }
}

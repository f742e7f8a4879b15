//! One tab's learning: the core's learner, and what is needed to move it onto a profile that another tab saved first.
//!
//! The core's profile holds what was learnt and the slates that wait for labels, but the catalogue belongs to the tab; and
//! events that are not saved yet are kept in a journal, to be learnt again on the profile that won.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use brooklet_core::{
    Base, ClientKey, Config, Error, Features, Learner as Core, PendingDelta, Prediction, Query, Record, Sharing, Slate,
    Subject, Uncertain,
};

use crate::learning::consent::Consent;
use crate::learning::journal::{Event, Journal, learn_noted};
use crate::learning::log::{Log, World};
use crate::learning::saved::{Covered, Kept, Note, Snapshot};

/// A revision that no store has: who grew from it adopts what the store has before it saves.
pub(super) const NONE: f64 = -1.0;

/// A place that is not known, below those that wait for labels.
const FAR_DOWN: usize = 256;

/// So many notes are known to be learnt: each is removed as soon as it is.
const MOST_MERGED: usize = 64;

/// Where the profile came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// There was none.
    New,
    /// It was kept from before.
    Restored,
    /// The store has not answered yet: what is learnt is in memory alone.
    Memory,
    /// What was kept could not be read, or belongs to a model of another shape, so a new one was begun.
    Replaced,
}

/// The learner of one tab.
pub(crate) struct Session {
    pub(super) core: Core,
    pub(super) config: Config,
    pub(super) journal: Journal,
    /// Counts everything that changed the profile, and how much of it is saved.
    pub(super) changes: u64,
    pub(super) saved_changes: u64,
    /// The rows that moved since this mark of the core are not saved.
    pub(super) saved_mark: u64,
    /// The store's revision that the profile grew from.
    pub(super) revision: f64,
    pub(super) consent: Consent,
    /// How often the profile was reset, now and in the store.
    pub(super) resets: f64,
    pub(super) saved_resets: f64,
    pub(super) origin: Origin,
    pub(super) log: Option<Log>,
    /// What this tab's slates and notes are numbered from, and its delta goes by.
    pub(super) tab: f64,
    /// How often it was left.
    pub(super) left: u32,
    /// Notes whose events are learnt here, and deltas that went out with them.
    pub(super) merged: Vec<f64>,
    pub(super) departed: Vec<PendingDelta>,
    /// Events of the journal that are on their way to the store.
    pub(super) offered: usize,
    /// The tab that may still replace the pending delta; 0: nobody.
    pub(super) open: f64,
    /// The delta that is in the store, this tab's to replace and not sent: it may go out at any moment.
    pub(super) ready: Option<PendingDelta>,
    /// The delta that was this tab's to replace and went out when it was left.
    pub(super) gone: Option<PendingDelta>,
    /// Unsent events in which there was nothing to tell.
    pub(super) idle: u32,
}

impl Session {
    /// A session on what the store holds, or on a new profile if that cannot be used. Tabs share a profile: each numbers its
    /// slates from its own `first_slate`, and its notes. `log` is the most records of the event log and the world that it is kept in;
    /// None is no log.
    pub(crate) fn open(
        base: Base,
        config: Config,
        kept: Kept,
        first_slate: u64,
        log: Option<(usize, Box<dyn World>)>,
    ) -> Result<Session, Error> {
        let Kept { saved, notes } = kept;
        let (mut core, origin) = match &saved {
            None => (Core::new(base, config.clone())?, Origin::New),
            Some(saved) => match Core::restore_pieces(base.clone(), config.clone(), &saved.profile, &saved.rows) {
                Ok(core) => (core, Origin::Restored),
                Err(_) => (Core::new(base, config.clone())?, Origin::Replaced),
            },
        };
        core.number_slates_from(first_slate);
        let kept = saved.as_ref().map_or("", |saved| &saved.log);
        let log = log.map(|(most, world)| Log::new(most, world, kept));
        let resets = saved.as_ref().map_or(0.0, |saved| saved.resets);
        let mut session = Session {
            core,
            config,
            journal: Journal::default(),
            changes: 0,
            saved_changes: 0,
            saved_mark: 0,
            revision: saved.as_ref().map_or(0.0, |saved| saved.revision),
            consent: Consent::Sharing,
            resets,
            saved_resets: resets,
            origin,
            log,
            tab: first_slate as f64,
            left: 0,
            merged: saved.as_ref().map_or_else(Vec::new, |saved| saved.merged.clone()),
            departed: saved.as_ref().map_or_else(Vec::new, |saved| saved.departed.clone()),
            offered: 0,
            open: saved.map_or(0.0, |saved| saved.open),
            ready: None,
            gone: None,
            idle: 0,
        };
        session.learn_notes(&notes);
        session.open_log();
        Ok(session)
    }

    /// The event log; empty if there is none.
    pub(crate) fn log_text(&self) -> String {
        self.log.as_ref().map(Log::text).unwrap_or_default()
    }

    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    /// The core's learner, to be asked.
    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// The store does not answer: everything is kept here until it does.
    pub(crate) fn wait_for_store(&mut self) {
        self.origin = Origin::Memory;
    }

    /// Whether nothing is to be saved: the store does not answer, or must not be asked.
    pub(crate) fn is_waiting(&self) -> bool {
        self.origin == Origin::Memory || self.consent == Consent::Off
    }

    /// The store answers: the next save moves onto what it has.
    pub(crate) fn found_store(&mut self) {
        self.origin = Origin::New;
        self.revision = NONE;
    }

    /// Adds an item to this tab's catalogue, which is no part of the profile.
    pub(crate) fn set_item(&mut self, id: &str, features: &Features) -> Result<(), Error> {
        self.core.set_item(id, features)
    }

    /// Takes items out of this tab's catalogue or, if they are to `stay`, all others; how many.
    pub(crate) fn remove_items(&mut self, ids: &mut dyn Iterator<Item = &str>, stay: bool) -> usize {
        self.core.remove_items(ids, stay)
    }

    pub(crate) fn uncertain(&self, query: &Query<'_>) -> Vec<Uncertain> {
        self.core.uncertain(query)
    }

    /// Ranks; the slate is part of the profile.
    pub(crate) fn recommend(&mut self, query: &Query<'_>) -> Slate {
        self.changes += 1;
        let slate = self.core.recommend(query);
        self.note_down();
        slate
    }

    /// Keeps an input until its label comes; it is part of the profile.
    pub(crate) fn hold(&mut self, features: &Features) -> (u64, Prediction) {
        self.changes += 1;
        let held = self.core.hold(features);
        self.note_down();
        held
    }

    /// Learns an event; what was predicted before, if that is one thing. A click on a slate that made room is learnt from the item as it
    /// is in the catalogue now; a skip is not, for where it stood is not known any more, unless it was far down in a long one.
    pub(crate) fn learn(&mut self, event: Event) -> Result<Option<Prediction>, Error> {
        if self.consent == Consent::Off {
            return Ok(event.predict(&self.core));
        }
        let outcome = event.learn(&mut self.core);
        let (event, outcome) = match (outcome, self.without_slate(&event)) {
            (Err(Error::UnknownSlate), Some(alone)) => {
                let outcome = alone.learn(&mut self.core);
                (alone, outcome)
            }
            (outcome, _) => (event, outcome),
        };
        let prediction = outcome?;
        self.journal.push(event, self.sharing());
        self.changes += 1;
        self.note_down();
        Ok(prediction)
    }

    /// Takes the label of an item of a slate back; whether a delta has told of it, or may have. None if it has none.
    pub(crate) fn undo(&mut self, subject: Subject) -> Result<Option<bool>, Error> {
        // What is in a note is whoever's that learns the note.
        if self.revision == NONE && !self.journal.labels(&subject) {
            return Err(Error::CannotUndo);
        }
        if self.open == self.tab {
            // The delta is this tab's to replace, and nobody has it.
            self.core.withdraw_delta();
            self.close_delta();
            self.ready = None;
        }
        let undone = self.core.undo(&subject)?;
        if undone.is_some() {
            self.journal.push(Event::Undone { subject }, self.sharing());
            self.changes += 1;
            self.note_down();
        }
        Ok(undone)
    }

    pub(crate) fn swap_base(&mut self, base: Base) -> Result<(), Error> {
        self.core.swap_base(base)?;
        self.changes += 1;
        self.open_log();
        Ok(())
    }

    fn without_slate(&self, event: &Event) -> Option<Event> {
        let Event::Labelled { subject: Subject::Item { slate, item }, target, weight } = event else { return None };
        let features = self.core.item(item)?.clone();
        let clicked = *target >= self.core.base().metadata().labels.click_target();
        match (clicked, self.core.waits(*slate)) {
            (true, _) => Some(Event::Learnt { features, target: *target, weight: *weight }),
            // It stood far down in a long slate.
            (false, true) => {
                Some(Event::Learnt { features, target: *target, weight: weight * self.core.examination(FAR_DOWN) })
            }
            (false, false) => None,
        }
    }

    /// Puts into the log what the core recorded.
    fn note_down(&mut self) {
        let Some(log) = &mut self.log else { return };
        let records = self.core.take_log();
        if self.consent == Consent::Off {
            return;
        }
        records.iter().for_each(|record| log.push(record));
        if log.is_due() {
            self.open_log();
        }
    }

    /// Begins the log again with the profile as it is: what is recorded from now on can be replayed from there.
    pub(super) fn open_log(&mut self) {
        if let Some(log) = self.log.as_mut().filter(|_| self.consent != Consent::Off) {
            self.core.open_log();
            self.core.take_log().iter().for_each(|record| log.push(record));
        }
    }

    /// Whether there is something to save.
    pub(crate) fn is_unsaved(&self) -> bool {
        self.changes != self.saved_changes || self.revision == NONE
    }

    pub(crate) fn snapshot(&mut self) -> Snapshot {
        let (rows, mark) = self.core.changed_rows(self.saved_mark);
        Snapshot {
            model: self.core.base().metadata().model.clone(),
            revision: self.revision,
            resets: self.resets,
            open: self.open,
            profile: self.core.profile_head(),
            rows,
            pieces: self.core.row_pieces(),
            whole: self.log.as_ref().map(|_| self.core.profile()).unwrap_or_default(),
            pending: self.core.pending_delta(),
            merged: self.merged.clone(),
            departed: self.departed.clone(),
            log: match &self.log {
                Some(log) => log.is_unsaved().then(|| log.text()),
                // Somebody may have kept one before.
                None => (self.resets != self.saved_resets).then(String::new),
            },
            with_log: self.log.is_some(),
            covers: Covered {
                changes: self.changes,
                mark,
                events: self.journal.len(),
                log_end: self.log.as_ref().map_or(0, Log::end),
                left: self.left,
            },
        }
    }

    /// Whether the store may take `snapshot`, which was made upon what it has: this is asked when nothing can come between any more. If
    /// so, it will, whatever becomes of this page.
    pub(crate) fn offer(&mut self, snapshot: &Snapshot) -> bool {
        let fits = snapshot.covers.left == self.left;
        if fits {
            self.offered = snapshot.covers.events;
            self.ready = snapshot.pending.clone().filter(|_| snapshot.open == self.tab);
        }
        fits
    }

    /// The store could not take what it was offered.
    pub(crate) fn refused(&mut self) {
        (self.offered, self.ready) = (0, None);
    }

    /// `snapshot` is in the store, as `revision`.
    pub(crate) fn saved(&mut self, snapshot: &Snapshot, revision: f64) {
        // If it went out before this was heard, what this tab has beyond it is upon another delta.
        self.revision = if self.revision == NONE { NONE } else { revision };
        (self.saved_changes, self.saved_mark) = (snapshot.covers.changes, snapshot.covers.mark);
        self.saved_resets = snapshot.resets;
        if let Some(log) = &mut self.log {
            log.saved(snapshot.covers.log_end, Record::opened(self.core.base(), snapshot.whole.clone(), &self.config));
        }
        self.journal.saved(snapshot.covers.events);
        self.offered = 0;
    }

    /// The tab is hidden or closed, perhaps for good: what is to be left behind for whoever comes next, if the store lacks an event. With
    /// a `key` it has a delta of its own, which is to go out with the page.
    pub(crate) fn note(&self, key: Option<ClientKey>) -> Option<Note> {
        let key = key.filter(|_| self.consent == Consent::Sharing);
        if self.journal.len() <= self.offered {
            return None;
        }
        let alone = self.journal.alone(self.offered, &self.core);
        Some(Note {
            id: self.tab + f64::from(self.left + 1),
            events: self.journal.encode(self.offered, &self.core),
            delta: key.and_then(|key| self.core.delta_of(&alone, key)),
        })
    }

    /// The note of this moment was left behind. Its events are as another tab's from now on: this one moves onto what the store has
    /// before it saves again, and learns them there.
    pub(crate) fn noted(&mut self) {
        self.journal.truncate(self.offered);
        self.left += 1;
        self.revision = NONE;
    }

    /// There is no store to save to, and no other tab to give way to.
    pub(crate) fn forget_journal(&mut self) {
        self.journal.clear();
        self.saved_changes = self.changes;
        self.ready = self.core.pending_delta().filter(|_| self.open == self.tab);
    }

    /// Whether the store has moved on without this tab, to this.
    pub(crate) fn is_behind(&self, kept: &Kept) -> bool {
        let revision = kept.saved.as_ref().map_or(0.0, |saved| saved.revision);
        revision != self.revision || kept.notes.iter().any(|note| !self.merged.contains(&note.id))
    }

    /// Whether it keeps an event log.
    pub(crate) fn has_log(&self) -> bool {
        self.log.is_some()
    }

    /// Moves onto what the store has, another tab having saved first or left a note, and learns this tab's unsaved events again upon it.
    pub(crate) fn adopt(&mut self, kept: Kept) -> Result<(), Error> {
        let Kept { saved, notes } = kept;
        let base = self.core.base().clone();
        let core = match &saved {
            Some(saved) => Core::restore_pieces(base, self.config.clone(), &saved.profile, &saved.rows)?,
            None => Core::new(base, self.config.clone())?,
        };
        self.journal.rebase(&mut self.core, core);
        self.core.share(self.sharing());
        self.saved_mark = 0;
        if saved.is_some() && self.origin == Origin::New && self.revision == NONE && self.saved_changes == 0 {
            self.origin = Origin::Restored;
        }
        let (revision, resets) = saved.as_ref().map_or((0.0, 0.0), |saved| (saved.revision, saved.resets));
        if let Some(log) = &mut self.log {
            // It holds already what was learnt again. What was logged before a reset is as little to come back as the profile.
            drop(self.core.take_log());
            let go_on = saved.is_some() && resets == self.saved_resets;
            log.adopt(saved.as_ref().map_or("", |saved| &saved.log), go_on);
        }
        self.open_log();
        (self.revision, self.resets, self.saved_resets) = (revision, resets, resets);
        (self.merged, self.departed, self.open) =
            saved.map_or_else(Default::default, |saved| (saved.merged, saved.departed, saved.open));
        (self.offered, self.ready, self.idle) = (0, None, 0);
        if self.open == self.tab {
            let pending = self.core.pending_delta();
            if pending == self.gone {
                self.close_delta();
            } else {
                self.ready = pending;
            }
        }
        self.learn_notes(&notes);
        Ok(())
    }

    /// Learns what other tabs left behind, each note once. What a delta of its own holds goes into no other.
    fn learn_notes(&mut self, notes: &[Note]) {
        for note in notes {
            if self.merged.contains(&note.id) {
                continue;
            }
            let told = if note.delta.is_some() { Sharing::Elsewhere } else { Sharing::Told };
            let own = note.id > self.tab && note.id <= self.tab + f64::from(self.left);
            learn_noted(&mut self.core, &note.events, own, told);
            self.core.share(self.sharing());
            self.departed.extend(note.delta.clone());
            if self.merged.len() == MOST_MERGED {
                self.merged.remove(0);
            }
            self.merged.push(note.id);
            self.changes += 1;
        }
        self.note_down();
    }
}

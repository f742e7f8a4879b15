//! One tab's learning: the core's learner, and what is needed to move it onto a profile that another tab saved first.
//!
//! The core's profile holds what was learnt and the slates that wait for labels, but the catalogue belongs to the tab; and
//! events that are not saved yet are kept in a journal, to be learnt again on the profile that won.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use brooklet_core::{
    Base, Config, Error, Features, Learner as Core, PendingDelta, Prediction, Query, Record, Slate, Uncertain,
};

use crate::learning::journal::{Event, Journal};
use crate::learning::log::{Log, World};
use crate::learning::saved::{Covered, Saved, Snapshot};

/// Where the profile came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// There was none.
    New,
    /// It was kept from before.
    Restored,
    /// What was kept could not be read, or belongs to a model of another shape, so a new one was begun.
    Replaced,
}

/// The learner of one tab.
pub(crate) struct Session {
    core: Core,
    config: Config,
    journal: Journal,
    /// Counts everything that changed the profile, and how much of it is saved.
    changes: u64,
    saved_changes: u64,
    /// The store's revision that the profile grew from.
    revision: f64,
    /// How often the profile was reset, now and in the store.
    resets: f64,
    saved_resets: f64,
    origin: Origin,
    log: Option<Log>,
}

impl Session {
    /// A session on what the store holds, or on a new profile if that cannot be used. Tabs share a profile: each numbers its
    /// slates from its own `first_slate`. `log` is the most records of the event log and the world that it is kept in; None is no log.
    pub(crate) fn open(
        base: Base,
        config: Config,
        saved: Option<Saved>,
        first_slate: u64,
        log: Option<(usize, Box<dyn World>)>,
    ) -> Result<Session, Error> {
        let (mut core, origin) = match &saved {
            None => (Core::new(base, config.clone())?, Origin::New),
            Some(saved) => match Core::restore(base.clone(), config.clone(), &saved.profile) {
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
            revision: saved.map_or(0.0, |saved| saved.revision),
            resets,
            saved_resets: resets,
            origin,
            log,
        };
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

    /// Adds an item to this tab's catalogue, which is no part of the profile.
    pub(crate) fn set_item(&mut self, id: &str, features: &Features) -> Result<(), Error> {
        self.core.set_item(id, features)
    }

    pub(crate) fn uncertain(&self, query: &Query<'_>) -> Vec<Uncertain> {
        self.core.uncertain(query)
    }

    /// Ranks; the slate is part of the profile.
    pub(crate) fn recommend(&mut self, query: &Query<'_>) -> Slate {
        self.changes += 1;
        let slate = self.core.recommend(query);
        self.note();
        slate
    }

    /// Keeps an input until its label comes; it is part of the profile.
    pub(crate) fn hold(&mut self, features: &Features) -> (u64, Prediction) {
        self.changes += 1;
        let held = self.core.hold(features);
        self.note();
        held
    }

    /// Learns an event; what was predicted before, if that is one thing.
    pub(crate) fn learn(&mut self, event: Event) -> Result<Option<Prediction>, Error> {
        let prediction = event.learn(&mut self.core)?;
        self.journal.push(event);
        self.changes += 1;
        self.note();
        Ok(prediction)
    }

    /// The delta to be sent: the same bytes until it is acknowledged or rejected.
    pub(crate) fn prepare(&mut self, key: [u8; 16]) -> Option<PendingDelta> {
        let pending = self.core.prepare_delta(key);
        self.changes += u64::from(pending.is_some());
        pending
    }

    pub(crate) fn acknowledge(&mut self, delta: &PendingDelta) {
        self.core.acknowledge(delta);
        self.changes += 1;
    }

    pub(crate) fn reject(&mut self, delta: &PendingDelta, key: [u8; 16]) {
        self.core.reject(delta, key);
        self.changes += 1;
    }

    pub(crate) fn swap_base(&mut self, base: Base) -> Result<(), Error> {
        self.core.swap_base(base)?;
        self.changes += 1;
        self.open_log();
        Ok(())
    }

    /// Forgets everything that was learnt.
    pub(crate) fn reset(&mut self) {
        self.journal.clear();
        self.core.forget();
        self.origin = Origin::New;
        self.changes += 1;
        self.resets += 1.0;
        if let Some(log) = &mut self.log {
            log.restart("");
        }
        self.open_log();
    }

    /// Puts into the log what the core recorded.
    fn note(&mut self) {
        let Some(log) = &mut self.log else { return };
        self.core.take_log().iter().for_each(|record| log.push(record));
        if log.is_due() {
            self.open_log();
        }
    }

    /// Begins the log again with the profile as it is: what is recorded from now on can be replayed from there.
    fn open_log(&mut self) {
        if let Some(log) = &mut self.log {
            self.core.open_log();
            self.core.take_log().iter().for_each(|record| log.push(record));
        }
    }

    /// Whether there is something to save.
    pub(crate) fn is_unsaved(&self) -> bool {
        self.changes != self.saved_changes
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            model: self.core.base().metadata().model.clone(),
            revision: self.revision,
            resets: self.resets,
            profile: self.core.profile(),
            log: match &self.log {
                Some(log) => log.is_unsaved().then(|| log.text()),
                // Somebody may have kept one before.
                None => (self.resets != self.saved_resets).then(String::new),
            },
            with_log: self.log.is_some(),
            covers: Covered {
                changes: self.changes,
                events: self.journal.len(),
                log_end: self.log.as_ref().map_or(0, Log::end),
            },
        }
    }

    /// `snapshot` is in the store, as `revision`.
    pub(crate) fn saved(&mut self, snapshot: &Snapshot, revision: f64) {
        self.revision = revision;
        self.saved_changes = snapshot.covers.changes;
        self.saved_resets = snapshot.resets;
        if let Some(log) = &mut self.log {
            log.saved(
                snapshot.covers.log_end,
                Record::opened(self.core.base(), snapshot.profile.clone(), &self.config),
            );
        }
        self.journal.saved(snapshot.covers.events);
    }

    /// There is no store to save to, and no other tab to give way to.
    pub(crate) fn forget_journal(&mut self) {
        self.journal.clear();
        self.saved_changes = self.changes;
    }

    /// Moves onto the profile that another tab saved first, and learns this tab's unsaved events again upon it.
    pub(crate) fn adopt(&mut self, saved: Option<Saved>) -> Result<(), Error> {
        let base = self.core.base().clone();
        let core = match &saved {
            Some(saved) => Core::restore(base, self.config.clone(), &saved.profile)?,
            None => Core::new(base, self.config.clone())?,
        };
        self.journal.rebase(&mut self.core, core)?;
        let (revision, resets) = saved.as_ref().map_or((0.0, 0.0), |saved| (saved.revision, saved.resets));
        if let Some(log) = &mut self.log {
            // It holds already what was learnt again. What was logged before a reset is as little to come back as the profile.
            drop(self.core.take_log());
            let go_on = saved.is_some() && resets == self.saved_resets;
            log.adopt(saved.as_ref().map_or("", |saved| &saved.log), go_on);
        }
        self.open_log();
        (self.revision, self.resets, self.saved_resets) = (revision, resets, resets);
        Ok(())
    }
}

//! The slates that are on the screen: they stay valid when the learner beneath them is replaced.

use std::collections::VecDeque;

use brooklet_core::{Error, Features};

/// How many slates are remembered; an older one makes room.
pub(crate) const MOST_SLATES: usize = 64;

/// The latest slates of this tab.
#[derive(Debug, Default)]
pub(crate) struct Slates {
    made: u64,
    latest: VecDeque<Shown>,
}

/// A slate as the tab remembers it.
#[derive(Debug)]
pub(crate) struct Shown {
    id: String,
    /// Its id in the core, as long as the core that made it is in use.
    in_core: Option<u64>,
    context: Features,
    /// The items that wait for a label, and those that had theirs.
    unlabelled: Vec<String>,
    labelled: Vec<String>,
}

impl Slates {
    /// Remembers a slate and gives it the id that the page sees.
    pub(crate) fn add(&mut self, in_core: u64, context: Features, items: Vec<String>) -> String {
        if self.latest.len() == MOST_SLATES {
            self.latest.pop_front();
        }
        self.made += 1;
        let id = self.made.to_string();
        let shown = Shown { id: id.clone(), in_core: Some(in_core), context, unlabelled: items, labelled: Vec::new() };
        self.latest.push_back(shown);
        id
    }

    /// The slate, if it did not make room yet.
    pub(crate) fn find(&mut self, id: &str) -> Option<&mut Shown> {
        self.latest.iter_mut().rev().find(|slate| slate.id == id)
    }

    /// The core was replaced by one that knows none of these slates.
    pub(crate) fn outlive_core(&mut self) {
        for slate in &mut self.latest {
            slate.in_core = None;
        }
    }
}

impl Shown {
    pub(crate) fn in_core(&self) -> Option<u64> {
        self.in_core
    }

    pub(crate) fn context(&self) -> &Features {
        &self.context
    }

    /// Whether the item was shown and is still to be labelled.
    pub(crate) fn check(&self, item: &str) -> Result<(), Error> {
        if self.unlabelled.iter().any(|shown| shown == item) {
            Ok(())
        } else if self.labelled.iter().any(|shown| shown == item) {
            Err(Error::AlreadyLabelled)
        } else {
            Err(Error::UnknownItem)
        }
    }

    pub(crate) fn set_labelled(&mut self, item: &str) {
        if let Some(at) = self.unlabelled.iter().position(|shown| shown == item) {
            self.labelled.push(self.unlabelled.swap_remove(at));
        }
    }
}

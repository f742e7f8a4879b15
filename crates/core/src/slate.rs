//! Slates: what was shown, kept until it was clicked or skipped, with the features that it was scored with.

use crate::{Error, Features, Prediction};
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

/// A ranked row of items that a visitor is shown: an impression.
#[derive(Debug, Clone, PartialEq)]
pub struct Slate {
    /// Its id, by which clicks and skips find it.
    pub id: u64,
    /// Best first.
    pub items: Vec<Recommended>,
}

/// An item of a slate.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommended {
    /// The item's id.
    pub item: String,
    /// What it was ranked by.
    pub score: f32,
    /// The calibrated probability of a click.
    pub probability: f32,
}

/// An item that was shown and may still be labelled.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) item: String,
    pub(crate) features: Features,
    pub(crate) prediction: Prediction,
    pub(crate) labelled: bool,
}

/// The slates that wait for labels, bounded: the oldest makes room for the newest.
#[derive(Debug, Clone)]
pub(crate) struct Slates {
    pub(crate) next: u64,
    most: usize,
    pending: VecDeque<(u64, Vec<Shown>)>,
    /// Slates that made room.
    pub(crate) evicted: u64,
}

impl Slates {
    pub(crate) fn new(most: usize) -> Slates {
        Slates { next: 1, most: most.max(1), pending: VecDeque::new(), evicted: 0 }
    }

    pub(crate) fn add(&mut self, shown: Vec<Shown>) -> u64 {
        if self.pending.len() == self.most {
            self.pending.pop_front();
            self.evicted += 1;
        }
        let id = self.next;
        self.next += 1;
        self.pending.push_back((id, shown));
        id
    }

    /// The item of the slate, if it was not labelled yet.
    pub(crate) fn unlabelled(&mut self, slate: u64, item: &str) -> Result<&mut Shown, Error> {
        let (_, shown) = self.pending.iter_mut().find(|(id, _)| *id == slate).ok_or(Error::UnknownSlate)?;
        let shown = shown.iter_mut().find(|shown| shown.item == item).ok_or(Error::UnknownItem)?;
        if shown.labelled { Err(Error::AlreadyLabelled) } else { Ok(shown) }
    }
}

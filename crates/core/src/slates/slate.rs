//! Slates and held predictions: what was shown or asked, kept until its label comes, with the features that it was scored
//! with. Labels may come late, after a reload too; what makes room for newer ones is counted.

use crate::error::Error;
use crate::format::record::Subject;
use crate::input::feature::Features;
use crate::watch::figures::SlateScore;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

/// A ranked row of items that a visitor is shown: an impression.
#[derive(Debug, Clone, PartialEq)]
pub struct Slate {
    /// Its id, by which clicks and skips find it.
    pub id: u64,
    /// From the first place to the last.
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
    /// The probability with which this item was chosen for this place, given the places above: 1 without exploration.
    pub propensity: f32,
}

/// What one model thinks of an input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Thought {
    /// The raw score.
    pub(crate) score: f32,
    /// The score, moderated by how uncertain it is.
    pub(crate) moderated: f32,
    /// The log-odds of a click as they were calibrated then; under the squared loss the score.
    pub(crate) odds: f32,
}

/// What the bare base thinks of an input, then each model.
pub(crate) type Thoughts = Vec<Thought>;

/// An input that may still be labelled.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shown {
    /// None for a held prediction.
    pub(crate) item: Option<String>,
    pub(crate) features: Features,
    pub(crate) thoughts: Thoughts,
    pub(crate) target: Option<f32>,
}

/// Items that wait for labels, in all slates.
const MOST_ITEMS: usize = 1024;
/// Items of one slate that wait: those of a longer one that stand below are as if their slate had made room.
const LONGEST: usize = 256;

/// The inputs that wait for labels, bounded: the oldest makes room for the newest.
#[derive(Debug, Clone)]
pub(crate) struct Slates {
    pub(crate) next: u64,
    most: usize,
    pub(crate) pending: VecDeque<(u64, Vec<Shown>)>,
    /// Those that made room before they were labelled.
    pub(crate) evicted: u64,
}

impl Slates {
    pub(crate) fn new(most: usize) -> Slates {
        Slates { next: 1, most: most.max(1), pending: VecDeque::new(), evicted: 0 }
    }

    pub(crate) fn add(&mut self, shown: Vec<Shown>) -> u64 {
        let id = self.next;
        self.insert_as(id, shown);
        id
    }

    /// Keeps it under an id of before; the next one follows upon that.
    pub(crate) fn insert_as(&mut self, id: u64, shown: Vec<Shown>) {
        self.next = id.saturating_add(1);
        self.insert(id, shown);
    }

    pub(crate) fn insert(&mut self, id: u64, mut shown: Vec<Shown>) {
        shown.truncate(LONGEST);
        // Slates are as long as the caller likes; they are part of the profile, which must stay small.
        let waiting =
            |pending: &VecDeque<(u64, Vec<Shown>)>| pending.iter().map(|(_, shown)| shown.len()).sum::<usize>();
        while self.pending.len() >= self.most
            || (!self.pending.is_empty() && waiting(&self.pending) + shown.len() > MOST_ITEMS)
        {
            let oldest = self.pending.pop_front();
            let unlabelled = oldest.is_some_and(|(_, shown)| shown.iter().all(|shown| shown.target.is_none()));
            self.evicted += u64::from(unlabelled);
        }
        self.pending.push_back((id, shown));
    }

    /// Labels what waits for it: its place, all that was shown beside it, and the label that it had before. A click stands in the place of
    /// a skip.
    pub(crate) fn label(
        &mut self,
        subject: &Subject,
        target: f32,
        click_target: f32,
    ) -> Result<(usize, &[Shown], Option<f32>), Error> {
        let (place, shown) = self.find(subject)?;
        let before = shown[place].target;
        if before.is_some_and(|before| before >= click_target || target < click_target) {
            return Err(Error::AlreadyLabelled);
        }
        shown[place].target = Some(target);
        Ok((place, shown, before))
    }

    /// Takes back the label of what has one.
    pub(crate) fn unlabel(&mut self, subject: &Subject) {
        if let Ok((place, shown)) = self.find(subject) {
            shown[place].target = None;
        }
    }

    /// What waits for the label, or has it, and its place.
    pub(crate) fn shown(&self, subject: &Subject) -> Option<(usize, &Shown)> {
        let (slate, place) = self.place(subject).ok()?;
        Some((place, &self.pending[slate].1[place]))
    }

    /// What may be labelled: its place, and all that was shown beside it.
    pub(crate) fn find(&mut self, subject: &Subject) -> Result<(usize, &mut [Shown]), Error> {
        let (slate, place) = self.place(subject)?;
        Ok((place, &mut self.pending[slate].1))
    }

    fn place(&self, subject: &Subject) -> Result<(usize, usize), Error> {
        let (id, item) = match subject {
            Subject::Item { slate, item } => (*slate, Some(item)),
            Subject::Held(id) => (*id, None),
        };
        let slate = self.pending.iter().position(|(pending, _)| *pending == id).ok_or(Error::UnknownSlate)?;
        let place = self.pending[slate].1.iter().position(|shown| shown.item.as_ref() == item);
        let cut = self.pending[slate].1.len() == LONGEST;
        Ok((slate, place.ok_or(if cut { Error::UnknownSlate } else { Error::UnknownItem })?))
    }
}

/// The discount of DCG, 1 at the top; also the chance that a place is looked at where nobody has estimated it.
pub(crate) fn discount(place: usize) -> f64 {
    1.0 / libm::log2(place as f64 + 2.0)
}

/// Brings the slates' figures up to date after the item at `place` was labelled; `anew` if it was skipped before.
pub(crate) fn score(figures: &mut SlateScore, shown: &[Shown], place: usize, click_target: f32, anew: bool) {
    let gain = |shown: &Shown| shown.target.is_some_and(|target| target >= click_target);
    let ndcg = |without: Option<usize>| {
        let clicked = |at: usize| gain(&shown[at]) && Some(at) != without;
        let places = (0..shown.len()).filter(|at| clicked(*at));
        let gained: f64 = places.clone().map(discount).sum();
        let ideal: f64 = (0..places.count()).map(discount).sum();
        if ideal > 0.0 { gained / ideal } else { 0.0 }
    };
    let first = shown.iter().filter(|shown| shown.target.is_some()).count() == 1 && !anew;
    let (before, after) = (ndcg(Some(place)), ndcg(None));
    figures.slates += u64::from(first);
    figures.hits += u64::from(before == 0.0 && after > 0.0);
    figures.ndcg += after - before;
}

/// The same after the label of the item at `place` was taken back, whatever it was before that.
pub(crate) fn unscore(figures: &mut SlateScore, shown: &mut [Shown], place: usize, click_target: f32) {
    let mut back = SlateScore::default();
    score(&mut back, shown, place, click_target, false);
    shown[place].target = None;
    figures.slates = figures.slates.saturating_sub(back.slates);
    figures.hits = figures.hits.saturating_sub(back.hits);
    figures.ndcg = (figures.ndcg - back.ndcg).clamp(0.0, f64::MAX);
}

//! Which rows are trained on, which are held out, and what is known of each part. No part but the validation rows and
//! the people held out is ever in memory as a whole.

use crate::input::{Batch, Events, Store};
use crate::trainer::{Event, Rng};
use anyhow::Result;

/// Users need so many events to be held out for tuning.
pub(crate) const TUNE_EVENTS: u32 = 20;
/// At least so many people are needed to tune on, and at most so many are taken.
const TUNE_USERS: std::ops::RangeInclusive<usize> = 20..=600;
/// The share of the people that is held out for tuning.
const TUNE_SHARE: f64 = 0.1;
/// The share of the other people's rows that is held out for validation.
const VALIDATION_SHARE: f64 = 0.05;
/// About so many rows are enough to judge a model on, however many there are.
const JUDGED: usize = 1 << 22;
/// The random stream that people and rows are held out by.
const HOLD_OUT_STREAM: u64 = u64::MAX - 1;

/// Rows by what they are for, and the people who are held out for tuning.
pub(crate) struct Split {
    /// Those who are held out for tuning, and what they did.
    pub(crate) people: Vec<u32>,
    pub(crate) visits: Events,
    pub(crate) validation: Labelled,
    /// The rows that are left to train on: how many, the sum of their weights, of their targets with them, how many of each
    /// user.
    pub(crate) rows: usize,
    pub(crate) weights: f64,
    pub(crate) targets: f64,
    pub(crate) counts: Vec<u32>,
    /// By user: whether all rows are held out for tuning.
    held: Vec<bool>,
    share: f64,
    /// The state of the draws before each block, so that a block can be split again by itself.
    draws: Vec<Rng>,
}

/// Events as the trainer sees them, with the labels that the file has.
#[derive(Default)]
pub(crate) struct Labelled {
    pub(crate) events: Vec<Event>,
    pub(crate) labels: Vec<f32>,
}

impl Split {
    /// Goes once over the events.
    pub(crate) fn new(store: &Store, seed: u64) -> Result<Split> {
        let summary = store.summary();
        let counts = &summary.counts;
        let mut people: Vec<u32> =
            (0..counts.len() as u32).filter(|&user| counts[user as usize] >= TUNE_EVENTS).collect();
        let mut rng = Rng::new(seed, HOLD_OUT_STREAM);
        rng.shuffle(&mut people);
        let wanted = (people.len() as f64 * TUNE_SHARE) as usize;
        people.truncate(if wanted >= *TUNE_USERS.start() { wanted.min(*TUNE_USERS.end()) } else { 0 });
        people.sort_unstable();
        let mut split = Split {
            visits: Events::default(),
            validation: Labelled::default(),
            rows: 0,
            weights: 0.0,
            targets: 0.0,
            counts: vec![0; counts.len()],
            held: vec![false; counts.len()],
            share: VALIDATION_SHARE.min(JUDGED as f64 / store.len() as f64),
            draws: Vec::with_capacity(store.blocks()),
            people,
        };
        split.people.iter().for_each(|&user| split.held[user as usize] = true);
        let (mut batch, mut visits) = (Batch::default(), Batch::default());
        for block in 0..store.blocks() {
            batch.clear();
            store.read(block, &mut batch)?;
            split.draws.push(rng.clone());
            for row in 0..batch.len() {
                let user = batch.user[row] as usize;
                if split.held[user] {
                    visits.push_row(&batch, row);
                } else if rng.unit() < split.share {
                    split.validation.push(&batch, row);
                } else {
                    split.rows += 1;
                    let Event { target, weight, .. } = event(&batch, row);
                    split.weights += f64::from(weight);
                    split.targets += f64::from(weight * target);
                    split.counts[user] += 1;
                }
            }
        }
        split.visits = Events::new(summary, visits);
        Ok(split)
    }

    /// Which rows of a block are trained on.
    pub(crate) fn train(&self, block: usize, batch: &Batch) -> impl Iterator<Item = usize> {
        let mut rng = self.draws[block].clone();
        (0..batch.len()).filter(move |&row| !self.held[batch.user[row] as usize] && rng.unit() >= self.share)
    }

    /// Rows that are trained on, to be judged: all of them, or those of every so many blocks.
    pub(crate) fn sample(&self, store: &Store) -> Result<Labelled> {
        let (mut sample, mut batch) = (Labelled::default(), Batch::default());
        for block in (0..store.blocks()).step_by(self.rows.div_ceil(JUDGED).max(1)) {
            batch.clear();
            store.read(block, &mut batch)?;
            self.train(block, &batch).for_each(|row| sample.push(&batch, row));
        }
        Ok(sample)
    }
}

impl Labelled {
    fn push(&mut self, batch: &Batch, row: usize) {
        self.events.push(event(batch, row));
        self.labels.push(batch.label[row]);
    }
}

/// A row as the trainer sees it.
pub(crate) fn event(batch: &Batch, row: usize) -> Event {
    let weight = batch.weight.get(row).copied().unwrap_or(1.0);
    Event { user: batch.user[row], item: batch.item[row], target: batch.target[row], weight }
}

//! Which events are kept from training, and what for. No part but what is judged and tuned on is ever in memory as a whole.

use super::duplicates::Duplicates;
use crate::error::Result;
use crate::input::{BLOCK, Batch, Events, Store};
use crate::maths::Rng;
use crate::trainer::Event;

/// Users need so many events to be held out for tuning.
pub const TUNE_EVENTS: u32 = 20;
/// At least so many people are needed to tune on, and at most so many are taken.
const TUNE_USERS: std::ops::RangeInclusive<usize> = 20..=600;
/// The share of the people that is held out for tuning.
const TUNE_SHARE: f64 = 0.1;
/// The share of the other people's rows, or of the other people, that is held out for validation.
const VALIDATION_SHARE: f64 = 0.05;
/// About so many rows are enough to judge a model on, however many there are.
const JUDGED: usize = 1 << 22;
/// The random stream that people and rows are held out by.
const STREAM: u64 = u64::MAX - 1;

/// What validation is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldOut {
    /// Any events.
    Random,
    /// The last events.
    Time,
    /// All events of some users.
    Users,
}

impl HoldOut {
    /// Each.
    pub const ALL: &[HoldOut] = &[HoldOut::Random, HoldOut::Time, HoldOut::Users];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            HoldOut::Random => "random",
            HoldOut::Time => "time",
            HoldOut::Users => "users",
        }
    }
}

/// Rows by what they are for, and the people who are held out for tuning.
pub(crate) struct Split<'a> {
    /// Copies of one event are on one side.
    duplicates: &'a Duplicates,
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
    validate: Validate,
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

/// A [`HoldOut`], found.
enum Validate {
    /// Draw row by row.
    Rows,
    /// By user.
    Users(Vec<bool>),
    /// From this moment on.
    Since(Moment),
}

enum Part {
    Tune,
    Validate,
    Train,
}

impl<'a> Split<'a> {
    pub(crate) fn new(store: &Store, duplicates: &'a Duplicates, validate: HoldOut, seed: u64) -> Result<Split<'a>> {
        let summary = store.summary();
        let counts = &summary.counts;
        let mut people: Vec<u32> =
            (0..counts.len() as u32).filter(|&user| counts[user as usize] >= TUNE_EVENTS).collect();
        let mut rng = Rng::new(seed, STREAM);
        rng.shuffle(&mut people);
        let wanted = (people.len() as f64 * TUNE_SHARE) as usize;
        people.truncate(if wanted >= *TUNE_USERS.start() { wanted.min(*TUNE_USERS.end()) } else { 0 });
        people.sort_unstable();
        let mut held = vec![false; counts.len()];
        people.iter().for_each(|&user| held[user as usize] = true);
        let share = VALIDATION_SHARE.min(JUDGED as f64 / store.len() as f64);
        let validate = match validate {
            HoldOut::Random => Validate::Rows,
            HoldOut::Users => Validate::Users((0..counts.len()).map(|_| rng.unit() < share).collect()),
            HoldOut::Time => last(store, &held, share)?,
        };
        let mut split = Split {
            duplicates,
            people,
            visits: Events::default(),
            validation: Labelled::default(),
            rows: 0,
            weights: 0.0,
            targets: 0.0,
            counts: vec![0; counts.len()],
            held,
            validate,
            share,
            draws: Vec::with_capacity(store.blocks()),
        };
        let (mut batch, mut visits) = (Batch::default(), Batch::default());
        for block in 0..store.blocks() {
            batch.clear();
            store.read(block, &mut batch)?;
            split.draws.push(rng.clone());
            for row in 0..batch.len() {
                match split.part(block, &batch, row, &mut rng) {
                    Part::Tune => visits.push_row(&batch, row),
                    Part::Validate => split.validation.push(&batch, row),
                    Part::Train => {
                        let (user, Event { target, weight, .. }) = (batch.user[row], event(&batch, row));
                        split.rows += 1;
                        split.weights += f64::from(weight);
                        split.targets += f64::from(weight * target);
                        split.counts[user as usize] += 1;
                    }
                }
            }
        }
        split.visits = Events::new(summary, visits);
        Ok(split)
    }

    /// Which rows of a block are trained on. The batch is that block, with all its columns if [`Split::reads_all`].
    pub(crate) fn train(&self, block: usize, batch: &Batch) -> impl Iterator<Item = usize> {
        let mut rng = self.draws[block].clone();
        (0..batch.len()).filter(move |&row| matches!(self.part(block, batch, row, &mut rng), Part::Train))
    }

    /// Whether more of a row decides than what is learnt from it.
    pub(crate) fn reads_all(&self) -> bool {
        matches!(self.validate, Validate::Since(_)) || self.duplicates.rows > 0
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

    fn part(&self, block: usize, batch: &Batch, row: usize, rng: &mut Rng) -> Part {
        let user = batch.user[row] as usize;
        if self.held[user] {
            return Part::Tune;
        }
        let validate = match &self.validate {
            Validate::Rows => {
                // Every row takes its draw, so that the rows behind a copy have the same as without it.
                let draw = rng.unit();
                self.duplicates.draw(batch, row).unwrap_or(draw) < self.share
            }
            Validate::Users(drawn) => drawn[user],
            Validate::Since(first) if !batch.time.is_empty() && self.duplicates.draw(batch, row).is_some() => {
                batch.time[row] >= first.0
            }
            Validate::Since(first) => earlier(&moment(block, batch, row), first).is_ge(),
        };
        if validate { Part::Validate } else { Part::Train }
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
    // Who it is in which context, where contexts are told.
    let user = batch.occasion.get(row).copied().unwrap_or(batch.user[row]);
    Event { user, item: batch.item[row], target: batch.target[row], weight }
}

/// When a row was, in the order of time: rows of one time stay in the order of the file.
type Moment = (f64, usize);

fn moment(block: usize, batch: &Batch, row: usize) -> Moment {
    (batch.time.get(row).copied().unwrap_or_default(), block * BLOCK + row)
}

fn earlier(a: &Moment, b: &Moment) -> std::cmp::Ordering {
    a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
}

/// Where the last rows of those who are not held out begin. No more than twice as many are kept at a time.
fn last(store: &Store, held: &[bool], share: f64) -> Result<Validate> {
    let counts = store.summary().counts.iter().zip(held);
    let rows: usize = counts.filter(|(_, held)| !**held).map(|(&count, _)| count as usize).sum();
    let wanted = (rows as f64 * share) as usize;
    let Some(nth) = wanted.checked_sub(1) else { return Ok(Validate::Since((f64::INFINITY, usize::MAX))) };
    let (mut batch, mut latest) = (Batch::default(), Vec::new());
    for block in 0..store.blocks() {
        batch.clear();
        store.read(block, &mut batch)?;
        let rows = (0..batch.len()).filter(|&row| !held[batch.user[row] as usize]);
        latest.extend(rows.map(|row| moment(block, &batch, row)));
        if latest.len() >= 2 * wanted + BLOCK {
            latest.select_nth_unstable_by(nth, |a, b| earlier(b, a));
            latest.truncate(wanted);
        }
    }
    let (_, first, _) = latest.select_nth_unstable_by(nth, |a, b| earlier(b, a));
    Ok(Validate::Since(*first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{BadRows, LabelRule, Reading};
    use crate::testing::{columns, temp_file};
    use std::collections::HashSet;

    #[test]
    fn each_hold_out_keeps_what_it_says_from_training() {
        let rows: String = (0..9000).map(|i| format!("u{},i{},1,{}\n", i % 600, i % 7, 9000 - i / 3)).collect();
        let file = temp_file(&format!("user,item,label,time\n{rows}"));
        let rule = LabelRule { squared: false, positive: None, map: Vec::new() };
        for time in [Some("time".to_owned()), None] {
            let columns = crate::input::Columns { time, ..columns() };
            let files = [file.path().to_owned()];
            let store = Reading::new(&files, &columns, &rule, BadRows::Count(0)).unwrap().read().unwrap();
            let duplicates = Duplicates::find(&store).unwrap();
            // The one that is rightly ordered: by time, then by row.
            let mut order: Vec<Moment> = Vec::new();
            let mut batch = Batch::default();
            for how in [HoldOut::Random, HoldOut::Time, HoldOut::Users] {
                let split = Split::new(&store, &duplicates, how, 1).unwrap();
                assert!(split.people.is_empty(), "nobody has {TUNE_EVENTS} events");
                let (mut train, mut validation, mut users) = (Vec::new(), Vec::new(), [HashSet::new(), HashSet::new()]);
                for block in 0..store.blocks() {
                    batch.clear();
                    store.read(block, &mut batch).unwrap();
                    let trained: HashSet<usize> = split.train(block, &batch).collect();
                    for row in 0..batch.len() {
                        let (part, who) = if trained.contains(&row) { (&mut train, 0) } else { (&mut validation, 1) };
                        part.push(moment(block, &batch, row));
                        users[who].insert(batch.user[row]);
                    }
                }
                assert_eq!((train.len(), validation.len()), (split.rows, split.validation.events.len()), "{how:?}");
                assert_eq!(train.len() + validation.len(), 9000, "{how:?}");
                assert!((250..650).contains(&validation.len()), "{how:?}: {}", validation.len());
                assert_eq!(users[0].is_disjoint(&users[1]), how == HoldOut::Users);
                if how == HoldOut::Time {
                    order.extend(train.iter().chain(&validation));
                    order.sort_by(earlier);
                    validation.sort_by(earlier);
                    assert_eq!(validation, order[9000 - 450..]);
                }
            }
        }
    }

    #[test]
    fn copies_of_an_event_are_on_one_side() {
        let rows: Vec<String> = (0..5400).map(|i| format!("u{},i{},1,{}\n", i % 600, i / 600, i / 7)).collect();
        let twice: String = rows.iter().chain(rows.iter().rev()).map(String::as_str).collect();
        let file = temp_file(&format!("user,item,label,time\n{twice}"));
        let rule = LabelRule { squared: false, positive: None, map: Vec::new() };
        let (columns, files) = (columns(), [file.path().to_owned()]);
        let store = Reading::new(&files, &columns, &rule, BadRows::Count(0)).unwrap().read().unwrap();
        let duplicates = Duplicates::find(&store).unwrap();
        assert_eq!(duplicates.rows, 5400);
        for how in [HoldOut::Random, HoldOut::Time] {
            let split = Split::new(&store, &duplicates, how, 1).unwrap();
            let (mut sides, mut batch) = ([HashSet::new(), HashSet::new()], Batch::default());
            for block in 0..store.blocks() {
                batch.clear();
                store.read(block, &mut batch).unwrap();
                let trained: HashSet<usize> = split.train(block, &batch).collect();
                (0..batch.len()).for_each(|row| {
                    sides[usize::from(trained.contains(&row))].insert((batch.user[row], batch.item[row]));
                });
            }
            assert!(sides[0].is_disjoint(&sides[1]), "{how:?}");
            assert!((150..500).contains(&sides[0].len()), "{how:?}: {}", sides[0].len());
        }
    }
}

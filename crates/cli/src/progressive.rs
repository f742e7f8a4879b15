//! Progressive validation with the browser's own learner: visitors whom the seed never saw are predicted, then learnt
//! from, event by event in order of time (Blum, Kalai and Langford 1999). Visitors are independent of each other.

use crate::input::{Events, LabelRule, SideTable};
use anyhow::{Context, Result};
use brooklet_core::{Base, Config, Error, Features, Learner, Prediction};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Frozen learners are judged on the events from this one on, counted from 0.
pub(crate) const JUDGED_FROM: usize = 50;
/// And only for visitors with at least so many events.
pub(crate) const JUDGED_EVENTS: usize = 70;

/// The people of an events file, as a browser would meet them.
pub(crate) struct Visitors {
    /// The features of each item.
    items: Vec<Features>,
    /// For each person the events in order of time.
    visits: Vec<Vec<Visit>>,
}

#[derive(Debug, Clone, Copy)]
struct Visit {
    item: u32,
    target: f32,
    click: bool,
}

/// What came of one event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    /// As predicted before it was learnt from.
    pub(crate) prediction: Prediction,
    pub(crate) click: bool,
}

/// What came of one visitor.
#[derive(Debug, Clone, Default)]
pub(crate) struct Replayed {
    pub(crate) outcomes: Vec<Outcome>,
    /// For each number of events to freeze after, the predictions for the events from [`JUDGED_FROM`] on; empty if the
    /// visitor has fewer than [`JUDGED_EVENTS`].
    pub(crate) frozen: Vec<Vec<Outcome>>,
}

impl Visitors {
    /// Everyone in `events`. Labels must tell clicks from skips.
    pub(crate) fn new(base: &Base, events: &Events, rule: &LabelRule, items: &SideTable) -> Result<Visitors> {
        let everyone: Vec<u32> = (0..events.users.len() as u32).collect();
        Visitors::of(&everyone, base, events, rule, items)
    }

    /// Some of the people in `events`.
    pub(crate) fn of(
        people: &[u32],
        base: &Base,
        events: &Events,
        rule: &LabelRule,
        items: &SideTable,
    ) -> Result<Visitors> {
        let features =
            events.items.names().map(|id| item_features(base, id, items).with_context(|| format!("item `{id}`")));
        let by_user = events.by_user();
        let visit = |row: u32| -> Result<Visit> {
            let row = row as usize;
            let (label, target) = (events.label[row], events.target[row]);
            let click = rule.click(label, target).context(
                "nothing says which labels are clicks, so clicks cannot be predicted: train the seed with --positive",
            )?;
            Ok(Visit { item: events.item[row], target, click })
        };
        let visits = people.iter().map(|&user| by_user[user as usize].iter().map(|&row| visit(row)).collect());
        Ok(Visitors { items: features.collect::<Result<_>>()?, visits: visits.collect::<Result<_>>()? })
    }

    pub(crate) fn len(&self) -> usize {
        self.visits.len()
    }

    pub(crate) fn events(&self) -> usize {
        self.visits.iter().map(Vec::len).sum()
    }

    /// Replays everyone, each with a fresh learner on `base`. `freeze` are numbers of events of at most [`JUDGED_FROM`];
    /// `done` is called after each visitor.
    pub(crate) fn replay(
        &self,
        base: &Base,
        freeze: &[usize],
        threads: usize,
        done: impl Fn() + Sync,
    ) -> Result<Vec<Replayed>> {
        let replayed = in_parallel(self.visits.len(), threads, |i| {
            let replayed = self.replay_one(&self.visits[i], base, freeze);
            done();
            replayed
        });
        Ok(replayed.into_iter().collect::<Result<Vec<_>, Error>>()?)
    }

    fn replay_one(&self, visits: &[Visit], base: &Base, freeze: &[usize]) -> Result<Replayed, Error> {
        let mut learner = Learner::new(base.clone(), Config::default());
        let mut replayed = Replayed::default();
        let freeze = if visits.len() >= JUDGED_EVENTS { freeze } else { &[] };
        replayed.frozen.resize(freeze.len(), Vec::new());
        for (n, visit) in visits.iter().enumerate() {
            for (frozen, _) in replayed.frozen.iter_mut().zip(freeze).filter(|(_, after)| **after == n) {
                // Predicting changes nothing, so the learner itself can be asked before it goes on.
                *frozen = visits[JUDGED_FROM..]
                    .iter()
                    .map(|visit| Outcome { prediction: learner.predict_one(self.features(visit)), click: visit.click })
                    .collect();
            }
            let prediction = learner.learn_one(self.features(visit), visit.target, 1.0)?;
            replayed.outcomes.push(Outcome { prediction, click: visit.click });
        }
        Ok(replayed)
    }

    fn features(&self, visit: &Visit) -> &Features {
        &self.items[visit.item as usize]
    }
}

/// The features of an item, as a site would name them.
fn item_features(base: &Base, id: &str, items: &SideTable) -> Result<Features, Error> {
    let schema = &base.metadata().schema;
    let mut features = Features::builder(schema);
    features.text(&schema.item, id)?;
    for (field, category) in items.of(id) {
        features.text(field, category)?;
    }
    Ok(features.finish())
}

/// The results of `work` for 0..n, in order, whichever thread made them.
pub(crate) fn in_parallel<T: Send>(n: usize, threads: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let mut results: Vec<(usize, T)> = std::thread::scope(|scope| {
        let run = || {
            let mut results = Vec::new();
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                if i >= n {
                    return results;
                }
                results.push((i, work(i)));
            }
        };
        let threads: Vec<_> = (0..threads.clamp(1, n.max(1))).map(|_| scope.spawn(run)).collect();
        threads.into_iter().flat_map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    results.sort_unstable_by_key(|(i, _)| *i);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Threads to use where nobody said how many.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

//! Progressive validation with the browser's own learner: visitors whom the seed never saw are predicted, then learnt
//! from, event by event in order of time (Blum, Kalai and Langford 1999). Visitors are independent of each other.

use crate::input::{Events, LabelRule, SideTable};
use crate::trainer::sigmoid;
use anyhow::{Context, Result};
use brooklet_core::{Base, Config, Error, Features, Feedback, Learner, Loss, Prediction};
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
    click: Option<bool>,
}

/// What came of one event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Outcome {
    /// As predicted before it was learnt from.
    pub(crate) personal: Predicted,
    /// By the seed alone.
    pub(crate) fixed: Predicted,
    /// What was learnt from it then.
    pub(crate) target: f32,
    /// Whether it was a click; None if the model is a regression and nobody said what a click is.
    pub(crate) click: Option<bool>,
}

/// What a model thought of an event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Predicted {
    /// What ranks.
    pub(crate) score: f32,
    /// What the calibration maps to the probability.
    pub(crate) moderated: f32,
    /// Of a click.
    pub(crate) probability: f32,
}

impl Outcome {
    fn new(base: &Base, prediction: Prediction, visit: &Visit) -> Outcome {
        let Prediction { score, moderated, mut probability, base_score, mut base_probability } = prediction;
        if base.metadata().loss == Loss::Squared {
            // A regression predicts the label; what that says of a click is the calibration's to tell.
            let map = base.metadata().calibration;
            probability = sigmoid(map.a * score + map.b);
            base_probability = sigmoid(map.a * base_score + map.b);
        }
        let fixed = Predicted { score: base_score, moderated: base_score, probability: base_probability };
        let personal = Predicted { score, moderated, probability };
        Outcome { personal, fixed, target: visit.target, click: visit.click }
    }
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
    /// Everyone in `events`.
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
        let visit = |&row: &u32| {
            let row = row as usize;
            let target = events.target[row];
            Visit { item: events.item[row], target, click: rule.click(events.label[row], target) }
        };
        let visits = people.iter().map(|&user| by_user[user as usize].iter().map(visit).collect());
        Ok(Visitors { items: features.collect::<Result<_>>()?, visits: visits.collect() })
    }

    pub(crate) fn len(&self) -> usize {
        self.visits.len()
    }

    pub(crate) fn events(&self) -> usize {
        self.visits.iter().map(Vec::len).sum()
    }

    /// What one of them did, in order of time: the features, and the target that is learnt.
    pub(crate) fn history(&self, visitor: usize) -> impl ExactSizeIterator<Item = (&Features, f32)> {
        self.visits[visitor].iter().map(|visit| (self.features(visit), visit.target))
    }

    /// Replays everyone, each with a fresh learner on `base`. `freeze` are numbers of events of at most [`JUDGED_FROM`];
    /// `done` is called after each visitor.
    pub(crate) fn replay(
        &self,
        base: &Base,
        config: &Config,
        freeze: &[usize],
        threads: usize,
        done: impl Fn() + Sync,
    ) -> Result<Vec<Replayed>> {
        let replayed = in_parallel(self.visits.len(), threads, |i| {
            let replayed = self.replay_one(&self.visits[i], base, config, freeze);
            done();
            replayed
        });
        Ok(replayed.into_iter().collect::<Result<Vec<_>, Error>>()?)
    }

    fn replay_one(&self, visits: &[Visit], base: &Base, config: &Config, freeze: &[usize]) -> Result<Replayed, Error> {
        let mut learner = Learner::new(base.clone(), config.clone());
        // Without slates, an event's rival is the last one before it with the other label.
        let mut last: [Option<&Visit>; 2] = [None, None];
        let mut replayed = Replayed::default();
        let freeze = if visits.len() >= JUDGED_EVENTS { freeze } else { &[] };
        replayed.frozen.resize(freeze.len(), Vec::new());
        for (n, visit) in visits.iter().enumerate() {
            for (frozen, _) in replayed.frozen.iter_mut().zip(freeze).filter(|(_, after)| **after == n) {
                // Predicting changes nothing, so the learner itself can be asked before it goes on.
                *frozen = visits[JUDGED_FROM..]
                    .iter()
                    .map(|visit| Outcome::new(base, learner.predict_one(self.features(visit)), visit))
                    .collect();
            }
            let prediction = match config.model.feedback {
                Feedback::Pointwise => learner.learn_one(self.features(visit), visit.target, 1.0)?,
                Feedback::Pairwise => {
                    let prediction = learner.predict_one(self.features(visit));
                    let click = visit.click.unwrap_or(false);
                    if let Some(rival) = last[usize::from(!click)] {
                        let (preferred, other) = if click { (visit, rival) } else { (rival, visit) };
                        learner.learn_pair(self.features(preferred), self.features(other), 1.0)?;
                    }
                    last[usize::from(click)] = Some(visit);
                    prediction
                }
            };
            replayed.outcomes.push(Outcome::new(base, prediction, visit));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, columns, temp_file};
    use brooklet_core::{Calibration, Labels, Metadata, Prior};

    /// A seed without factors: a visitor is one bias with variance 3, item x has weight 1, nothing else is known.
    fn base(loss: Loss) -> Base {
        let metadata = Metadata {
            prior: Prior { mean: vec![0.5], covariance: vec![1.5], scale: 2.0 },
            calibration: Calibration { a: 2.0, b: -1.0 },
            labels: Labels { positive: Some(4.0), map: vec![] },
            ..testing::metadata(loss)
        };
        testing::base(&metadata, &["x".into()], 1.0)
    }

    fn visitors(base: &Base, rule: &LabelRule, text: &str) -> Visitors {
        let file = temp_file(text);
        let events = Events::read(file.path(), &columns(), rule).unwrap();
        Visitors::new(base, &events, rule, &SideTable::default()).unwrap()
    }

    #[test]
    fn a_regression_by_hand() {
        let base = base(Loss::Squared);
        let rule = LabelRule { squared: true, positive: Some(4.0), map: vec![] };
        let visitors = visitors(&base, &rule, "user,item,label,time\na,x,5.5,2\na,y,2.5,1\nb,x,4,1\n");
        let replayed = visitors.replay(&base, &Config::default(), &[0], 2, || {}).unwrap();
        assert_eq!((replayed.len(), visitors.events()), (2, 3));
        let [first, second] = replayed[0].outcomes[..] else { panic!("two events of a") };
        // y is unknown: the prior's mean. Then the Kalman gain 3 / (3 + 1) takes the bias from .5 to .5 + .75 * 2 = 2.
        assert_eq!((first.personal.score, first.fixed.score, first.click), (0.5, 0.5, Some(false)));
        assert!((second.personal.score - 3.0).abs() < 1e-5, "{second:?}");
        assert_eq!((second.fixed.score, second.click), (1.5, Some(true)));
        assert!((second.fixed.probability - sigmoid(2.0)).abs() < 1e-6);
        // b starts afresh, and nobody is frozen who has fewer than 70 events.
        assert_eq!(replayed[1].outcomes[0].personal.score, replayed[1].outcomes[0].fixed.score);
        assert!(replayed[0].frozen.is_empty());
    }

    #[test]
    fn freezing_is_predicting_before_the_next_event() {
        let base = base(Loss::Logistic);
        let rule = LabelRule { squared: false, positive: Some(4.0), map: vec![] };
        let rows: String = (0..80).map(|i| format!("a,x,{},{i}\n", if i % 3 == 0 { 5 } else { 1 })).collect();
        let visitors = visitors(&base, &rule, &format!("user,item,label,time\n{rows}"));
        let one = visitors.replay(&base, &Config::default(), &[0, 50], 1, || {}).unwrap();
        assert_eq!(one[0].frozen.iter().map(Vec::len).collect::<Vec<_>>(), [30, 30]);
        // Nothing learnt, nothing moved; the probability is more careful than the base's, for the posterior is wide.
        assert!(one[0].frozen[0].iter().all(|outcome| outcome.personal.score == outcome.fixed.score));
        assert_eq!(one[0].frozen[1][0], one[0].outcomes[50]);
        assert_eq!(one[0].frozen[1][29].personal, one[0].outcomes[50].personal);
    }

    #[test]
    fn results_come_in_order_from_any_number_of_threads() {
        let expected: Vec<usize> = (0..100).map(|i| i * i).collect();
        for threads in [0, 1, 2, 7, 200] {
            assert_eq!(in_parallel(100, threads, |i| i * i), expected);
        }
        assert!(in_parallel(0, 4, |i| i).is_empty());
    }
}

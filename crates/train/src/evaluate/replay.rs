//! Progressive validation with the browser's own learner: visitors whom the seed never saw are predicted, then learnt
//! from, event by event in order of time (Blum, Kalai and Langford 1999). A label is learnt when it has arrived, with what was
//! predicted at the time of its event, as in a browser. Events of one slate, or of one time, are one moment (ratings of a page
//! that were entered together have one time): it is predicted whole before any of it is learnt, for its labels would tell of each other what nobody knew
//! then. Visitors are independent of each other.

use crate::error::{Context, Result};
use crate::input::{Events, LabelRule, SideTable};
use crate::maths::{in_parallel, sigmoid};
use brooklet_core::{
    Base, Config, Error, Features, FeaturesBuilder, Feedback, Learner, Loss, MAX_PENDING, Prediction, Serving, Subject,
    Value,
};
use std::collections::HashMap;
use std::ops::Range;

/// Frozen learners are judged on the events from this one on, counted from 0.
pub const JUDGED_FROM: usize = 50;
/// And only for visitors with at least so many events.
pub const JUDGED_EVENTS: usize = 70;

/// What learners are frozen after unless somebody says otherwise.
pub const FREEZE: [usize; 5] = [0, 5, 10, 20, 50];

/// The people of an events file, as a browser would meet them.
pub struct Visitors {
    /// The features of each item.
    items: Vec<Features>,
    /// The fields of each person, which a page gives as the context of everything it shows them.
    contexts: Vec<Features>,
    /// What a page gives of each moment that the events tell of.
    moments: Vec<Features>,
    /// For each person the events in order of time.
    visits: Vec<Vec<Visit>>,
}

#[derive(Debug, Clone, Copy)]
struct Visit {
    item: u32,
    moment: Option<u32>,
    shown: Option<OnSlate>,
    target: f32,
    click: Option<bool>,
    at: f64,
    /// When its label is known.
    arrives: f64,
}

/// Where an item was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnSlate {
    /// Which slate of its person it was, counted from 1 in the order in which they began.
    pub slate: u32,
    /// The place there, counted from 1, if a column tells it.
    pub place: Option<u32>,
}

/// What came of one event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// As predicted before it was learnt from.
    pub personal: Predicted,
    /// By the seed alone.
    pub fixed: Predicted,
    /// Whether the gate was closed, so that a page would have gone by the seed alone.
    pub gated: bool,
    /// What was learnt from it then.
    pub target: f32,
    /// Whether it was a click; None if the model is a regression and nobody said what a click is.
    pub click: Option<bool>,
}

/// What a model thought of an event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Predicted {
    /// What ranks.
    pub score: f32,
    /// What the calibration maps to the probability.
    pub moderated: f32,
    /// Of a click.
    pub probability: f32,
}

impl Outcome {
    /// By whichever of the two the gate serves.
    pub(crate) fn served(&self) -> Predicted {
        if self.gated { self.fixed } else { self.personal }
    }

    fn new(base: &Base, prediction: Prediction, serving: Serving, visit: &Visit) -> Outcome {
        let Prediction { score, moderated, mut probability, base_score, mut base_probability } = prediction;
        if base.metadata().loss == Loss::Squared {
            // A regression predicts the label; what that says of a click is the calibration's to tell.
            let map = base.metadata().calibration;
            probability = sigmoid(map.a * score + map.b);
            base_probability = sigmoid(map.a * base_score + map.b);
        }
        let fixed = Predicted { score: base_score, moderated: base_score, probability: base_probability };
        let personal = Predicted { score, moderated, probability };
        Outcome { personal, fixed, gated: serving == Serving::Base, target: visit.target, click: visit.click }
    }
}

/// What came of one visitor.
#[derive(Debug, Clone, Default)]
pub struct Replayed {
    /// Of each event, in order of time.
    pub outcomes: Vec<Outcome>,
    /// Of each of these where its item was shown; empty if no column tells the slates.
    pub shown: Vec<OnSlate>,
    /// For each number of events to freeze after, the predictions for the events from [`JUDGED_FROM`] on; empty if the
    /// visitor has fewer than [`JUDGED_EVENTS`]. Who is frozen within a moment has learnt nothing of it.
    pub frozen: Vec<Vec<Outcome>>,
    /// Labels that came when the learner no longer held their prediction, as a browser would not: it holds about a thousand.
    pub forgotten: usize,
    /// Alarms of the drift detector.
    pub drifts: u64,
}

/// The users of events in the order of their ids.
pub(super) fn everyone(events: &Events) -> Vec<u32> {
    let mut everyone: Vec<u32> = (0..events.users.len() as u32).collect();
    everyone.sort_by_key(|&user| events.users.name(user));
    everyone
}

impl Visitors {
    /// Everyone in `events`, in the order of their ids: figures are the same, to the last bit, in whatever order a file has its rows.
    pub fn new(
        base: &Base,
        events: &Events,
        rule: &LabelRule,
        users: &SideTable,
        items: &SideTable,
    ) -> Result<Visitors> {
        Visitors::of(&everyone(events), base, events, rule, users, items)
    }

    /// Some of the people in `events`.
    pub(crate) fn of(
        people: &[u32],
        base: &Base,
        events: &Events,
        rule: &LabelRule,
        users: &SideTable,
        items: &SideTable,
    ) -> Result<Visitors> {
        let features =
            events.items.names().map(|id| item_features(base, id, items).with_context(|| format!("item `{id}`")));
        let context = |&user: &u32| {
            let id = events.users.name(user);
            with_fields(Features::builder(&base.metadata().schema), id, users).with_context(|| format!("user `{id}`"))
        };
        let contexts = people.iter().map(context).collect::<Result<_>>()?;
        let told = moment_features(base, events)?;
        let (by_user, moments) = (events.by_user(), events.moments());
        let visits_of = |&user: &u32| {
            let (rows, mut slates) = (&by_user[user as usize], HashMap::new());
            let visit = |(n, &row): (usize, &u32)| {
                let row = row as usize;
                let target = events.target[row];
                // Without times, time passes by one an event, and what comes at once is there before the next.
                let first = || rows.partition_point(|&earlier| moments[earlier as usize] < moments[row]) as f64;
                let at = if events.time.is_empty() { first() } else { moments[row] };
                let known = events.time.get(row).copied().unwrap_or(n as f64 + 1.0);
                let arrives = known + events.delay.get(row).copied().unwrap_or(0.0);
                let click = rule.click(events.label[row], target);
                let shown = events.slate.get(row).map(|&slate| {
                    let next = slates.len() as u32 + 1;
                    OnSlate { slate: *slates.entry(slate).or_insert(next), place: events.place.get(row).copied() }
                });
                let moment = events.moment(row);
                Visit { item: events.item[row], moment, shown, target, click, at, arrives }
            };
            rows.iter().enumerate().map(visit).collect()
        };
        let visits = people.iter().map(visits_of).collect();
        Ok(Visitors { items: features.collect::<Result<_>>()?, contexts, moments: told, visits })
    }

    /// Lets every label arrive later, in the unit of the events' times; without times, by so many events of its visitor.
    pub fn delay(&mut self, by: f64) {
        self.visits.iter_mut().flatten().for_each(|visit| visit.arrives += by);
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.visits.is_empty()
    }

    /// How many people there are.
    pub fn len(&self) -> usize {
        self.visits.len()
    }

    /// What one of them did, in order of time: the features, and the target that is learnt.
    pub(crate) fn history(&self, visitor: usize) -> impl Iterator<Item = (Features, f32)> {
        self.visits[visitor].iter().map(move |visit| (self.features(visitor, visit), visit.target))
    }

    /// One of them's visits, as numbers of events: each a slate, or so many events where no column tells the slates.
    pub(crate) fn visits(&self, visitor: usize, events: usize) -> impl Iterator<Item = Range<usize>> {
        let all = &self.visits[visitor];
        let mut from = 0;
        std::iter::from_fn(move || {
            let slate = |visit: &Visit| visit.shown.map(|shown| shown.slate);
            let first = all.get(from)?;
            let count = match slate(first) {
                // As many as can wait for their label at once.
                Some(_) => {
                    all[from..].iter().take(MAX_PENDING).take_while(|visit| slate(visit) == slate(first)).count()
                }
                None => events.min(all.len() - from),
            };
            from += count;
            Some(from - count..from)
        })
    }

    /// Has a learner go through some events of one of them: a moment is predicted whole, then learnt.
    pub(crate) fn live(&self, visitor: usize, events: Range<usize>, learner: &mut Learner) -> Result<(), Error> {
        let visit = &self.visits[visitor][events];
        for moment in visit.chunk_by(|a, b| a.at == b.at) {
            let held: Vec<u64> = moment.iter().map(|visit| learner.hold(&self.features(visitor, visit)).0).collect();
            for (visit, id) in moment.iter().zip(held) {
                learner.label(&Subject::Held(id), visit.target, seen(learner, visit))?;
            }
        }
        Ok(())
    }

    /// Replays everyone, each with a fresh learner on `base`. `freeze` are numbers of events of at most [`JUDGED_FROM`];
    /// `done` is called after each visitor.
    pub fn replay(
        &self,
        base: &Base,
        config: &Config,
        freeze: &[usize],
        threads: usize,
        done: impl Fn() + Sync,
    ) -> Result<Vec<Replayed>, Error> {
        let replayed = in_parallel(self.visits.len(), threads, |i| {
            let replayed = self.replay_one(i, base, config, freeze);
            done();
            replayed
        });
        replayed.into_iter().collect()
    }

    fn replay_one(&self, visitor: usize, base: &Base, config: &Config, freeze: &[usize]) -> Result<Replayed, Error> {
        let visits = &self.visits[visitor];
        let due = due(visits);
        // As many as wait for their label at once; more inputs than that never wait.
        let waiting = due.iter().map(|(before, n)| before - n).max().unwrap_or(1).min(MAX_PENDING);
        let mut learner = Learner::new(base.clone(), Config { max_pending_slates: waiting, ..config.clone() })?;
        let mut held: Vec<u64> = Vec::with_capacity(visits.len());
        // Without slates, an event's rival is the last one before it with the other label.
        let mut last: [Option<&Visit>; 2] = [None, None];
        let mut replayed = Replayed::default();
        let freeze = if visits.len() >= JUDGED_EVENTS { freeze } else { &[] };
        replayed.frozen.resize(freeze.len(), Vec::new());
        let mut arrived = due.iter().peekable();
        for (n, visit) in visits.iter().enumerate() {
            while let Some((_, known)) = arrived.next_if(|(before, _)| *before == n) {
                let visit = &visits[*known];
                let weight = seen(&learner, visit);
                match config.model.feedback {
                    Feedback::Pointwise => match learner.label(&Subject::Held(held[*known]), visit.target, weight) {
                        Ok(_) => {}
                        Err(Error::UnknownSlate) => replayed.forgotten += 1,
                        Err(error) => return Err(error),
                    },
                    Feedback::Pairwise => {
                        let click = visit.click.unwrap_or(false);
                        if let Some(rival) = last[usize::from(!click)] {
                            let (preferred, other) = if click { (visit, rival) } else { (rival, visit) };
                            learner.learn_pair(
                                &self.features(visitor, preferred),
                                &self.features(visitor, other),
                                1.0,
                            )?;
                        }
                        last[usize::from(click)] = Some(visit);
                    }
                }
            }
            let serving = learner.serving();
            for (frozen, _) in replayed.frozen.iter_mut().zip(freeze).filter(|(_, after)| **after == n) {
                // Predicting changes nothing, so the learner itself can be asked before it goes on.
                *frozen = visits[JUDGED_FROM..]
                    .iter()
                    .map(|visit| {
                        Outcome::new(base, learner.predict_one(&self.features(visitor, visit)), serving, visit)
                    })
                    .collect();
            }
            let (id, prediction) = learner.hold(&self.features(visitor, visit));
            held.push(id);
            replayed.shown.extend(visit.shown);
            replayed.outcomes.push(Outcome::new(base, prediction, serving, visit));
        }
        replayed.drifts = learner.drifts();
        Ok(replayed)
    }

    fn features(&self, visitor: usize, visit: &Visit) -> Features {
        let (context, item) = (&self.contexts[visitor], &self.items[visit.item as usize]);
        let input = if context.is_empty() { item.clone() } else { context.union(item) };
        match visit.moment.map(|moment| &self.moments[moment as usize]) {
            Some(moment) if !moment.is_empty() => moment.union(&input),
            _ => input,
        }
    }
}

/// What an event weighs: an input that is held stands on no slate, so how likely the place of a skip was looked at is said here.
fn seen(learner: &Learner, visit: &Visit) -> f32 {
    let place = visit.shown.and_then(|shown| shown.place).filter(|_| visit.click == Some(false));
    place.map_or(1.0, |place| learner.examination(place as usize - 1))
}

/// When labels are learnt: (before which event, the label of which event), in the order in which they arrive; none before its
/// moment is over.
fn due(visits: &[Visit]) -> Vec<(usize, usize)> {
    let before = |n: usize| visits.partition_point(|later| later.at <= visits[n].at || later.at < visits[n].arrives);
    let mut due: Vec<(usize, usize)> = (0..visits.len()).map(|n| (before(n), n)).collect();
    due.sort_by(|a, b| a.0.cmp(&b.0).then(visits[a.1].arrives.total_cmp(&visits[b.1].arrives)).then(a.1.cmp(&b.1)));
    due
}

/// The features of an item, as a site would name them.
pub(crate) fn item_features(base: &Base, id: &str, items: &SideTable) -> Result<Features, Error> {
    let schema = &base.metadata().schema;
    let mut features = Features::builder(schema);
    features.text(&schema.item, id)?;
    with_fields(features, id, items)
}

/// What a page gives of each context that events tell, by its number.
pub(super) fn moment_features(base: &Base, events: &Events) -> Result<Vec<Features>> {
    let contexts = &events.occasions.contexts;
    let of = |id| with_fields(Features::builder(&base.metadata().schema), id, contexts).context("the context");
    contexts.ids().map(of).collect()
}

/// These, and those of the fields that a file lists of an item or a person.
fn with_fields(mut features: FeaturesBuilder<'_>, id: &str, listed: &SideTable) -> Result<Features, Error> {
    for field in listed.fields() {
        let mut values: Vec<Value> = listed.values(id, field).map(Value::from).collect();
        match values.len() {
            0 => {}
            1 => features.value(field, &values.remove(0))?,
            _ => features.value(field, &Value::Array(values))?,
        }
    }
    Ok(features.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{Columns, Dialect, read_events, read_side};
    use crate::testing::{self, columns, temp_file};
    use brooklet_core::{Calibration, Labels, Metadata, ModelConfig, Prior};

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
        let events = read_events(file.path(), &columns(), rule, &()).unwrap();
        Visitors::new(base, &events, rule, &SideTable::default(), &SideTable::default()).unwrap()
    }

    #[test]
    fn a_regression_by_hand() {
        let base = base(Loss::Squared);
        let rule = LabelRule { squared: true, positive: Some(4.0), map: vec![] };
        let visitors = visitors(&base, &rule, "user,item,label,time\na,x,5.5,2\na,y,2.5,1\nb,x,4,1\n");
        let replayed = visitors.replay(&base, &Config::default(), &[0], 2, || {}).unwrap();
        assert_eq!(replayed.iter().map(|visitor| visitor.outcomes.len()).collect::<Vec<_>>(), [2, 1]);
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
    fn what_is_known_of_a_person_is_the_context() {
        // The one row that the seed has, of weight 1, is the age's; x and y are unknown.
        let metadata = Metadata {
            prior: Prior { mean: vec![0.5], covariance: vec![1.5], scale: 2.0 },
            ..testing::metadata(Loss::Squared)
        };
        let base = testing::base_of(&metadata, &["age=25".into()], 1.0);
        let rule = LabelRule { squared: true, positive: None, map: vec![] };
        let (file, listed) =
            (temp_file("user,item,label,time\na,x,1,1\nb,x,1,1\n"), temp_file("user,age\na,25\nb,31\n"));
        let events = read_events(file.path(), &columns(), &rule, &()).unwrap();
        let users = read_side(listed.path(), Dialect::default(), ["user", ""], &["age".into()], "", &()).unwrap();
        let visitors = Visitors::new(&base, &events, &rule, &users, &SideTable::default()).unwrap();
        let replayed = visitors.replay(&base, &Config::default(), &[], 1, || {}).unwrap();
        let scores: Vec<f32> = replayed.iter().map(|visitor| visitor.outcomes[0].personal.score).collect();
        assert_eq!(scores, [1.5, 0.5]);
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

    /// The scores that each event was predicted with, of a visitor who rates y, an item that the seed does not know; nothing is
    /// forgotten.
    fn scores(columns: &Columns, text: &str, delay: f64, delays: Vec<f64>) -> Vec<f32> {
        let base = base(Loss::Squared);
        let rule = LabelRule { squared: true, positive: None, map: vec![] };
        let file = temp_file(text);
        let events = Events { delay: delays, ..read_events(file.path(), columns, &rule, &()).unwrap() };
        let mut visitors = Visitors::new(&base, &events, &rule, &SideTable::default(), &SideTable::default()).unwrap();
        visitors.delay(delay);
        let model = ModelConfig { forgetting: 0.0, ..ModelConfig::default() };
        let replayed = visitors.replay(&base, &Config { model, ..Config::default() }, &[], 1, || {}).unwrap();
        assert_eq!(replayed[0].forgotten, 0);
        replayed[0].outcomes.iter().map(|outcome| outcome.personal.score).collect()
    }

    fn close(found: &[f32], expected: &[f32]) {
        let near = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(found.len() == expected.len() && near, "{found:?} is not {expected:?}");
    }

    #[test]
    fn a_late_label_is_learnt_when_it_has_arrived() {
        // The prior is .5 with variance 3: a first label moves by 3 / 4 of its error and leaves a variance of 3 / 4; a second
        // by 3 / 7 of its error.
        let text = "user,item,label,time\na,y,2.5,1\na,y,4.5,2\na,y,0,3\na,y,0,4\n";
        close(&scores(&columns(), text, 0.0, vec![])[..3], &[0.5, 2.0, 2.0 + 2.5 * 3.0 / 7.0]);
        // 1.5 later: at 2 nothing is known, at 3 the first label is, at 4 the second.
        close(&scores(&columns(), text, 1.5, vec![]), &[0.5, 0.5, 2.0, 2.0 + 2.5 * 3.0 / 7.0]);
        // What arrives at the very moment of an event is known to it.
        close(&scores(&columns(), text, 2.0, vec![])[..3], &[0.5, 0.5, 2.0]);
        // Without times, one event later.
        let timeless = Columns { time: None, ..columns() };
        close(&scores(&timeless, text, 1.0, vec![]), &[0.5, 0.5, 2.0, 2.0 + 2.5 * 3.0 / 7.0]);
    }

    #[test]
    fn a_moment_is_predicted_whole_before_any_of_it_is_learnt() {
        let text = "user,item,label,time\na,y,2.5,1\na,y,4.5,2\na,y,4.5,2\na,y,0,3\n";
        let found = scores(&columns(), text, 0.0, vec![]);
        // Both of time 2 know the first alone; the last knows all three: (.5 / 3 + 2.5 + 4.5 + 4.5) / (1 / 3 + 3).
        close(&found, &[0.5, 2.0, 2.0, (0.5 / 3.0 + 11.5) / (10.0 / 3.0)]);
        // A label of a moment that comes at once waits like those that come late within it.
        close(&scores(&columns(), text, 0.0, vec![0.0, 0.0, 0.5, 0.0]), &found);
    }

    #[test]
    fn a_slate_is_one_moment_whenever_its_labels_come() {
        let slates = Columns { slate: Some("slate".into()), ..columns() };
        let text = "user,item,label,time,slate\na,y,2.5,1,p\na,y,4.5,2,q\na,y,9.5,4,q\na,y,0,3,r\na,y,0,5,r\n";
        // Both of q, shown at 2, know p. The second label of q comes at 4: r, shown at 3, knows the first alone.
        let second = 2.0 + 2.5 * 3.0 / 7.0;
        close(&scores(&slates, text, 0.0, vec![]), &[0.5, 2.0, 2.0, second, second]);
        // Without times, a slate is over before the next of its visitor; another visitor's between changes nothing.
        let text = "user,item,label,slate\na,y,2.5,p\nb,y,9,p\na,y,4.5,q\nb,y,9,q\na,y,4.5,q\na,y,0,r\n";
        let third = (0.5 / 3.0 + 11.5) / (10.0 / 3.0);
        close(&scores(&Columns { time: None, ..slates }, text, 0.0, vec![]), &[0.5, 2.0, 2.0, third]);
    }

    #[test]
    fn labels_may_arrive_in_another_order_than_their_events() {
        let text = "user,item,label,time\na,y,2.5,1\na,y,4.5,2\na,y,0,3\na,y,0,6\n";
        // At 3 the second label is known alone; at 6 the first as well.
        close(&scores(&columns(), text, 0.0, vec![5.0, 0.5, 100.0, 0.0]), &[0.5, 0.5, 3.5, 3.5 - 3.0 / 7.0]);
    }

    #[test]
    fn a_label_that_a_browser_no_longer_waits_for_is_counted() {
        let base = base(Loss::Logistic);
        let rule = LabelRule { squared: false, positive: Some(4.0), map: vec![] };
        let rows: String = (0..1100).map(|i| format!("a,x,5,{i}\n")).collect();
        let file = temp_file(&format!("user,item,label,time\n{rows}"));
        let events = read_events(file.path(), &columns(), &rule, &()).unwrap();
        let mut visitors = Visitors::new(&base, &events, &rule, &SideTable::default(), &SideTable::default()).unwrap();
        visitors.delay(1050.0);
        let replayed = visitors.replay(&base, &Config::default(), &[], 1, || {}).unwrap();
        // Fifty labels arrive, each after 1,050 newer predictions, of which 1,024 are held.
        assert_eq!(replayed[0].forgotten, 50);
    }
}

//! What a replay says of a model: by how many events a visitor had before, and frozen after so many; and how that compares
//! with another model on the same people.

use super::estimate::{Difference, Estimate};
use super::reliability::Reliability;
use super::replay::{Outcome, Predicted, Replayed};
use super::slates::Slates;
use crate::maths::{auc, log_loss, mean};
use serde::Serialize;

/// All that is said of a model.
#[derive(Debug, PartialEq, Serialize)]
pub struct Judged {
    /// By how many events a visitor had before, and frozen.
    #[serde(flatten)]
    pub figures: Figures<Estimate>,
    /// How much the personal figures are above the static ones, over all events.
    pub gain: Score<Difference>,
    /// Predicted against happened.
    pub calibration: Calibrations,
    /// Labels that came too late for the browser's memory, and were not learnt.
    pub forgotten_labels: usize,
    /// Alarms of the drift detector, if one watched.
    pub drifts: u64,
}

/// The figures of one model, or (of [`Difference`]s) how much they are above another's.
#[derive(Debug, PartialEq, Serialize)]
pub struct Figures<T> {
    /// By how many events a visitor had before; the last is of all events.
    pub buckets: Vec<Bucket<T>>,
    /// By how many events the learners had learnt from.
    pub frozen: Vec<Frozen<T>>,
    /// How the items of slates are ordered, if there are slates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slates: Option<Slates<T>>,
}

/// Events by how many their visitor had before them.
#[derive(Debug, PartialEq, Serialize)]
pub struct Bucket<T> {
    /// What it is called: `1-5`, `all`.
    pub bucket: &'static str,
    /// The first event of a visitor that is in it, counted from 1.
    pub from: usize,
    /// The last one, if there is one.
    pub to: Option<usize>,
    /// Events in it, of all visitors.
    pub events: usize,
    /// By the model that learns.
    pub personal: Score<T>,
    /// Personal, but for visitors whose gate was closed then.
    pub gated: Score<T>,
    /// By the seed alone; `static` in JSON.
    #[serde(rename = "static")]
    pub fixed: Score<T>,
}

/// A figure that is undefined (no events, or labels of one kind) is null in JSON and a dash in a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score<T> {
    /// The chance that a click scores above a skip, over everybody's events together.
    pub auc: Option<T>,
    /// The mean over visitors of their mean cross-entropy of click probabilities, in nats.
    pub log_loss: Option<T>,
    /// Of a regression; left out otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rmse: Option<T>,
}

/// Learners that stopped learning after so many events, on the same later events.
#[derive(Debug, PartialEq, Serialize)]
pub struct Frozen<T> {
    /// Events after which they stopped.
    pub after: usize,
    /// Visitors with events enough to be judged.
    pub users: usize,
    /// The mean over visitors of the AUC within each.
    pub within_user_auc: Option<T>,
    /// The mean over visitors of their mean cross-entropy.
    pub log_loss: Option<T>,
}

/// Predicted against happened, over all events.
#[derive(Debug, PartialEq, Serialize)]
pub struct Calibrations {
    /// By the model that learns.
    pub personal: Reliability,
    /// By the seed alone; `static` in JSON.
    #[serde(rename = "static")]
    pub fixed: Reliability,
}

type Bounds = (&'static str, usize, Option<usize>);

const ALL: Bounds = ("all", 1, None);
const BUCKETS: [Bounds; 6] = [
    ("1-5", 1, Some(5)),
    ("6-10", 6, Some(10)),
    ("11-20", 11, Some(20)),
    ("21-50", 21, Some(50)),
    ("51+", 51, None),
    ALL,
];

impl Judged {
    /// `freeze` is what the learners were frozen after; `squared` says that there are squared errors to tell.
    pub fn new(replayed: &[Replayed], freeze: &[usize], squared: bool) -> Judged {
        let all = Bucket::all(replayed, squared);
        Judged {
            gain: all.personal.minus(&all.fixed),
            figures: Figures::new(replayed, freeze, squared),
            calibration: Calibrations::new(replayed),
            forgotten_labels: replayed.iter().map(|visitor| visitor.forgotten).sum(),
            drifts: replayed.iter().map(|visitor| visitor.drifts).sum(),
        }
    }
}

impl Figures<Estimate> {
    fn new(replayed: &[Replayed], freeze: &[usize], squared: bool) -> Figures<Estimate> {
        Figures {
            buckets: BUCKETS.iter().map(|&named| Bucket::new(replayed, named, squared)).collect(),
            frozen: freeze.iter().enumerate().map(|(i, &after)| Frozen::new(replayed, i, after)).collect(),
            slates: Slates::new(replayed),
        }
    }

    /// How much each figure is above `other`'s, over the same people.
    pub fn minus(&self, other: &Figures<Estimate>) -> Figures<Difference> {
        let buckets = self.buckets.iter().zip(&other.buckets);
        let frozen = self.frozen.iter().zip(&other.frozen);
        Figures {
            buckets: buckets.map(|(a, b)| a.minus(b)).collect(),
            frozen: frozen.map(|(a, b)| a.minus(b)).collect(),
            slates: self.slates.as_ref().zip(other.slates.as_ref()).map(|(a, b)| a.minus(b)),
        }
    }
}

impl Bucket<Estimate> {
    /// Over all events.
    pub(crate) fn all(replayed: &[Replayed], squared: bool) -> Bucket<Estimate> {
        Bucket::new(replayed, ALL, squared)
    }

    fn new(replayed: &[Replayed], (bucket, from, to): Bounds, squared: bool) -> Bucket<Estimate> {
        let within = |visitor: &'_ Replayed| -> std::ops::Range<usize> {
            let end = to.map_or(visitor.outcomes.len(), |to| to.min(visitor.outcomes.len()));
            (from - 1).min(end)..end
        };
        let visitors: Vec<&[Outcome]> = replayed.iter().map(|visitor| &visitor.outcomes[within(visitor)]).collect();
        let score = |predicted: fn(&Outcome) -> Predicted| Score {
            auc: Estimate::auc(&visitors.iter().map(|outcomes| scored(outcomes, predicted)).collect::<Vec<_>>()),
            log_loss: Estimate::mean(visitors.iter().map(|outcomes| user_loss(outcomes, predicted))),
            rmse: squared
                .then(|| Estimate::ratio(visitors.iter().map(|outcomes| squares(outcomes, predicted))))
                .flatten()
                .map(Estimate::root),
        };
        Bucket {
            bucket,
            from,
            to,
            events: visitors.iter().map(|outcomes| outcomes.len()).sum(),
            personal: score(|o| o.personal),
            gated: score(Outcome::served),
            fixed: score(|o| o.fixed),
        }
    }

    fn minus(&self, other: &Bucket<Estimate>) -> Bucket<Difference> {
        let Bucket { bucket, from, to, events, .. } = *self;
        Bucket {
            bucket,
            from,
            to,
            events,
            personal: self.personal.minus(&other.personal),
            gated: self.gated.minus(&other.gated),
            fixed: self.fixed.minus(&other.fixed),
        }
    }
}

impl Score<Estimate> {
    /// How much each is above that of another model, over the same people.
    pub fn minus(&self, other: &Score<Estimate>) -> Score<Difference> {
        Score {
            auc: minus(&self.auc, &other.auc),
            log_loss: minus(&self.log_loss, &other.log_loss),
            rmse: minus(&self.rmse, &other.rmse),
        }
    }
}

impl Frozen<Estimate> {
    fn new(replayed: &[Replayed], i: usize, after: usize) -> Frozen<Estimate> {
        let visitors = || replayed.iter().map(|visitor| visitor.frozen.get(i));
        let over = |figure: fn(&[Outcome]) -> Option<f64>| {
            Estimate::mean(visitors().map(|outcomes| outcomes.and_then(|outcomes| figure(outcomes))))
        };
        Frozen {
            after,
            users: visitors().flatten().count(),
            within_user_auc: over(|outcomes| auc(scored(outcomes, |o| o.personal))),
            log_loss: over(|outcomes| user_loss(outcomes, |o| o.personal)),
        }
    }

    fn minus(&self, other: &Frozen<Estimate>) -> Frozen<Difference> {
        Frozen {
            after: self.after,
            users: self.users,
            within_user_auc: minus(&self.within_user_auc, &other.within_user_auc),
            log_loss: minus(&self.log_loss, &other.log_loss),
        }
    }
}

impl Calibrations {
    pub(crate) fn new(replayed: &[Replayed]) -> Calibrations {
        let over = |predicted: fn(&Outcome) -> Predicted| {
            let outcomes = replayed.iter().flat_map(|visitor| &visitor.outcomes);
            Reliability::new(outcomes.filter_map(|o| Some((predicted(o).probability, o.click?))))
        };
        Calibrations { personal: over(|o| o.personal), fixed: over(|o| o.fixed) }
    }
}

/// How much one figure is above another, if there are both.
pub fn minus(a: &Option<Estimate>, b: &Option<Estimate>) -> Option<Difference> {
    Some(a.as_ref()?.minus(b.as_ref()?))
}

/// Scores and clicks.
fn scored(outcomes: &[Outcome], predicted: impl Fn(&Outcome) -> Predicted) -> Vec<(f32, bool)> {
    outcomes.iter().filter_map(|o| Some((predicted(o).score, o.click?))).collect()
}

/// The sum of squared errors, and of how many.
fn squares(outcomes: &[Outcome], predicted: impl Fn(&Outcome) -> Predicted) -> (f64, f64) {
    let errors = outcomes.iter().map(|o| f64::from(predicted(o).score - o.target).powi(2));
    (errors.sum(), outcomes.len() as f64)
}

/// Mean log-loss of one visitor; None without events that are clicks or skips.
fn user_loss(outcomes: &[Outcome], predicted: impl Fn(&Outcome) -> Predicted) -> Option<f64> {
    mean(outcomes.iter().filter_map(|o| Some(log_loss(predicted(o).probability, f32::from(u8::from(o.click?))))))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn outcome(p: f32, base: f32, click: bool) -> Outcome {
        let predicted = |p: f32| {
            let score = (p / (1.0 - p)).ln();
            Predicted { score, moderated: score, probability: p }
        };
        Outcome {
            personal: predicted(p),
            fixed: predicted(base),
            gated: false,
            target: f32::from(u8::from(click)),
            click: Some(click),
        }
    }

    fn visitor(outcomes: Vec<Outcome>, frozen: Vec<Vec<Outcome>>) -> Replayed {
        Replayed { outcomes, frozen, ..Replayed::default() }
    }

    fn value(figure: &Option<Estimate>) -> f64 {
        figure.as_ref().unwrap().value
    }

    /// Two visitors of 6 events and 1, by hand.
    #[test]
    fn buckets_pool_auc_and_average_losses_by_user() {
        let a = [(0.5, true), (0.5, false), (0.75, true), (0.25, false), (0.5, true), (0.75, false)];
        let a = visitor(a.map(|(p, click)| outcome(p, 0.5, click)).to_vec(), vec![]);
        let b = visitor(vec![Outcome { gated: true, ..outcome(0.25, 0.5, true) }], vec![]);
        let figures = Figures::new(&[a, b], &[], false);

        let first = &figures.buckets[0];
        assert_eq!((first.from, first.to, first.events), (1, Some(5), 6));
        // Clicks at .5 .75 .5 .25, skips at .5 .25: won .5+1, 1+1, .5+1, 0+.5 of 8.
        assert!((value(&first.personal.auc) - 5.5 / 8.0).abs() < 1e-12);
        // a: ln 2 three times and -ln .75 twice; b: -ln .25.
        let ln = |x: f64| -x.ln();
        let a = (3.0 * ln(0.5) + 2.0 * ln(0.75)) / 5.0;
        assert!((value(&first.personal.log_loss) - (a + ln(0.25)) / 2.0).abs() < 1e-7);
        assert_eq!(value(&first.fixed.auc), 0.5);
        assert!((value(&first.fixed.log_loss) - ln(0.5)).abs() < 1e-7);
        // b is served the base.
        assert!((value(&first.gated.log_loss) - (a + ln(0.5)) / 2.0).abs() < 1e-7);

        let second = &figures.buckets[1];
        assert_eq!((second.events, &second.personal.auc), (1, &None));
        assert!((value(&second.personal.log_loss) - ln(0.25)).abs() < 1e-7);
        assert_eq!(figures.buckets[4].personal, Score { auc: None, log_loss: None, rmse: None });
        assert_eq!((figures.buckets[5].bucket, figures.buckets[5].events), ("all", 7));
    }

    #[test]
    fn frozen_learners_are_averaged_over_users() {
        let later = vec![outcome(0.75, 0.5, true), outcome(0.25, 0.5, false)];
        let clicks_only = vec![outcome(0.5, 0.5, true)];
        let replayed = [visitor(vec![], vec![later]), visitor(vec![], vec![clicks_only]), Replayed::default()];
        let figures = Figures::new(&replayed, &[5], false);
        let frozen = &figures.frozen[0];
        assert_eq!((frozen.after, frozen.users), (5, 2));
        assert_eq!(value(&frozen.within_user_auc), 1.0);
        let expected = (-(0.75f64.ln()) - 0.5f64.ln()) / 2.0;
        assert!((value(&frozen.log_loss) - expected).abs() < 1e-7);
    }

    #[test]
    fn a_difference_is_paired_by_visitor() {
        let of = |ps: [f32; 3]| {
            let visitors = ps.map(|p| visitor(vec![outcome(p, 0.5, true)], vec![]));
            Figures::new(&visitors, &[], false)
        };
        let difference = of([0.25, 0.5, 0.5]).minus(&of([0.5, 0.5, 0.5]));
        let Some(Difference { by, error }) = difference.buckets[0].personal.log_loss else { panic!("losses") };
        // ln 2, 0, 0.
        let ln2 = std::f64::consts::LN_2;
        assert!((by - ln2 / 3.0).abs() < 1e-6 && (error.unwrap() - ln2 / 3.0).abs() < 1e-6, "{by} {error:?}");
        assert_eq!(difference.buckets[0].fixed.log_loss, Some(Difference { by: 0.0, error: Some(0.0) }));
    }

    #[test]
    fn the_json_is_the_contract() {
        let figures = Figures::new(&[visitor(vec![outcome(0.5, 0.5, true)], vec![])], &[0], false);
        let json = serde_json::to_value(&figures).unwrap();
        assert_eq!(json["buckets"][0]["static"]["auc"], serde_json::Value::Null);
        assert!(json["buckets"][0]["personal"]["log_loss"].is_number());
        assert_eq!(json["buckets"][4]["from"], 51);
        assert_eq!(json["buckets"][4]["to"], serde_json::Value::Null);
        assert_eq!(json["frozen"][0]["after"], 0);
    }
}

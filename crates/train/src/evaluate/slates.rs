//! How well the items of slates that people really saw are ordered: as they were shown, by the seed alone and by the model that
//! learns. A slate without a click tells of no order, and is left out. Of equal scores the skip comes first, so that a model that
//! tells nothing apart earns nothing by it.

use super::estimate::{Difference, Estimate};
use super::replay::{Outcome, Replayed};
use crate::maths::ndcg;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// The figures of slates, or (of [`Difference`]s) how much they are above another model's.
#[derive(Debug, PartialEq, Serialize)]
pub struct Slates<T> {
    /// All slates.
    #[serde(flatten)]
    pub all: SlateOrder<T>,
    /// By the number of the slate of its person, counted from 1.
    pub by_slate: Vec<NthSlate<T>>,
}

/// Slates whose number of their person is in a range.
#[derive(Debug, PartialEq, Serialize)]
pub struct NthSlate<T> {
    /// The first number.
    pub slate: usize,
    /// The last one, if there is one.
    pub to: Option<usize>,
    /// The figures.
    #[serde(flatten)]
    pub order: SlateOrder<T>,
}

/// How some slates are ordered.
#[derive(Debug, PartialEq, Serialize)]
pub struct SlateOrder<T> {
    /// How many there are.
    pub count: usize,
    /// Those with a click, which the figures are of.
    pub clicked: usize,
    /// In the order in which they were shown; None if no column tells the places.
    pub shown: Option<Order<T>>,
    /// By the seed alone; `static` in JSON.
    #[serde(rename = "static")]
    pub fixed: Option<Order<T>>,
    /// By the model that learns.
    pub personal: Option<Order<T>>,
    /// How much the personal order is above the static one, over the same people.
    pub gain: Option<Order<Difference>>,
}

/// One way to order: means over slates. Standard errors are over people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Order<T> {
    /// Normalised discounted cumulative gain of the first places (Järvelin and Kekäläinen 2002), by how many.
    pub ndcg: Cut<T, NDCG>,
    /// The share of slates with a click among the first places, by how many.
    pub hit_rate: Cut<T, HIT>,
    /// The standard errors of the two, where the figures are estimates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Errors>,
}

/// Standard errors; None of a single person.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Errors {
    /// Of the gain.
    pub ndcg: Cut<Option<f64>, NDCG>,
    /// Of the hit rate.
    pub hit_rate: Cut<Option<f64>, HIT>,
}

/// A figure over the first so many places. As JSON `{"10": figure}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Cut<T, const PLACES: usize>(pub T);

/// The places that the gain is of.
const NDCG: usize = 10;
/// The places that a click counts in for the hit rate: people who are shown many click among ten nearly always.
const HIT: usize = 1;
/// By the number of the slate of its person.
const NUMBERS: [(usize, Option<usize>); 8] =
    [(1, Some(1)), (2, Some(2)), (3, Some(3)), (4, Some(4)), (5, Some(5)), (6, Some(10)), (11, Some(20)), (21, None)];

impl<T: Serialize, const PLACES: usize> Serialize for Cut<T, PLACES> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(PLACES.to_string(), &self.0)])
    }
}

/// What a slate earned: (as shown, by the seed alone, by the model that learns), each the gain and whether the first place was hit.
struct Earned {
    number: usize,
    ways: Option<[Option<(f64, f64)>; 3]>,
}

impl<T> NthSlate<T> {
    /// Its numbers: `3`, `6-10`, `21+`.
    pub fn called(&self) -> String {
        match self.to {
            Some(to) if to == self.slate => to.to_string(),
            Some(to) => format!("{}-{to}", self.slate),
            None => format!("{}+", self.slate),
        }
    }
}

impl Slates<Estimate> {
    /// Of what was replayed; None if it was on no slates.
    pub(crate) fn new(replayed: &[Replayed]) -> Option<Slates<Estimate>> {
        let people: Vec<Vec<Earned>> = replayed.iter().map(earned).collect();
        let of = |from: usize, to: Option<usize>| {
            let within = |slate: &&Earned| slate.number >= from && to.is_none_or(|to| slate.number <= to);
            SlateOrder::new(&people.iter().map(|slates| slates.iter().filter(within).collect()).collect::<Vec<_>>())
        };
        let all = of(1, None);
        let numbers = NUMBERS.map(|(slate, to)| NthSlate { slate, to, order: of(slate, to) });
        let by_slate = numbers.into_iter().filter(|nth| nth.order.count > 0).collect();
        (all.count > 0).then_some(Slates { all, by_slate })
    }

    /// How much each figure is above `other`'s, over the same slates.
    pub fn minus(&self, other: &Slates<Estimate>) -> Slates<Difference> {
        let nth = |(a, b): (&NthSlate<Estimate>, &NthSlate<Estimate>)| NthSlate {
            slate: a.slate,
            to: a.to,
            order: a.order.minus(&b.order),
        };
        Slates {
            all: self.all.minus(&other.all),
            by_slate: self.by_slate.iter().zip(&other.by_slate).map(nth).collect(),
        }
    }
}

impl SlateOrder<Estimate> {
    fn new(people: &[Vec<&Earned>]) -> SlateOrder<Estimate> {
        let slates = || people.iter().flatten();
        let way = |way: usize| Order::new(people, way);
        let (fixed, personal) = (way(1), way(2));
        SlateOrder {
            count: slates().count(),
            clicked: slates().filter(|slate| slate.ways.is_some()).count(),
            gain: personal.as_ref().zip(fixed.as_ref()).map(|(personal, fixed)| personal.minus(fixed)),
            shown: way(0),
            fixed,
            personal,
        }
    }

    fn minus(&self, other: &SlateOrder<Estimate>) -> SlateOrder<Difference> {
        let order = |a: &Option<Order<Estimate>>, b: &Option<Order<Estimate>>| Some(a.as_ref()?.minus(b.as_ref()?));
        SlateOrder {
            count: self.count,
            clicked: self.clicked,
            shown: order(&self.shown, &other.shown),
            fixed: order(&self.fixed, &other.fixed),
            personal: order(&self.personal, &other.personal),
            gain: None,
        }
    }
}

impl Order<Estimate> {
    fn new(people: &[Vec<&Earned>], way: usize) -> Option<Order<Estimate>> {
        let over = |figure: fn((f64, f64)) -> f64| {
            let earned = |slates: &Vec<&Earned>| {
                let figures = slates.iter().filter_map(|slate| Some(figure(slate.ways?[way]?)));
                figures.fold((0.0, 0.0), |(sum, count), figure| (sum + figure, count + 1.0))
            };
            Estimate::ratio(people.iter().map(earned))
        };
        let (ndcg, hit_rate) = (over(|(ndcg, _)| ndcg)?, over(|(_, hit)| hit)?);
        let error = Some(Errors { ndcg: Cut(ndcg.error()), hit_rate: Cut(hit_rate.error()) });
        Some(Order { ndcg: Cut(ndcg), hit_rate: Cut(hit_rate), error })
    }

    /// How much it is above another order of the same slates.
    pub fn minus(&self, other: &Order<Estimate>) -> Order<Difference> {
        let (ndcg, hit_rate) = (self.ndcg.0.minus(&other.ndcg.0), self.hit_rate.0.minus(&other.hit_rate.0));
        Order { ndcg: Cut(ndcg), hit_rate: Cut(hit_rate), error: None }
    }
}

/// What each slate of a person earned, in the order in which they were shown.
fn earned(visitor: &Replayed) -> Vec<Earned> {
    let mut slates: BTreeMap<u32, Vec<(&Outcome, Option<u32>)>> = BTreeMap::new();
    for (outcome, shown) in visitor.outcomes.iter().zip(&visitor.shown) {
        slates.entry(shown.slate).or_default().push((outcome, shown.place));
    }
    let ways = |slate: &[(&Outcome, Option<u32>)]| {
        let clicked = slate.iter().any(|(outcome, _)| outcome.click == Some(true));
        clicked.then(|| {
            let scores = |score: fn(&Outcome) -> f32| slate.iter().map(|(outcome, _)| score(outcome)).collect();
            let places: Option<Vec<f32>> =
                slate.iter().map(|(_, place)| Some(-(place.as_ref().copied()? as f32))).collect();
            [places, Some(scores(|o| o.fixed.score)), Some(scores(|o| o.personal.score))]
                .map(|scores| Some(gains(slate, &scores?)))
        })
    };
    slates.into_values().zip(1..).map(|(slate, number)| Earned { number, ways: ways(&slate) }).collect()
}

/// The normalised gain of the order that the scores put a slate in, and whether a click comes first. There is a click.
fn gains(slate: &[(&Outcome, Option<u32>)], scores: &[f32]) -> (f64, f64) {
    let mut order: Vec<(f32, bool)> =
        slate.iter().zip(scores).map(|((outcome, _), &score)| (score, outcome.click == Some(true))).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let clicks: Vec<usize> = order.iter().enumerate().filter(|(_, (_, click))| *click).map(|(at, _)| at).collect();
    let first = clicks.iter().any(|at| *at < HIT);
    (ndcg(clicks.iter().copied(), clicks.len(), NDCG), f64::from(u8::from(first)))
}

#[cfg(test)]
mod tests {
    use super::super::evaluation::tests::outcome;
    use super::super::replay::OnSlate;
    use super::*;

    /// Slates of (place, probability by the learner, probability by the seed, click).
    fn visitor(slates: &[&[(u32, f32, f32, bool)]]) -> Replayed {
        let mut replayed = Replayed::default();
        for (slate, items) in (1..).zip(slates) {
            for &(place, personal, fixed, click) in *items {
                replayed.outcomes.push(outcome(personal, fixed, click));
                replayed.shown.push(OnSlate { slate, place: Some(place) });
            }
        }
        replayed
    }

    fn value(order: &Option<Order<Estimate>>) -> (f64, f64) {
        let order = order.as_ref().unwrap();
        (order.ndcg.0.value, order.hit_rate.0.value)
    }

    fn near(found: (f64, f64), expected: (f64, f64)) {
        assert!((found.0 - expected.0).abs() < 1e-12 && (found.1 - expected.1).abs() < 1e-12, "{found:?} {expected:?}");
    }

    #[test]
    fn orders_by_hand() {
        // The click stands third, the seed puts it second, the learner first; then a slate without a click, which counts for
        // nothing; then two clicks of three, where the seed tells nothing apart.
        let a = visitor(&[
            &[(1, 0.2, 0.6, false), (3, 0.9, 0.5, true), (2, 0.1, 0.1, false)],
            &[(1, 0.2, 0.5, false), (2, 0.3, 0.1, false)],
            &[(2, 0.7, 0.5, true), (1, 0.8, 0.5, true), (3, 0.75, 0.5, false)],
        ]);
        let b = visitor(&[&[(1, 0.5, 0.5, true)]]);
        let slates = Slates::new(&[a, b, Replayed::default()]).unwrap();
        assert_eq!((slates.all.count, slates.all.clicked), (4, 3));
        let discount = |place: f64| 1.0 / (place + 1.0).log2();
        let two = discount(1.0) + discount(2.0);
        let fixed = [discount(2.0), (discount(2.0) + discount(3.0)) / two, 1.0];
        let personal = [1.0, (discount(1.0) + discount(3.0)) / two, 1.0];
        near(value(&slates.all.shown), ((discount(3.0) + 1.0 + 1.0) / 3.0, 2.0 / 3.0));
        near(value(&slates.all.fixed), (fixed.iter().sum::<f64>() / 3.0, 1.0 / 3.0));
        near(value(&slates.all.personal), (personal.iter().sum::<f64>() / 3.0, 1.0));
        let numbers: Vec<(usize, usize, usize)> =
            slates.by_slate.iter().map(|nth| (nth.slate, nth.order.count, nth.order.clicked)).collect();
        assert_eq!(numbers, [(1, 2, 2), (2, 1, 0), (3, 1, 1)]);
        assert_eq!(slates.by_slate[1].order.personal, None);
        near(value(&slates.by_slate[2].order.personal), (personal[1], 1.0));
        // By hand over people: a gains over two slates, b nothing over one.
        let gain = slates.all.gain.as_ref().unwrap().ndcg.0;
        let by = (1.0 - fixed[0] + personal[1] - fixed[1]) / 3.0;
        let parts = [2.0 * ((1.0 - fixed[0] + personal[1] - fixed[1]) / 2.0 - by) / 3.0, -by / 3.0];
        let error = (2.0 * (parts[0] * parts[0] + parts[1] * parts[1])).sqrt();
        assert!((gain.by - by).abs() < 1e-12 && (gain.error.unwrap() - error).abs() < 1e-12, "{gain:?} {by} {error}");
        let same = slates.minus(&slates);
        assert_eq!(same.all.personal.unwrap().ndcg.0, Difference { by: 0.0, error: Some(0.0) });
    }

    #[test]
    fn the_json_is_the_contract() {
        let slates = Slates::new(&[visitor(&[&[(1, 0.5, 0.4, true), (2, 0.4, 0.5, false)]])]);
        let json = serde_json::to_value(&slates).unwrap();
        assert_eq!((&json["count"], &json["clicked"]), (&1.into(), &1.into()));
        assert_eq!(json["shown"]["ndcg"]["10"], 1.0);
        assert_eq!(json["personal"]["hit_rate"]["1"], 1.0);
        assert_eq!(json["static"]["hit_rate"]["1"], 0.0);
        assert_eq!(
            (&json["by_slate"][0]["slate"], &json["by_slate"][0]["personal"]["ndcg"]["10"]),
            (&1.into(), &1.0.into())
        );
        assert_eq!(Slates::new(&[Replayed::default()]), None);
    }
}

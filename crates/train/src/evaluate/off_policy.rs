//! What another policy would have earned on what a log shows (off-policy evaluation): each reward weighs as much more as the other policy would
//! have been likelier to show what was shown.

use super::estimate::Estimate;
use super::interval::Interval;
use serde::Serialize;

/// What a policy would have earned a place, on average, by three estimates.
#[derive(Debug, PartialEq, Serialize)]
pub struct OffPolicy {
    /// Labelled places.
    pub places: usize,
    /// Those at which the policy may have shown what was shown.
    pub agreed: usize,
    /// What the log itself earned.
    pub logged: f64,
    /// Inverse propensity scoring (Horvitz and Thompson 1952).
    pub ips: Option<Estimate>,
    /// The same, normalised by its own weights (Swaminathan and Joachims 2015).
    pub snips: Option<Estimate>,
    /// Doubly robust: a model of the reward, and what inverse propensity scoring says of its errors (Dudík, Langford and Li 2011).
    pub dr: Option<Estimate>,
    /// Of 95 %; null where nothing was earned.
    pub intervals: Estimators<Interval>,
    /// Each over what the log itself earned; null if that is nothing.
    pub relative: Estimators<f64>,
}

/// Something of each estimate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimators<T> {
    /// Of inverse propensity scoring.
    pub ips: Option<T>,
    /// Of its normalised form.
    pub snips: Option<T>,
    /// Of the doubly robust one.
    pub dr: Option<T>,
}

/// A labelled place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence {
    /// How many it counts as.
    pub(super) count: f64,
    /// How much likelier the policy would have shown what was shown.
    pub(super) weight: f64,
    /// What came of it.
    pub(super) reward: f64,
    /// What a model expects of what was shown.
    pub(super) expected: f64,
    /// What the same model expects of what the policy would show.
    pub(super) direct: f64,
}

impl OffPolicy {
    /// Of places that are drawn together, as those of a slate or a person are. None without a place.
    pub(super) fn new(units: &[Vec<Evidence>]) -> Option<OffPolicy> {
        let places: Vec<&Evidence> = units.iter().flatten().collect();
        let count: f64 = places.iter().map(|of| of.count).sum();
        if count <= 0.0 {
            return None;
        }
        let logged = places.iter().map(|of| of.count * of.reward).sum::<f64>() / count;
        let pairs = |above: fn(&Evidence) -> f64, below: fn(&Evidence) -> f64| -> Vec<(f64, f64)> {
            let sum = |unit: &[Evidence], of: fn(&Evidence) -> f64| unit.iter().map(|x| x.count * of(x)).sum();
            units.iter().map(|unit| (sum(unit, above), sum(unit, below))).collect()
        };
        let ips = pairs(|of| of.weight * of.reward, |_| 1.0);
        let snips = pairs(|of| of.weight * of.reward, |of| of.weight);
        let dr = pairs(|of| of.direct + of.weight * (of.reward - of.expected), |_| 1.0);
        let intervals = [&ips, &snips, &dr].map(|pairs| Interval::of_ratio(pairs));
        let estimates = [ips, snips, dr].map(Estimate::ratio);
        let relative = |of: &Option<Estimate>| Some(of.as_ref()?.value / logged).filter(|x| x.is_finite());
        let relative = estimates.each_ref().map(relative);
        let [ips, snips, dr] = estimates;
        Some(OffPolicy {
            places: places.len(),
            agreed: places.iter().filter(|of| of.weight > 0.0).count(),
            logged,
            ips,
            snips,
            dr,
            intervals: Estimators::of(intervals),
            relative: Estimators::of(relative),
        })
    }
}

impl<T> Estimators<T> {
    fn of([ips, snips, dr]: [Option<T>; 3]) -> Estimators<T> {
        Estimators { ips, snips, dr }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_by_hand() {
        let of = |weight, reward, expected, direct| vec![Evidence { count: 1.0, weight, reward, expected, direct }];
        let units = [of(2.0, 1.0, 0.5, 0.4), of(0.0, 1.0, 0.5, 0.4), of(1.0, 0.0, 0.25, 0.4), of(0.5, 1.0, 0.5, 0.2)];
        let found = OffPolicy::new(&units).unwrap();
        let value = |of: &Option<Estimate>| of.as_ref().unwrap().value;
        assert_eq!((found.places, found.agreed, found.logged), (4, 3, 0.75));
        assert_eq!((value(&found.ips), value(&found.snips)), (2.5 / 4.0, 2.5 / 3.5));
        assert!((value(&found.dr) - (1.4 + 0.4 + 0.15 + 0.45) / 4.0).abs() < 1e-12);
        assert_eq!(found.relative.ips, Some(2.5 / 3.0));
        assert!(found.intervals.snips.unwrap().holds(value(&found.snips)));
        assert_eq!(OffPolicy::new(&[]), None);
    }
}

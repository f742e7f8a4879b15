//! Figures over people, with how far chance moves them: people are drawn, their events come with them. To first order a figure
//! is a sum of what each person contributes to its deviation (the infinitesimal jackknife, Efron 1982), so its standard error,
//! and that of a difference between two models judged on the same people, is that of a sum.

use serde::{Serialize, Serializer};

/// A figure. As JSON it is the number.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// The figure itself.
    pub value: f64,
    /// For each person how much the figure would move, to first order, if there were twice as much of them. Sums to zero.
    parts: Vec<f64>,
    /// People who take part in it.
    people: usize,
}

/// How much one figure is above another over the same people, and the standard error of that; None of a single person.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// The one less the other.
    pub by: f64,
    /// The standard error of that.
    pub error: Option<f64>,
}

impl Estimate {
    /// The sum of the numerators over that of the denominators, a pair for each person. None if there is nothing to divide by.
    pub(crate) fn ratio(pairs: impl IntoIterator<Item = (f64, f64)>) -> Option<Estimate> {
        let pairs: Vec<(f64, f64)> = pairs.into_iter().collect();
        let (above, below) = pairs.iter().fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
        if below <= 0.0 {
            return None;
        }
        let value = above / below;
        let parts = pairs.iter().map(|(above, below_one)| (above - value * below_one) / below).collect();
        Some(Estimate { value, parts, people: pairs.iter().filter(|(_, below)| *below > 0.0).count() })
    }

    /// The mean over the people who have a value.
    pub(crate) fn mean(values: impl IntoIterator<Item = Option<f64>>) -> Option<Estimate> {
        Estimate::ratio(values.into_iter().map(|value| value.map_or((0.0, 0.0), |value| (value, 1.0))))
    }

    /// The square root of a figure.
    pub(crate) fn root(mut self) -> Estimate {
        self.value = self.value.sqrt();
        let slope = if self.value > 0.0 { 0.5 / self.value } else { 0.0 };
        self.parts.iter_mut().for_each(|part| *part *= slope);
        self
    }

    /// The AUC of everybody's scores and clicks together; None if there are not both clicks and skips. A person's part are the
    /// placements of their clicks among all skips and of their skips among all clicks (DeLong et al. 1988, for clusters
    /// Obuchowski 1997).
    pub(crate) fn auc(people: &[Vec<(f32, bool)>]) -> Option<Estimate> {
        let mut scored: Vec<(f32, bool, u32)> = Vec::new();
        for (person, events) in people.iter().enumerate() {
            scored.extend(events.iter().map(|&(score, click)| (score, click, person as u32)));
        }
        scored.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let all_clicks = scored.iter().filter(|(_, click, _)| *click).count();
        let all_skips = scored.len() - all_clicks;
        if all_clicks == 0 || all_skips == 0 {
            return None;
        }
        let (n, m) = (all_clicks as f64, all_skips as f64);
        let (mut clicks, mut skips, mut won) = (0u64, 0u64, 0u64);
        let mut parts = vec![0.0; people.len()];
        let mut weight = vec![0.0; people.len()];
        for tied in scored.chunk_by(|a, b| a.0 == b.0) {
            let tied_clicks = tied.iter().filter(|(_, click, _)| *click).count() as u64;
            let tied_skips = tied.len() as u64 - tied_clicks;
            let above_skips = (skips as f64 + 0.5 * tied_skips as f64) / m;
            let below_clicks = (n - clicks as f64 - 0.5 * tied_clicks as f64) / n;
            for &(_, click, person) in tied {
                let (placement, share) = if click { (above_skips, 1.0 / n) } else { (below_clicks, 1.0 / m) };
                parts[person as usize] += placement * share;
                weight[person as usize] += share;
            }
            won += 2 * tied_clicks * skips + tied_clicks * tied_skips;
            clicks += tied_clicks;
            skips += tied_skips;
        }
        let value = won as f64 / (2.0 * n * m);
        parts.iter_mut().zip(&weight).for_each(|(part, weight)| *part -= value * weight);
        Some(Estimate { value, parts, people: people.iter().filter(|events| !events.is_empty()).count() })
    }

    /// Its standard error; None of a single person.
    pub fn error(&self) -> Option<f64> {
        error(self.parts.iter().copied(), self.people)
    }

    /// How much it is above `other`, a figure over the same people.
    pub fn minus(&self, other: &Estimate) -> Difference {
        let parts = self.parts.iter().zip(&other.parts).map(|(a, b)| a - b);
        Difference { by: self.value - other.value, error: error(parts, self.people.max(other.people)) }
    }
}

impl Difference {
    /// Whether it is more than two standard errors from zero.
    pub fn stands_out(&self) -> bool {
        self.error.is_some_and(|error| self.by.abs() > 2.0 * error)
    }
}

impl Serialize for Estimate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.value)
    }
}

fn error(parts: impl Iterator<Item = f64>, people: usize) -> Option<f64> {
    let n = people as f64;
    (people > 1).then(|| (n / (n - 1.0) * parts.map(|part| part * part).sum::<f64>()).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maths::{Rng, auc};

    /// Fifty people of two models, of which the second sees the clicks more clearly.
    fn people(seed: u64) -> [Vec<Vec<(f32, bool)>>; 2] {
        let mut rng = Rng::new(seed, 0);
        let mut models = [Vec::new(), Vec::new()];
        for _ in 0..50 {
            let mood = rng.normal();
            let events = 5 + rng.below(30);
            let mut scored = [Vec::new(), Vec::new()];
            for _ in 0..events {
                let truth = mood + rng.normal();
                let click = truth > 0.0;
                let noise = rng.normal();
                scored[0].push((0.3 * truth + noise, click));
                scored[1].push((0.6 * truth + noise, click));
            }
            models.iter_mut().zip(scored).for_each(|(model, scored)| model.push(scored));
        }
        models
    }

    /// The deviation of `figure` over people drawn with replacement.
    fn bootstrap(n: usize, figure: impl Fn(&[usize]) -> f64) -> f64 {
        let mut rng = Rng::new(3, 1);
        let draws: Vec<f64> = (0..400).map(|_| figure(&(0..n).map(|_| rng.below(n)).collect::<Vec<usize>>())).collect();
        let mean = draws.iter().sum::<f64>() / 400.0;
        (draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 399.0).sqrt()
    }

    #[test]
    fn a_mean_by_hand() {
        let a = Estimate::mean([Some(1.0), None, Some(3.0), Some(5.0)]).unwrap();
        let b = Estimate::mean([Some(0.0), None, Some(3.0), Some(3.0)]).unwrap();
        assert_eq!(a.value, 3.0);
        // Differences 1, 0, 2: mean 1, variance 1, of three people.
        let Difference { by, error } = a.minus(&b);
        assert!((by - 1.0).abs() < 1e-12 && (error.unwrap() - (1.0f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(Estimate::mean([None]), None);
        assert_eq!(a.minus(&a), Difference { by: 0.0, error: Some(0.0) });
        let alone = Estimate::mean([Some(1.0)]).unwrap();
        assert_eq!(alone.minus(&alone).error, None);
    }

    #[test]
    fn errors_are_those_of_the_bootstrap() {
        for seed in [1, 2] {
            let models = people(seed);
            let drawn = |model: &[Vec<(f32, bool)>], who: &[usize]| {
                auc(who.iter().flat_map(|&i| model[i].iter().copied()).collect()).unwrap()
            };
            let [a, b] = models.each_ref().map(|model| Estimate::auc(model).unwrap());
            assert_eq!(a.value, auc(models[0].concat()).unwrap());
            let expected = bootstrap(50, |who| drawn(&models[1], who) - drawn(&models[0], who));
            let found = b.minus(&a).error.unwrap();
            assert!((found / expected - 1.0).abs() < 0.2, "AUC, seed {seed}: {found}, bootstrap {expected}");

            let squares = |model: &Vec<Vec<(f32, bool)>>| -> Vec<(f64, f64)> {
                let sum = |events: &Vec<(f32, bool)>| events.iter().map(|(s, _)| f64::from(*s).powi(2)).sum();
                model.iter().map(|events| (sum(events), events.len() as f64)).collect()
            };
            let rms = |pairs: &[(f64, f64)]| Estimate::ratio(pairs.iter().copied()).unwrap().root();
            let [a, b] = models.each_ref().map(squares);
            let at = |pairs: &[(f64, f64)], who: &[usize]| {
                rms(&who.iter().map(|&i| pairs[i]).collect::<Vec<(f64, f64)>>()).value
            };
            let expected = bootstrap(50, |who| at(&b, who) - at(&a, who));
            let found = rms(&b).minus(&rms(&a)).error.unwrap();
            assert!((found / expected - 1.0).abs() < 0.2, "RMS, seed {seed}: {found}, bootstrap {expected}");
        }
    }
}

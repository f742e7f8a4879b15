//! Confidence intervals by empirical likelihood (Owen 1988, *Empirical likelihood ratio confidence intervals for a single functional*; for
//! off-policy evaluation Karampatziakis, Langford and Mineiro 2020). Rewards are rare and weights are large, so what is estimated is
//! skewed: an interval of two standard errors to each side reaches below zero and not far enough above. This one bends with the
//! data. A ratio of sums, value = sum a / sum b, is where the mean of g_i = a_i - value b_i is zero, and its interval holds every value at which
//!
//! ```text
//! 2 max over l of sum_i log(1 + l g_i(value)) <= the 95 % point of chi-squared with one degree of freedom
//! ```

use serde::Serialize;

/// The 95 % point of chi-squared with one degree of freedom.
const LIMIT: f64 = 3.841_458_820_694_124;
/// Halvings of what an end lies in: more change no digit that is shown.
const HALVINGS: usize = 50;

/// What holds the truth in 95 of 100 samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(into = "[f64; 2]")]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl From<Interval> for [f64; 2] {
    fn from(Interval { low, high }: Interval) -> [f64; 2] {
        [low, high]
    }
}

impl Interval {
    /// Of the sum of the first numbers over that of the second, a pair for each unit that is drawn by itself. None if all units say the same, so that nothing tells
    /// how far chance moves it.
    pub(crate) fn of_ratio(pairs: &[(f64, f64)]) -> Option<Interval> {
        let (above, below) = pairs.iter().fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
        let value = above / below;
        let ratios = pairs.iter().filter(|(_, below)| *below > 0.0).map(|(above, below)| above / below);
        let (least, most) = ratios.fold((value, value), |(least, most), x| (x.min(least), x.max(most)));
        if !(below > 0.0 && least < value && value < most) {
            return None;
        }
        let alike = counted(pairs);
        let end = |outermost: f64| {
            let (mut inside, mut outside) = (value, outermost);
            for _ in 0..HALVINGS {
                let middle = 0.5 * (inside + outside);
                *(if likely(&alike, middle) { &mut inside } else { &mut outside }) = middle;
            }
            0.5 * (inside + outside)
        };
        Some(Interval { low: end(least), high: end(most) })
    }

    /// Whether it holds a value.
    pub fn holds(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// Pairs that are the same, with how many they are: most units of a log earned nothing.
fn counted(pairs: &[(f64, f64)]) -> Vec<(f64, f64, f64)> {
    let mut sorted = pairs.to_vec();
    sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    sorted.chunk_by(|a, b| a == b).map(|alike| (alike[0].0, alike[0].1, alike.len() as f64)).collect()
}

/// Whether a value is inside the interval.
fn likely(pairs: &[(f64, f64, f64)], value: f64) -> bool {
    let terms = || pairs.iter().map(|(above, below, count)| (above - value * below, *count));
    let (least, most) = terms().fold((0.0f64, 0.0f64), |(least, most), (g, _)| (g.min(least), g.max(most)));
    if least >= 0.0 || most <= 0.0 {
        return false;
    }
    // The sum of g / (1 + l g) falls from infinity to minus infinity between these.
    let (mut low, mut high, mut l) = (-1.0 / most, -1.0 / least, 0.0);
    for _ in 0..100 {
        let (mut sum, mut slope) = (0.0, 0.0);
        for (g, count) in terms() {
            let share = g / (1.0 + l * g);
            sum += count * share;
            slope -= count * share * share;
        }
        *(if sum > 0.0 { &mut low } else { &mut high }) = l;
        let newton = l - sum / slope;
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        if (next - l).abs() <= 1e-12 * l.abs() {
            break;
        }
        l = next;
    }
    2.0 * terms().map(|(g, count)| count * (l * g).ln_1p()).sum::<f64>() <= LIMIT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maths::Rng;

    #[test]
    fn of_a_coin_it_is_the_likelihood_ratio_interval() {
        // 30 of 100: 2 (30 ln(.3 / p) + 70 ln(.7 / (1 - p))) = 3.8415 at .2164 and .3938.
        let pairs: Vec<(f64, f64)> = (0..100).map(|n| (f64::from(u8::from(n < 30)), 1.0)).collect();
        let Interval { low, high } = Interval::of_ratio(&pairs).unwrap();
        let ratio = |p: f64| 2.0 * (30.0 * (0.3 / p).ln() + 70.0 * (0.7 / (1.0 - p)).ln());
        assert!((ratio(low) - LIMIT).abs() < 1e-6 && (ratio(high) - LIMIT).abs() < 1e-6, "{low} {high}");
        assert!(low < 0.3 && 0.3 < high);
        assert_eq!(Interval::of_ratio(&[(0.0, 1.0), (0.0, 1.0)]), None);
        assert_eq!(Interval::of_ratio(&[]), None);
    }

    #[test]
    fn it_holds_the_truth_as_often_as_it_says() {
        // Rare clicks, weights of which few are large: .4 at four of five, else 3.4, so on average 1.
        let (samples, rows, seed) = (300, 4000, 5);
        let mut rng = Rng::new(seed, 0);
        let (mut ips, mut snips) = (0, 0);
        for _ in 0..samples {
            let drawn: Vec<(f64, f64)> = (0..rows)
                .map(|_| {
                    let (weight, rate) = if rng.unit() < 0.8 { (0.4, 0.01) } else { (3.4, 0.03) };
                    (weight, f64::from(u8::from(rng.unit() < rate)))
                })
                .collect();
            let truth = 0.8 * 0.4 * 0.01 + 0.2 * 3.4 * 0.03;
            let holds = |below: fn(f64) -> f64| {
                let pairs: Vec<(f64, f64)> = drawn.iter().map(|(w, r)| (w * r, below(*w))).collect();
                usize::from(Interval::of_ratio(&pairs).unwrap().holds(truth))
            };
            ips += holds(|_| 1.0);
            snips += holds(|weight| weight);
        }
        for held in [ips, snips] {
            let share = held as f64 / f64::from(samples);
            assert!((0.91..=0.985).contains(&share), "seed {seed}: {share}");
        }
    }
}

//! Drift: has the loss of the personal model changed? Two detectors watch it. ADWIN (Bifet and Gavaldà 2007) keeps a window
//! that shrinks when its old and new parts differ by more than chance allows; Page-Hinkley (Page 1954) sums what exceeds the
//! running mean.
//!
//! ```text
//! ADWIN         cut where |mean of the older part - mean of the newer| > sqrt(2 v l / m) + 2 l / (3 m)
//!               v: the window's variance, l = ln(2 ln(n) / delta), 1 / m = 1 / (n_0 - 4) + 1 / (n_1 - 4) of parts of n_0 and n_1
//! Page-Hinkley  S <- S + loss - mean - tolerance        an alarm where S - min S > threshold
//! ```

use crate::config::Detector;
use crate::maths::scalar::sqrt;
use crate::thresholds::Thresholds;
use alloc::vec::Vec;

/// Losses are scaled by this into about \[0, 1\], the range that ADWIN's bound is for.
const SCALE: f64 = 1.0 / 3.0;
/// Buckets of one size before two of them are merged.
const BUCKETS: usize = 5;
/// ADWIN looks for a cut every so many events.
const CLOCK: u64 = 8;

/// The state of a detector.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Drift {
    Adwin(Adwin),
    PageHinkley { count: f64, mean: f64, sum: f64, least: f64 },
}

impl Drift {
    pub(crate) fn new(detector: Detector) -> Drift {
        match detector {
            Detector::Adwin { .. } => Drift::Adwin(Adwin::default()),
            Detector::PageHinkley { .. } => Drift::PageHinkley { count: 0.0, mean: 0.0, sum: 0.0, least: 0.0 },
        }
    }

    /// The state as numbers, to be kept in a profile.
    pub(crate) fn state(&self) -> Vec<f64> {
        match self {
            Drift::Adwin(window) => {
                let buckets = window.buckets.iter().flat_map(|bucket| [bucket.count, bucket.sum, bucket.squares]);
                core::iter::once(window.events as f64).chain(buckets).collect()
            }
            Drift::PageHinkley { count, mean, sum, least } => [*count, *mean, *sum, *least].to_vec(),
        }
    }

    /// Takes up a state that the same kind of detector had; one of the other kind is left alone.
    pub(crate) fn restore(&mut self, state: &[f64]) {
        match (self, state) {
            (Drift::PageHinkley { count, mean, sum, least }, [a, b, c, d]) => {
                (*count, *mean, *sum, *least) = (*a, *b, *c, *d);
            }
            (Drift::Adwin(window), [events, buckets @ ..]) if buckets.len() % 3 == 0 => {
                let (buckets, _) = buckets.as_chunks::<3>();
                // Counts are powers of two that do not rise: else it is no histogram.
                if buckets.iter().all(|[count, ..]| *count >= 1.0) && buckets.is_sorted_by(|[a, ..], [b, ..]| a >= b) {
                    window.events = *events as u64;
                    let bucket =
                        |[count, sum, squares]: &[f64; 3]| Bucket { count: *count, sum: *sum, squares: *squares };
                    window.buckets = buckets.iter().map(bucket).collect();
                }
            }
            _ => {}
        }
    }

    /// Takes note of a loss. Whether it has risen: the other direction is no drift that hurts.
    pub(crate) fn add(&mut self, loss: f64, thresholds: &Thresholds) -> bool {
        match self {
            Drift::Adwin(window) => window.add((loss * SCALE).min(1.0), thresholds.adwin_delta),
            Drift::PageHinkley { count, mean, sum, least } => {
                *count += 1.0;
                *mean += (loss - *mean) / *count;
                *sum += loss - *mean - thresholds.page_hinkley_tolerance;
                *least = least.min(*sum);
                let alarm = *sum - *least > thresholds.page_hinkley_threshold;
                if alarm {
                    (*count, *mean, *sum, *least) = (0.0, 0.0, 0.0, 0.0);
                }
                alarm
            }
        }
    }
}

/// Watches mean losses that others report, as an endpoint hears them of its clients, by ADWIN with the threshold that learners have by default.
#[derive(Debug, Clone, Default)]
pub struct LossWatch(Adwin);

impl LossWatch {
    /// Takes note of a loss. Whether losses have risen.
    pub fn add(&mut self, loss: f64) -> bool {
        self.0.add((loss * SCALE).min(1.0), Thresholds::default().adwin_delta)
    }
}

/// An exponential histogram of values: buckets of 1, 2, 4, ... values, oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Adwin {
    events: u64,
    buckets: Vec<Bucket>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Bucket {
    count: f64,
    sum: f64,
    /// Sum of squared deviations from the bucket's mean.
    squares: f64,
}

impl Bucket {
    fn merge(self, other: Bucket) -> Bucket {
        let count = self.count + other.count;
        let off = self.sum / self.count - other.sum / other.count;
        let squares = self.squares + other.squares + off * off * self.count * other.count / count;
        Bucket { count, sum: self.sum + other.sum, squares }
    }
}

impl Adwin {
    fn add(&mut self, value: f64, delta: f64) -> bool {
        // It is there to tell every so many events, whatever a profile from outside says it was.
        self.events = self.events.wrapping_add(1);
        self.buckets.push(Bucket { count: 1.0, sum: value, squares: 0.0 });
        self.compress();
        self.events.is_multiple_of(CLOCK) && self.cut(delta)
    }

    /// Merges the two oldest of a size of which there are too many.
    fn compress(&mut self) {
        let mut size = 1.0;
        loop {
            let first = self.buckets.iter().position(|bucket| bucket.count == size);
            let Some(first) = first.filter(|first| {
                self.buckets[*first..].iter().take_while(|bucket| bucket.count == size).count() > BUCKETS
            }) else {
                return;
            };
            let merged = self.buckets[first].merge(self.buckets[first + 1]);
            self.buckets.splice(first..first + 2, [merged]);
            size *= 2.0;
        }
    }

    /// Drops old buckets while some split of the window has parts that differ; whether the newer part was the higher.
    fn cut(&mut self, delta: f64) -> bool {
        let mut risen = false;
        while let Some(higher) = self.split(delta) {
            risen |= higher;
            self.buckets.remove(0);
        }
        risen
    }

    fn split(&self, delta: f64) -> Option<bool> {
        let whole = self.buckets.iter().copied().reduce(Bucket::merge)?;
        let variance = whole.squares / whole.count;
        // Equation 3.1 of the paper, with delta' = delta / ln n.
        let log = libm::log(2.0 * libm::log(whole.count.max(2.0)) / delta);
        let (mut count, mut sum) = (0.0, 0.0);
        for bucket in &self.buckets {
            count += bucket.count;
            sum += bucket.sum;
            let rest = whole.count - count;
            if count < 5.0 || rest < 5.0 {
                continue;
            }
            let m = 1.0 / (1.0 / (count - 4.0) + 1.0 / (rest - 4.0));
            let bound = sqrt(2.0 / m * variance * log) + 2.0 / (3.0 * m) * log;
            let off = (whole.sum - sum) / rest - sum / count;
            if off.abs() > bound {
                return Some(off > 0.0);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maths::random::Random;

    /// The event at which a stream of mean .3 that rises to `after` at 500 raises its first alarm.
    fn first_alarm(detector: Detector, after: f64, seed: u64) -> Option<usize> {
        let mut drift = Drift::new(detector);
        let mut random = Random::new(seed);
        (0..1000).find(|n| {
            let mean = if *n < 500 { 0.3 } else { after };
            drift.add(mean + 0.2 * (random.uniform() - 0.5), &Thresholds::default())
        })
    }

    #[test]
    fn a_window_that_claims_to_be_endless_goes_on() {
        let mut drift = Drift::new(Detector::Adwin { delta: None });
        drift.restore(&[f64::MAX, 1.0, 0.0, 0.0]);
        assert!(!drift.add(0.5, &Thresholds::default()));
    }

    #[test]
    fn a_rise_is_noticed_and_rest_is_not() {
        for detector in [Detector::Adwin { delta: None }, Detector::PageHinkley { tolerance: None, threshold: None }] {
            for seed in 0..20 {
                let alarm = first_alarm(detector, 0.9, seed);
                assert!(alarm.is_some_and(|at| (500..600).contains(&at)), "{detector:?}, seed {seed}: {alarm:?}");
                assert_eq!(first_alarm(detector, 0.3, seed), None, "{detector:?}, seed {seed}");
            }
        }
    }

    #[test]
    fn a_fall_is_no_alarm() {
        for seed in 0..20 {
            assert_eq!(first_alarm(Detector::Adwin { delta: None }, 0.05, seed), None, "seed {seed}");
        }
    }
}

//! Whether what is said to happen in 3 of 10 cases happens in 3 of 10.

use serde::Serialize;

/// How probabilities compare with what happened: by tenths of the predicted probability.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reliability {
    /// Expected calibration error: the mean distance between what was predicted and what happened, over the bins. None of
    /// nothing.
    pub error: Option<f64>,
    /// Those that are not empty.
    pub bins: Vec<Bin>,
}

/// Events whose predicted probability lies between two bounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bin {
    /// The lower bound.
    pub from: f64,
    /// The upper bound.
    pub to: f64,
    /// How many.
    pub events: usize,
    /// Mean probability.
    pub predicted: f64,
    /// Share of clicks.
    pub clicked: f64,
}

const BINS: usize = 10;

impl Reliability {
    /// Of (probability, click).
    pub(crate) fn new(predicted: impl IntoIterator<Item = (f32, bool)>) -> Reliability {
        let mut sums = [(0usize, 0.0f64, 0usize); BINS];
        for (probability, click) in predicted {
            let (events, sum, clicks) = &mut sums[((probability * BINS as f32) as usize).min(BINS - 1)];
            *events += 1;
            *sum += f64::from(probability);
            *clicks += usize::from(click);
        }
        let all = sums.iter().map(|(events, ..)| events).sum::<usize>();
        let off: f64 = sums.iter().map(|(_, sum, clicks)| (sum - *clicks as f64).abs()).sum();
        let bin = |(i, (events, sum, clicks)): (usize, &(usize, f64, usize))| {
            let n = *events as f64;
            let edge = |i: usize| i as f64 / BINS as f64;
            let (predicted, clicked) = (sum / n, *clicks as f64 / n);
            (*events > 0).then(|| Bin { from: edge(i), to: edge(i + 1), events: *events, predicted, clicked })
        };
        Reliability {
            error: (all > 0).then(|| off / all as f64),
            bins: sums.iter().enumerate().filter_map(bin).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_by_hand() {
        let found = Reliability::new([(0.25, true), (0.25, false), (0.25, false), (1.0, true)]);
        assert!((found.error.unwrap() - 0.25 / 4.0).abs() < 1e-12);
        let [low, high] = &found.bins[..] else { panic!("two bins: {found:?}") };
        assert_eq!((low.from, low.to, low.events, low.predicted, low.clicked), (0.2, 0.3, 3, 0.25, 1.0 / 3.0));
        assert_eq!((high.from, high.to, high.events, high.clicked), (0.9, 1.0, 1, 1.0));
        assert_eq!(Reliability::new([]), Reliability { error: None, bins: vec![] });
    }
}

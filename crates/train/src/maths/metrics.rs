//! The figures that models are judged by.

/// The chance that a click scores above a skip, ties counting half. None if there are not both.
pub fn auc(mut scored: Vec<(f32, bool)>) -> Option<f64> {
    scored.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (mut clicks, mut skips, mut won) = (0u64, 0u64, 0u64);
    for tied in scored.chunk_by(|a, b| a.0 == b.0) {
        let tied_clicks = tied.iter().filter(|(_, click)| *click).count() as u64;
        let tied_skips = tied.len() as u64 - tied_clicks;
        won += 2 * tied_clicks * skips + tied_clicks * tied_skips;
        clicks += tied_clicks;
        skips += tied_skips;
    }
    (clicks > 0 && skips > 0).then(|| won as f64 / (2.0 * clicks as f64 * skips as f64))
}

/// The probability that a log-odds stands for.
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// Cross-entropy of a probability and a target in [0, 1].
pub fn log_loss(probability: f32, target: f32) -> f64 {
    let p = f64::from(probability).clamp(1e-7, 1.0 - 1e-7);
    let t = f64::from(target);
    -(t * p.ln() + (1.0 - t) * (1.0 - p).ln())
}

/// Normalised discounted cumulative gain of the first `most` places (Järvelin and Kekäläinen 2002), of what was found at these places,
/// counted from 0, of so many `relevant`. 0 if nothing is relevant.
pub(crate) fn ndcg(found: impl Iterator<Item = usize>, relevant: usize, most: usize) -> f64 {
    let discount = |place: usize| 1.0 / (place as f64 + 2.0).log2();
    let gained: f64 = found.filter(|place| *place < most).map(discount).sum();
    gained / (0..relevant.min(most)).map(discount).sum::<f64>().max(f64::MIN_POSITIVE)
}

/// None of nothing.
pub fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut n) = (0.0, 0u64);
    for value in values {
        sum += value;
        n += 1;
    }
    (n > 0).then(|| sum / n as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn brute_force(scored: &[(f32, bool)]) -> Option<f64> {
        let mut pairs = Vec::new();
        for (a, click) in scored {
            for (b, other) in scored {
                if *click && !*other {
                    pairs.push(if a > b {
                        1.0
                    } else if a == b {
                        0.5
                    } else {
                        0.0
                    });
                }
            }
        }
        mean(pairs)
    }

    proptest! {
        #[test]
        fn auc_counts_pairs(scored in prop::collection::vec((-3i8..3, any::<bool>()), 0..60)) {
            let scored: Vec<(f32, bool)> = scored.into_iter().map(|(s, c)| (f32::from(s), c)).collect();
            match (auc(scored.clone()), brute_force(&scored)) {
                (Some(a), Some(b)) => prop_assert!((a - b).abs() < 1e-12),
                (a, b) => prop_assert_eq!(a, b),
            }
        }
    }

    #[test]
    fn zeros_of_both_signs_tie() {
        assert_eq!(auc(vec![(0.0, true), (-0.0, false)]), Some(0.5));
    }

    #[test]
    fn log_loss_is_cross_entropy() {
        assert!((log_loss(0.8, 1.0) - 0.223_143_55).abs() < 1e-7);
        assert!((log_loss(0.8, 0.25) - (0.25 * 0.223_143_55 + 0.75 * 1.609_437_91)).abs() < 1e-6);
        assert!(log_loss(0.0, 1.0).is_finite());
        assert_eq!(mean([]), None);
    }
}

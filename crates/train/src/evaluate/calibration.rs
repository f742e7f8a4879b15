//! The map from score to click probability, fitted to what was clicked.

use super::replay::Replayed;
use brooklet_core::Calibration;

/// Fits the calibration to everything that was predicted, each visitor counting the same.
pub(crate) fn calibrate(replayed: &[Replayed]) -> Calibration {
    let scores = replayed.iter().flat_map(|visitor| {
        let weight = 1.0 / visitor.outcomes.len().max(1) as f64;
        visitor.outcomes.iter().filter_map(move |outcome| Some((outcome.personal.moderated, outcome.click?, weight)))
    });
    platt(scores.collect())
}

/// Logistic regression of (score, click, weight): Platt's map, by Newton's method, with a faint pull toward the identity.
pub(crate) fn platt(scored: Vec<(f32, bool, f64)>) -> Calibration {
    const PULL: f64 = 1e-3;
    let total: f64 = scored.iter().map(|(_, _, weight)| weight).sum();
    if total <= 0.0 {
        return Calibration::default();
    }
    let (mut a, mut b) = (1.0f64, 0.0f64);
    for _ in 0..50 {
        let (mut ga, mut gb) = (PULL * (a - 1.0), PULL * b);
        let (mut haa, mut hab, mut hbb) = (PULL, 0.0, PULL);
        for &(score, click, weight) in &scored {
            let (s, weight) = (f64::from(score), weight / total);
            let p = 1.0 / (1.0 + (-(a * s + b)).exp());
            let (g, h) = (weight * (p - f64::from(u8::from(click))), weight * p * (1.0 - p));
            ga += g * s;
            gb += g;
            haa += h * s * s;
            hab += h * s;
            hbb += h;
        }
        let determinant = haa * hbb - hab * hab;
        let (da, db) = ((hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant);
        // Far from the optimum a full Newton step can overshoot; the loss is convex, so shorter ones arrive as well.
        let shorten = (1.0 / (da.abs().max(db.abs()))).min(1.0);
        a -= da * shorten;
        b -= db * shorten;
        if da.abs().max(db.abs()) < 1e-9 {
            break;
        }
    }
    // A ranking that is worse than chance cannot be calibrated by turning it round.
    Calibration { a: a.clamp(0.01, 100.0) as f32, b: b.clamp(-100.0, 100.0) as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maths::{Rng, sigmoid};

    #[test]
    fn platt_finds_the_map_that_made_the_clicks() {
        let mut rng = Rng::new(5, 0);
        let scored: Vec<(f32, bool, f64)> = (0..50_000)
            .map(|_| {
                let score = rng.normal();
                (score, rng.unit() < f64::from(sigmoid(1.8 * score - 0.1)), 1.0)
            })
            .collect();
        let Calibration { a, b } = platt(scored);
        assert!((a - 1.8).abs() < 0.05 && (b + 0.1).abs() < 0.05, "{a} {b}");
    }

    #[test]
    fn platt_survives_what_cannot_be_fitted() {
        for scored in [
            vec![],
            vec![(1.0, true, 1.0)],
            vec![(0.0, true, 1.0), (0.0, false, 1.0)],
            vec![(-1.0, true, 1.0), (1.0, false, 1.0)],
            vec![(-1e4, false, 1.0), (1e4, true, 1.0)],
        ] {
            let Calibration { a, b } = platt(scored.clone());
            assert!(a > 0.0 && a.is_finite() && b.is_finite(), "{scored:?}: {a} {b}");
        }
    }
}

//! What a browser should not have to tune: replays people held out from training and chooses, for the closed-form
//! visitor row, the scale of its prior; then the rate of shared rows; then the map from score to click probability.

use crate::judge::Judged;
use crate::metrics::{log_loss, mean};
use crate::progress::Progress;
use crate::progressive::{Outcome, Replayed, Visitors};
use crate::trainer::sigmoid;
use crate::error::Result;
use brooklet_core::{Base, Calibration, Config, Rates};
use serde::Serialize;

const SCALES: [f32; 7] = [1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0];
const SHARED_RATES: [f32; 5] = [0.0, 0.01, 0.03, 0.1, 0.2];

/// The settings of a seed that are about learning from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) scale: f32,
    pub(crate) rates: Rates,
    pub(crate) calibration: Calibration,
}

impl Default for Settings {
    /// What holds on MovieLens, for data with too few people to tune on.
    fn default() -> Settings {
        Settings {
            scale: 8.0,
            rates: Rates { private: 0.3, shared: 0.005, delta: 0.2 },
            calibration: Calibration::default(),
        }
    }
}

/// What tuning found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// People held out and replayed.
    pub(crate) users: usize,
    /// Mean over them of their mean loss, with the settings that were chosen: the calibrated log-loss, or under the squared
    /// loss the squared error.
    pub(crate) loss: Option<f64>,
    /// With those settings, for a report.
    #[serde(skip)]
    pub(crate) judged: Option<Judged>,
}

/// Chooses settings. `seed` makes the base for some; `squared` says which loss counts.
pub(crate) fn tune(
    visitors: &Visitors,
    squared: bool,
    threads: usize,
    seed: impl Fn(&Settings) -> Result<Base>,
) -> Result<(Settings, Report)> {
    let mut best = Settings::default();
    let mut best_loss = f64::INFINITY;
    let progress = Progress::steps("tuning on people held out", (SCALES.len() + SHARED_RATES.len()) * visitors.len());
    let mut consider = |settings: Settings, best: &mut Settings| -> Result<()> {
        let replayed = visitors.replay(&seed(&settings)?, &Config::default(), &[], threads, || progress.step())?;
        let calibration = calibrate(&replayed);
        // No event at all has no loss; nothing is chosen then.
        let loss = mean_loss(&replayed, squared, calibration).unwrap_or(f64::INFINITY);
        // A setting must earn its place: what is not clearly better is not worth a change.
        if loss < best_loss - 1e-5 {
            (*best, best_loss) = (Settings { calibration, ..settings }, loss);
            progress.note(format!("loss {loss:.4}"));
        }
        Ok(())
    };
    let raw = Settings { calibration: Calibration::default(), ..best };
    for scale in SCALES {
        consider(Settings { scale, rates: Rates { shared: 0.0, ..raw.rates }, ..raw }, &mut best)?;
    }
    let scale = best.scale;
    for shared in SHARED_RATES {
        consider(Settings { scale, rates: Rates { shared, ..raw.rates }, ..raw }, &mut best)?;
    }
    progress.done();
    let loss = best_loss.is_finite().then_some(best_loss);
    Ok((best, Report { users: visitors.len(), loss, judged: None }))
}

/// Fits the calibration to everything that was predicted, each visitor counting the same.
pub(crate) fn calibrate(replayed: &[Replayed]) -> Calibration {
    let scores = replayed.iter().flat_map(|visitor| {
        let weight = 1.0 / visitor.outcomes.len().max(1) as f64;
        visitor.outcomes.iter().filter_map(move |outcome| Some((outcome.personal.moderated, outcome.click?, weight)))
    });
    platt(scores.collect())
}

fn mean_loss(replayed: &[Replayed], squared: bool, map: Calibration) -> Option<f64> {
    let loss = |outcome: &Outcome| -> Option<f64> {
        let score = outcome.personal.moderated;
        if squared {
            return Some(f64::from(score - outcome.target).powi(2));
        }
        Some(log_loss(sigmoid(map.a * score + map.b), f32::from(u8::from(outcome.click?))))
    };
    mean(replayed.iter().filter_map(|visitor| mean(visitor.outcomes.iter().filter_map(loss))))
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
    use crate::trainer::Rng;

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

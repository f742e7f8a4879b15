//! What a browser should not have to tune: replays people held out from training and chooses, for the closed-form
//! visitor row, the scale of its prior; then the rate of shared rows; then the map from score to click probability.

use crate::error::Result;
use crate::evaluate::{Judged, Outcome, Replayed, Visitors, calibrate};
use crate::maths::{log_loss, mean, sigmoid};
use crate::watch::{Length, Watch};
use brooklet_core::{Base, Calibration, Config, Rates};
use serde::Serialize;

const SCALES: [f32; 7] = [1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0];
const SHARED_RATES: [f32; 5] = [0.0, 0.01, 0.03, 0.1, 0.2];

/// The settings of a seed that are about learning from it.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// What the prior's covariance is multiplied with.
    pub scale: f32,
    /// How fast rows learn in the browser.
    pub rates: Rates,
    /// From score to click probability.
    pub calibration: Calibration,
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
pub struct Tuned {
    /// People held out and replayed.
    pub users: usize,
    /// Mean over them of their mean loss, with the settings that were chosen: the calibrated log-loss, or under the squared
    /// loss the squared error.
    pub loss: Option<f64>,
    /// With those settings, for a report.
    #[serde(skip)]
    pub judged: Option<Judged>,
}

/// Chooses settings. `seed` makes the base for some; `squared` says which loss counts.
pub(crate) fn choose(
    visitors: &Visitors,
    squared: bool,
    threads: usize,
    watch: &dyn Watch,
    seed: impl Fn(&Settings) -> Result<Base>,
) -> Result<(Settings, Tuned)> {
    let mut best = Settings::default();
    let mut best_loss = f64::INFINITY;
    let progress =
        watch.begin("tuning on people held out", Length::Steps((SCALES.len() + SHARED_RATES.len()) * visitors.len()));
    let mut consider = |settings: Settings, best: &mut Settings| -> Result<()> {
        let replayed = visitors.replay(&seed(&settings)?, &Config::default(), &[], threads, || progress.advance(1))?;
        let calibration = calibrate(&replayed);
        // No event at all has no loss; nothing is chosen then.
        let loss = mean_loss(&replayed, squared, calibration).unwrap_or(f64::INFINITY);
        // A setting must earn its place: what is not clearly better is not worth a change.
        if loss < best_loss - 1e-5 {
            (*best, best_loss) = (Settings { calibration, ..settings }, loss);
            progress.note(&format!("loss {loss:.4}"));
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
    let loss = best_loss.is_finite().then_some(best_loss);
    Ok((best, Tuned { users: visitors.len(), loss, judged: None }))
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

//! The two losses that a model can minimise, the map from a score to a probability, and the steps that follow from both: what a
//! score is worth is decided here alone.

use crate::maths::scalar::{exp, moderated, sigmoid};
use crate::names::names;

/// Which loss the model minimises.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Loss {
    /// Cross-entropy of a target in \[0, 1\] and the sigmoid of the score: clicks and skips.
    #[default]
    Logistic,
    /// Half the squared difference of target and score: regression.
    Squared,
}

names!(Loss, "loss": Logistic = "logistic", Squared = "squared");

/// From ranking score to click probability: sigmoid(a * score + b) (Platt 1999).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// Slope.
    pub a: f32,
    /// Intercept.
    pub b: f32,
}

impl Default for Calibration {
    fn default() -> Calibration {
        Calibration { a: 1.0, b: 0.0 }
    }
}

/// The loss of a score s: cross-entropy in nats, log(1 + e^s) - y s, or half the squared error, (s - y)^2 / 2.
///
/// ```
/// use brooklet_core::{Loss, loss};
///
/// assert!((loss(Loss::Logistic, 0.0, 1.0) - 2f64.ln()).abs() < 1e-12);
/// assert_eq!(loss(Loss::Squared, 3.0, 1.0), 2.0);
/// ```
pub fn loss(loss: Loss, score: f64, target: f64) -> f64 {
    match loss {
        Loss::Logistic => loss_and_probability(score, target).0,
        Loss::Squared => 0.5 * (score - target) * (score - target),
    }
}

/// The cross-entropy of log-odds, and the probability that they stand for: both from one exponential.
pub(crate) fn loss_and_probability(odds: f64, target: f64) -> (f64, f64) {
    let e = exp(-odds.abs());
    let loss = odds.clamp(0.0, f64::INFINITY) + libm::log1p(e) - target * odds;
    (loss, if odds < 0.0 { e } else { 1.0 } / (1.0 + e))
}

/// What one proximal step has arrived at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// -dloss/dscore at the new score: what the parameters move by, times rate and derivative.
    pub(crate) pull: f64,
    /// d2loss/dscore2 at the new score.
    pub(crate) curvature: f64,
}

/// The implicit (proximal) step of a model that is linear in its parameters: the new score t solves
///
/// ```text
/// t = s - h dloss/dt(t)        h = rate * |ds/dtheta|^2, or the score's variance
/// ```
///
/// so t lies between s and the target's side however large h is (Kulis and Bartlett 2010; Karampatziakis and Langford
/// 2011 for importance weights). The logistic case is solved by Halley's method inside a shrinking bracket; the left side
/// minus the right is increasing in t with a slope of at least 1.
pub(crate) fn proximal(loss: Loss, score: f64, target: f64, h: f64) -> Step {
    match loss {
        Loss::Squared => Step { pull: (target - score) / (1.0 + h), curvature: 1.0 },
        Loss::Logistic => {
            let (mut t, mut p) = (score, sigmoid(score));
            let explicit = score + h * (target - p);
            let (mut low, mut high) = if explicit > score { (score, explicit) } else { (explicit, score) };
            for _ in 0..64 {
                let excess = t - score - h * (target - p);
                if excess > 0.0 {
                    high = t
                } else {
                    low = t
                }
                // The sigmoid's derivatives.
                let first = p * (1.0 - p);
                let (second, third) = (first * (1.0 - 2.0 * p), first * (1.0 - 6.0 * first));
                let slope = 1.0 + h * first;
                let halley = t - excess * slope / (slope * slope - 0.5 * excess * h * second);
                let next = if halley > low && halley < high { halley } else { 0.5 * (low + high) };
                let moved = next - t;
                t = next;
                // Halley's error is less than the cube of its last step, and what a sigmoid's Taylor polynomial of the third order
                // leaves out less than its fourth power.
                if moved.abs() <= 1e-3 + 1e-12 * t.abs() {
                    p += moved * (first + moved * (second / 2.0 + moved * (third / 6.0)));
                    break;
                }
                p = sigmoid(t);
            }
            // The same number twice; each way cancels where the other does not.
            let pull = if h > 1.0 { (t - score) / h } else { target - p };
            Step { pull, curvature: p * (1.0 - p) }
        }
    }
}

/// -dloss/dscore averaged over a score that is N(`score`, `variance`), and the curvature there: of the squared loss, or of the
/// logistic loss of the probability that is served, which is that of the moderated score, mapped to log-odds.
pub(crate) fn averaged_slope(loss: Loss, map: Calibration, score: f64, variance: f64, target: f64) -> (f64, f64) {
    match loss {
        Loss::Squared => (target - score, 1.0),
        Loss::Logistic => {
            let (a, b) = (f64::from(map.a), f64::from(map.b));
            let p = sigmoid(a * moderated(score, variance.clamp(0.0, f64::MAX)) + b);
            (a * (target - p), a * a * p * (1.0 - p))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proximal_step_solves_its_equation() {
        for h in [0.0, 1e-3, 0.3, 1.0, 30.0, 1e4, 1e9] {
            for score in [-20.0, -1.0, 0.0, 0.7, 5.0, 40.0] {
                for target in [0.0, 0.3, 1.0] {
                    let step = proximal(Loss::Logistic, score, target, h);
                    let t = score + h * step.pull;
                    let p = sigmoid(t);
                    let off = (t - score - h * (target - p)) / (1.0 + h * p * (1.0 - p));
                    assert!(off.abs() <= 1e-8 * (1.0 + t.abs()), "h {h} score {score} target {target}: {off}");
                    assert!(loss(Loss::Logistic, t, target) <= loss(Loss::Logistic, score, target) + 1e-9);
                }
            }
        }
    }
}

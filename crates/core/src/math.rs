//! The scalar functions. They come from `libm`, so that native and wasm give the same bits.

use crate::Loss;

/// 1 / (1 + exp(-x)).
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

/// The loss of a score: cross-entropy in nats, or half the squared error.
pub fn loss(loss: Loss, score: f64, target: f64) -> f64 {
    match loss {
        Loss::Logistic => loss_and_probability(score, target).0,
        Loss::Squared => 0.5 * (score - target) * (score - target),
    }
}

/// The cross-entropy of log-odds, and the probability that they stand for: both from one exponential.
pub(crate) fn loss_and_probability(odds: f64, target: f64) -> (f64, f64) {
    let e = libm::exp(-odds.abs());
    let loss = odds.max(0.0) + libm::log1p(e) - target * odds;
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
/// 2011 for importance weights). The logistic case is solved by Newton's method inside a shrinking bracket; the left side
/// minus the right is increasing in t with a slope of at least 1.
pub(crate) fn proximal(loss: Loss, score: f64, target: f64, h: f64) -> Step {
    match loss {
        Loss::Squared => Step { pull: (target - score) / (1.0 + h), curvature: 1.0 },
        Loss::Logistic => {
            let (mut t, mut p) = (score, sigmoid(score));
            let explicit = score + h * (target - p);
            let (mut low, mut high) = (score.min(explicit), score.max(explicit));
            for _ in 0..64 {
                let excess = t - score - h * (target - p);
                if excess > 0.0 {
                    high = t
                } else {
                    low = t
                }
                let newton = t - excess / (1.0 + h * p * (1.0 - p));
                let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
                let moved = (next - t).abs();
                (t, p) = (next, sigmoid(next));
                // Newton's error is about the square of its last step.
                if moved <= 1e-5 * (1.0 + t.abs()) {
                    break;
                }
            }
            // The same number twice; each way cancels where the other does not.
            let pull = if h > 1.0 { (t - score) / h } else { target - p };
            Step { pull, curvature: p * (1.0 - p) }
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

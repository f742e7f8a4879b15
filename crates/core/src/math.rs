//! The scalar functions. They come from `libm` or are made of plain arithmetic, so that native and wasm give the same bits.

use crate::{Calibration, Loss};

/// 1 / (1 + exp(-x)).
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

/// e^x within 2 units in the last place, from -708 to 709; beyond these it stays what it is there. An event asks for a dozen, and
/// this has no branches: x = k ln 2 + r with a whole k, and the Taylor polynomial of r, which is at most ln 2 / 2, in pairs.
pub(crate) fn exp(x: f64) -> f64 {
    /// What is added to this has no digits left behind the point.
    const WHOLE: f64 = 6_755_399_441_055_744.0;
    /// ln 2 in two parts; the first has zeros enough at its end for a product with k to be exact.
    const LN_2: [f64; 2] = [f64::from_bits(0x3fe6_2e42_fee0_0000), f64::from_bits(0x3dea_39ef_3579_3c76)];
    const C: [f64; 13] = {
        let (mut c, mut n) = ([1.0; 13], 1);
        while n < 13 {
            c[n] = c[n - 1] / n as f64;
            n += 1;
        }
        c
    };
    let x = x.clamp(-708.0, 709.0);
    let k = (x * core::f64::consts::LOG2_E + WHOLE) - WHOLE;
    let r = (x - k * LN_2[0]) - k * LN_2[1];
    let pair = |n: usize| C[n] + C[n + 1] * r;
    let (r2, r4) = (r * r, (r * r) * (r * r));
    let high = (pair(8) + pair(10) * r2) + C[12] * r4;
    let p = (pair(0) + pair(2) * r2) + ((pair(4) + pair(6) * r2) + high * r4) * r4;
    p * f64::from_bits(((k as i64 + 1023) as u64) << 52)
}

/// The square root, rounded correctly wherever it comes from. `libm` computes it bit by bit where it may not ask the processor,
/// as in WebAssembly.
pub(crate) fn sqrt(x: f64) -> f64 {
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    {
        use core::arch::wasm32::{f64x2_extract_lane, f64x2_splat, f64x2_sqrt};
        f64x2_extract_lane::<0>(f64x2_sqrt(f64x2_splat(x)))
    }
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    libm::sqrt(x)
}

/// The loss of a score: cross-entropy in nats, or half the squared error.
pub fn loss(loss: Loss, score: f64, target: f64) -> f64 {
    match loss {
        Loss::Logistic => loss_and_probability(score, target).0,
        Loss::Squared | Loss::SquaredClicks => 0.5 * (score - target) * (score - target),
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
        Loss::Squared | Loss::SquaredClicks => Step { pull: (target - score) / (1.0 + h), curvature: 1.0 },
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

/// A score that is N(`score`, `variance`), as its average through a sigmoid counts (MacKay 1992, equation 10).
pub(crate) fn moderated(score: f64, variance: f64) -> f64 {
    score / sqrt(1.0 + core::f64::consts::PI / 8.0 * variance)
}

/// -dloss/dscore averaged over a score that is N(`score`, `variance`), and the curvature there: of the squared loss, or of the
/// logistic loss of the probability that is served, which is that of the moderated score, mapped to log-odds.
pub(crate) fn averaged_slope(loss: Loss, map: Calibration, score: f64, variance: f64, target: f64) -> (f64, f64) {
    match loss {
        Loss::Squared | Loss::SquaredClicks => (target - score, 1.0),
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
    fn the_exponential_is_that_of_the_library() {
        for n in -708_000..=709_000 {
            let x = f64::from(n) / 1000.0 + 1e-4;
            let x = x.min(709.0);
            let off = (exp(x) / libm::exp(x) - 1.0).abs();
            assert!(off <= 2.0 * f64::EPSILON, "{x}: {off}");
        }
        assert_eq!([exp(0.0), exp(-1e9), exp(f64::INFINITY)], [1.0, exp(-708.0), exp(709.0)]);
        assert!(exp(f64::NAN).is_nan());
    }

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

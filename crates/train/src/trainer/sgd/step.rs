//! How far one step goes.

use super::config::{Config, Objective};

/// The constants of one epoch.
pub(super) struct Step {
    squared: bool,
    pub(super) adaptive: bool,
    pub(super) rate: f32,
    pub(super) user: Pace,
    pub(super) item: Pace,
    /// Of each row of a field.
    pub(super) fields: Vec<Pace>,
}

/// How the rows of one kind move.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    pub(super) rate: f32,
    /// What regularisation leaves of the weight and of the factors.
    pub(super) keep_w: f32,
    pub(super) keep_v: f32,
}

impl Pace {
    /// AdaGrad's pace after this sum of squared errors.
    #[inline(always)]
    pub(super) fn slowed(&self, evidence: f32) -> Pace {
        let share = 1.0 / (1.0 + evidence).sqrt();
        let keep = |keep: f32| 1.0 - share * (1.0 - keep);
        Pace { rate: share * self.rate, keep_w: keep(self.keep_w), keep_v: keep(self.keep_v) }
    }
}

impl Step {
    pub(super) fn new(config: &Config, rate: f32, field_groups: &[u32]) -> Step {
        let pace = |rate: f32, v: f32| {
            let keep = |l2: f32| (1.0 - rate * l2).max(0.0);
            Pace { rate, keep_w: keep(config.l2.w), keep_v: keep(v) }
        };
        let fields = field_groups.iter().map(|&field| pace(rate * config.field_rate, config.l2.fields[field as usize]));
        Step {
            squared: config.objective == Objective::Squared,
            adaptive: config.adaptive,
            rate,
            user: pace(rate, config.l2.user),
            item: pace(rate, config.l2.item),
            fields: fields.collect(),
        }
    }

    /// The derivative of the loss by the score.
    #[inline(always)]
    pub(super) fn error(&self, score: f32, target: f32) -> f32 {
        (if self.squared { score } else { fast_sigmoid(score) }) - target
    }
}

/// The logistic function to about 1e-6, without a call: e^x = 2^n e^r, with a polynomial for |r| <= ln 2 / 2.
#[inline(always)]
fn fast_sigmoid(x: f32) -> f32 {
    // Adding and subtracting 1.5 * 2^23 rounds to the nearest whole number.
    const ROUND: f32 = 12_582_912.0;
    const LN_2: f32 = std::f32::consts::LN_2;
    let x = (-x).clamp(-80.0, 80.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN_2;
    let poly =
        1.0 + r * (1.0 + r * (0.5 + r * (0.166_666_67 + r * (0.041_666_67 + r * (0.008_333_334 + r * 0.001_388_889)))));
    let power = f32::from_bits(((shifted.to_bits() as i32 + 127 - ROUND.to_bits() as i32) << 23) as u32);
    1.0 / (1.0 + poly * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_sigmoid_is_close() {
        for i in -40_000..40_000 {
            let x = i as f32 * 0.0025;
            let (fast, exact) = (f64::from(fast_sigmoid(x)), 1.0 / (1.0 + f64::from(-x).exp()));
            assert!((fast - exact).abs() < 2e-6, "{x}: {fast} {exact}");
        }
        assert!(fast_sigmoid(f32::MAX) <= 1.0 && fast_sigmoid(f32::MIN) >= 0.0);
    }
}

//! How much all versions of a model together may tell of one client, and the noise that keeps them within it.
//!
//! What versions cost adds up as zero-concentrated differential privacy, 1 / (2 z^2) of each whose noise is z times what one client may do to it. It
//! is told as an epsilon, with a probability delta that it tells more: epsilon = rho + 2 sqrt(rho ln(1 / delta)) (Bun and Steinke 2016,
//! proposition 1.3). Every client counts as one that had a part in every version, so that the bound holds for whoever sends to all of them.

use brooklet_core::Sums;
use rand_distr::{Distribution, StandardNormal};

/// The noise, and how long it is enough.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    /// z.
    pub(crate) multiplier: f64,
    pub(crate) epsilon: f64,
    pub(crate) delta: f64,
}

/// What `stats` tells of it.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub(crate) struct Spent {
    /// z.
    multiplier: f64,
    /// What all versions may tell of one client.
    epsilon: f64,
    delta: f64,
    /// What those that are out do.
    pub(crate) spent: f64,
    /// How many more may be published.
    pub(crate) versions_left: u64,
}

impl Budget {
    fn epsilon_of(&self, rho: f64) -> f64 {
        rho + 2.0 * (rho * (1.0 / self.delta).ln()).sqrt()
    }

    /// The most that may be spent: where [`Budget::epsilon_of`] comes to epsilon.
    fn most(&self) -> f64 {
        let log = (1.0 / self.delta).ln();
        // Of x^2 + 2 sqrt(log) x = epsilon with x = sqrt(rho), written so that nothing cancels.
        let root = self.epsilon / (log.sqrt() + (log + self.epsilon).sqrt());
        root * root
    }

    /// How many more versions there may be when so much is spent.
    pub(crate) fn versions_left(&self, spent: f64) -> u64 {
        // Costs are summed, so that the last one may be missed by a rounding.
        ((self.most() - spent) / Sums::cost(self.multiplier) + 1e-6).max(0.0) as u64
    }

    pub(crate) fn spent(&self, rho: f64) -> Spent {
        let Budget { multiplier, epsilon, delta } = *self;
        Spent { multiplier, epsilon, delta, spent: self.epsilon_of(rho), versions_left: self.versions_left(rho) }
    }

    /// Adds noise of the system's entropy to sums, once. A Gaussian number added to a whole one and rounded is a whole one of the same
    /// privacy, without the small bits by which sums of floating-point numbers tell what was added.
    pub(crate) fn add_noise(&self, sums: &mut Sums) {
        sums.deviation = self.multiplier * sums.bound;
        let mut random = rand::rng();
        for number in &mut sums.numbers {
            let noise: f64 = StandardNormal.sample(&mut random);
            *number = number.saturating_add((noise * sums.deviation).round() as i64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_counted_until_their_sum_is_epsilon() {
        let budget = Budget { multiplier: 10.0, epsilon: 2.0, delta: 1e-6 };
        // rho with rho + 2 sqrt(rho ln 10^6) = 2 is .0676: 13 versions of .005 each.
        assert_eq!(budget.versions_left(0.0), 13);
        assert!(
            budget.epsilon_of(13.0 * Sums::cost(budget.multiplier)) <= 2.0
                && budget.epsilon_of(14.0 * Sums::cost(budget.multiplier)) > 2.0
        );
        let spent = (0..13).fold(0.0, |spent, n| {
            assert_eq!(budget.versions_left(spent), 13 - n);
            spent + Sums::cost(budget.multiplier)
        });
        assert_eq!(budget.versions_left(spent), 0);
    }
}

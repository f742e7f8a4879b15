//! What all that is published tells of one client is bounded by noise, the Gaussian mechanism (Dwork and Roth 2014, appendix A).
//!
//! With noise a version depends on what clients sent by one vector alone, the sum over clients of
//!
//! ```text
//! (g, a, b) of each row that the base has, in the order of the base      as influence.rs bounds them
//! ```
//!
//! in which each client's part is no longer (L2) than [`FoldConfig::influence`](super::fold::FoldConfig::influence), curvature included. It is a vector of whole
//! numbers, so what is drawn from a discrete Gaussian (Canonne, Kamath and Steinke 2020) can be added exactly; the core has no entropy, so whoever folds does
//! that. All numbers of all rows get noise, those that nobody met too: which rows move tells nothing. New features have rows because they are listed, never
//! because clients met them, and what clients report of their losses has no say.
//!
//! With deviation sigma of the noise, a row of which clients tell curvature a is to be learnt from as much as a row of n events can be: its
//! gradient has variance a by the events and sigma^2 by the noise, so both gradient and curvature count by a / (a + sigma^2). a is known with noise
//! as well, and two deviations are taken off it: most rows of which little is told do not move.
//!
//! A version costs 1 / (2 z^2) of zero-concentrated differential privacy with sigma = z times the bound, and versions add up (Bun and Steinke 2016).

use crate::error::Error;
use crate::format::delta::ClientKey;
use crate::share::aggregate::Aggregate;
use crate::share::curvature::Curvature;
use crate::share::fold::{Fold, FoldConfig, Told};
use crate::share::influence::{Bounds, Measured};
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

/// Units in one: as fine as what a delta tells, and 2^20 clients of the largest influence stay far from the ends of an i64.
const GRID: f64 = 1_048_576.0;
/// How many deviations of the noise are taken off curvature.
const DOUBT: f64 = 2.0;

/// What clients told of each row of the next version, as whole numbers to which noise can be added.
#[derive(Debug, Clone)]
pub struct Sums {
    next: Aggregate,
    reach: f32,
    /// For each row its gradient, 1 + k numbers, and the two amounts of its curvature.
    pub numbers: Vec<i64>,
    /// The longest (L2) that the part of one client is in them.
    pub bound: f64,
    /// The standard deviation of the noise that was added to each.
    pub deviation: f64,
}

impl Aggregate {
    /// The sums of a fold over the rows of the base and those that are listed.
    pub fn sums(&self, fold: &Fold) -> Result<Sums, Error> {
        self.fits(fold)?;
        let mut sums = Sums::nothing(self, &fold.config);
        sums.hear(&fold.clients, &fold.config);
        Ok(sums)
    }
}

impl Sums {
    /// Of no client yet.
    pub(crate) fn nothing(aggregate: &Aggregate, config: &FoldConfig) -> Sums {
        let mut next = aggregate.clone();
        next.admit_listed(config);
        let numbers = vec![0i64; next.len() * (next.width() + 2)];
        Sums { next, reach: config.reach, numbers, bound: f64::from(config.influence) * GRID, deviation: 0.0 }
    }

    /// Adds what clients say, each within its bounds.
    pub(crate) fn hear(&mut self, clients: &BTreeMap<ClientKey, Told>, config: &FoldConfig) {
        let next = &self.next;
        let (width, place, curvature) = (next.width(), next.places(), Curvature::of(next.prior()));
        let mut bounds = Bounds::new(&curvature, config, Measured::Whole);
        for told in clients.values() {
            // What the base has no row for is left out before the part is measured.
            let told = told.rows(width + 2).filter_map(|(id, sums)| Some((id, Some(place(id)?), sums)));
            for told in bounds.of(told, width, |i| next.row(i)) {
                let Some(i) = told.place else { continue };
                let sums = &mut self.numbers[i * (width + 2)..(i + 1) * (width + 2)];
                for (sum, x) in sums.iter_mut().zip(told.gradient.iter().chain(&told.amounts)) {
                    // Towards zero, so that no part becomes longer.
                    *sum = sum.saturating_add((x * GRID) as i64);
                }
            }
        }
    }

    /// What a version with noise of z times the bound costs, as rho of zero-concentrated differential privacy.
    pub fn cost(z: f64) -> f64 {
        0.5 / (z * z)
    }

    /// What has become of the aggregate: curvature added, gradients owed, and what it cost.
    pub(crate) fn learnt(&self) -> (Aggregate, f32) {
        let mut next = self.next.clone();
        let deviation = self.deviation / GRID;
        for (i, numbers) in self.numbers.chunks_exact(next.width() + 2).enumerate() {
            let (gradient, amounts) = numbers.split_at(next.width());
            let amounts = [amounts[0], amounts[1]].map(|x| (x as f64 / GRID - DOUBT * deviation).max(0.0));
            let share = if deviation > 0.0 { amounts[0] / (amounts[0] + deviation * deviation) } else { 1.0 };
            let gradient = gradient.iter().map(|x| share * *x as f64 / GRID);
            if share > 0.0 {
                next.learn(i, gradient, amounts.map(|amount| share * amount));
            }
        }
        next.spend(Sums::cost(self.deviation / self.bound));
        (next, self.reach)
    }
}

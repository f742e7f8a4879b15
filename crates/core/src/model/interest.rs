//! What a visitor chooses of the whole catalogue, shown or not. It stands beside the factorization machine, which tells click from skip
//! among what was shown, and has rows and a posterior of its own: least squares over all items (Hu, Koren and Volinsky 2008; Rendle,
//! Krichene, Zhang and Koren 2022), so that a click is an observation of 1 and all that was not chosen is in the seed's prior:
//!
//! ```text
//! s_i = <u + a, q_i> + m_i half / (half + n)        q_i, m_i = sum over the item's features        a = sum over the fields of visitor and moment
//! ```
//!
//! m_i is what the item's popularity has more than a stranger's score, so without a click the order is that of popularity; it fades
//! with the weight n of what was clicked.

use crate::format::base::Base;
use crate::format::metadata::CataloguePrior;
use crate::input::feature::{Feature, FeatureId, Features};
use crate::loss::Loss;
use crate::maths::lanes::{Lanes, padded};
use crate::model::posterior::Gaussian;
use alloc::vec;
use alloc::vec::Vec;

#[derive(Debug, Clone)]
pub(crate) struct Interest {
    /// The posterior of u.
    pub(crate) row: Gaussian,
    /// n.
    pub(crate) clicked: f64,
}

impl Interest {
    /// Of a visitor of whom nothing is known; None if the base ranks nothing by it.
    pub(crate) fn new(base: &Base) -> Option<Interest> {
        let CataloguePrior { mean, covariance, .. } = base.metadata().catalogue.as_ref()?;
        Some(Interest { row: Gaussian::prior(mean, covariance, 1.0), clicked: 0.0 })
    }

    /// Learns that something was clicked.
    pub(crate) fn learn(&mut self, base: &Base, features: &Features, weight: f64) {
        if let Some((offset, q, click)) = self.click(base, features) {
            self.row.learn(Loss::Squared, offset, &q, 1.0, weight * click, false);
            self.clicked += weight;
        }
    }

    /// Takes back that something was clicked.
    #[cold]
    #[inline(never)]
    pub(crate) fn unlearn(&mut self, base: &Base, features: &Features, weight: f64) {
        self.clicked = (self.clicked - weight).clamp(0.0, f64::MAX);
        if let Some(((offset, q, click), new)) = self.click(base, features).zip(Interest::new(base)) {
            self.row.unlearn(&new.row, Loss::Squared, offset, &q, 1.0, weight * click);
        }
    }

    /// What a click is predicted by without u, q, and what it weighs.
    fn click(&self, base: &Base, features: &Features) -> Option<(f64, Vec<Lanes>, f64)> {
        let click = base.metadata().catalogue.as_ref()?.click;
        let (item, person) = (of_item(base, features), of_person(base, features));
        let (popular, q) = item.split_last()?;
        let fields = q.iter().zip(&person).fold(0.0, |sum, (q, a)| sum + f64::from(q * a));
        Some((fields + f64::from(*popular) * self.popularity(base), padded(q), click.into()))
    }

    /// What the sums of items are multiplied with in a context: c + 1 numbers.
    pub(crate) fn query(&self, base: &Base, context: &Features) -> Vec<f32> {
        let mut query = of_person(base, context);
        query.iter_mut().zip(self.row.mean()).for_each(|(a, u)| *a += *u as f32);
        if let Some(popular) = query.last_mut() {
            *popular = self.popularity(base) as f32;
        }
        query
    }

    /// What popularity counts for.
    fn popularity(&self, base: &Base) -> f64 {
        let half = base.metadata().catalogue.as_ref().map_or(0.0, |prior| f64::from(prior.half));
        half / (half + self.clicked)
    }
}

/// Reads what a feature has for ranking the whole catalogue; zeros for one that the base does not have.
pub(crate) fn read(base: &Base, id: FeatureId, row: &mut [f32]) {
    match base.find(id) {
        Some(i) => base.catalogue_into(i, row),
        None => row.fill(0.0),
    }
}

/// The sum of the rows of an item's features: the shared ones but the context's.
pub(crate) fn of_item(base: &Base, features: &Features) -> Vec<f32> {
    let schema = &base.metadata().schema;
    sum(base, features.shared().iter().filter(|feature| !schema.is_context(feature.group)))
}

/// The sum of the rows of what tells of the visitor and the moment.
fn of_person(base: &Base, features: &Features) -> Vec<f32> {
    let schema = &base.metadata().schema;
    let moment = features.shared().iter().filter(|feature| schema.is_context(feature.group));
    sum(base, moment.chain(features.private()))
}

/// The sum of the features' rows.
fn sum<'a>(base: &Base, features: impl Iterator<Item = &'a Feature>) -> Vec<f32> {
    let mut sum = vec![0.0; base.catalogue_width()];
    let mut row = sum.clone();
    for feature in features {
        read(base, feature.id, &mut row);
        sum.iter_mut().zip(&row).for_each(|(sum, x)| *sum += x * feature.value);
    }
    sum
}

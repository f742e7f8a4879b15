//! Numeric features are scaled, so that a price in cents and a ratio learn alike: (x - mean) / deviation, by the seed where its schema
//! knows the field. Any other is scaled online, by what this learner has learnt from (Welford 1962); until that are two values, nothing
//! is known and the feature counts as average. What stands in the catalogue tells nothing of the scale, for then the score of an item would
//! depend on what was added before it.

use crate::input::feature::{Feature, FeatureId, Features};
use crate::input::index::Index;
use crate::input::kind::scaled;
use crate::maths::order::ordered;
use crate::maths::scalar::sqrt;
use alloc::vec::Vec;

/// Numeric features whose scale is kept; a site has few.
const MAX_SCALES: usize = 1024;

/// Running moments of one feature.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Moments {
    pub(crate) count: f64,
    pub(crate) mean: f64,
    /// Sum of squared deviations from the mean.
    pub(crate) squares: f64,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Scales {
    index: Index,
    moments: Vec<Moments>,
}

impl Scales {
    /// The features with their raw numbers scaled.
    pub(crate) fn apply(&self, features: &Features) -> Features {
        if !features.is_raw() {
            return features.clone();
        }
        features.map(|feature| Feature { value: self.value(feature), raw: false, ..*feature })
    }

    /// Takes note of raw numbers.
    pub(crate) fn observe(&mut self, features: &Features) {
        for feature in features.iter().filter(|feature| feature.raw) {
            if self.moments.len() >= MAX_SCALES && self.index.find(feature.id).is_none() {
                continue;
            }
            let moments = self.at(feature.id);
            let x = f64::from(feature.value);
            moments.count += 1.0;
            let off = x - moments.mean;
            moments.mean += off / moments.count;
            moments.squares += off * (x - moments.mean);
        }
    }

    /// By ascending id.
    pub(crate) fn sorted(&self) -> Vec<(FeatureId, Moments)> {
        let moments: Vec<_> = self.index.ids().iter().copied().zip(self.moments.iter().copied()).collect();
        ordered(&moments, |(a, _), (b, _)| a.cmp(b))
    }

    pub(crate) fn set(&mut self, id: FeatureId, moments: Moments) {
        *self.at(id) = moments;
    }

    fn at(&mut self, id: FeatureId) -> &mut Moments {
        let (at, new) = self.index.enter(id);
        if new {
            self.moments.push(Moments::default());
        }
        &mut self.moments[at]
    }

    /// The value of a feature, scaled if it is raw.
    pub(crate) fn value(&self, feature: &Feature) -> f32 {
        if feature.raw { self.scale(feature) } else { feature.value }
    }

    fn scale(&self, feature: &Feature) -> f32 {
        let Some(moments) =
            self.index.find(feature.id).map(|at| self.moments[at]).filter(|m| m.count >= 2.0 && m.squares > 0.0)
        else {
            return 0.0;
        };
        let deviation = sqrt(moments.squares / moments.count);
        scaled(feature.value.into(), moments.mean, deviation)
    }
}

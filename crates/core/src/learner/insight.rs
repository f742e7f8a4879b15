//! What a learner tells of itself: why a score, how it has predicted, and what it has become.

use crate::input::feature::{FeatureId, Features};
use crate::maths::order::order;
use crate::model::gathered::Gathered;
use crate::model::personal::Model;
use crate::watch::explain::{Explanation, terms};
use crate::watch::figures::Metrics;
use crate::watch::serving::Serving;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::learner::state::Learner;

impl Learner {
    /// Why an input is scored as it is: every weight and every pair, the largest first.
    pub fn explain(&self, features: &Features) -> Explanation {
        let scaled = self.scales.apply(features);
        let model = &self.models[self.best()];
        let mut gathered = Gathered::default();
        model.gather(&mut gathered, &scaled);
        let terms = terms(&gathered, self.base().metadata().w0, model.visitor.mean());
        let sum = terms.iter().rev().fold(0.0, |sum, term| sum + term.share);
        Explanation { prediction: self.prediction(&self.thoughts(&scaled)), terms, sum }
    }

    /// Progressive validation so far.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Whose scores a ranking goes by.
    pub fn serving(&self) -> Serving {
        self.serving
    }

    /// The weights that Hedge gives the first model and its shadows.
    pub fn weights(&self) -> Vec<f64> {
        self.hedge.weights()
    }

    /// Drift alarms so far.
    pub fn drifts(&self) -> u64 {
        self.drifts
    }

    /// Slates and held predictions that made room for newer ones before they were labelled.
    pub fn evicted_slates(&self) -> u64 {
        self.slates.evicted
    }

    /// Rows that were learnt over the base, of all models.
    pub fn learnt_rows(&self) -> usize {
        self.models.iter().map(|model| model.rows.len()).sum()
    }

    /// What each row that was learnt has become more than the base's, of the first model.
    pub fn residuals(&self) -> impl Iterator<Item = (FeatureId, &[f32])> {
        self.models[0].rows.residuals()
    }

    /// The posterior of the visitor row, of the first model: its mean, and its covariance row by row.
    pub fn visitor(&self) -> (&[f64], Vec<f64>) {
        let visitor = &self.models[0].visitor;
        (visitor.mean(), visitor.covariance())
    }

    /// Learnt rows that made room for others.
    pub fn evicted_rows(&self) -> u64 {
        self.models.iter().map(|model| model.rows.evicted).sum()
    }

    /// What the visitor row weighs most among categories of a field: what <u, v_i> has become more than it was
    /// for a new visitor, the `k` largest by magnitude. Categories are those that the base names, and `known`, which the caller has met: a
    /// compact base names none.
    pub fn taste(&self, field: &str, known: &[String], k: usize) -> Vec<(String, f32)> {
        let base = self.base();
        let Model { rows, visitor, prior, .. } = &self.models[self.best()];
        let named = (0..base.len()).filter_map(|i| base.name(i)?.strip_prefix(field)?.strip_prefix('='));
        let mut row = vec![0.0; base.width()];
        let tastes: Vec<(String, f32)> = named
            .chain(known.iter().map(String::as_str))
            .filter_map(|value| {
                let id = FeatureId::named(&[field, "=", value].concat());
                base.find(id)?;
                rows.personal_into(id, &mut row);
                let learnt = visitor.mean().iter().zip(prior.mean()).map(|(u, mean)| u - mean);
                let weight = learnt.skip(1).zip(&row[1..]).fold(0.0, |sum, (u, v)| sum + u * f64::from(*v));
                Some((String::from(value), weight as f32))
            })
            .collect();
        let places = order(tastes.len(), &mut |a, b| {
            let ((a, x), (b, y)) = (&tastes[a], &tastes[b]);
            y.abs().total_cmp(&x.abs()).then_with(|| a.cmp(b))
        });
        let mut found: Vec<(String, f32)> = places.into_iter().map(|at| tastes[at].clone()).collect();
        // What base and caller both name stands twice, side by side.
        found.dedup();
        found.truncate(k);
        found
    }
}

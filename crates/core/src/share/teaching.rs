//! What the events that a device keeps say of each shared row, at the rows of the base.
//!
//! The visitor row is learnt anew upon the base from all of them (the reconstruction of Singhal et al. 2021); the gradient and the
//! curvature of each event's loss, averaged over the posterior of that row, then add up row by row: who is little known teaches
//! little of taste.

use crate::input::feature::FeatureId;
use crate::input::index::Index;
use crate::loss::averaged_slope;
use crate::maths::lanes::{LANES, Wide};
use crate::maths::scalar::sqrt;
use crate::model::event::Event;
use crate::model::fm::Sum;
use crate::model::gathered::Gathered;
use crate::model::overlay::Overlay;
use crate::model::personal::Model;
use crate::model::posterior::Gaussian;
use crate::share::curvature::Amounts;
use alloc::vec;
use alloc::vec::Vec;

/// Row by row, in the order in which they were met.
#[derive(Debug, Clone, Default)]
pub(crate) struct Teaching {
    index: Index,
    lanes: usize,
    gradients: Vec<Wide>,
    amounts: Vec<Amounts>,
    /// How many of the events have the row.
    events: Vec<u32>,
}

impl Teaching {
    /// Of these events upon the base of `rows`, over which nothing was learnt, for this visitor.
    pub(crate) fn of<'a>(
        model: &Model,
        rows: &Overlay,
        visitor: &Gaussian,
        events: impl Iterator<Item = &'a Event> + Clone,
    ) -> Teaching {
        let mut teaching = Teaching { lanes: rows.lanes(), ..Teaching::default() };
        events.clone().for_each(|event| event.features.shared().iter().for_each(|feature| teaching.meet(feature.id)));
        let often: Vec<f64> = teaching.events.iter().map(|n| sqrt(f64::from(*n))).collect();
        let map = rows.base().metadata().calibration;
        let (mut gathered, mut places, mut direction) = (Gathered::default(), Vec::new(), Vec::new());
        for event in events {
            gathered.gather(rows, &event.features);
            let Sum { score, phi } = gathered.sums.personal();
            let score = score + visitor.dot(phi);
            let variance = visitor.direction(phi, &mut direction);
            // How uncertain the visitor's weight is does not depend on a row.
            direction[0][0] = 0.0;
            gathered.meet(visitor);
            let (pull, curvature) = averaged_slope(model.loss(), map, score, variance, event.target.into());
            let weight = f64::from(event.weight);
            places.clear();
            places.extend(event.features.shared().iter().filter_map(|feature| teaching.index.find(feature.id)));
            let shares = places.iter().fold(0.0, |sum, place| sum + 1.0 / often[*place]);
            for (at, place) in places.iter().enumerate() {
                let gradient = &mut teaching.gradients[place * teaching.lanes..(place + 1) * teaching.lanes];
                let [value, others] = gathered.teach(at, weight * pull, weight * curvature, &direction, gradient);
                let amount = weight * curvature * shares * often[*place];
                let [a, b] = &mut teaching.amounts[*place];
                *a += amount * value;
                *b += amount * others;
            }
        }
        teaching
    }

    /// For each row its id, the first `width` numbers of the gradient, the curvature, and of how many events they are.
    pub(crate) fn rows(&self, width: usize) -> impl Iterator<Item = (FeatureId, &[f64], Amounts, f64)> {
        let gradients = self.gradients.chunks_exact(self.lanes).map(move |row| &row.as_flattened()[..width]);
        let rows = self.index.ids().iter().zip(gradients).zip(&self.amounts).zip(&self.events);
        rows.map(|(((id, gradient), amounts), events)| (*id, gradient, *amounts, f64::from(*events)))
    }

    /// Whether an event has the row.
    pub(crate) fn has(&self, id: FeatureId) -> bool {
        self.index.find(id).is_some()
    }

    fn meet(&mut self, id: FeatureId) {
        let (place, new) = self.index.enter(id);
        if new {
            self.gradients.extend(vec![[0.0; LANES]; self.lanes]);
            self.amounts.push([0.0; 2]);
            self.events.push(0);
        }
        self.events[place] += 1;
    }
}

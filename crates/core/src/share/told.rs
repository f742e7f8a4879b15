//! What the endpoint was told of each row by this device: its local factor of partitioned variational inference (Ashman et al.
//! 2022), in natural parameters.
//!
//! A row is 1 + k numbers eta, then the amounts a and b of its curvature, then how many events it was told of. At a row x the
//! endpoint takes the gradient of these events to be eta - Lambda x, so what a later delta says of the same events is the
//! difference: an event that is taught again is not counted again.

use crate::input::feature::FeatureId;
use crate::input::index::Index;
use crate::maths::order::ordered;
use crate::model::marks::{Marks, PIECE};
use crate::share::curvature::{Amounts, Curvature};
use alloc::vec::Vec;

/// What a row has beyond 1 + k numbers.
pub(crate) const BEYOND: usize = 3;

/// Rows by their ids, in no order that counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Told {
    index: Index,
    stride: usize,
    numbers: Vec<f32>,
    /// Of the rows by their places.
    pub(crate) marks: Marks,
}

impl Told {
    /// Of rows of one width.
    pub(crate) fn of<'a>(rows: impl Iterator<Item = (FeatureId, &'a [f32])>) -> Told {
        let mut told = Told::default();
        rows.for_each(|(id, row)| told.row(id, row.len()).copy_from_slice(row));
        told
    }

    /// The gradient that the endpoint expects at a row of the base, less what it finds there: how much of `gradient` is news. And
    /// of how many events it was told, with how much curvature.
    pub(crate) fn news(
        &self,
        id: FeatureId,
        at: &[f32],
        curvature: &Curvature,
        gradient: &mut [f64],
    ) -> (f64, Amounts) {
        let Some(slot) = self.index.find(id) else { return (0.0, [0.0; 2]) };
        let told = &self.numbers[slot * self.stride..(slot + 1) * self.stride];
        let (eta, [a, b, events]) = split(told);
        for (r, (gradient, eta)) in gradient.iter_mut().zip(eta).enumerate() {
            *gradient -= f64::from(*eta) - curvature.times([a, b], at, r);
        }
        (events, [a, b])
    }

    /// Of how many events of a row the endpoint was told.
    pub(crate) fn events(&self, id: FeatureId) -> f32 {
        self.index.find(id).map_or(0.0, |slot| self.numbers[(slot + 1) * self.stride - 1])
    }

    /// Adds that the endpoint was told a change of eta, with `amounts` of curvature, for so many events.
    pub(crate) fn tell(&mut self, id: FeatureId, eta: &[f32], amounts: Amounts, events: f32) {
        let row = self.row(id, eta.len() + BEYOND);
        let more = [amounts[0] as f32, amounts[1] as f32, events];
        row.iter_mut().zip(eta.iter().chain(&more)).for_each(|(x, more)| *x += more);
    }

    /// Adds what is told by other rows.
    pub(crate) fn merge(&mut self, other: &Told) {
        for (id, row) in other.rows() {
            self.row(id, row.len()).iter_mut().zip(row).for_each(|(x, y)| *x += y);
        }
        // Rows of which nothing is told any more make room.
        let kept = self.sorted();
        if 2 * kept.len() < self.index.len() {
            let mut told = Told::of(kept.into_iter());
            told.marks.follow(&self.marks);
            *self = told;
        }
    }

    /// Whether the row was told of under a client key that was given up, and is not to be told of again.
    pub(crate) fn is_closed(&self, id: FeatureId) -> bool {
        self.events(id) < 0.0
    }

    /// Whether anything was told of the row.
    pub(crate) fn has(&self, id: FeatureId) -> bool {
        self.index.find(id).is_some()
    }

    /// None of these rows is told of again.
    pub(crate) fn close(&mut self) {
        let stride = self.stride;
        for row in self.numbers.chunks_exact_mut(stride.max(1)) {
            row.fill(0.0);
            row[stride - 1] = -1.0;
        }
        self.marks.touch_all();
    }

    /// The row is not told of again; `stride` is what rows have.
    pub(crate) fn close_row(&mut self, id: FeatureId, stride: usize) {
        let row = self.row(id, stride);
        row.fill(0.0);
        row[stride - 1] = -1.0;
    }

    /// An event of this row is no longer kept: what was told of it stands, and its share is not looked at again. Whether one was told of.
    pub(crate) fn release(&mut self, id: FeatureId) -> bool {
        let Some(slot) = self.index.find(id) else { return false };
        let row = &mut self.numbers[slot * self.stride..(slot + 1) * self.stride];
        let events = row[row.len() - 1];
        // One that is not told of again has to be remembered.
        if events < 0.0 {
            return false;
        }
        let left = if events > 1.0 { 1.0 - 1.0 / events } else { 0.0 };
        row.iter_mut().for_each(|x| *x *= left);
        self.marks.touch(slot);
        events > 0.0
    }

    /// The rows by ascending id, but for those of which nothing is told.
    pub(crate) fn sorted(&self) -> Vec<(FeatureId, &[f32])> {
        let rows: Vec<_> = self.rows().filter(|(_, row)| row.iter().any(|x| *x != 0.0)).collect();
        ordered(&rows, |(a, _), (b, _)| a.cmp(b))
    }

    /// The rows of a piece, by their places.
    pub(crate) fn piece(&self, at: usize) -> impl Iterator<Item = (FeatureId, &[f32])> {
        self.rows().skip(at * PIECE).take(PIECE)
    }

    /// How many rows there are, those among them of which nothing is told.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// Takes a row in that was kept; whether it is new.
    pub(crate) fn put(&mut self, id: FeatureId, numbers: &[f32]) -> bool {
        let new = self.index.find(id).is_none();
        self.row(id, numbers.len()).copy_from_slice(numbers);
        new
    }

    fn rows(&self) -> impl Iterator<Item = (FeatureId, &[f32])> {
        self.index.ids().iter().copied().zip(self.numbers.chunks_exact(self.stride.max(1)))
    }

    /// The row of an id; zeros if there was none.
    fn row(&mut self, id: FeatureId, stride: usize) -> &mut [f32] {
        self.stride = stride;
        let (at, new) = self.index.enter(id);
        if new {
            self.numbers.resize(self.numbers.len() + stride, 0.0);
        }
        self.marks.touch(at);
        &mut self.numbers[at * stride..(at + 1) * stride]
    }
}

fn split(row: &[f32]) -> (&[f32], [f64; BEYOND]) {
    let (eta, beyond) = row.split_at(row.len().saturating_sub(BEYOND));
    let mut numbers = [0.0; BEYOND];
    numbers.iter_mut().zip(beyond).for_each(|(x, y)| *x = f64::from(*y));
    (eta, numbers)
}

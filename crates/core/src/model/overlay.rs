//! The overlay: what this browser learnt, as sparse f32 rows over the base. A base is read in place and never written, so that
//! the next one can be put under what was learnt.

use crate::format::base::Base;
use crate::input::feature::{Feature, FeatureId, Features};
use crate::input::index::Index;
use crate::limits::MAX_WEIGHT;
use crate::maths::lanes::{LANES, Lanes, narrow};
use crate::maths::order::ordered;
use crate::model::fm::Sums;
use crate::model::marks::{Marks, PIECE};
use alloc::vec::Vec;
use wide::f32x4;

/// A base and the residual rows over it: personal = base + residual.
#[derive(Debug, Clone)]
pub(crate) struct Overlay {
    base: Base,
    width: usize,
    /// Of a row.
    lanes: usize,
    /// The learnt rows by their slots.
    index: Index,
    /// Slot by slot: the base's row, dequantised once, and the residual.
    cells: Vec<Lanes>,
    /// What each row has been pulled by so far: AdaGrad's accumulator.
    evidence: Vec<f32>,
    /// Of the rows by their slots.
    pub(crate) marks: Marks,
    most: usize,
    /// Rows that made room.
    pub(crate) evicted: u64,
}

impl Overlay {
    /// Nothing learnt yet; at most `most` rows ever.
    pub(crate) fn new(base: Base, most: usize) -> Overlay {
        let width = base.width();
        Overlay {
            base,
            width,
            lanes: width.div_ceil(LANES),
            index: Index::default(),
            cells: Vec::new(),
            evidence: Vec::new(),
            marks: Marks::default(),
            most: most.max(8),
            evicted: 0,
        }
    }

    pub(crate) fn base(&self) -> &Base {
        &self.base
    }

    /// How many lanes a row has.
    pub(crate) fn lanes(&self) -> usize {
        self.lanes
    }

    /// Puts another base of the same width under the residual.
    pub(crate) fn swap_base(&mut self, base: Base) {
        self.base = base;
        for (id, cell) in self.index.ids().iter().zip(self.cells.chunks_exact_mut(2 * self.lanes)) {
            read_base(&self.base, *id, &mut cell.as_flattened_mut()[..self.width]);
        }
    }

    /// The slot of a row that was learnt.
    #[inline]
    pub(crate) fn find(&self, id: FeatureId) -> Option<usize> {
        self.index.find(id)
    }

    /// The slot of a row that is to be learnt.
    pub(crate) fn enter(&mut self, id: FeatureId) -> usize {
        let (slot, new) = self.index.enter(id);
        if new {
            let start = self.cells.len();
            self.cells.resize(start + 2 * self.lanes, [0.0; LANES]);
            self.evidence.push(0.0);
            self.marks.touch(slot);
            read_base(&self.base, id, &mut self.cells[start..].as_flattened_mut()[..self.width]);
        }
        slot
    }

    /// The base's row in a slot, and the residual over it.
    #[inline]
    pub(crate) fn at(&self, slot: usize) -> (&[Lanes], &[Lanes]) {
        self.cells[2 * slot * self.lanes..2 * (slot + 1) * self.lanes].split_at(self.lanes)
    }

    /// The base's row, and the residual over it, which is zeros in `spare` where nothing was learnt. And the slot, if there is one.
    #[inline]
    pub(crate) fn read<'a>(
        &'a self,
        id: FeatureId,
        spare: &'a mut Vec<Lanes>,
    ) -> (Option<usize>, &'a [Lanes], &'a [Lanes]) {
        let slot = self.find(id);
        let (under, residual) = match slot {
            Some(slot) => self.at(slot),
            None => {
                spare.resize(2 * self.lanes, [0.0; LANES]);
                read_base(&self.base, id, &mut spare.as_flattened_mut()[..self.width]);
                spare.split_at(self.lanes)
            }
        };
        (slot, under, residual)
    }

    /// The personal row; zeros for a feature never seen.
    pub(crate) fn personal_into(&self, id: FeatureId, row: &mut [f32]) {
        match self.find(id) {
            Some(slot) => {
                let (under, residual) = self.at(slot);
                let cells = under.as_flattened().iter().zip(residual.as_flattened());
                row.iter_mut().zip(cells).for_each(|(x, (under, residual))| *x = under + residual);
            }
            None => read_base(&self.base, id, row),
        }
    }

    /// The base's row; zeros for a feature that it does not have.
    pub(crate) fn base_into(&self, id: FeatureId, row: &mut [f32]) {
        match self.find(id) {
            Some(slot) => row.copy_from_slice(&self.at(slot).0.as_flattened()[..self.width]),
            None => read_base(&self.base, id, row),
        }
    }

    /// The sums over the active rows of an input.
    pub(crate) fn sums(&self, features: &Features) -> Sums {
        let (mut sums, mut spare) = (Sums::new(self.lanes), Vec::new());
        for Feature { id, value, .. } in features.iter() {
            let (_, under, residual) = self.read(*id, &mut spare);
            sums.add_alone(under, residual, *value);
        }
        sums.finish(self.base.metadata().w0);
        sums
    }

    /// AdaGrad's accumulator of a row.
    pub(crate) fn evidence(&self, id: FeatureId) -> f32 {
        self.find(id).map_or(0.0, |slot| self.evidence[slot])
    }

    /// Sets the personal row in a slot, within the bounds of a weight, after a pull with this square.
    pub(crate) fn set_personal(&mut self, slot: usize, row: impl Iterator<Item = f32x4>, evidence: f32) {
        self.evidence[slot] = (self.evidence[slot] + evidence).clamp(0.0, f32::MAX);
        self.marks.touch(slot);
        let cells = &mut self.cells[2 * slot * self.lanes..2 * (slot + 1) * self.lanes];
        let (under, residual) = cells.split_at_mut(self.lanes);
        let most = f32x4::splat(MAX_WEIGHT);
        for ((residual, under), row) in residual.iter_mut().zip(under).zip(row) {
            *residual = (row.fast_max(-most).fast_min(most) - narrow(under)).to_array();
        }
    }

    /// Sets a learnt row, as read from a profile.
    pub(crate) fn set_learnt(&mut self, id: FeatureId, row: &[f32], evidence: f32) {
        let slot = self.enter(id);
        let start = (2 * slot + 1) * self.lanes;
        self.cells[start..start + self.lanes].as_flattened_mut()[..self.width].copy_from_slice(row);
        self.evidence[slot] = evidence;
    }

    /// The learnt rows by ascending id: residual and AdaGrad's accumulator.
    pub(crate) fn learnt(&self) -> Vec<(FeatureId, &[f32], f32)> {
        let rows: Vec<_> = self.residuals().zip(&self.evidence).map(|((id, row), x)| (id, row, *x)).collect();
        ordered(&rows, |(a, ..), (b, ..)| a.cmp(b))
    }

    /// The learnt rows in the order in which they were met.
    pub(crate) fn residuals(&self) -> impl Iterator<Item = (FeatureId, &[f32])> {
        let cells = self.cells.chunks_exact(2 * self.lanes);
        let rows = cells.map(|cell| &cell[self.lanes..].as_flattened()[..self.width]);
        self.index.ids().iter().copied().zip(rows)
    }

    /// The rows of a piece, as [`Overlay::learnt`] tells them.
    pub(crate) fn piece(&self, at: usize) -> impl Iterator<Item = (FeatureId, &[f32], f32)> {
        let range = at * PIECE..self.len().min((at + 1) * PIECE);
        let cells = self.cells[2 * self.lanes * range.start..2 * self.lanes * range.end].chunks_exact(2 * self.lanes);
        let rows = cells.map(|cell| &cell[self.lanes..].as_flattened()[..self.width]);
        let (ids, evidence) = (&self.index.ids()[range.clone()], &self.evidence[range]);
        ids.iter().zip(rows).zip(evidence).map(|((id, row), evidence)| (*id, row, *evidence))
    }

    /// How many rows were learnt.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// Moves every residual by a share of the way to zero, that is, to the base.
    pub(crate) fn pull(&mut self, share: f32) {
        for cell in self.cells.chunks_exact_mut(2 * self.lanes) {
            cell[self.lanes..].as_flattened_mut().iter_mut().for_each(|x| *x *= 1.0 - share);
        }
        self.marks.touch_all();
    }

    /// If there are too many rows, lets go of the eighth that differs least from the base; whether it did.
    pub(crate) fn evict(&mut self) -> bool {
        if self.len() <= self.most {
            return false;
        }
        let length = |row: &[f32]| row.iter().map(|x| x * x).sum::<f32>();
        let rows: Vec<_> = self
            .residuals()
            .zip(&self.evidence)
            .map(|((id, row), evidence)| (length(row), id, row, *evidence))
            .collect();
        let order = ordered(&rows, |(a, i, ..), (b, j, ..)| b.total_cmp(a).then(i.cmp(j)));
        let (kept, gone) = order.split_at(self.most - self.most / 8);
        let mut rows = Overlay::new(self.base.clone(), self.most);
        rows.evicted = self.evicted + gone.len() as u64;
        kept.iter().for_each(|(_, id, row, evidence)| rows.set_learnt(*id, row, *evidence));
        rows.marks.follow(&self.marks);
        *self = rows;
        true
    }
}

fn read_base(base: &Base, id: FeatureId, row: &mut [f32]) {
    match base.find(id) {
        Some(i) => base.row_into(i, row),
        None => row.fill(0.0),
    }
}

//! The overlay: what this browser learnt, as sparse f32 rows over the base.

use crate::learner::MAX_WEIGHT;
use crate::{Base, FeatureId};
use alloc::vec::Vec;
use core::hash::{BuildHasherDefault, Hasher};
use hashbrown::HashMap;

/// A map keyed by feature ids. They are hashes already; and on a device they are the site's own, not an attacker's.
pub(crate) type IdMap<T> = HashMap<FeatureId, T, BuildHasherDefault<IdHasher>>;

#[derive(Debug, Clone, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = id;
    }
}

/// A base and the residual rows over it: personal = base + residual.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    base: Base,
    width: usize,
    slots: IdMap<u32>,
    ids: Vec<FeatureId>,
    /// The base's rows under the learnt ones, dequantised once.
    under: Vec<f32>,
    residual: Vec<f32>,
}

impl Rows {
    pub(crate) fn new(base: Base) -> Rows {
        let width = base.width();
        Rows { base, width, slots: IdMap::default(), ids: Vec::new(), under: Vec::new(), residual: Vec::new() }
    }

    pub(crate) fn base(&self) -> &Base {
        &self.base
    }

    /// Puts another base of the same width under the residual.
    pub(crate) fn swap_base(&mut self, base: Base) {
        self.base = base;
        for (id, under) in self.ids.iter().zip(self.under.chunks_exact_mut(self.width)) {
            read_base(&self.base, *id, under);
        }
    }

    /// The personal row; zeros for a feature never seen.
    pub(crate) fn personal_into(&self, id: FeatureId, row: &mut [f32]) {
        match self.slots.get(&id) {
            Some(slot) => {
                let at = *slot as usize * self.width;
                let under = &self.under[at..at + self.width];
                let residual = &self.residual[at..at + self.width];
                for ((x, under), residual) in row.iter_mut().zip(under).zip(residual) {
                    *x = under + residual;
                }
            }
            None => read_base(&self.base, id, row),
        }
    }

    /// The base's row; zeros for a feature that it does not have.
    pub(crate) fn base_into(&self, id: FeatureId, row: &mut [f32]) {
        match self.slots.get(&id) {
            Some(slot) => {
                let at = *slot as usize * self.width;
                row.copy_from_slice(&self.under[at..at + self.width]);
            }
            None => read_base(&self.base, id, row),
        }
    }

    /// Sets the personal row, within the bounds of a weight.
    pub(crate) fn set_personal(&mut self, id: FeatureId, row: &[f32]) {
        let at = self.slot(id) * self.width;
        let residual = &mut self.residual[at..at + self.width];
        for ((residual, under), x) in residual.iter_mut().zip(&self.under[at..at + self.width]).zip(row) {
            *residual = x.clamp(-MAX_WEIGHT, MAX_WEIGHT) - under;
        }
    }

    /// Sets the residual of a row, as read from a profile.
    pub(crate) fn set_residual(&mut self, id: FeatureId, row: &[f32]) {
        let at = self.slot(id) * self.width;
        self.residual[at..at + self.width].copy_from_slice(row);
    }

    /// The residual rows, by ascending id.
    pub(crate) fn residuals(&self) -> Vec<(FeatureId, &[f32])> {
        let mut rows: Vec<_> = self.ids.iter().copied().zip(self.residual.chunks_exact(self.width)).collect();
        rows.sort_unstable_by_key(|(id, _)| *id);
        rows
    }

    fn slot(&mut self, id: FeatureId) -> usize {
        let next = self.ids.len();
        let slot = *self.slots.entry(id).or_insert(next as u32) as usize;
        if slot == next {
            self.ids.push(id);
            self.under.resize(self.under.len() + self.width, 0.0);
            self.residual.resize(self.residual.len() + self.width, 0.0);
            read_base(&self.base, id, &mut self.under[next * self.width..]);
        }
        slot
    }
}

fn read_base(base: &Base, id: FeatureId, row: &mut [f32]) {
    match base.find(id) {
        Some(i) => base.row_into(i, row),
        None => row.fill(0.0),
    }
}

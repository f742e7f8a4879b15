//! The overlay: what this browser learnt, as sparse f32 rows over the base.

use crate::fm::Sums;
use crate::learner::MAX_WEIGHT;
use crate::order::ordered;
use crate::{Base, Feature, FeatureId, Features};
use alloc::vec;
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
    /// What each row has been pulled by so far: AdaGrad's accumulator.
    evidence: Vec<f32>,
    most: usize,
    /// Rows that made room.
    pub(crate) evicted: u64,
}

impl Rows {
    /// Nothing learnt yet; at most `most` rows ever.
    pub(crate) fn new(base: Base, most: usize) -> Rows {
        let width = base.width();
        Rows {
            base,
            width,
            slots: IdMap::default(),
            ids: Vec::new(),
            under: Vec::new(),
            residual: Vec::new(),
            evidence: Vec::new(),
            most: most.max(8),
            evicted: 0,
        }
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

    /// The sums over the active rows of an input, of the base's and of the personal ones.
    pub(crate) fn sums(&self, features: &Features) -> [Sums; 2] {
        let w0 = self.base.metadata().w0;
        let [mut base, mut personal] = [Sums::new(self.width, w0), Sums::new(self.width, w0)];
        let mut row = vec![0.0; self.width];
        for Feature { id, value, .. } in features.iter() {
            match self.slots.get(id) {
                Some(slot) => {
                    let at = *slot as usize * self.width;
                    let under = &self.under[at..at + self.width];
                    let residual = &self.residual[at..at + self.width];
                    base.add(under, *value);
                    row.iter_mut().zip(under).zip(residual).for_each(|((x, under), residual)| *x = under + residual);
                    personal.add(&row, *value);
                }
                None => {
                    read_base(&self.base, *id, &mut row);
                    base.add(&row, *value);
                    personal.add(&row, *value);
                }
            }
        }
        [base, personal]
    }

    /// AdaGrad's accumulator of a row.
    pub(crate) fn evidence(&self, id: FeatureId) -> f32 {
        self.slots.get(&id).map_or(0.0, |slot| self.evidence[*slot as usize])
    }

    /// Sets the personal row, within the bounds of a weight, after a pull of this size.
    pub(crate) fn set_personal(&mut self, id: FeatureId, row: &[f32], pull: f64) {
        let slot = self.slot(id);
        let at = slot * self.width;
        self.evidence[slot] = (self.evidence[slot] + (pull * pull) as f32).min(f32::MAX);
        let residual = &mut self.residual[at..at + self.width];
        for ((residual, under), x) in residual.iter_mut().zip(&self.under[at..at + self.width]).zip(row) {
            *residual = x.clamp(-MAX_WEIGHT, MAX_WEIGHT) - under;
        }
    }

    /// Sets a learnt row, as read from a profile.
    pub(crate) fn set_learnt(&mut self, id: FeatureId, row: &[f32], evidence: f32) {
        let slot = self.slot(id);
        let at = slot * self.width;
        self.residual[at..at + self.width].copy_from_slice(row);
        self.evidence[slot] = evidence;
    }

    /// The learnt rows by ascending id: residual and AdaGrad's accumulator.
    pub(crate) fn learnt(&self) -> Vec<(FeatureId, &[f32], f32)> {
        let rows = self.ids.iter().zip(self.residual.chunks_exact(self.width)).zip(&self.evidence);
        let rows: Vec<_> = rows.map(|((id, row), evidence)| (*id, row, *evidence)).collect();
        ordered(&rows, |(a, ..), (b, ..)| a.cmp(b))
    }

    /// The learnt rows in the order in which they were met.
    pub(crate) fn residuals(&self) -> impl Iterator<Item = (FeatureId, &[f32])> {
        self.ids.iter().copied().zip(self.residual.chunks_exact(self.width))
    }

    /// How many rows were learnt.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Moves every residual by a share of the way to zero, that is, to the base.
    pub(crate) fn pull(&mut self, share: f32) {
        self.residual.iter_mut().for_each(|x| *x *= 1.0 - share);
    }

    /// If there are too many rows, lets go of the eighth that differs least from the base. `gone` takes those rows.
    pub(crate) fn evict(&mut self, gone: &mut dyn FnMut(FeatureId)) {
        if self.ids.len() <= self.most {
            return;
        }
        let length = |row: &[f32]| row.iter().map(|x| x * x).sum::<f32>();
        let order: Vec<(f32, FeatureId)> =
            self.ids.iter().zip(self.residual.chunks_exact(self.width)).map(|(id, row)| (length(row), *id)).collect();
        let order = ordered(&order, |(a, i), (b, j)| b.total_cmp(a).then(i.cmp(j)));
        let kept = self.most - self.most / 8;
        let mut rows = Rows::new(self.base.clone(), self.most);
        rows.evicted = self.evicted + (self.ids.len() - kept) as u64;
        order.iter().skip(kept).for_each(|(_, id)| gone(*id));
        for (_, id) in order.iter().take(kept) {
            if let Some(slot) = self.slots.get(id).map(|slot| *slot as usize) {
                let at = slot * self.width;
                rows.set_learnt(*id, &self.residual[at..at + self.width], self.evidence[slot]);
            }
        }
        *self = rows;
    }

    fn slot(&mut self, id: FeatureId) -> usize {
        let next = self.ids.len();
        let slot = *self.slots.entry(id).or_insert(next as u32) as usize;
        if slot == next {
            self.ids.push(id);
            self.under.resize(self.under.len() + self.width, 0.0);
            self.residual.resize(self.residual.len() + self.width, 0.0);
            self.evidence.push(0.0);
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

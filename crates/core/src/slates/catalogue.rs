//! The catalogue: items and, for each, the sums that ranking needs.
//!
//! With the context fixed, an item's score is const + b_i + <q_ctx, q_i>, where b_i (its weights and its own pairs) and
//! q_i (the sum of its factors) depend on the item alone. They are kept current under learning: a learnt row is marked,
//! and the items that have it are summed again before the next ranking. What the whole catalogue is ranked by is summed beside it,
//! without pairs.

use crate::input::feature::{Feature, FeatureId, Features};
use crate::input::index::Index;
use crate::input::scale::Scales;
use crate::maths::lanes::{LANES, narrow};
use alloc::collections::BinaryHeap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Ordering;
use wide::f32x4;

/// Items in a block. A block holds b of its items, then each factor of its items, so that the inner loop runs over
/// neighbours in memory and becomes SIMD.
const BLOCK: usize = 64;

#[derive(Debug, Clone)]
pub(crate) struct Catalogue {
    /// 1 + k.
    width: usize,
    /// With the numbers that the whole catalogue is ranked by, if there are some.
    stride: usize,
    rows: Index,
    row_values: Vec<f32>,
    stale: Vec<bool>,
    any_stale: bool,
    index: Index,
    items: Vec<Item>,
    blocks: Vec<f32>,
}

#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) id: String,
    /// As they were given: numbers whose scale the seed does not know are scaled when they are used.
    pub(crate) features: Features,
    rows: Vec<(u32, f32)>,
}

/// An item's place in a ranking: a higher score first, ties by id.
struct Place<'a> {
    score: f32,
    id: &'a str,
    at: usize,
}

impl Catalogue {
    /// Of rows of `width` numbers, 1 + k, and then `beyond` that the whole catalogue is ranked by.
    pub(crate) fn new(width: usize, beyond: usize) -> Catalogue {
        Catalogue {
            width,
            stride: width + beyond,
            rows: Index::default(),
            row_values: Vec::new(),
            stale: Vec::new(),
            any_stale: false,
            index: Index::default(),
            items: Vec::new(),
            blocks: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn item(&self, at: usize) -> &Item {
        &self.items[at]
    }

    /// Adds an item, or gives the one of this id other features.
    pub(crate) fn set(&mut self, key: FeatureId, id: &str, features: Features) {
        let rows = features.iter().map(|f| self.intern(f)).collect();
        let item = Item { id: id.into(), features, rows };
        // One stale row is enough to have the item summed; it may share all its rows with others.
        if let Some((row, _)) = item.rows.first() {
            self.stale[*row as usize] = true;
        }
        self.any_stale = true;
        let (at, new) = self.index.enter(key);
        if !new {
            self.items[at] = item;
            return;
        }
        if at.is_multiple_of(BLOCK) {
            self.blocks.resize(self.blocks.len() + BLOCK * self.stride, 0.0);
        }
        self.items.push(item);
    }

    /// Keeps some of the items, and of rows those that they have.
    pub(crate) fn retain(&mut self, keep: impl Fn(FeatureId) -> bool) {
        let old = core::mem::replace(self, Catalogue::new(self.width, self.stride - self.width));
        for (key, item) in old.index.ids().iter().zip(old.items) {
            if keep(*key) {
                self.set(*key, &item.id, item.features);
            }
        }
    }

    /// The place of the row, which is read before the next ranking.
    fn intern(&mut self, feature: &Feature) -> (u32, f32) {
        let (row, new) = self.rows.enter(feature.id);
        if new {
            self.row_values.resize(self.row_values.len() + self.stride, 0.0);
            self.stale.push(true);
        }
        (row as u32, feature.value)
    }

    /// Marks a row that was learnt.
    pub(crate) fn touch(&mut self, id: FeatureId) {
        if let Some(row) = self.rows.find(id) {
            self.stale[row] = true;
            self.any_stale = true;
        }
    }

    /// Marks all rows: the base is another.
    pub(crate) fn touch_all(&mut self) {
        self.stale.fill(true);
        self.any_stale = true;
    }

    /// Sums again what was learnt since; `read` gives the two parts of a row, `scales` how far numbers are from the usual.
    pub(crate) fn refresh(&mut self, scales: &Scales, read: impl Fn(FeatureId, &mut [f32], &mut [f32])) {
        if !self.any_stale {
            return;
        }
        let (width, stride) = (self.width, self.stride);
        for ((stale, id), values) in
            self.stale.iter().zip(self.rows.ids()).zip(self.row_values.chunks_exact_mut(stride))
        {
            if *stale {
                let (values, beyond) = values.split_at_mut(width);
                read(*id, values, beyond);
            }
        }
        let mut sums = vec![0.0; stride];
        for (at, item) in self.items.iter_mut().enumerate() {
            if !item.rows.iter().any(|(row, _)| self.stale[*row as usize]) {
                continue;
            }
            if item.features.is_raw() {
                item.rows.iter_mut().zip(item.features.iter()).for_each(|((_, x), feature)| *x = scales.value(feature));
            }
            sums.fill(0.0);
            let mut squares = 0.0;
            for (row, x) in &item.rows {
                let row = &self.row_values[*row as usize * stride..(*row as usize + 1) * stride];
                sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += v * x);
                squares = row[1..width].iter().fold(squares, |sum, v| sum + v * x * (v * x));
            }
            sums[0] += 0.5 * (sums[1..width].iter().fold(0.0, |sum, q| sum + q * q) - squares);
            let block = at / BLOCK * BLOCK * stride;
            for (column, sum) in sums.iter().enumerate() {
                self.blocks[block + column * BLOCK + at % BLOCK] = *sum;
            }
        }
        self.stale.fill(false);
        self.any_stale = false;
    }

    /// Where the item whose id feature is `key` stands.
    pub(crate) fn find(&self, key: FeatureId) -> Option<usize> {
        self.index.find(key)
    }

    /// An item's numbers from `first` on.
    pub(crate) fn numbers(&self, at: usize, first: usize) -> Vec<f32> {
        let block = at / BLOCK * BLOCK * self.stride;
        (first..self.stride).map(|column| self.blocks[block + column * BLOCK + at % BLOCK]).collect()
    }

    /// The `k` best of the items that pass, with their scores: const + <q, q_i>, q_i their numbers from `first` on.
    pub(crate) fn top(
        &self,
        constant: f32,
        q: &[f32],
        first: usize,
        k: usize,
        pass: Option<&[bool]>,
    ) -> Vec<(usize, f32)> {
        let k = k.min(self.items.len());
        if k == 0 {
            return Vec::new();
        }
        // The worst of the best stands on top and is what a newcomer must beat.
        let mut best: BinaryHeap<Place<'_>> = BinaryHeap::with_capacity(k + 1);
        let mut scores = [0f32; BLOCK];
        let blocks = self.blocks.chunks_exact(BLOCK * self.stride).zip(self.items.chunks(BLOCK));
        for (block_at, (block, items)) in blocks.enumerate() {
            let highest = score_block(q, &block[BLOCK * first..], &mut scores);
            if best.len() == k && best.peek().is_none_or(|worst| highest < worst.score) {
                continue;
            }
            for (i, (item, score)) in items.iter().zip(&scores).enumerate() {
                if best.len() == k && best.peek().is_none_or(|worst| *score < worst.score) {
                    continue;
                }
                if pass.is_some_and(|pass| !pass[block_at * BLOCK + i]) {
                    continue;
                }
                best.push(Place { score: *score, id: &item.id, at: block_at * BLOCK + i });
                if best.len() > k {
                    best.pop();
                }
            }
        }
        best.into_sorted_vec().into_iter().map(|place| (place.at, constant + place.score)).collect()
    }
}

/// Vectors whose scores are summed at once: so many fit the registers of a vector unit.
const STRIP: usize = 4;

/// <q, q_i> of a block's items; returns the highest.
fn score_block(q: &[f32], block: &[f32], scores: &mut [f32; BLOCK]) -> f32 {
    let mut highest = f32x4::splat(f32::NEG_INFINITY);
    let strips = scores.as_chunks_mut::<LANES>().0.as_chunks_mut::<STRIP>().0;
    for (part, scores) in strips.iter_mut().enumerate() {
        let [mut a, mut b, mut c, mut d] = [f32x4::ZERO; STRIP];
        for (q, column) in q.iter().zip(block.as_chunks::<BLOCK>().0) {
            // The remainder changes nothing, and spares the loop a check.
            let [w, x, y, z] = &column.as_chunks::<LANES>().0.as_chunks::<STRIP>().0[part % (BLOCK / LANES / STRIP)];
            a += narrow(w) * *q;
            b += narrow(x) * *q;
            c += narrow(y) * *q;
            d += narrow(z) * *q;
        }
        *scores = [a.to_array(), b.to_array(), c.to_array(), d.to_array()];
        for sums in [a, b, c, d] {
            highest = sums.simd_gt(highest).select(sums, highest);
        }
    }
    highest.to_array().into_iter().fold(f32::NEG_INFINITY, |highest, x| if x > highest { x } else { highest })
}

impl Ord for Place<'_> {
    /// Greater is worse.
    fn cmp(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then_with(|| self.id.cmp(other.id))
    }
}

impl PartialOrd for Place<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Place<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Place<'_> {}

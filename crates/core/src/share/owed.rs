//! Gradients that clients told and that no step has followed to the end, of the rows that have one.

use alloc::vec::Vec;

/// By the rows' places in the aggregate.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Owed {
    /// For each place a slot plus one, or 0 where nothing is owed; places beyond its end have none.
    slots: Vec<u32>,
    places: Vec<usize>,
    numbers: Vec<f32>,
}

impl Owed {
    /// The gradient of `width` numbers of the row at a place; zeros if there was none.
    pub(crate) fn row(&mut self, place: usize, width: usize) -> &mut [f32] {
        if place >= self.slots.len() {
            self.slots.resize(place + 1, 0);
        }
        if self.slots[place] == 0 {
            self.places.push(place);
            self.numbers.resize(self.places.len() * width, 0.0);
            self.slots[place] = self.places.len() as u32;
        }
        let slot = self.slots[place] as usize - 1;
        &mut self.numbers[slot * width..(slot + 1) * width]
    }

    /// The places of the rows that have one.
    pub(crate) fn places(&self) -> &[usize] {
        &self.places
    }

    /// The rows that have one, with their places.
    pub(crate) fn rows(&self, width: usize) -> impl Iterator<Item = (usize, &[f32])> {
        self.places.iter().copied().zip(self.numbers.chunks_exact(width))
    }

    /// Lets go of gradients that are zero; the others stand in the order of their places.
    pub(crate) fn settle(&mut self, width: usize) {
        let mut left: Vec<_> = self.rows(width).filter(|(_, row)| row.iter().any(|x| *x != 0.0)).collect();
        left.sort_unstable_by_key(|(place, _)| *place);
        let mut owed = Owed::default();
        left.into_iter().for_each(|(place, row)| owed.row(place, width).copy_from_slice(row));
        *self = owed;
    }
}

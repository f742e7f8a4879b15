//! The profile in pieces, for who keeps it: the learnt rows of each model, and before them those that the endpoint was told of, by 64s in the
//! order in which they were met, so that what an event does not move need not be written again. All else is the head: a profile without rows.
//!
//! A piece is the rows' ids (u64), then row by row their numbers (f32), all little-endian: of a learnt row its AdaGrad accumulator and its
//! residual, of one that was told what `share/told.rs` says. All but the last of a list hold 64.

use crate::config::Config;
use crate::error::Error;
use crate::format::base::Base;
use crate::input::feature::FeatureId;
use crate::learner::state::Learner;
use crate::limits::MAX_WEIGHT;
use crate::model::marks::PIECE;
use crate::share::told::BEYOND;
use alloc::vec::Vec;

/// Some rows, as they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The list: 0 is what was told, 1 the model, and then come the shadows.
    pub list: usize,
    /// Which of the list's pieces.
    pub at: usize,
    /// The rows.
    pub bytes: Vec<u8>,
}

impl Learner {
    /// What has changed since the `mark` that this function gave before, 0 for all: pieces of rows, and another mark.
    pub fn changed_rows(&mut self, mark: u64) -> (Vec<Piece>, u64) {
        let mut pieces = Vec::new();
        let told = &self.outbox.told;
        for at in told.marks.changed(mark) {
            let rows = || told.piece(at);
            let numbers = rows().flat_map(|(_, row)| row.iter().copied());
            pieces.push(Piece { list: 0, at, bytes: written(rows().map(|(id, _)| id), numbers) });
        }
        for (model, list) in self.models.iter().zip(1..) {
            for at in model.rows.marks.changed(mark) {
                let rows = || model.rows.piece(at);
                let numbers =
                    rows().flat_map(|(_, row, evidence)| core::iter::once(evidence).chain(row.iter().copied()));
                pieces.push(Piece { list, at, bytes: written(rows().map(|(id, ..)| id), numbers) });
            }
        }
        // They all begin alike and go on together.
        let marks = self.models.iter_mut().map(|model| &mut model.rows.marks).chain([&mut self.outbox.told.marks]);
        (pieces, marks.map(|marks| marks.next()).fold(mark, u64::max))
    }

    /// How many pieces each list of rows is.
    pub fn row_pieces(&self) -> Vec<usize> {
        let rows = self.models.iter().map(|model| model.rows.len());
        core::iter::once(self.outbox.told.len()).chain(rows).map(|rows| rows.div_ceil(PIECE)).collect()
    }

    /// A learner of a head and of the pieces of each list. A profile that is whole is a head without pieces.
    #[cold]
    #[inline(never)]
    pub fn restore_pieces(base: Base, config: Config, head: &[u8], lists: &[Vec<Vec<u8>>]) -> Result<Learner, Error> {
        let mut learner = Learner::restore(base, config, head)?;
        let width = learner.base().width();
        let Some((pieces, models)) = lists.split_first() else { return Ok(learner) };
        let told = &mut learner.outbox.told;
        read(pieces, width + BEYOND, told.len(), &mut |id, row| {
            row.iter().all(|x| x.is_finite()) && told.put(id, row)
        })?;
        told.marks.keep();
        // A shadow that is no longer configured is left out.
        for (model, pieces) in learner.models.iter_mut().zip(models) {
            let rows = &mut model.rows;
            read(pieces, 1 + width, rows.len(), &mut |id, row| {
                let (evidence, row) = (row[0], &row[1..]);
                // A residual may lead from one end of a weight's range to the other.
                let fine = evidence.is_finite() && row.iter().all(|x| x.abs() <= 2.0 * MAX_WEIGHT);
                let new = fine && rows.find(id).is_none();
                if new {
                    rows.set_learnt(id, row, evidence);
                }
                new
            })?;
            model.rows.marks.keep();
        }
        Ok(learner)
    }
}

fn written(ids: impl Iterator<Item = FeatureId>, numbers: impl Iterator<Item = f32>) -> Vec<u8> {
    let mut bytes = Vec::new();
    ids.for_each(|id| bytes.extend_from_slice(&id.0.to_le_bytes()));
    numbers.for_each(|x| bytes.extend_from_slice(&x.to_le_bytes()));
    bytes
}

/// Hands over the rows of pieces, of so many numbers each, to who says whether it takes them; there are `rows` before them.
fn read(
    pieces: &[Vec<u8>],
    stride: usize,
    mut rows: usize,
    take: &mut dyn FnMut(FeatureId, &[f32]) -> bool,
) -> Result<(), Error> {
    let broken = Error::BadProfile("its rows are broken");
    for (at, bytes) in pieces.iter().enumerate() {
        let count = bytes.len() / (8 + 4 * stride);
        let whole = count * (8 + 4 * stride) == bytes.len() && (1..=PIECE).contains(&count);
        if !whole || rows != at * PIECE {
            return Err(broken);
        }
        let (ids, numbers) = bytes.split_at(8 * count);
        let numbers: Vec<f32> = numbers.as_chunks::<4>().0.iter().map(|x| f32::from_le_bytes(*x)).collect();
        for (id, row) in ids.as_chunks::<8>().0.iter().zip(numbers.chunks_exact(stride)) {
            if !take(FeatureId(u64::from_le_bytes(*id)), row) {
                return Err(broken);
            }
        }
        rows += count;
    }
    Ok(())
}

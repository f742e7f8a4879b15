//! The profile in pieces, for who keeps it: the learnt rows of each model by 64s, in the order in which they were met, so that what an event
//! does not move need not be written again. What is not rows is one piece, the head: a profile without rows.
//!
//! A piece is the rows' ids (u64), their AdaGrad accumulators (f32), then their residuals (f32), all little-endian. All but a model's last hold 64.

use crate::config::Config;
use crate::error::Error;
use crate::format::base::Base;
use crate::input::feature::FeatureId;
use crate::learner::state::Learner;
use crate::limits::MAX_WEIGHT;
use crate::model::overlay::PIECE;
use alloc::vec::Vec;

/// Some rows of a model, as they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The model: 0, or 1 and the place of a shadow.
    pub model: usize,
    /// Which of the model's pieces.
    pub at: usize,
    /// The rows.
    pub bytes: Vec<u8>,
}

impl Learner {
    /// What has changed since the `mark` that this function gave before, 0 for all: pieces of rows, and another mark.
    pub fn changed_rows(&mut self, mark: u64) -> (Vec<Piece>, u64) {
        let (mut pieces, mut now) = (Vec::new(), mark);
        for (model, of) in self.models.iter_mut().enumerate() {
            now = of.rows.next_mark();
            for at in of.rows.changed(mark) {
                let mut bytes = Vec::new();
                let rows = || of.rows.piece(at);
                rows().for_each(|(id, ..)| bytes.extend_from_slice(&id.0.to_le_bytes()));
                rows().for_each(|(.., evidence)| bytes.extend_from_slice(&evidence.to_le_bytes()));
                rows().for_each(|(_, row, _)| row.iter().for_each(|x| bytes.extend_from_slice(&x.to_le_bytes())));
                pieces.push(Piece { model, at, bytes });
            }
        }
        (pieces, now)
    }

    /// How many pieces the rows of each model are.
    pub fn row_pieces(&self) -> Vec<usize> {
        self.models.iter().map(|model| model.rows.len().div_ceil(PIECE)).collect()
    }

    /// A learner of a head and of the pieces of each model. A profile that is whole is a head without pieces.
    #[cold]
    #[inline(never)]
    pub fn restore_pieces(base: Base, config: Config, head: &[u8], pieces: &[Vec<Vec<u8>>]) -> Result<Learner, Error> {
        let mut learner = Learner::restore(base, config, head)?;
        let width = learner.base().width();
        let broken = Error::BadProfile("its rows are broken");
        // A shadow that is no longer configured is left out.
        for (model, pieces) in learner.models.iter_mut().zip(pieces) {
            for (at, bytes) in pieces.iter().enumerate() {
                let rows = bytes.len() / (12 + 4 * width);
                let whole = rows * (12 + 4 * width) == bytes.len() && (1..=PIECE).contains(&rows);
                if !whole || model.rows.len() != at * PIECE {
                    return Err(broken);
                }
                let (ids, numbers) = bytes.split_at(8 * rows);
                let (evidence, residuals) = numbers.as_chunks::<4>().0.split_at(rows);
                let all = ids.as_chunks::<8>().0.iter().zip(evidence).zip(residuals.chunks_exact(width));
                for ((id, evidence), row) in all {
                    let row: Vec<f32> = row.iter().map(|x| f32::from_le_bytes(*x)).collect();
                    let evidence = f32::from_le_bytes(*evidence);
                    // A residual may lead from one end of a weight's range to the other.
                    let fine = row.iter().all(|x| x.abs() <= 2.0 * MAX_WEIGHT) && evidence.is_finite();
                    let id = FeatureId(u64::from_le_bytes(*id));
                    if !fine || model.rows.find(id).is_some() {
                        return Err(broken);
                    }
                    model.rows.set_learnt(id, &row, evidence);
                }
            }
            if !pieces.is_empty() {
                model.rows.keep();
            }
        }
        Ok(learner)
    }
}

//! Events block by block, so that no more of them need be in memory than are worked on.

use super::batch::{Batch, Shape};
use super::events::Events;
use super::summary::Summary;
use crate::error::{Context, Result};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Mutex;

/// Rows of a block: the unit that rows are kept, read and shuffled by.
pub(crate) const BLOCK: usize = 4096;

/// Events, block by block in the order of the file, in memory or in a file, with what is known of them all.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) summary: Summary,
    pub(crate) blocks: Blocks,
}

#[derive(Debug)]
pub(crate) enum Blocks {
    Memory(Vec<Box<[u8]>>),
    /// From this offset on.
    File(Mutex<File>, u64),
}

impl Store {
    /// Of events that are in memory.
    pub(crate) fn of(events: Events) -> Store {
        // Training learns every label at once, however late it came.
        let Events { users, items, occasions, .. } = events;
        let Events { user, item, label, target, weight, time, slate, place, propensity, occasion, .. } = events;
        let shape = Shape {
            weight: !weight.is_empty(),
            time: !time.is_empty(),
            slate: !slate.is_empty(),
            place: !place.is_empty(),
            propensity: !propensity.is_empty(),
            context: !occasion.is_empty(),
        };
        let mut summary = Summary { shape, users, items, occasions, rows: user.len(), ..Summary::new() };
        summary.counts.resize(summary.users.len(), 0);
        let rows = Batch { user, item, target, weight, label, time, slate, place, propensity, occasion };
        let (mut block, mut bytes, mut blocks) = (Batch::default(), Vec::new(), Vec::new());
        for row in 0..rows.len() {
            summary.counts[rows.user[row] as usize] += 1;
            summary.add(rows.label[row], rows.target[row], rows.weight.get(row).copied().unwrap_or(1.0));
            block.push_row(&rows, row);
            if block.len() == BLOCK || row + 1 == rows.len() {
                block.encode(&mut bytes);
                blocks.push(bytes.as_slice().into());
                block.clear();
            }
        }
        Store { summary, blocks: Blocks::Memory(blocks) }
    }

    pub(crate) fn summary(&self) -> &Summary {
        &self.summary
    }

    pub(crate) fn len(&self) -> usize {
        self.summary.rows
    }

    pub(crate) fn blocks(&self) -> usize {
        self.len().div_ceil(BLOCK)
    }

    /// Adds a block's rows to a batch.
    pub(crate) fn read(&self, block: usize, batch: &mut Batch) -> Result<()> {
        self.decode(block, self.summary.shape.row_bytes(), batch)
    }

    /// The same without the columns that training does not read.
    pub(crate) fn read_learnt(&self, block: usize, batch: &mut Batch) -> Result<()> {
        self.decode(block, self.summary.shape.learnt_bytes(), batch)
    }

    /// All events, in memory.
    pub(crate) fn events(&self) -> Result<Events> {
        let mut batch = Batch::default();
        (0..self.blocks()).try_for_each(|block| self.read(block, &mut batch))?;
        Ok(Events::new(self.summary(), batch))
    }

    /// As a disk that fails.
    #[cfg(test)]
    pub(crate) fn truncate(&mut self) {
        if let Blocks::File(file, _) = &self.blocks {
            file.lock().unwrap().set_len(5000).unwrap();
        }
    }

    fn decode(&self, block: usize, row_bytes: usize, batch: &mut Batch) -> Result<()> {
        let rows = BLOCK.min(self.len() - block * BLOCK);
        match &self.blocks {
            Blocks::Memory(blocks) => batch.decode(&blocks[block][..rows * row_bytes], rows, self.summary.shape),
            Blocks::File(file, start) => {
                let mut bytes = vec![0; rows * row_bytes];
                let at = start + (block * BLOCK * self.summary.shape.row_bytes()) as u64;
                // A reader that panicked left no state but the position, which is set anew.
                let mut file = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                file.seek(SeekFrom::Start(at))
                    .and_then(|_| file.read_exact(&mut bytes))
                    .context("cannot read the events back from their file")?;
                drop(file);
                batch.decode(&bytes, rows, self.summary.shape);
            }
        }
        Ok(())
    }
}

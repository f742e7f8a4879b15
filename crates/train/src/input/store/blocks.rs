use super::batch::{Batch, Shape};
use super::{Events, Interner, SideTable};
use crate::error::{Context, Result};
use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Rows of a block: the unit that rows are kept, read and shuffled by.
pub(crate) const BLOCK: usize = 4096;

/// Events, block by block in the order of the file, in memory or in a file, with what is known of them all.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) summary: Summary,
    pub(crate) blocks: Blocks,
}

/// What is known of all events together.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) shape: Shape,
    pub(crate) users: Arc<Interner>,
    pub(crate) items: Arc<Interner>,
    pub(crate) rows: usize,
    /// Events of each user.
    pub(crate) counts: Vec<u32>,
    /// The least and the largest label.
    pub(crate) labels: (f32, f32),
    /// Sum of the weights, and of the targets, each with its weight.
    pub(crate) weights: f64,
    pub(crate) targets: f64,
    /// What the events themselves told of the fields of items.
    pub(crate) item_fields: SideTable,
    /// Rows that were left out because they are bad.
    pub(crate) bad: u64,
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
        let Events { users, items, user, item, label, target, weight, time, delay: _ } = events;
        let shape = Shape { weight: !weight.is_empty(), time: !time.is_empty() };
        let mut summary = Summary { shape, users, items, rows: user.len(), ..Summary::new() };
        summary.counts.resize(summary.users.len(), 0);
        let rows = Batch { user, item, target, weight, label, time };
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

impl Summary {
    /// Of nothing yet.
    fn new() -> Summary {
        Summary { labels: (f32::MAX, f32::MIN), ..Summary::default() }
    }

    fn add(&mut self, label: f32, target: f32, weight: f32) {
        self.labels = (self.labels.0.min(label), self.labels.1.max(label));
        self.weights += f64::from(weight);
        self.targets += f64::from(weight * target);
    }
}

/// Where blocks go while they are made.
pub(crate) trait Sink {
    fn add(&mut self, block: &[u8]) -> Result<()>;
}

/// Keeps blocks in memory up to a number of bytes, then moves them to a file that nobody else sees and that is gone with
/// the process.
pub(crate) struct Spill<'a> {
    most: usize,
    folder: &'a Path,
    bytes: usize,
    blocks: Vec<Box<[u8]>>,
    file: Option<BufWriter<File>>,
}

impl<'a> Spill<'a> {
    pub(crate) fn new(most: usize, folder: &'a Path) -> Spill<'a> {
        Spill { most, folder, bytes: 0, blocks: Vec::new(), file: None }
    }

    pub(crate) fn finish(self) -> Result<Blocks> {
        Ok(match self.file {
            Some(file) => Blocks::File(Mutex::new(file.into_inner().map_err(|error| error.into_error())?), 0),
            None => Blocks::Memory(self.blocks),
        })
    }
}

impl Sink for Spill<'_> {
    fn add(&mut self, block: &[u8]) -> Result<()> {
        let cannot = || format!("cannot keep the events, which are more than --memory, in {}", self.folder.display());
        self.bytes += block.len();
        if self.file.is_none() && self.bytes <= self.most {
            self.blocks.push(block.into());
            return Ok(());
        }
        if self.file.is_none() {
            let mut file = BufWriter::with_capacity(1 << 20, tempfile::tempfile_in(self.folder).with_context(cannot)?);
            for block in std::mem::take(&mut self.blocks) {
                file.write_all(&block).with_context(cannot)?;
            }
            self.file = Some(file);
        }
        self.file.as_mut().map_or(Ok(()), |file| file.write_all(block)).with_context(cannot)
    }
}

/// One event, checked.
pub(crate) struct Event<'a> {
    pub(crate) user: &'a str,
    pub(crate) item: &'a str,
    pub(crate) label: f32,
    pub(crate) target: f32,
    pub(crate) weight: f32,
    pub(crate) time: f64,
}

/// Makes blocks of events.
pub(crate) struct Builder<S> {
    sink: S,
    users: Interner,
    items: Interner,
    batch: Batch,
    bytes: Vec<u8>,
    summary: Summary,
}

impl<S: Sink> Builder<S> {
    /// `item_fields` are those that the events are to tell.
    pub(crate) fn new(sink: S, item_fields: SideTable) -> Builder<S> {
        let summary = Summary { item_fields, ..Summary::new() };
        let (users, items) = (Interner::default(), Interner::default());
        Builder { sink, users, items, batch: Batch::default(), bytes: Vec::new(), summary }
    }

    /// Which columns there are. Called once, before the first event.
    pub(crate) fn shape(&mut self, shape: Shape) {
        self.summary.shape = shape;
    }

    pub(crate) fn summary(&self) -> &Summary {
        &self.summary
    }

    pub(crate) fn push(&mut self, event: Event<'_>) -> Result<()> {
        let Event { user, item, label, target, weight, time } = event;
        let (user, summary, batch) = (self.users.intern(user), &mut self.summary, &mut self.batch);
        summary.counts.resize(self.users.len(), 0);
        summary.counts[user as usize] += 1;
        summary.rows += 1;
        summary.add(label, target, weight);
        batch.user.push(user);
        batch.item.push(self.items.intern(item));
        batch.label.push(label);
        batch.target.push(target);
        batch.weight.extend(summary.shape.weight.then_some(weight));
        batch.time.extend(summary.shape.time.then_some(time));
        if batch.len() == BLOCK { self.flush() } else { Ok(()) }
    }

    /// What one of the files told of items.
    pub(crate) fn tell(&mut self, item_fields: &SideTable) {
        for id in item_fields.ids() {
            self.summary.item_fields.add(id, item_fields.of(id));
        }
    }

    /// The sink with all blocks, and what is known of them.
    pub(crate) fn finish(mut self, bad: u64) -> Result<(S, Summary)> {
        if self.batch.len() > 0 {
            self.flush()?;
        }
        let (users, items) = (Arc::new(self.users), Arc::new(self.items));
        Ok((self.sink, Summary { users, items, bad, ..self.summary }))
    }

    fn flush(&mut self) -> Result<()> {
        self.batch.encode(&mut self.bytes);
        self.batch.clear();
        self.sink.add(&self.bytes)
    }
}

//! How blocks are made: event by event, into memory, into a file that is gone with the process, or into a cache.

use super::batch::{Batch, Shape};
use super::blocks::{BLOCK, Blocks};
use super::interner::Interner;
use super::occasions::Occasions;
use super::side::SideTable;
use super::summary::Summary;
use crate::error::{Context, Result};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use xxhash_rust::xxh3::xxh3_64;

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
        let cannot = || cannot_keep(self.folder);
        Ok(match self.file {
            Some(file) => {
                let file = file.into_inner().map_err(|error| error.into_error()).with_context(cannot)?;
                Blocks::File(Mutex::new(file), 0)
            }
            None => Blocks::Memory(self.blocks),
        })
    }
}

impl Sink for Spill<'_> {
    fn add(&mut self, block: &[u8]) -> Result<()> {
        let cannot = || cannot_keep(self.folder);
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

fn cannot_keep(folder: &Path) -> String {
    format!("cannot keep the events, which are more than --memory, in {}", folder.display())
}

/// One event, checked.
pub(crate) struct Event<'a> {
    pub(crate) user: &'a str,
    pub(crate) item: &'a str,
    pub(crate) label: f32,
    pub(crate) target: f32,
    pub(crate) weight: f32,
    pub(crate) time: f64,
    pub(crate) slate: Option<&'a str>,
    pub(crate) place: u32,
    pub(crate) propensity: f32,
    pub(crate) context: Option<&'a str>,
}

/// Makes blocks of events.
pub(crate) struct Builder<S> {
    sink: S,
    users: Interner,
    items: Interner,
    /// By user and name, which is the user's alone.
    slates: HashMap<(u32, u64), u32>,
    occasions: Occasions,
    batch: Batch,
    bytes: Vec<u8>,
    summary: Summary,
}

impl<S: Sink> Builder<S> {
    /// `item_fields` are those that the events are to tell, `context` is what tells of the moment.
    pub(crate) fn new(sink: S, item_fields: SideTable, context: &[String]) -> Builder<S> {
        let summary = Summary { item_fields, ..Summary::new() };
        let (users, items) = (Interner::default(), Interner::default());
        let (slates, occasions) = (HashMap::new(), Occasions::of_fields(context));
        Builder { sink, users, items, slates, occasions, batch: Batch::default(), bytes: Vec::new(), summary }
    }

    /// Which columns there are. Called once, before the first event.
    pub(crate) fn shape(&mut self, shape: Shape) {
        self.summary.shape = shape;
    }

    pub(crate) fn summary(&self) -> &Summary {
        &self.summary
    }

    pub(crate) fn push(&mut self, event: Event<'_>) -> Result<()> {
        let Event { user, item, label, target, weight, time, slate, place, propensity, context } = event;
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
        if let Some(slate) = slate {
            let next = self.slates.len() as u32;
            batch.slate.push(*self.slates.entry((user, xxh3_64(slate.as_bytes()))).or_insert(next));
        }
        batch.place.extend(summary.shape.place.then_some(place));
        batch.propensity.extend(summary.shape.propensity.then_some(propensity));
        batch.occasion.extend(context.map(|context| self.occasions.enter(user, context)));
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
        let (users, items, occasions) = (Arc::new(self.users), Arc::new(self.items), Arc::new(self.occasions));
        Ok((self.sink, Summary { users, items, occasions, bad, ..self.summary }))
    }

    fn flush(&mut self) -> Result<()> {
        self.batch.encode(&mut self.bytes);
        self.batch.clear();
        self.sink.add(&self.bytes)
    }
}

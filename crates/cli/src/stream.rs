//! Feeds the trainer: from memory where the events fit, else from the store's file, block by block.

use crate::input::{BLOCK, Batch, Store};
use crate::split::{Split, event};
use crate::trainer::{Event, Rng, Source, Stream};
use anyhow::Result;
use std::sync::mpsc::{channel, sync_channel};

/// All rows, or those that a split leaves to train on, taking no more than about `memory` bytes.
pub(crate) fn source<'a>(store: &'a Store, split: Option<&'a Split>, memory: usize, seed: u64) -> Result<Source<'a>> {
    let summary = store.summary();
    let (rows, targets) = split.map_or((store.len(), summary.targets), |split| (split.rows, split.targets));
    let mean = targets / rows.max(1) as f64;
    let most = memory / size_of::<Event>();
    // While one group is learnt, the next one is read.
    let streamed = Streamed { store, split, rows, mean, group: (most / 2 / BLOCK).max(1), seed };
    if rows > most {
        return Ok(Source::Stream(Box::new(streamed)));
    }
    let mut events = Vec::with_capacity(rows);
    streamed.read(&(0..store.blocks()).collect::<Vec<_>>(), &mut events)?;
    Ok(Source::Memory(events))
}

/// The blocks of a store in random order, so many at a time, and the events of those in random order.
struct Streamed<'a> {
    store: &'a Store,
    split: Option<&'a Split>,
    rows: usize,
    mean: f64,
    /// Blocks that are in memory together.
    group: usize,
    seed: u64,
}

/// The random streams of epochs, apart from the trainer's own.
const ORDER_STREAM: u64 = 1 << 62;

impl Stream for Streamed<'_> {
    fn len(&self) -> usize {
        self.rows
    }

    fn mean(&self) -> f64 {
        self.mean
    }

    fn epoch(&mut self, epoch: usize, learn: &mut dyn FnMut(&[Event])) -> Result<()> {
        let mut rng = Rng::new(self.seed, epoch as u64 | ORDER_STREAM);
        let mut order: Vec<usize> = (0..self.store.blocks()).collect();
        rng.shuffle(&mut order);
        let streamed = &*self;
        std::thread::scope(|scope| {
            let (full, groups) = sync_channel::<Result<Vec<Event>>>(0);
            let (used, empty) = channel::<Vec<Event>>();
            scope.spawn(move || {
                for blocks in order.chunks(streamed.group) {
                    let mut events = empty.try_recv().unwrap_or_default();
                    events.clear();
                    let group = streamed.read(blocks, &mut events).map(|()| {
                        rng.shuffle(&mut events);
                        events
                    });
                    // Nobody takes it if learning has stopped.
                    if full.send(group).is_err() {
                        return;
                    }
                }
            });
            for events in groups {
                let events = events?;
                learn(&events);
                // The reading thread may be through.
                let _ = used.send(events);
            }
            Ok(())
        })
    }
}

impl Streamed<'_> {
    fn read(&self, blocks: &[usize], events: &mut Vec<Event>) -> Result<()> {
        let mut batch = Batch::default();
        for &block in blocks {
            batch.clear();
            self.store.read_learnt(block, &mut batch)?;
            match self.split {
                Some(split) => events.extend(split.train(block, &batch).map(|row| event(&batch, row))),
                None => events.extend((0..batch.len()).map(|row| event(&batch, row))),
            }
        }
        Ok(())
    }
}

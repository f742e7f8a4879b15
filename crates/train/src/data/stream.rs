//! Feeds the trainer: from memory where the events fit, else from the store's file, block by block.

use super::holdout::{Split, event};
use crate::error::Result;
use crate::input::{BLOCK, Batch, Store};
use crate::maths::Rng;
use crate::trainer::{Event, Source, Stream};
use std::sync::mpsc::{channel, sync_channel};

/// All rows, or those that a split leaves to train on, taking no more than about `memory` bytes.
pub(crate) fn source<'a>(
    store: &'a Store,
    split: Option<&'a Split<'a>>,
    memory: usize,
    seed: u64,
) -> Result<Source<'a>> {
    let summary = store.summary();
    let (rows, weights, targets) = match split {
        Some(split) => (split.rows, split.weights, split.targets),
        None => (store.len(), summary.weights, summary.targets),
    };
    let mean = targets / weights.max(1e-9);
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
    split: Option<&'a Split<'a>>,
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

    fn epoch(&mut self, epoch: usize, learn: &mut dyn FnMut(&mut Vec<Event>)) -> Result<()> {
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
                let mut events = events?;
                learn(&mut events);
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
            match self.split {
                Some(split) if split.reads_all() => self.store.read(block, &mut batch)?,
                _ => self.store.read_learnt(block, &mut batch)?,
            }
            match self.split {
                Some(split) => events.extend(split.train(block, &batch).map(|row| event(&batch, row))),
                None => events.extend((0..batch.len()).map(|row| event(&batch, row))),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Duplicates, HoldOut};
    use crate::input::{BadRows, LabelRule, Reading};
    use crate::testing::{columns, temp_file};

    const ROWS: usize = 10 * BLOCK + 99;

    /// Every row another item and another target, users one after the other.
    fn store(memory: usize) -> Store {
        let mut text = "user,item,label,time\n".to_owned();
        (0..ROWS).for_each(|row| text += &format!("u{},i{row},{},0\n", row / 50, row as f64 / ROWS as f64));
        let file = temp_file(&text);
        let rule = LabelRule { squared: true, positive: None, map: Vec::new() };
        let (columns, files) = (columns(), [file.path().to_owned()]);
        let reading = Reading::new(&files, &columns, &rule, BadRows::Count(0)).unwrap();
        Reading { memory, ..reading }.read().unwrap()
    }

    fn epoch(source: &mut Source<'_>, epoch: usize) -> Vec<Vec<u32>> {
        let Source::Stream(stream) = source else { panic!("not a stream") };
        let mut groups = Vec::new();
        stream.epoch(epoch, &mut |events| groups.push(events.iter().map(|event| event.item).collect())).unwrap();
        groups
    }

    #[test]
    fn every_epoch_has_every_row_once_in_an_order_of_its_own() {
        let store = store(0);
        let memory = 5 * BLOCK * size_of::<Event>();
        let mut streamed = source(&store, None, memory, 7).unwrap();
        let groups = epoch(&mut streamed, 1);
        assert!(groups.len() == 6 && groups.iter().all(|group| group.len() <= 2 * BLOCK), "two of eleven blocks each");
        assert_eq!(groups, epoch(&mut source(&store, None, memory, 7).unwrap(), 1));
        assert_ne!(groups, epoch(&mut streamed, 2));
        let first = &groups[0];
        assert!(!first.is_sorted() && first[..100].iter().any(|item| item.abs_diff(first[0]) as usize > BLOCK / 2));
        let mut rows = groups.concat();
        rows.sort_unstable();
        assert!(rows.into_iter().eq(0..ROWS as u32));
    }

    #[test]
    fn a_split_is_the_same_for_a_stream_as_in_memory() {
        let stores = [store(0), store(usize::MAX)];
        let once = Duplicates::default();
        let [streamed, held] = stores.each_ref().map(|store| Split::new(store, &once, HoldOut::Random, 3).unwrap());
        assert_eq!((&streamed.people, &streamed.counts), (&held.people, &held.counts));
        assert_eq!(streamed.validation.events, held.validation.events);
        let mut stream = source(&stores[0], Some(&streamed), BLOCK * size_of::<Event>(), 3).unwrap();
        let mut trained = epoch(&mut stream, 1).concat();
        trained.sort_unstable();
        let Source::Memory(events) = source(&stores[1], Some(&held), usize::MAX, 3).unwrap() else {
            panic!("there is memory enough")
        };
        assert!(trained.iter().copied().eq(events.iter().map(|event| event.item)));
        assert_eq!(stream.len(), trained.len());
        // What is trained on, judged on and tuned on is everything, once.
        let mut rows = trained;
        rows.extend(held.validation.events.iter().map(|event| event.item));
        rows.extend(&held.visits.item);
        rows.sort_unstable();
        assert!(rows.into_iter().eq(0..ROWS as u32));
        assert_eq!(held.people.len(), 82);
        assert!(held.visits.len() == 82 * 50 && held.validation.events.len() > ROWS / 30);
        assert_eq!(held.sample(&stores[1]).unwrap().events.len(), held.rows);
    }

    #[test]
    fn reading_that_fails_ends_the_epoch() {
        let mut store = store(0);
        store.truncate();
        let error = source(&store, None, BLOCK * size_of::<Event>(), 1).and_then(|source| match source {
            Source::Stream(mut stream) => stream.epoch(1, &mut |_| {}),
            Source::Memory(_) => Ok(()),
        });
        assert!(error.unwrap_err().to_string().contains("cannot read the events back"));
    }
}

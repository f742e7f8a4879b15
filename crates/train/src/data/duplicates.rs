//! Events that a file has more than once: an export that ran twice, a join that multiplied rows. Such copies must not be on both
//! sides of a hold-out, where they would be learnt by heart on one and asked on the other.

use crate::error::Result;
use crate::input::{Batch, Store};
use std::hash::Hasher as _;
use xxhash_rust::xxh3::Xxh3Default;

/// Hashes of events that are sorted at a time: 64 MiB of them.
const AT_A_TIME: usize = 1 << 23;
/// Bits of the set of what is there more than once, for each row, and at most. Who is in it by chance is held out by hash as
/// well, which is as good a draw.
const BITS: usize = 16;
const MOST_BITS: usize = 1 << 30;

/// The events that are there more than once: of one user, one item and one time; without times, of one user and one item.
#[derive(Debug, Default)]
pub(crate) struct Duplicates {
    /// Rows besides the first of each.
    pub(crate) rows: usize,
    /// A bit for each hash, by its last bits; empty if nothing is there twice.
    set: Vec<u64>,
}

impl Duplicates {
    pub(crate) fn find(store: &Store) -> Result<Duplicates> {
        Duplicates::find_by(store, AT_A_TIME)
    }

    fn find_by(store: &Store, at_a_time: usize) -> Result<Duplicates> {
        let mut duplicates = Duplicates::default();
        let parts = store.len().div_ceil(at_a_time) as u64;
        let (mut hashes, mut batch) = (Vec::with_capacity(store.len().min(2 * at_a_time)), Batch::default());
        for part in 0..parts {
            hashes.clear();
            for block in 0..store.blocks() {
                batch.clear();
                store.read(block, &mut batch)?;
                let all = (0..batch.len()).map(|row| hash(&batch, row));
                hashes.extend(all.filter(|hash| parts == 1 || (hash >> 32) % parts == part));
            }
            hashes.sort_unstable();
            for same in hashes.chunk_by(|a, b| a == b).filter(|same| same.len() > 1) {
                duplicates.rows += same.len() - 1;
                duplicates.add(same[0], store.len());
            }
        }
        Ok(duplicates)
    }

    /// The draw, from 0 to 1, that all copies of a row have in common; None if it is there once.
    pub(crate) fn draw(&self, batch: &Batch, row: usize) -> Option<f64> {
        if self.set.is_empty() {
            return None;
        }
        let hash = hash(batch, row);
        let (word, bit) = self.place(hash);
        (self.set[word] >> bit & 1 != 0).then(|| (hash >> 11) as f64 / (1u64 << 53) as f64)
    }

    fn add(&mut self, hash: u64, rows: usize) {
        if self.set.is_empty() {
            self.set = vec![0; (rows * BITS).next_power_of_two().clamp(64, MOST_BITS) / 64];
        }
        let (word, bit) = self.place(hash);
        self.set[word] |= 1 << bit;
    }

    fn place(&self, hash: u64) -> (usize, u64) {
        let bit = hash % (64 * self.set.len() as u64);
        ((bit / 64) as usize, bit % 64)
    }
}

/// Of user and item, and the time if there is one.
fn hash(batch: &Batch, row: usize) -> u64 {
    let mut hasher = Xxh3Default::new();
    hasher.write_u32(batch.user[row]);
    hasher.write_u32(batch.item[row]);
    hasher.write_u64(batch.time.get(row).map_or(0, |time| time.to_bits()));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{BadRows, LabelRule, Reading};
    use crate::testing::{columns, temp_file};

    fn store(rows: impl Iterator<Item = (u32, u32, u32)>) -> Store {
        let text: String = rows.map(|(user, item, time)| format!("u{user},i{item},1,{time}\n")).collect();
        let file = temp_file(&format!("user,item,label,time\n{text}"));
        let rule = LabelRule { squared: false, positive: None, map: Vec::new() };
        let (columns, files) = (columns(), [file.path().to_owned()]);
        Reading::new(&files, &columns, &rule, BadRows::Count(0)).unwrap().read().unwrap()
    }

    #[test]
    fn copies_are_counted_however_many_are_sorted_at_a_time() {
        let rows = || (0..5000).map(|n| (n % 90, n / 90, n));
        assert_eq!(Duplicates::find(&store(rows())).unwrap().rows, 0);
        let thrice = store(rows().chain(rows().skip(4000)).chain(rows().skip(4900)));
        for at_a_time in [AT_A_TIME, 700] {
            assert_eq!(Duplicates::find_by(&thrice, at_a_time).unwrap().rows, 1100, "{at_a_time}");
        }
    }

    #[test]
    fn copies_have_one_draw_and_what_is_there_once_has_none() {
        let twice = store((0..6000).map(|n| (n % 3000, 7, n % 3000)).chain((0..9000).map(|n| (n, 8, n))));
        let duplicates = Duplicates::find(&twice).unwrap();
        let mut batch = Batch::default();
        (0..twice.blocks()).for_each(|block| twice.read(block, &mut batch).unwrap());
        let draws: Vec<Option<f64>> = (0..batch.len()).map(|row| duplicates.draw(&batch, row)).collect();
        assert_eq!(draws[..3000], draws[3000..6000]);
        assert!(draws[..3000].iter().all(|draw| draw.is_some_and(|draw| (0.0..1.0).contains(&draw))));
        let held_out = draws[..3000].iter().flatten().filter(|draw| **draw < 0.1).count();
        assert!((220..380).contains(&held_out), "{held_out}");
        assert!(draws[6000..].iter().filter(|draw| draw.is_some()).count() < 900, "few by chance");
    }
}

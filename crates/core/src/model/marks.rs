//! Which rows of a list have moved since it was kept, by pieces of 64.

use alloc::vec::Vec;

/// How many rows are kept together, and written anew where one of them has moved.
pub(crate) const PIECE: usize = 64;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Marks {
    /// Grows with every save; and what it was when a row of each piece last moved.
    clock: u64,
    moved: Vec<u64>,
}

impl Default for Marks {
    fn default() -> Marks {
        Marks { clock: 1, moved: Vec::new() }
    }
}

impl Marks {
    /// A row has moved, or is new.
    pub(crate) fn touch(&mut self, row: usize) {
        let piece = row / PIECE;
        if piece >= self.moved.len() {
            self.moved.resize(piece + 1, self.clock);
        }
        self.moved[piece] = self.clock;
    }

    /// All rows have moved.
    pub(crate) fn touch_all(&mut self) {
        self.moved.fill(self.clock);
    }

    /// The list was made anew in the place of that with these marks.
    pub(crate) fn follow(&mut self, old: &Marks) {
        self.clock = old.clock;
        self.touch_all();
    }

    /// The pieces in which a row has moved since this mark.
    pub(crate) fn changed(&self, mark: u64) -> impl Iterator<Item = usize> {
        self.moved.iter().enumerate().filter(move |(_, moved)| **moved > mark).map(|(at, _)| at)
    }

    /// A mark that tells what moves from now on from what has.
    pub(crate) fn next(&mut self) -> u64 {
        self.clock += 1;
        self.clock - 1
    }

    /// All rows are kept as they are.
    pub(crate) fn keep(&mut self) {
        self.moved.fill(0);
    }
}

//! Pairs of a person and an item of which something is known, by person and by item.

/// Pairs by row: compressed sparse rows.
#[derive(Debug, Clone)]
pub(crate) struct Pairs {
    ends: Vec<usize>,
    /// The other side of each pair.
    columns: Vec<u32>,
    targets: Vec<f32>,
    pub(super) across: usize,
}

impl Pairs {
    /// `rows` x `across`, of (row, column, target) in any order.
    pub(crate) fn new(rows: usize, across: usize, pairs: impl Iterator<Item = (u32, u32, f32)> + Clone) -> Pairs {
        let mut ends = vec![0; rows + 1];
        pairs.clone().for_each(|(row, ..)| ends[row as usize + 1] += 1);
        (1..=rows).for_each(|row| ends[row] += ends[row - 1]);
        let mut next = ends.clone();
        let (mut columns, mut targets) = (vec![0; ends[rows]], vec![0.0; ends[rows]]);
        for (row, column, target) in pairs {
            let at = &mut next[row as usize];
            (columns[*at], targets[*at]) = (column, target);
            *at += 1;
        }
        Pairs { ends, columns, targets, across }
    }

    /// The same by column.
    pub(crate) fn transposed(&self) -> Pairs {
        let all =
            (0..self.len()).flat_map(|row| self.row(row).map(move |(column, target)| (column, row as u32, target)));
        Pairs::new(self.across, self.len(), all)
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len() - 1
    }

    pub(crate) fn row(&self, row: usize) -> impl Iterator<Item = (u32, f32)> + Clone {
        let range = self.ends[row]..self.ends[row + 1];
        self.columns[range.clone()].iter().copied().zip(self.targets[range].iter().copied())
    }
}

//! Pairs of a person and an item of which something is known, by person and by item.

/// Pairs by row: compressed sparse rows.
#[derive(Debug, Clone)]
pub(crate) struct Pairs {
    ends: Vec<usize>,
    /// The other side of each pair.
    columns: Vec<u32>,
    targets: Vec<f32>,
    weights: Vec<f32>,
    pub(super) across: usize,
}

impl Pairs {
    /// `rows` x `across`, of (row, column, target, weight) in any order.
    pub(crate) fn new(rows: usize, across: usize, pairs: impl Iterator<Item = (u32, u32, f32, f32)> + Clone) -> Pairs {
        let mut ends = vec![0; rows + 1];
        pairs.clone().for_each(|(row, ..)| ends[row as usize + 1] += 1);
        (1..=rows).for_each(|row| ends[row] += ends[row - 1]);
        let mut next = ends.clone();
        let (mut columns, mut targets) = (vec![0; ends[rows]], vec![0.0; ends[rows]]);
        let mut weights = targets.clone();
        for (row, column, target, weight) in pairs {
            let at = &mut next[row as usize];
            (columns[*at], targets[*at], weights[*at]) = (column, target, weight);
            *at += 1;
        }
        Pairs { ends, columns, targets, weights, across }
    }

    /// The same by column.
    pub(crate) fn transposed(&self) -> Pairs {
        let row = |row| self.row(row).map(move |(column, target, weight)| (column, row as u32, target, weight));
        let all = (0..self.len()).flat_map(row);
        Pairs::new(self.across, self.len(), all)
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len() - 1
    }

    /// Column, target and weight of each pair.
    pub(crate) fn row(&self, row: usize) -> impl Iterator<Item = (u32, f32, f32)> + Clone {
        let range = self.ends[row]..self.ends[row + 1];
        let said = self.targets[range.clone()].iter().zip(&self.weights[range.clone()]);
        self.columns[range].iter().zip(said).map(|(column, (target, weight))| (*column, *target, *weight))
    }
}

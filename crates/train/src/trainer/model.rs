//! The model that is trained: a table of rows, and the scores that they give.

use super::problem::{Entities, Event, Layout, Problem};
use crate::maths::Rng;

/// A factorization machine: s(x) = w0 + sum w_i x_i + sum_{i<j} <v_i, v_j> x_i x_j, where every x is 0 or 1, or a number that was scaled.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Model {
    pub(crate) w0: f32,
    factors: usize,
    /// Lanes of a row: `w v_1 .. v_k`, then zeros that fill it up to one of [`WIDTHS`].
    width: usize,
    rows: Vec<f32>,
}

/// The row widths that loops are compiled for.
pub(crate) const WIDTHS: [usize; 11] = [4, 8, 12, 16, 20, 24, 28, 36, 68, 132, 260];
/// The most factors a row can have.
pub(crate) const MAX_FACTORS: usize = WIDTHS[WIDTHS.len() - 1] - 1;

impl Model {
    /// A fresh model: weights zero, the factors of users and items normal with deviation `init`, those of fields zero: they
    /// learn slowly, so a random start would stay in them. `factors` is at most [`MAX_FACTORS`].
    pub(crate) fn new(layout: &Layout, factors: usize, init: f32, seed: u64) -> Model {
        // A width exists for every accepted number of factors; the last one is the fallback that makes this total.
        let width = WIDTHS.into_iter().find(|&width| factors < width).unwrap_or(WIDTHS[WIDTHS.len() - 1]);
        let mut rows = vec![0.0; layout.rows() * width];
        for (i, row) in rows.chunks_exact_mut(width).enumerate().take(layout.users + layout.items) {
            // A stream a row: adding a user does not change how the items start.
            let mut rng = Rng::new(seed, i as u64);
            row[1..=factors].fill_with(|| init * rng.normal());
        }
        Model { w0: 0.0, factors, width, rows }
    }

    pub(crate) fn factors(&self) -> usize {
        self.factors
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// `w v_1 .. v_k` of a row.
    pub(crate) fn row(&self, row: usize) -> &[f32] {
        &self.rows[row * self.width..][..=self.factors]
    }

    #[cfg(test)]
    pub(crate) fn table(&self) -> &[f32] {
        &self.rows
    }

    pub(crate) fn table_mut(&mut self) -> &mut [f32] {
        &mut self.rows
    }

    pub(crate) fn is_finite(&self) -> bool {
        // One sum instead of a test a number: it is not finite if any number is not.
        self.w0.is_finite() && self.rows.iter().map(|x| x * 0.0).sum::<f32>() == 0.0
    }

    /// The one row that stands for several active together: its factors are their sum, its weight is the sum of theirs
    /// and of the interactions between them. The score of an event is that of its user's and its item's combined rows.
    pub(crate) fn combined(&self, rows: impl ExactSizeIterator<Item = (u32, f32)>, out: &mut [f32]) {
        out.fill(0.0);
        let several = rows.len() > 1;
        let mut squares = 0.0;
        for (row, value) in rows {
            for (sum, &x) in out.iter_mut().zip(self.row(row as usize)) {
                *sum += value * x;
            }
            squares += value * value * dot(&self.row(row as usize)[1..], &self.row(row as usize)[1..]);
        }
        if several {
            // sum_{i<j} <v_i, v_j> = (|sum v|^2 - sum |v|^2) / 2
            out[0] += 0.5 * (dot(&out[1..], &out[1..]) - squares);
        }
    }

    /// The scores of events.
    pub(crate) fn scores(&self, problem: &Problem, events: &[Event]) -> Vec<f32> {
        let all = |entities: &Entities| -> Vec<f32> {
            let mut combined = vec![0.0; entities.len() * (1 + self.factors)];
            for (i, out) in combined.chunks_exact_mut(1 + self.factors).enumerate() {
                self.combined(entities.active(i as u32), out);
            }
            combined
        };
        let (users, items, width) = (all(&problem.users), all(&problem.items), 1 + self.factors);
        events
            .iter()
            .map(|event| {
                let user = &users[event.user as usize * width..][..width];
                let item = &items[event.item as usize * width..][..width];
                self.w0 + user[0] + item[0] + dot(&user[1..], &item[1..])
            })
            .collect()
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_stands_for_several() {
        let layout = Layout { users: 1, items: 1, user_fields: 2, item_fields: 1 };
        let mut model = Model::new(&layout, 5, 0.7, 4);
        model.w0 = 0.3;
        for (i, row) in model.rows.chunks_exact_mut(model.width).enumerate() {
            row[0] = i as f32;
            row[1 + i] += 0.5;
        }
        let (mut users, mut items) = (Entities::default(), Entities::default());
        let values = [1.0, 1.0, 1.0, -0.5, 2.0];
        let valued = |row: u32| (row, values[row as usize]);
        users.push([0, 2, 3].map(valued));
        items.push([1, 4].map(valued));
        let problem = Problem { layout, users, items, field_groups: vec![0, 0, 1] };
        let mut expected = 0.3;
        for i in 0..5 {
            expected += values[i] * model.row(i)[0];
            for j in i + 1..5 {
                expected += values[i] * values[j] * dot(&model.row(i)[1..], &model.row(j)[1..]);
            }
        }
        let score = model.scores(&problem, &[Event { user: 0, item: 0, target: 0.0, weight: 1.0 }])[0];
        assert!((score - expected).abs() < 1e-4, "{score} {expected}");
    }

    #[test]
    fn infinity_anywhere_is_noticed() {
        let layout = Layout { users: 2, items: 1, user_fields: 0, item_fields: 0 };
        let mut model = Model::new(&layout, 3, 1.0, 0);
        assert!(model.is_finite());
        model.rows[7] = f32::INFINITY;
        assert!(!model.is_finite());
        model.rows[7] = f32::NAN;
        assert!(!model.is_finite());
    }
}

//! Minibatches: the gradient of a batch is summed up at the rows as they were, then every row of it moves once.

use super::kernel::{Active, Part, gather};
use super::step::Step;
use crate::trainer::model::WIDTHS;
use crate::trainer::{Event, Problem};

/// For each row: the sum of its events' errors times its value x, then for each factor the same times the sum of all factors.
pub(super) struct Batch {
    sums: Vec<f32>,
    /// The sum of errors times x^2.
    squares: Vec<f32>,
    counts: Vec<u32>,
    touched: Vec<u32>,
}

impl Batch {
    pub(super) fn new(rows: usize, width: usize) -> Batch {
        Batch { sums: vec![0.0; rows * width], squares: vec![0.0; rows], counts: vec![0; rows], touched: Vec::new() }
    }

    /// One step on a batch.
    pub(super) fn learn(
        &mut self,
        problem: &Problem,
        events: &[Event],
        step: &Step,
        w0: &mut f32,
        part: &mut Part<'_>,
    ) {
        let width = self.sums.len() / self.counts.len().max(1);
        macro_rules! widths {
            ($($w:literal)*) => {
                match width {
                    $($w => self.learn_wide::<$w>(problem, events, step, w0, part),)*
                    _ => unreachable!("a model's width is one of {WIDTHS:?}"),
                }
            };
        }
        widths!(4 8 12 16 20 24 28 36 68 132 260);
    }

    fn learn_wide<const W: usize>(
        &mut self,
        problem: &Problem,
        events: &[Event],
        step: &Step,
        w0: &mut f32,
        part: &mut Part<'_>,
    ) {
        let mut errors = 0.0;
        for event in events {
            let (user, item) = (Active::of(&problem.users, event.user), Active::of(&problem.items, event.item));
            let (score, sum) = gather::<W>(part, user, item);
            let error = event.weight * step.error(*w0 + score, event.target);
            errors += error;
            let values = user.values.iter().chain(item.values);
            for (&row, x) in user.rows.iter().chain(item.rows).zip(values) {
                if self.counts[row as usize] == 0 {
                    self.touched.push(row);
                }
                self.counts[row as usize] += 1;
                let sums: &mut [f32; W] = &mut self.sums.as_chunks_mut().0[row as usize];
                let error = x * error;
                self.squares[row as usize] += x * error;
                let errors = sums[0] + error;
                for l in 0..W {
                    sums[l] += error * sum[l];
                }
                sums[0] = errors;
            }
        }
        for row in self.touched.drain(..) {
            let sums: &mut [f32; W] = &mut self.sums.as_chunks_mut().0[row as usize];
            let count = std::mem::take(&mut self.counts[row as usize]) as i32;
            let (kind, pace) = if (row as usize) < part.items.first {
                (&mut part.users, step.user)
            } else if (row as usize) < part.fields.first {
                (&mut part.items, step.item)
            } else {
                let pace = step.fields[row as usize - part.fields.first];
                (&mut part.fields, pace)
            };
            let at = row as usize - kind.first;
            let pace = if step.adaptive { pace.slowed(kind.evidence[at]) } else { pace };
            if step.adaptive {
                kind.evidence[at] += sums[0] * sums[0];
            }
            let (rate, squares) = (pace.rate, std::mem::take(&mut self.squares[row as usize]));
            let v: &mut [f32; W] = &mut kind.rows.as_chunks_mut().0[at];
            let (keep_w, keep_v) = (pace.keep_w.powi(count), pace.keep_v.powi(count));
            let w = keep_w * v[0] - rate * sums[0];
            for l in 0..W {
                // sum of error * x (S - x v)
                v[l] = keep_v * v[l] - rate * (sums[l] - v[l] * squares);
            }
            v[0] = w;
            *sums = [0.0; W];
        }
        *w0 -= step.rate * errors / events.len() as f32;
    }
}

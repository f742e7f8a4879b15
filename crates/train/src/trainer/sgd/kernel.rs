//! The loops over events, compiled for each width of a row.

use super::step::{Pace, Step};
use crate::trainer::{Entities, Event, Problem};

/// The rows that one thread works on, and what AdaGrad keeps of each. A row's number counts from `first` of its kind.
pub(super) struct Part<'a> {
    pub(super) users: Kind<'a>,
    pub(super) items: Kind<'a>,
    pub(super) fields: Kind<'a>,
}

pub(super) struct Kind<'a> {
    pub(super) first: usize,
    pub(super) rows: &'a mut [f32],
    /// Sums of squared errors; empty unless the rates adapt.
    pub(super) evidence: &'a mut [f32],
}

impl Kind<'_> {
    /// The same rows, lent for a while.
    pub(super) fn again(&mut self) -> Kind<'_> {
        Kind { first: self.first, rows: self.rows, evidence: self.evidence }
    }
}

/// A pair of BPR: the user rather clicks `event`'s item than `other`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    pub(super) event: Event,
    pub(super) other: u32,
}

/// The rows of an entity, its own first, and their values.
#[derive(Clone, Copy)]
pub(super) struct Active<'a> {
    pub(super) rows: &'a [u32],
    pub(super) values: &'a [f32],
}

impl<'a> Active<'a> {
    #[inline(always)]
    pub(super) fn of(entities: &'a Entities, entity: u32) -> Active<'a> {
        Active { rows: entities.rows(entity), values: entities.values(entity) }
    }
}

/// Goes over events, `block` of them between two corrections of w0: inside a block it would chain every event to the one
/// before.
pub(super) fn run(
    problem: &Problem,
    width: usize,
    block: usize,
    events: &[Event],
    step: &Step,
    w0: &mut f32,
    part: &mut Part<'_>,
) {
    macro_rules! widths {
        ($($w:literal)*) => {
            match (width, step.adaptive, problem.is_plain()) {
                $(($w, false, true) => {
                    let (first, items) = (part.users.first as u32, (part.items.first - problem.layout.users) as u32);
                    let users = part.users.rows.as_chunks_mut::<$w>().0;
                    let rows = part.items.rows.as_chunks_mut::<$w>().0;
                    blocks(events, block, step, w0, |w0, event| {
                        let user = &mut users[(event.user - first) as usize];
                        plain_event(user, &mut rows[(event.item - items) as usize], step, w0, event)
                    })
                }
                ($w, false, false) => blocks(events, block, step, w0, |w0, event| {
                    side_event::<$w, false>(part, step, w0, event, problem)
                }),
                ($w, true, _) => blocks(events, block, step, w0, |w0, event| {
                    side_event::<$w, true>(part, step, w0, event, problem)
                }),)*
                // Every model's width is one of these.
                _ => unreachable!("a row of {width} lanes"),
            }
        };
    }
    widths!(4 8 12 16 20 24 28 36 68 132 260);
}

/// Goes over pairs. w0 is in both scores of a pair and learns nothing from it.
pub(super) fn run_pairs(problem: &Problem, width: usize, pairs: &[Pair], step: &Step, part: &mut Part<'_>) {
    macro_rules! widths {
        ($($w:literal)*) => {
            match (width, step.adaptive) {
                $(($w, false) => pairs.iter().for_each(|pair| pair_event::<$w, false>(part, step, pair, problem)),
                ($w, true) => pairs.iter().for_each(|pair| pair_event::<$w, true>(part, step, pair, problem)),)*
                // Every model's width is one of these.
                _ => unreachable!("a row of {width} lanes"),
            }
        };
    }
    widths!(4 8 12 16 20 24 28 36 68 132 260);
}

#[inline(always)]
fn blocks(events: &[Event], block: usize, step: &Step, w0: &mut f32, mut learn: impl FnMut(f32, &Event) -> f32) {
    for events in events.chunks(block) {
        let mut errors = 0.0;
        for event in events {
            errors += learn(*w0, event);
        }
        *w0 -= step.rate * errors / events.len() as f32;
    }
}

/// One step on an event of two features. Returns the derivative of the loss by the score.
#[inline(always)]
fn plain_event<const W: usize>(u: &mut [f32; W], i: &mut [f32; W], step: &Step, w0: f32, event: &Event) -> f32 {
    let score = w0 + u[0] + i[0] + (lanes_dot(u, i) - u[0] * i[0]);
    let error = event.weight * step.error(score, event.target);
    let g = step.rate * error;
    let (mut new_u, mut new_i) = ([0.0; W], [0.0; W]);
    for l in 0..W {
        new_u[l] = step.user.keep_v * u[l] - g * i[l];
        new_i[l] = step.item.keep_v * i[l] - g * u[l];
    }
    new_u[0] = step.user.keep_w * u[0] - g;
    new_i[0] = step.item.keep_w * i[0] - g;
    (*u, *i) = (new_u, new_i);
    error
}

/// One step on an event with any features. Returns the derivative of the loss by the score.
#[inline(always)]
fn side_event<const W: usize, const ADAPTIVE: bool>(
    part: &mut Part<'_>,
    step: &Step,
    w0: f32,
    event: &Event,
    problem: &Problem,
) -> f32 {
    let (user, item) = (Active::of(&problem.users, event.user), Active::of(&problem.items, event.item));
    let (score, sum) = gather::<W>(part, user, item);
    let error = event.weight * step.error(w0 + score, event.target);
    learn::<W, ADAPTIVE>(part, step, user, item, &sum, error);
    error
}

/// BPR (Rendle et al. 2009): the logistic loss of the difference of two scores.
#[inline(always)]
fn pair_event<const W: usize, const ADAPTIVE: bool>(part: &mut Part<'_>, step: &Step, pair: &Pair, problem: &Problem) {
    let user = Active::of(&problem.users, pair.event.user);
    let [preferred, other] = [pair.event.item, pair.other].map(|item| Active::of(&problem.items, item));
    let (a, b) = (gather::<W>(part, user, preferred), gather::<W>(part, user, other));
    let error = pair.event.weight * step.error(a.0 - b.0, 1.0);
    learn::<W, ADAPTIVE>(part, step, user, preferred, &a.1, error);
    learn::<W, ADAPTIVE>(part, step, user, other, &b.1, -error);
}

/// The score without w0, and the sum of the rows.
#[inline(always)]
pub(super) fn gather<const W: usize>(part: &Part<'_>, user: Active<'_>, item: Active<'_>) -> (f32, [f32; W]) {
    // Lane by lane, S = sum x v and Q = sum (x v)^2; the interactions are (S^2 - Q) / 2.
    let (mut sum, mut squares) = ([0.0; W], [0.0; W]);
    let mut add = |v: &[f32; W], x: f32| {
        for l in 0..W {
            let xv = x * v[l];
            sum[l] += xv;
            squares[l] += xv * xv;
        }
    };
    let shared = part.fields.rows.as_chunks().0;
    for (entity, kind) in [(user, &part.users), (item, &part.items)] {
        if let [own, fields @ ..] = entity.rows {
            add(&kind.rows.as_chunks().0[*own as usize - kind.first], 1.0);
            for (&row, &x) in fields.iter().zip(&entity.values[1..]) {
                add(&shared[row as usize - part.fields.first], x);
            }
        }
    }
    let mut twice = [0.0; W];
    for l in 0..W {
        twice[l] = sum[l] * sum[l] - squares[l];
    }
    twice[0] = 0.0;
    (sum[0] + 0.5 * lanes_sum(&twice), sum)
}

#[inline(always)]
fn learn<const W: usize, const ADAPTIVE: bool>(
    part: &mut Part<'_>,
    step: &Step,
    user: Active<'_>,
    item: Active<'_>,
    sum: &[f32; W],
    error: f32,
) {
    let first = part.fields.first;
    let shared = part.fields.rows.as_chunks_mut().0;
    for (entity, kind, pace) in [(user, &mut part.users, &step.user), (item, &mut part.items, &step.item)] {
        if let [own, fields @ ..] = entity.rows {
            let at = *own as usize - kind.first;
            let evidence = if ADAPTIVE { &mut kind.evidence[at] } else { &mut 0.0 };
            move_row::<W, ADAPTIVE>(&mut kind.rows.as_chunks_mut().0[at], 1.0, pace, evidence, sum, error);
            for (&row, &x) in fields.iter().zip(&entity.values[1..]) {
                let at = row as usize - first;
                let evidence = if ADAPTIVE { &mut part.fields.evidence[at] } else { &mut 0.0 };
                move_row::<W, ADAPTIVE>(&mut shared[at], x, &step.fields[at], evidence, sum, error);
            }
        }
    }
}

#[inline(always)]
fn move_row<const W: usize, const ADAPTIVE: bool>(
    v: &mut [f32; W],
    x: f32,
    pace: &Pace,
    evidence: &mut f32,
    sum: &[f32; W],
    error: f32,
) {
    let mut pace = *pace;
    // d score / d w = x, d score / d v = x (S - x v)
    let error = x * error;
    if ADAPTIVE {
        pace = pace.slowed(*evidence);
        *evidence += error * error;
    }
    let g = pace.rate * error;
    let mut new = [0.0; W];
    for l in 0..W {
        new[l] = pace.keep_v * v[l] - g * (sum[l] - x * v[l]);
    }
    new[0] = pace.keep_w * v[0] - g;
    *v = new;
}

/// Four partial sums in a fixed order, which is what a vector register holds.
#[inline(always)]
fn lanes_dot<const W: usize>(a: &[f32; W], b: &[f32; W]) -> f32 {
    let mut sums = [0.0; 4];
    for (a, b) in a.as_chunks::<4>().0.iter().zip(b.as_chunks::<4>().0) {
        for l in 0..4 {
            sums[l] += a[l] * b[l];
        }
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3])
}

#[inline(always)]
fn lanes_sum<const W: usize>(a: &[f32; W]) -> f32 {
    let mut sums = [0.0; 4];
    for a in a.as_chunks::<4>().0 {
        for l in 0..4 {
            sums[l] += a[l];
        }
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3])
}

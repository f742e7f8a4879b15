//! The rows of one event's features. They are looked up once, predicted with and then moved, because the look-ups are most of what
//! an event costs.

use crate::input::feature::{Feature, FeatureId, Features};
use crate::maths::lanes::{LANES, Lanes, Wide, narrow, narrowed, total, wide, widened};
use crate::model::fm::Sums;
use crate::model::overlay::Overlay;
use crate::model::posterior::Gaussian;
use alloc::vec::Vec;
use wide::{f32x4, f64x4};

/// The largest pull of a row, far from what any loss gives. A product with it is an infinity at most, which is within bounds again
/// when it is a weight.
const MAX_PULL: f64 = 1e30;

#[derive(Debug, Clone, Default)]
pub(crate) struct Gathered {
    lanes: usize,
    /// What takes part: which row, at what value, and how fast it learns.
    parts: Vec<Part>,
    /// The personal rows.
    rows: Vec<Lanes>,
    pub(crate) sums: Sums,
    /// What [`derivative`] needs, since [`Gathered::meet`]: (1, q with the visitor row), and how much of it is the row's own.
    slopes: Vec<[Lanes; 2]>,
    /// Where rows that were not learnt are read to.
    spare: Vec<Lanes>,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    id: FeatureId,
    value: f32,
    rate: f32,
    /// Where the row is, if it was learnt before.
    slot: Option<u32>,
}

impl Gathered {
    /// No rows, with room for so many, in the memory of those before.
    pub(crate) fn clear(&mut self, lanes: usize, rows: usize) {
        self.lanes = lanes;
        self.parts.clear();
        self.rows.resize(rows * lanes, [0.0; LANES]);
        self.sums.clear(lanes);
    }

    /// Adds a row of `rows` that learns at `rate`.
    pub(crate) fn add(&mut self, rows: &Overlay, feature: &Feature, rate: f32) {
        let &Feature { id, value, .. } = feature;
        let start = self.parts.len() * self.lanes;
        let (slot, under, residual) = rows.read(id, &mut self.spare);
        self.sums.add(under, residual, value, &mut self.rows[start..start + self.lanes]);
        self.parts.push(Part { id, value, rate, slot: slot.map(|slot| slot as u32) });
    }

    /// The rows of an input as they are in `rows`, which learn nothing here.
    pub(crate) fn gather(&mut self, rows: &Overlay, features: &Features) {
        self.clear(rows.lanes(), features.len());
        features.iter().for_each(|feature| self.add(rows, feature, 0.0));
        self.sums.finish(rows.base().metadata().w0);
    }

    /// Takes the visitor row in: what follows goes by the score with it.
    pub(crate) fn meet(&mut self, visitor: &Gaussian) {
        let phi = self.sums.personal().phi.iter();
        self.slopes.clear();
        self.slopes.extend(phi.zip(visitor.lanes()).map(|(phi, u)| [narrowed(widened(phi) + wide(u)), [1.0; LANES]]));
        // What a weight learns by is its feature's value alone.
        [self.slopes[0][0][0], self.slopes[0][1][0]] = [1.0, 0.0];
    }

    /// sum_i rate_i |ds/drow_i|^2: what the score moves by when all rows move by one pull. In f64, for at the largest accepted
    /// values a sum of squares could overflow an f32.
    pub(crate) fn leverage(&self) -> f64 {
        self.parts.iter().zip(self.rows.chunks_exact(self.lanes)).fold(0.0, |sum, (part, row)| {
            let mut squares = f64x4::ZERO;
            for (row, slope) in row.iter().zip(&self.slopes) {
                let d = widened(&derivative(part.value, row, slope).to_array());
                squares += d * d;
            }
            sum + f64::from(part.rate) * total(squares)
        })
    }

    /// Moves all rows by `pull`, each at its rate, as rows of `rows`; what was gathered is left as it was.
    pub(crate) fn step(&self, pull: f64, rows: &mut Overlay) {
        let evidence = (pull * pull) as f32;
        for (part, row) in self.parts.iter().zip(self.rows.chunks_exact(self.lanes)) {
            if part.rate == 0.0 {
                continue;
            }
            let pull = (f64::from(part.rate) * pull).clamp(-MAX_PULL, MAX_PULL) as f32;
            let slot = part.slot.map_or_else(|| rows.enter(part.id), |slot| slot as usize);
            let moved = row.iter().zip(&self.slopes);
            let moved = moved.map(|(row, slope)| narrow(row) + derivative(part.value, row, slope) * pull);
            rows.set_personal(slot, moved, evidence);
        }
    }

    /// Adds to `gradient` what an event says of the row at `at`: up by `pull`, along the loss's slope, and down by `curvature` P phi,
    /// what the visitor row's covariance P adds to the loss averaged over it. Returns x^2, and x^2 times the squared factors of
    /// the other rows.
    pub(crate) fn teach(
        &self,
        at: usize,
        pull: f64,
        curvature: f64,
        direction: &[Lanes],
        gradient: &mut [Wide],
    ) -> [f64; 2] {
        let x = self.parts[at].value;
        let row = &self.rows[at * self.lanes..(at + 1) * self.lanes];
        let (mut squares, shrink) = (f64x4::ZERO, curvature * f64::from(x));
        let lanes = row.iter().zip(&self.slopes).zip(direction).zip(self.sums.personal().phi).zip(gradient);
        for (lane, ((((row, slope), direction), phi), gradient)) in lanes.enumerate() {
            let slope = widened(&derivative(x, row, slope).to_array()) * pull - widened(direction) * shrink;
            *gradient = (wide(gradient) + slope).to_array();
            let mut others = (narrow(phi) - narrow(row) * x) * x;
            if lane == 0 {
                let [_, rest @ ..] = others.to_array();
                others = f32x4::new([0.0, rest[0], rest[1], rest[2]]);
            }
            let others = widened(&others.to_array());
            squares += others * others;
        }
        [f64::from(x) * f64::from(x), total(squares)]
    }

    /// The rows as they were gathered: id, value, weight and factors.
    pub(crate) fn terms(&self) -> impl Iterator<Item = (FeatureId, f32, &[f32])> {
        let rows = self.rows.chunks_exact(self.lanes).map(<[Lanes]>::as_flattened);
        self.parts.iter().zip(rows).map(|(part, row)| (part.id, part.value, row))
    }
}

/// ds/dv_if = x_i (q_f - v_if x_i), and ds/dw_i = x_i in the place of the weight.
#[inline]
fn derivative(x: f32, row: &Lanes, [q, own]: &[Lanes; 2]) -> f32x4 {
    (narrow(q) - narrow(row) * narrow(own) * x) * x
}

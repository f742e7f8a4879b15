//! What one client may do to a version, whatever its deltas claim, and when a row that nobody had is everybody's.
//!
//! A delta is written by a stranger: its numbers, its evidence and its number of events are his word. What counts is what the endpoint
//! sees for itself, that one client key taught these rows. So all deltas of a key in one version are taken together, and with g the
//! gradient eta - Lambda x that they come to at a row x:
//!
//! - a row's |g| is at most [`FoldConfig::clip`], and the curvature that goes with it at most [`MOST_EVIDENCE`];
//! - the |g| of all rows together, in L2, is at most [`FoldConfig::influence`]: who pushes many rows pushes each less;
//! - a row that the base does not have waits until [`FoldConfig::quorum`] keys met it, or is on the operator's list. What waits is
//!   bounded, and what few met goes first where there is no room.

use crate::format::delta::ClientKey;
use crate::input::feature::FeatureId;
use crate::share::curvature::{Amounts, Curvature};
use crate::share::fold::{FoldConfig, UNIT};
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

/// The most of either amount of curvature that one client adds to a row in a version.
pub(crate) const MOST_EVIDENCE: f64 = 64.0;
/// The most new rows that one client makes wait in a version.
const NEW_ROWS: usize = 256;
/// The most rows that wait, and the most numbers in them.
const WAITING: [usize; 2] = [1 << 16, 1 << 22];

/// What one client says of a row, within bounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounded<'a> {
    pub(crate) id: FeatureId,
    /// Where the base has the row; None of a new one.
    pub(crate) place: Option<usize>,
    pub(crate) gradient: &'a [f64],
    pub(crate) amounts: Amounts,
}

/// Clients whom a bound cut short in a version: those who push hardest, hostile ones among them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CutShort {
    /// How many.
    pub clients: u64,
    /// Their share of all that clients push, 0 to 1: of the lengths (L2) of what the bounds leave of each client's gradients.
    pub share: f64,
}

/// What of a client is no longer than [`FoldConfig::influence`] over all rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measured {
    /// The gradients.
    Gradient,
    /// Gradients and curvature, in one vector.
    Whole,
}

/// Bounds what clients say, one after the other.
#[derive(Debug)]
pub(crate) struct Bounds<'a> {
    curvature: &'a Curvature,
    config: &'a FoldConfig,
    measured: Measured,
    /// Of the present client: its rows, and their gradients one after the other.
    rows: Vec<(FeatureId, Option<usize>, Amounts)>,
    gradients: Vec<f64>,
    /// A row of the base.
    at: Vec<f64>,
    pub(crate) cut: Cut,
}

/// Clients who were cut short so far, and the lengths that are left of theirs and of all gradients.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cut {
    clients: u64,
    lengths: [f64; 2],
}

impl Cut {
    pub(crate) fn short(self) -> CutShort {
        let [theirs, all] = self.lengths;
        CutShort { clients: self.clients, share: if all > 0.0 { theirs / all } else { 0.0 } }
    }
}

impl<'a> Bounds<'a> {
    pub(crate) fn new(curvature: &'a Curvature, config: &'a FoldConfig, measured: Measured) -> Bounds<'a> {
        Bounds {
            curvature,
            config,
            measured,
            rows: Vec::new(),
            gradients: Vec::new(),
            at: Vec::new(),
            cut: Cut::default(),
        }
    }

    /// All that one client says of rows of `width` numbers, within bounds. `row` gives a row of the base by its place; one that the base does not have is of zeros.
    pub(crate) fn of<'b, 'c>(
        &mut self,
        told: impl Iterator<Item = (FeatureId, Option<usize>, &'b [i64])>,
        width: usize,
        row: impl Fn(usize) -> &'c [f32],
    ) -> impl Iterator<Item = Bounded<'_>> {
        let number = |sum: &i64| *sum as f64 / f64::from(UNIT);
        let mut squares = 0.0;
        let mut is_cut = false;
        self.rows.clear();
        self.gradients.clear();
        for (id, place, sums) in told {
            let (eta, amounts) = sums.split_at(width);
            let amounts = [number(&amounts[0]), number(&amounts[1])];
            is_cut |= amounts.iter().any(|amount| *amount > MOST_EVIDENCE);
            let amounts = amounts.map(|amount| amount.min(MOST_EVIDENCE));
            let start = self.gradients.len();
            self.gradients.extend(eta.iter().map(number));
            let gradient = &mut self.gradients[start..];
            if let Some(place) = place {
                self.at.clear();
                self.at.extend(row(place).iter().map(|x| f64::from(*x)));
                self.curvature.add_times(-amounts[0], &self.at, gradient);
                gradient.iter_mut().zip(&self.at).skip(1).for_each(|(g, x)| *g -= amounts[1] * x);
            }
            let (square, is_shortened) = shorten(gradient, f64::from(self.config.clip));
            squares += square;
            is_cut |= is_shortened;
            if self.measured == Measured::Whole {
                squares += amounts.iter().fold(0.0, |sum, x| sum + x * x);
            }
            self.rows.push((id, place, amounts));
        }
        let (length, most) = (libm::sqrt(squares), f64::from(self.config.influence));
        if length > most {
            is_cut = true;
            let factor = most / length;
            self.gradients.iter_mut().for_each(|x| *x *= factor);
            if self.measured == Measured::Whole {
                self.rows.iter_mut().for_each(|(_, _, amounts)| *amounts = amounts.map(|amount| amount * factor));
            }
        }
        let left = length.min(most);
        self.cut.lengths[1] += left;
        if is_cut {
            self.cut.clients += 1;
            self.cut.lengths[0] += left;
        }
        let rows = self.rows.iter().zip(self.gradients.chunks_exact(width));
        rows.map(|((id, place, amounts), gradient)| Bounded { id: *id, place: *place, gradient, amounts: *amounts })
    }
}

/// Shortens a vector to a length; the square of what it has then, and whether it was longer.
fn shorten(xs: &mut [f64], most: f64) -> (f64, bool) {
    let square = xs.iter().fold(0.0, |sum, x| sum + x * x);
    if square <= most * most {
        return (square, false);
    }
    let factor = most / libm::sqrt(square);
    xs.iter_mut().for_each(|x| *x *= factor);
    (most * most, true)
}

/// New rows that too few clients have met.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Waiting {
    rows: BTreeMap<FeatureId, Row>,
}

/// A row that waits.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Row {
    /// Who met it, by the first half of the key.
    pub(crate) clients: Vec<u64>,
    /// The version at which it was met first.
    pub(crate) since: u64,
    /// The gradient and the curvature that were told of it.
    pub(crate) numbers: Vec<f32>,
}

impl Waiting {
    pub(crate) fn of(rows: BTreeMap<FeatureId, Row>) -> Waiting {
        Waiting { rows }
    }

    pub(crate) fn rows(&self) -> &BTreeMap<FeatureId, Row> {
        &self.rows
    }

    /// Takes what a client says of new rows; how many of them found no room.
    pub(crate) fn hear(&mut self, client: ClientKey, since: u64, told: &[Bounded<'_>]) -> u64 {
        let (key, _) = client.as_chunks::<8>();
        let key = u64::from_le_bytes(key[0]);
        let mut left_out = 0;
        for (n, Bounded { id, gradient, amounts, .. }) in told.iter().enumerate() {
            if n >= NEW_ROWS && !self.rows.contains_key(id) {
                left_out += 1;
                continue;
            }
            let row = self.rows.entry(*id).or_insert_with(|| Row {
                clients: Vec::new(),
                since,
                numbers: vec![0.0; gradient.len() + amounts.len()],
            });
            if !row.clients.contains(&key) {
                row.clients.push(key);
            }
            row.numbers.iter_mut().zip(gradient.iter().chain(amounts)).for_each(|(sum, x)| *sum += *x as f32);
        }
        // Between folds there is room for half as many: what few met is not let go of before the others were heard, unless there is no end of it.
        if self.rows.len() > 2 * self.most() { left_out + self.make_room() } else { left_out }
    }

    /// Takes out the rows that enough clients met, or that `listed` has.
    pub(crate) fn admitted(&mut self, config: &FoldConfig) -> BTreeMap<FeatureId, Row> {
        let enough = |id: &FeatureId, row: &Row| match &config.items {
            Some(items) => items.contains(id),
            None => row.clients.len() >= config.quorum,
        };
        let (admitted, rows) = core::mem::take(&mut self.rows).into_iter().partition(|(id, row)| enough(id, row));
        self.rows = rows;
        admitted
    }

    /// How many rows there is room for.
    fn most(&self) -> usize {
        let numbers = self.rows.values().next().map_or(1, |row| row.numbers.len());
        WAITING[0].min(WAITING[1] / numbers)
    }

    /// Lets go of what there is no room for: rows that fewest clients met, of these the oldest. How many.
    pub(crate) fn make_room(&mut self) -> u64 {
        let too_many = self.rows.len().saturating_sub(self.most());
        if too_many > 0 {
            let mut order: Vec<_> = self.rows.iter().map(|(id, row)| (row.clients.len(), row.since, *id)).collect();
            order.sort_unstable();
            order.iter().take(too_many).for_each(|(_, _, id)| _ = self.rows.remove(id));
        }
        too_many as u64
    }
}

//! What goes out: events become a delta, the delta waits until it is acknowledged, nothing is counted twice.
//!
//! A delta is made by *reconstruction* (after Singhal et al. 2021): the visitor row is learnt anew upon the current base from
//! all events that are kept; one pass over the new ones and some of the old then moves the shared rows, from the base's, down
//! the loss averaged over the posterior of that row: who is little known teaches little of taste, and a row that few know well
//! stays short. Old events are taught again because both rows have moved since, so that what they say is another thing now.
//! The change is added to what was not sent before; what int8 rounds off simply stays there (error feedback, Seide et al. 2014).

use crate::active::Active;
use crate::delta::{ClientKey, Delta, MAX_SCALE};
use crate::fm::Sum;
use crate::index::Index;
use crate::math::proximal;
use crate::model::Model;
use crate::order::ordered;
use crate::random::Random;
use crate::rows::Rows;
use crate::{FeatureId, Features};
use alloc::vec;
use alloc::vec::Vec;

/// The most events that one delta teaches for the first time.
pub(crate) const BUFFER: usize = 512;
/// The most events that are kept to be taught again; of more, each is as likely to be among them (Vitter 1985).
pub(crate) const HISTORY: usize = 1000;
/// The most of them that one reconstruction teaches again: a delta stays at 2 KB.
const AGAIN: usize = 100;
/// Deltas sent under one client key.
const ROTATION: u64 = 32;
/// A row goes out if one of its numbers is at least so many units of its scale.
const LEAST_TOLD: i8 = 3;
/// The most bytes of rows in a delta: keepalive requests share 64 KiB in flight.
const MAX_BYTES: usize = 48 << 10;

/// An event to be reconstructed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) features: Features,
    pub(crate) target: f32,
    pub(crate) weight: f32,
}

/// A delta that was made and not yet acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingDelta {
    /// Its sequence number.
    pub seq: u64,
    /// What to send, the same bytes every time.
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Outbox {
    pub(crate) client: Option<ClientKey>,
    /// Deltas that were acknowledged under this client key.
    pub(crate) acknowledged: u64,
    pub(crate) pending: Option<Vec<u8>>,
    pub(crate) events: Vec<Event>,
    /// Older events, and how many there ever were.
    pub(crate) history: Vec<Event>,
    pub(crate) met: u64,
    /// Change of shared rows that was not put into a delta yet.
    pub(crate) unsent: Unsent,
    /// Events that `unsent` stems from.
    pub(crate) unsent_events: u32,
}

impl Outbox {
    /// The unsent rows by ascending id.
    pub(crate) fn sorted(&self) -> Vec<(FeatureId, &[f32])> {
        let rows: Vec<_> = self.unsent.rows().collect();
        ordered(&rows, |(a, _), (b, _)| a.cmp(b))
    }

    /// Events whose learning has not been put into a delta.
    pub(crate) fn waiting(&self) -> u32 {
        self.unsent_events.saturating_add(self.events.len() as u32)
    }

    /// Takes an event for the next delta. Where nobody asks for one, the older half of those that wait becomes history, of which
    /// later deltas teach some.
    pub(crate) fn push(&mut self, event: Event, random: &mut Random) {
        if self.events.len() == BUFFER {
            let rest = self.events.split_off(BUFFER / 2);
            core::mem::replace(&mut self.events, rest).into_iter().for_each(|event| self.keep(event, random));
        }
        self.events.push(event);
    }

    /// Turns the buffered events, with some of the history, into a change of shared rows.
    pub(crate) fn reconstruct(&mut self, model: &Model, random: &mut Random) {
        if self.events.is_empty() {
            return;
        }
        let (rows, rate) = (&model.rows, model.rates().delta);
        let metadata = rows.base().metadata();
        let visitor = model.visitor_of(self.history.iter().chain(&self.events));
        let old = self.history.len();
        for i in 0..AGAIN.min(old) {
            self.history.swap(i, i + random.below(old - i));
        }
        let mut moved = Rows::new(rows.base().clone(), usize::MAX);
        let mut active = Active::default();
        let trace = visitor.trace_of_factors();
        for event in self.events.iter().chain(&self.history[..AGAIN.min(old)]) {
            active.clear(rows.lanes(), event.features.len());
            event.features.shared().iter().for_each(|feature| active.add(&moved, feature, rate));
            event.features.private().iter().for_each(|feature| active.add(rows, feature, 0.0));
            active.sums.finish(metadata.w0);
            let (target, weight) = (f64::from(event.target), f64::from(event.weight));
            let Sum { score, phi } = active.sums.personal();
            let score = score + visitor.dot(phi);
            active.meet(&visitor);
            let step = proximal(metadata.loss, score, target, weight * active.leverage());
            active.shrink(&visitor, trace, weight * step.curvature);
            active.step(weight * step.pull, &mut moved);
        }
        for (id, change) in moved.residuals() {
            for (unsent, x) in self.unsent.row(id, change.len()).iter_mut().zip(change) {
                *unsent = (*unsent + x).clamp(-MAX_SCALE, MAX_SCALE);
            }
        }
        self.unsent_events = self.unsent_events.saturating_add(self.events.len() as u32);
        for event in core::mem::take(&mut self.events) {
            self.keep(event, random);
        }
    }

    /// Takes an event into the history; if that is full, in the place of another, or not at all.
    fn keep(&mut self, event: Event, random: &mut Random) {
        self.met += 1;
        if self.history.len() < HISTORY {
            self.history.push(event);
        } else if let Some(place) = self.history.get_mut(random.below(self.met as usize)) {
            *place = event;
        }
    }

    /// The pending delta; if there is none, one of what was learnt since. `fresh` is a random key, used if one is due.
    pub(crate) fn prepare(&mut self, base_version: u64, fresh: ClientKey) -> Option<PendingDelta> {
        if self.pending.is_none() && self.unsent_events > 0 {
            if self.client.is_none() || self.acknowledged >= ROTATION {
                self.client = Some(fresh);
                self.acknowledged = 0;
            }
            let delta = self.quantise(base_version, self.client.unwrap_or(fresh))?;
            self.subtract(&delta, 1.0);
            self.unsent_events = 0;
            self.pending = Some(delta.encode());
        }
        let bytes = self.pending.clone()?;
        Some(PendingDelta { seq: self.acknowledged + 1, bytes })
    }

    /// The pending delta of this number was stored by the endpoint.
    pub(crate) fn acknowledge(&mut self, seq: u64) {
        if self.pending.is_some() && seq == self.acknowledged + 1 {
            self.pending = None;
            self.acknowledged = seq;
        }
    }

    /// The endpoint will never take the pending delta of this number: its change goes back to what is unsent, to be sent
    /// under a new key.
    pub(crate) fn reject(&mut self, seq: u64, fresh: ClientKey) {
        if seq != self.acknowledged + 1 {
            return;
        }
        // A pending delta was encoded by this outbox or checked when the profile was read.
        if let Some(delta) = self.pending.take().and_then(|bytes| Delta::decode(&bytes).ok()) {
            self.subtract(&delta, -1.0);
            self.unsent_events = self.unsent_events.saturating_add(delta.events);
        }
        self.client = Some(fresh);
        self.acknowledged = 0;
    }

    /// The largest rows that fit, int8 per column.
    fn quantise(&self, base_version: u64, client: ClientKey) -> Option<Delta> {
        let width = self.unsent.width;
        let length = |row: &[f32]| row.iter().map(|x| x * x).sum::<f32>();
        let mut rows = self.sorted();
        rows.retain(|(_, row)| length(row) > 0.0);
        let most = MAX_BYTES / (8 + width);
        if rows.len() > most {
            rows = ordered(&rows, |(_, a), (_, b)| length(b).total_cmp(&length(a)));
            rows.truncate(most);
            rows = ordered(&rows, |(a, _), (b, _)| a.cmp(b));
        }
        if rows.is_empty() {
            return None;
        }
        let largest = |column: usize| rows.iter().fold(0f32, |max, (_, row)| max.max(row[column].abs()));
        let scales: Vec<f32> = (0..width).map(|column| largest(column) / 127.0).collect();
        let quantised = |x: f32, scale: f32| {
            let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
            libm::rintf(x * inverse).clamp(-127.0, 127.0) as i8
        };
        // Rows of which little is left but what earlier deltas rounded off wait until they are taught again: the fold counts
        // every row of a delta as taught.
        let told = |row: &[f32]| row.iter().zip(&scales).any(|(x, scale)| quantised(*x, *scale).abs() >= LEAST_TOLD);
        rows.retain(|(_, row)| told(row));
        let mut columns = Vec::with_capacity(width * rows.len());
        for (column, scale) in scales.iter().enumerate() {
            columns.extend(rows.iter().map(|(_, row)| quantised(row[column], *scale)));
        }
        let ids = rows.iter().map(|(id, _)| *id).collect();
        let events = self.unsent_events;
        Some(Delta { base_version, client, seq: self.acknowledged + 1, events, ids, scales, columns })
    }

    fn subtract(&mut self, delta: &Delta, sign: f32) {
        let mut change = vec![0.0; delta.scales.len()];
        for (i, id) in delta.ids.iter().enumerate() {
            delta.row_into(i, &mut change);
            let unsent = self.unsent.row(*id, change.len());
            unsent.iter_mut().zip(&change).for_each(|(unsent, x)| *unsent -= sign * x);
        }
        let left = self.unsent.rows().filter(|(_, row)| row.iter().any(|x| *x != 0.0));
        self.unsent = Unsent::of(left);
    }
}

/// Rows by their ids, in no order that counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Unsent {
    index: Index,
    width: usize,
    numbers: Vec<f32>,
}

impl Unsent {
    /// Of rows of one width.
    pub(crate) fn of<'a>(rows: impl Iterator<Item = (FeatureId, &'a [f32])>) -> Unsent {
        let mut unsent = Unsent::default();
        rows.for_each(|(id, row)| unsent.row(id, row.len()).copy_from_slice(row));
        unsent
    }

    /// The rows.
    fn rows(&self) -> impl Iterator<Item = (FeatureId, &[f32])> {
        self.index.ids().iter().copied().zip(self.numbers.chunks_exact(self.width.max(1)))
    }

    /// The row of an id; zeros if there was none.
    fn row(&mut self, id: FeatureId, width: usize) -> &mut [f32] {
        self.width = width;
        let (at, new) = self.index.enter(id);
        if new {
            self.numbers.resize(self.numbers.len() + width, 0.0);
        }
        &mut self.numbers[at * width..(at + 1) * width]
    }
}

//! What goes out: events become a delta, the delta waits until it is acknowledged, nothing is counted twice.
//!
//! A delta says how this device's factor of each row differs from what the endpoint was told of it before ([`told`](super::told)). So all
//! events that are kept can be taught with every delta, at the rows of the present base and with the visitor row learnt anew
//! ([`teaching`](super::teaching)): both have moved since, so what an old event says is another thing now, and its first word is taken back with
//! the second. Rows of new events go out, and of the others those that have most news. What int8 rounds off was not told, so it
//! is news the next time (error feedback, Seide et al. 2014).

use crate::format::delta::{ClientKey, Delta, Report};
use crate::format::evidence::Evidence;
use crate::input::feature::{FeatureId, Features};
use crate::input::index::Index;
use crate::maths::order::ordered;
use crate::maths::random::Random;
use crate::model::event::Event;
use crate::model::overlay::Overlay;
use crate::model::personal::Model;
use crate::share::curvature::{Amounts, Curvature};
use crate::share::privacy::Cover;
use crate::share::teaching::Teaching;
use crate::share::told::{BEYOND, Told};
use alloc::vec;
use alloc::vec::Vec;

/// The most events that one delta teaches for the first time.
pub(crate) const BUFFER: usize = 512;
/// The most events that are kept to be taught again; of more, each is as likely to be among them (Vitter 1985).
pub(crate) const HISTORY: usize = 1000;
/// The most rows of old events alone that a delta corrects: it stays at 1.5 KB.
const CORRECTED: usize = 60;
/// Deltas sent under one client key.
const ROTATION: u64 = 32;
/// A row of old events goes out if one of its numbers is at least so many units of its scale.
const LEAST_TOLD: i8 = 2;
/// The most bytes of rows in a delta: keepalive requests share 64 KiB in flight.
const MAX_BYTES: usize = 48 << 10;

/// What becomes of an event, besides what it teaches the learner itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sharing {
    /// The next delta tells of it.
    #[default]
    Told,
    /// No delta ever tells of it. It is kept, so that it can be taken back and its item counts as seen.
    Kept,
    /// A delta of its own tells of it, so that none of this learner's does.
    Elsewhere,
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
    /// New events, and those that were in a delta, with how many of these there ever were.
    pub(crate) events: Vec<Event>,
    pub(crate) history: Vec<Event>,
    pub(crate) met: u64,
    /// Events that no delta was acknowledged for, beyond `events`: of a delta that was refused.
    pub(crate) refused: u32,
    /// What the endpoint was told, and what the pending delta adds to that.
    pub(crate) told: Told,
    pub(crate) underway: Told,
    /// How new events were predicted.
    pub(crate) report: Report,
}

impl Outbox {
    /// Events whose learning has not been put into a delta.
    pub(crate) fn waiting(&self) -> u32 {
        self.refused.saturating_add(self.events.len() as u32)
    }

    /// The events that are kept, but for those that were taken back.
    pub(crate) fn taught(&self) -> impl Iterator<Item = &Event> {
        self.history.iter().chain(&self.events).filter(|event| event.weight > 0.0)
    }

    /// Takes an event for the next delta. Where nobody asks for one, the older half of those that wait becomes history, of which
    /// later deltas teach.
    pub(crate) fn push(&mut self, event: Event, random: &mut Random) {
        if self.events.len() == BUFFER {
            let rest = self.events.split_off(BUFFER / 2);
            core::mem::replace(&mut self.events, rest).into_iter().for_each(|event| self.keep(event, random));
        }
        self.events.push(event);
    }

    /// The bytes that would be sent now: the pending delta or, `anew`, one of what that held and of all since. Changes nothing.
    #[cold]
    #[inline(never)]
    pub(crate) fn next(&mut self, model: &Model, fresh: ClientKey, anew: bool, mut cover: Cover) -> Option<Vec<u8>> {
        // It was encoded by this outbox or checked when the profile was read.
        let pending = self.pending.as_ref().and_then(|bytes| Delta::decode(bytes).ok());
        if pending.is_some() && !anew || pending.is_none() && self.waiting() == 0 {
            return self.pending.clone();
        }
        let due = self.client.is_none() || self.acknowledged >= ROTATION;
        let told = (due && cover.privacy.unlinkable).then(|| {
            let closed = self.aside(true).told;
            core::mem::replace(&mut self.told, closed)
        });
        let underway = core::mem::take(&mut self.underway);
        let client = self.client.filter(|_| !due).unwrap_or_else(|| cover.key(fresh));
        let made = self.make(model, client, &mut cover);
        self.underway = underway;
        if let Some(told) = told {
            self.told = told;
        }
        let mut delta = made?;
        if due {
            delta.seq = 1;
        }
        if let Some(pending) = pending {
            delta.events = delta.events.saturating_add(pending.events);
            delta.report.join(&pending.report);
        }
        Some(delta.encode())
    }

    /// Keeps an event of which no delta is to tell: without a shared row there is nothing to tell.
    #[cold]
    #[inline(never)]
    pub(crate) fn hide(&mut self, event: &Event, random: &mut Random) {
        self.keep(Event { features: event.features.hidden(), ..*event }, random);
    }

    /// The same events in an outbox that has told nobody of them and never will.
    pub(crate) fn hidden(self, random: &mut Random, unlinkable: bool) -> Outbox {
        let mut hidden = self.aside(unlinkable);
        self.history.iter().chain(&self.events).for_each(|event| hidden.hide(event, random));
        hidden
    }

    /// The latest event with these features and this target is taken for another now: what waits of it is not sent.
    pub(crate) fn forget(&mut self, features: &Features, target: f32) {
        let same = |event: &Event| event.target == target && event.features == *features;
        if let Some(at) = self.events.iter().rposition(same) {
            self.events.remove(at);
        }
    }

    /// Takes an event back, the latest with these features and this target: its weight, and whether the endpoint may have been told of it.
    /// Then it stays, without weight, so that deltas to come tell that there is nothing of it. None if it is not kept.
    #[cold]
    #[inline(never)]
    pub(crate) fn take_back(&mut self, features: &Features, target: f32) -> Option<(f32, bool)> {
        let same = |event: &Event| event.weight > 0.0 && event.target == target && event.features == *features;
        if let Some(at) = self.events.iter().rposition(same) {
            return Some((self.events.remove(at).weight, false));
        }
        let hidden = features.hidden();
        let at = self.history.iter().rposition(|event| {
            same(event) || event.weight > 0.0 && event.target == target && event.features == hidden
        })?;
        let Event { features: kept, weight, .. } = &self.history[at];
        let (weight, hidden) = (*weight, kept.shared().is_empty());
        if hidden {
            self.history.remove(at);
            self.met = self.met.saturating_sub(1);
            return Some((weight, false));
        }
        // Which of the events with a row were told is all one: that there are as many counts.
        let (mut rows, mut kept) = (Index::default(), vec![0.0; features.shared().len()]);
        features.shared().iter().for_each(|feature| _ = rows.enter(feature.id));
        let found = self.history.iter().flat_map(|event| event.features.shared()).filter_map(|of| rows.find(of.id));
        found.for_each(|row| kept[row] += 1.0);
        let told = rows.ids().iter().zip(&kept);
        let told = told.map(|(id, kept)| (self.told.events(*id) + self.underway.events(*id), kept));
        let was_told = told.into_iter().any(|(told, kept)| told > kept - 0.5);
        if was_told {
            self.history[at].weight = 0.0;
        } else {
            self.history.remove(at);
            self.met = self.met.saturating_sub(1);
            self.refused = self.refused.saturating_sub(1);
        }
        Some((weight, was_told))
    }

    /// Takes an event into the history; if that is full, in the place of another, or not at all.
    fn keep(&mut self, event: Event, random: &mut Random) {
        self.met += 1;
        let left = if self.history.len() < HISTORY {
            self.history.push(event);
            return;
        } else if let Some(place) = self.history.get_mut(random.below(self.met as usize)) {
            core::mem::replace(place, event)
        } else {
            event
        };
        for feature in left.features.shared() {
            // One that leaves as soon as it comes is in the delta that was just made.
            if !self.underway.release(feature.id) {
                self.told.release(feature.id);
            }
        }
    }

    /// The pending delta; if there is none, one of what was learnt since. `fresh` is a random key, used if one is due.
    pub(crate) fn prepare(
        &mut self,
        model: &Model,
        random: &mut Random,
        fresh: ClientKey,
        mut cover: Cover,
    ) -> Option<PendingDelta> {
        if self.pending.is_none() && self.waiting() > 0 {
            if self.client.is_none() || self.acknowledged >= ROTATION {
                self.rename(cover.key(fresh), cover.privacy.unlinkable);
            }
            let delta = self.make(model, self.client.unwrap_or(fresh), &mut cover)?;
            for event in core::mem::take(&mut self.events) {
                self.keep(event, random);
            }
            self.refused = 0;
            self.report = Report::default();
            self.pending = Some(delta.encode());
        }
        self.pending_delta()
    }

    /// The delta that was made and not yet acknowledged.
    pub(crate) fn pending_delta(&self) -> Option<PendingDelta> {
        let bytes = self.pending.clone()?;
        Some(PendingDelta { seq: self.acknowledged + 1, bytes })
    }

    /// The endpoint stored `delta`. Nothing happens unless that is the pending one: another tab may have heard it first.
    pub(crate) fn acknowledge(&mut self, delta: &PendingDelta) {
        if self.is_pending(delta) {
            self.pending = None;
            self.acknowledged = delta.seq;
            self.told.merge(&core::mem::take(&mut self.underway));
        }
    }

    /// The endpoint will never take `delta`: it was told nothing by it, and will be by the next, under a new key. Nothing happens
    /// unless that is the pending one.
    pub(crate) fn reject(&mut self, delta: &PendingDelta, fresh: ClientKey, unlinkable: bool) {
        if !self.is_pending(delta) {
            return;
        }
        self.pending = None;
        // It was encoded by this outbox or checked when the profile was read.
        let events = Delta::decode(&delta.bytes).map_or(0, |delta| delta.events);
        self.refused = self.refused.saturating_add(events);
        let underway = core::mem::take(&mut self.underway);
        if unlinkable {
            self.told.merge(&underway);
        }
        self.rename(fresh, unlinkable);
    }

    /// Nobody will take `delta`, and it is not made again: as if it had been stored, but its client is given up.
    pub(crate) fn discard(&mut self, delta: &PendingDelta, fresh: ClientKey, unlinkable: bool) {
        if self.is_pending(delta) {
            self.acknowledge(delta);
            self.rename(fresh, unlinkable);
        }
    }

    /// Rows of these features were told of under a key that is not this outbox's.
    pub(crate) fn close(&mut self, features: &Features, width: usize) {
        features.shared().iter().for_each(|feature| self.told.close_row(feature.id, width + BEYOND));
    }

    /// An outbox for a delta under a key of its own, that tells of no row that this one has told of.
    pub(crate) fn aside(&self, unlinkable: bool) -> Outbox {
        let mut told = Told::default();
        if unlinkable {
            told.merge(&self.told);
            told.merge(&self.underway);
            told.close();
        }
        Outbox { told, ..Outbox::default() }
    }

    /// Deltas go under another key from now on.
    fn rename(&mut self, client: ClientKey, unlinkable: bool) {
        self.client = Some(client);
        self.acknowledged = 0;
        if unlinkable {
            self.told.close();
        }
    }

    /// The pending delta was not sent: what it held is for the next one, under the same number.
    pub(crate) fn withdraw(&mut self) {
        // It was encoded by this outbox or checked when the profile was read.
        let Some(delta) = self.pending.take().and_then(|bytes| Delta::decode(&bytes).ok()) else { return };
        self.refused = self.refused.saturating_add(delta.events);
        self.report.join(&delta.report);
        self.underway = Told::default();
    }

    /// Its number alone would not tell: clients begin to count anew.
    fn is_pending(&self, delta: &PendingDelta) -> bool {
        self.pending.as_ref() == Some(&delta.bytes)
    }

    /// The delta of what is news to the endpoint, which then is underway; None if nothing is.
    fn make(&mut self, model: &Model, client: ClientKey, cover: &mut Cover) -> Option<Delta> {
        let mut rows = Overlay::new(model.rows.base().clone(), usize::MAX);
        let kept = self.history.iter().chain(&self.events).filter(|event| !event.features.shared().is_empty());
        let kept: Vec<&Event> = kept.collect();
        // Each is read from the base once.
        let features = kept.iter().copied().chain(&cover.decoys).flat_map(|event| event.features.iter());
        features.for_each(|feature| _ = rows.enter(feature.id));
        let metadata = rows.base().metadata();
        let width = 1 + metadata.factors;
        let curvature = Curvature::of(&metadata.prior);
        let visitor = model.visitor_of(&rows, kept.iter().copied());
        let teaching = Teaching::of(model, &rows, &visitor, kept.iter().copied());
        let decoys = Teaching::of(model, &rows, &visitor, cover.decoys.iter());
        let decoys = decoys.rows(width).filter(|(id, ..)| !teaching.has(*id) && !self.told.has(*id));
        let mut at = vec![0.0; width];
        let mut news: Vec<News> = Vec::new();
        let met = teaching.rows(width).map(|row| (row, false));
        for ((id, gradient, amounts, events), decoy) in met.chain(decoys.map(|row| (row, true))) {
            rows.base_into(id, &mut at);
            let mut gradient = gradient.to_vec();
            let (told, before) = self.told.news(id, &at, &curvature, &mut gradient);
            let fresh = events > told;
            if self.told.is_closed(id) || !fresh && !cover.privacy.corrects() {
                continue;
            }
            // A loss may be steeper than it was told to be, and then the endpoint has to know; if it is less steep, steps are short.
            let mut amounts = [0, 1].map(|which| (amounts[which] - before[which]).max(0.0));
            // What noise added and what was cut off is no news the next time.
            let known =
                (cover.privacy.noise > 0.0).then(|| (eta_of(gradient.clone(), amounts, &at, &curvature), amounts));
            cover.privacy.blur(&mut gradient, &mut amounts, &mut cover.entropy);
            let evidence = amounts.map(Evidence::of);
            let said = evidence.map(Evidence::amount);
            let eta = eta_of(gradient, said, &at, &curvature);
            let size = eta.iter().fold(0.0, |sum, x| sum + x * x);
            let events = if decoy { 0.0 } else { (events - told).max(0.0) };
            news.push(News { id, eta, evidence, events, fresh, size, known });
        }
        let news = chosen(news, width);
        let scales: Vec<f32> = (0..width).map(|column| largest(&news, column) / 127.0).collect();
        let quantised = |x: f64, scale: f32| {
            let inverse = if scale > 0.0 { 1.0 / f64::from(scale) } else { 0.0 };
            libm::rint(x * inverse).clamp(-127.0, 127.0) as i8
        };
        let goes = |row: &&News| {
            let mut numbers = row.eta.iter().zip(&scales);
            row.fresh || numbers.any(|(x, scale)| quantised(*x, *scale).abs() >= LEAST_TOLD)
        };
        let news: Vec<&News> = news.iter().filter(goes).collect();
        if news.is_empty() {
            return None;
        }
        let column = |(at, scale): (usize, &f32)| news.iter().map(move |row| (row.eta[at], *scale)).collect::<Vec<_>>();
        let columns = scales.iter().enumerate().flat_map(column).map(|(x, scale)| quantised(x, scale)).collect();
        let delta = Delta {
            base_version: metadata.version,
            client,
            seq: self.acknowledged + 1,
            events: self.waiting(),
            ids: news.iter().map(|row| row.id).collect(),
            scales,
            columns,
            evidence: news.iter().map(|row| row.evidence).collect(),
            report: self.report,
        };
        self.underway = Told::default();
        let mut eta = vec![0.0; width];
        for (i, row) in news.iter().enumerate() {
            delta.row_into(i, &mut eta);
            let mut amounts = row.evidence.map(Evidence::amount);
            if let Some((known, all)) = &row.known {
                eta.iter_mut().zip(known).for_each(|(eta, known)| *eta = *known as f32);
                amounts = *all;
            }
            self.underway.tell(row.id, &eta, amounts, row.events as f32);
        }
        Some(delta)
    }
}

/// What the endpoint does not know of a row.
#[derive(Debug, Clone)]
struct News {
    id: FeatureId,
    /// The change of eta, the curvature that the endpoint lacks, and of how many events it was never told.
    eta: Vec<f64>,
    evidence: [Evidence; 2],
    events: f64,
    /// Whether it goes out however little it says.
    fresh: bool,
    /// The square of eta's change.
    size: f64,
    /// What counts as told, where that is not what is said.
    known: Option<(Vec<f64>, Amounts)>,
}

/// A change of eta, of a gradient at a row where the curvature changes by amounts.
fn eta_of(mut gradient: Vec<f64>, amounts: Amounts, at: &[f32], curvature: &Curvature) -> Vec<f64> {
    gradient.iter_mut().enumerate().for_each(|(r, eta)| *eta += curvature.times(amounts, at, r));
    gradient
}

/// Those with events that were never told, and of the others those with the largest changes, as many as fit; by ascending id.
fn chosen(news: Vec<News>, width: usize) -> Vec<News> {
    let fresh = news.iter().filter(|row| row.fresh).count();
    let most = (fresh + CORRECTED).min(MAX_BYTES / (Delta::ROW_BYTES + width));
    let by_size = |a: &News, b: &News| b.fresh.cmp(&a.fresh).then(b.size.total_cmp(&a.size)).then(a.id.cmp(&b.id));
    let mut news = if news.len() > most { ordered(&news, by_size) } else { news };
    news.truncate(most);
    ordered(&news, |a, b| a.id.cmp(&b.id))
}

fn largest(news: &[News], column: usize) -> f32 {
    news.iter().fold(0.0f32, |max, row| max.max(row.eta[column].abs() as f32)).min(127.0 * Delta::MAX_SCALE)
}

//! Several threads without a shared row: users and items are cut into as many groups as there are threads, and while one
//! thread learns from the events of one group of users and one of items, the others hold other groups of both (Gemulla,
//! Nijkamp, Haas, Sismanis 2011). Rows of fields are in every group: each thread moves a copy, and after each round
//! the mean of the copies is everyone's. The same bits come out for the same seed and number of threads.

use super::config::BLOCK;
use super::evidence::{Evidence, whole};
use super::kernel::{Kind, Part, run};
use super::step::Step;
use crate::trainer::{Event, Model, Problem};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Every epoch goes several times over the strata, each time with another share of their events, so that the order is near
/// to random; each share is a meeting of all threads.
const SHARES: usize = 8;
/// Events of a stratum between two meetings where threads move copies of the same rows: the fewer there are, the nearer the
/// mean of the copies is to what one thread would find.
const COPIED: usize = 4096;

/// Events by group of users, group of items.
pub(super) struct Strata {
    /// Rows of users of each group, and of items.
    users: Vec<Range<usize>>,
    items: Vec<Range<usize>>,
    /// At `user group * threads + item group`; shuffled.
    events: Vec<Vec<Event>>,
    shares: usize,
}

/// What moves of the rows of fields and of w0.
struct Shared {
    fields: Vec<f32>,
    evidence: Vec<f32>,
    w0: f32,
}

impl Strata {
    /// `events` are in random order.
    pub(super) fn new(problem: &Problem, events: Vec<Event>, threads: usize) -> Strata {
        let layout = &problem.layout;
        let own = |event: &Event| problem.users.rows(event.user)[0];
        let users = cut(layout.users, events.iter().map(own), threads);
        let items = cut(layout.items, events.iter().map(|event| event.item), threads);
        let copied = events.len() / (threads * threads * COPIED);
        let shares = if problem.is_plain() { SHARES } else { SHARES.max(copied) };
        let group = |groups: &[Range<usize>], row: u32| groups.partition_point(|group| group.end <= row as usize);
        let mut strata = vec![Vec::new(); threads * threads];
        for event in events {
            strata[group(&users, own(&event)) * threads + group(&items, event.item)].push(event);
        }
        let items = items.iter().map(|group| group.start + layout.users..group.end + layout.users).collect();
        Strata { users, items, events: strata, shares }
    }

    /// Goes once over all events. `turn` rotates which events come first.
    pub(super) fn epoch(
        &self,
        problem: &Problem,
        step: &Step,
        model: &mut Model,
        evidence: &mut Evidence,
        turn: usize,
    ) {
        let (threads, shares, width) = (self.users.len(), self.shares, model.width());
        let mut w0 = model.w0;
        let Part { users, items, fields } = whole(problem, model, evidence);
        let users = groups(users, width, &self.users);
        let items: Vec<Mutex<Kind<'_>>> = groups(items, width, &self.items).into_iter().map(Mutex::new).collect();
        let start = Shared { fields: fields.rows.to_vec(), evidence: fields.evidence.to_vec(), w0 };
        let moved: Vec<Mutex<Shared>> = (0..threads).map(|_| Mutex::new(start.copy())).collect();
        let meeting = Meeting { threads, arrived: AtomicUsize::new(0), held: AtomicUsize::new(0) };
        let work = |thread: usize, mut users: Kind<'_>| {
            let mut shared = start.copy();
            for round in 0..shares * threads {
                let group = (thread + round) % threads;
                let events = &self.events[thread * threads + group];
                let share = (round / threads + turn) % shares;
                let events = &events[share * events.len() / shares..(share + 1) * events.len() / shares];
                let mut mine = shared.copy();
                {
                    // The meeting has made sure that nobody else holds it.
                    let mut items = items[group].lock().unwrap_or_else(PoisonError::into_inner);
                    let fields = Kind { first: fields.first, rows: &mut mine.fields, evidence: &mut mine.evidence };
                    let mut part = Part { users: users.again(), items: items.again(), fields };
                    run(problem, width, BLOCK, events, step, &mut mine.w0, &mut part);
                }
                *moved[thread].lock().unwrap_or_else(PoisonError::into_inner) = mine;
                meeting.wait();
                // Everyone adds up the same numbers in the same order.
                shared.clear();
                for moved in &moved {
                    shared.add(&moved.lock().unwrap_or_else(PoisonError::into_inner), 1.0 / threads as f32);
                }
                meeting.wait();
            }
            shared
        };
        let end = std::thread::scope(|scope| {
            let handles: Vec<_> = users
                .into_iter()
                .enumerate()
                .map(|(thread, users)| {
                    scope.spawn({
                        let work = &work;
                        move || work(thread, users)
                    })
                })
                .collect();
            let mut ends =
                handles.into_iter().map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            let end = ends.next();
            ends.for_each(drop);
            end
        });
        drop(items);
        if let Some(end) = end {
            fields.rows.copy_from_slice(&end.fields);
            fields.evidence.copy_from_slice(&end.evidence);
            w0 = end.w0;
        }
        model.w0 = w0;
    }
}

/// Where threads wait for each other. They meet every millisecond or less: to be put to sleep and woken each time, as by
/// [`std::sync::Barrier`], would be a good part of that.
struct Meeting {
    threads: usize,
    arrived: AtomicUsize,
    /// How many were held so far.
    held: AtomicUsize,
}

impl Meeting {
    fn wait(&self) {
        let held = self.held.load(Ordering::Acquire);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.threads {
            self.arrived.store(0, Ordering::Relaxed);
            self.held.store(held + 1, Ordering::Release);
            return;
        }
        while self.held.load(Ordering::Acquire) == held {
            std::thread::yield_now();
        }
    }
}

impl Shared {
    fn copy(&self) -> Shared {
        Shared { fields: self.fields.clone(), evidence: self.evidence.clone(), w0: self.w0 }
    }

    fn clear(&mut self) {
        self.fields.fill(0.0);
        self.evidence.fill(0.0);
        self.w0 = 0.0;
    }

    fn add(&mut self, other: &Shared, share: f32) {
        self.fields.iter_mut().zip(&other.fields).for_each(|(to, from)| *to += share * from);
        self.evidence.iter_mut().zip(&other.evidence).for_each(|(to, from)| *to += share * from);
        self.w0 += share * other.w0;
    }
}

/// Cuts 0..n into ranges with about as many events each.
fn cut(n: usize, rows: impl Iterator<Item = u32>, groups: usize) -> Vec<Range<usize>> {
    let mut counts = vec![0usize; n];
    rows.for_each(|row| counts[row as usize] += 1);
    let total: usize = counts.iter().sum();
    let mut ranges = Vec::with_capacity(groups);
    let (mut start, mut end, mut seen) = (0, 0, 0);
    for group in 1..=groups {
        while end < n && (group == groups || seen < total * group / groups) {
            seen += counts[end];
            end += 1;
        }
        ranges.push(start..end);
        start = end;
    }
    ranges
}

/// The rows of each group.
fn groups<'a>(kind: Kind<'a>, width: usize, ranges: &[Range<usize>]) -> Vec<Kind<'a>> {
    let Kind { mut rows, mut evidence, .. } = kind;
    let adaptive = !evidence.is_empty();
    ranges
        .iter()
        .map(|range| {
            let (mine, rest) = std::mem::take(&mut rows).split_at_mut(range.len() * width);
            rows = rest;
            let count = if adaptive { range.len() } else { 0 };
            let (sums, rest) = std::mem::take(&mut evidence).split_at_mut(count);
            evidence = rest;
            Kind { first: range.start, rows: mine, evidence: sums }
        })
        .collect()
}

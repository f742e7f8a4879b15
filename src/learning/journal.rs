//! The events that the store does not hold yet, to be learnt again on the profile of another tab if that was saved first.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use brooklet_core::{Error, Features, Learner, Prediction, Sharing, Subject};

/// How many unsaved events are kept: only a store that fails for hours lets them grow so many.
const LONGEST: usize = 10_000;

/// Is added to the letter of an event of which no delta is to tell.
const KEPT: u8 = 1 << 7;

/// An event as the core learns it.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// An input with its label.
    Learnt { features: Features, target: f32, weight: f32 },
    /// The label of an item of a slate, where 1 is a click and 0 a skip, or of a held prediction.
    Labelled { subject: Subject, target: f32, weight: f32 },
    /// The label of an item of a slate was taken back.
    Undone { subject: Subject },
    /// One input that is preferred to another.
    Compared { preferred: Features, other: Features, weight: f32 },
}

/// Features, target and weight of an event that is of no slate.
type Alone = (Features, f32, f32);

impl Event {
    /// Learns it; what was predicted before, if that is one thing.
    pub(crate) fn learn(&self, core: &mut Learner) -> Result<Option<Prediction>, Error> {
        match self {
            Event::Learnt { features, target, weight } => core.learn_one(features, *target, *weight).map(Some),
            Event::Labelled { subject, target, weight } => core.label(subject, *target, *weight).map(Some),
            Event::Undone { subject } => core.undo(subject).map(|_| None),
            Event::Compared { preferred, other, weight } => core.learn_pair(preferred, other, *weight).map(|()| None),
        }
    }

    /// What is thought of it, if it is of no slate. Teaches nothing.
    pub(crate) fn predict(&self, core: &Learner) -> Option<Prediction> {
        match self {
            Event::Learnt { features, .. } => Some(core.predict_one(features)),
            _ => None,
        }
    }

    /// The same once more, on another profile. A label may have been given in another tab too, and then counts no more; where its slate
    /// is not known, it is learnt `alone`.
    fn learn_again(&self, core: &mut Learner, alone: Option<Alone>) {
        if let (Err(Error::UnknownSlate | Error::UnknownItem), Some((features, target, weight))) =
            (self.learn(core), alone)
        {
            let _ = core.learn_one(&features, target, weight);
        }
    }

    /// Takes back that what it labels was labelled.
    fn unlabel(&self, core: &mut Learner) {
        if let Event::Labelled { subject, .. } = self {
            core.unlabel(subject);
        }
    }

    /// It without the slate that it is of; None if it is of two things, or the slate is not known.
    fn alone(&self, core: &Learner) -> Option<Alone> {
        match self {
            Event::Learnt { features, target, weight } => Some((features.clone(), *target, *weight)),
            Event::Labelled { subject, target, weight } => {
                let (features, seen) = core.labels(subject)?;
                let click = core.base().metadata().labels.click_target();
                Some((features, *target, if *target < click { weight * seen } else { *weight }))
            }
            Event::Undone { .. } | Event::Compared { .. } => None,
        }
    }

    fn labels(&self, of: &Subject) -> bool {
        matches!(self, Event::Labelled { subject, .. } if subject == of)
    }
}

/// Unsaved events, oldest first, each with what becomes of it.
#[derive(Debug, Default)]
pub(crate) struct Journal(VecDeque<(Event, Sharing)>);

impl Journal {
    /// Takes note of an event that was learnt.
    pub(crate) fn push(&mut self, event: Event, sharing: Sharing) {
        if self.0.len() == LONGEST {
            self.0.pop_front();
        }
        self.0.push_back((event, sharing));
    }

    /// Whether it has a label of this, and not only that it was taken back.
    pub(crate) fn labels(&self, subject: &Subject) -> bool {
        self.0.iter().any(|(event, _)| event.labels(subject))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The first so many events are in the store.
    pub(crate) fn saved(&mut self, events: usize) {
        self.0.drain(..events.min(self.0.len()));
    }

    /// The events from the one at `from` on are in a note.
    pub(crate) fn truncate(&mut self, from: usize) {
        self.0.truncate(from);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Moves `core` onto `other`, a learner that was restored from what another tab saved, and learns all events again there.
    pub(crate) fn rebase(&self, core: &mut Learner, other: Learner) {
        let alone: Vec<_> = self.0.iter().map(|(event, _)| event.alone(core)).collect();
        self.0.iter().for_each(|(event, _)| event.unlabel(core));
        core.adopt(other);
        for ((event, sharing), alone) in self.0.iter().zip(alone) {
            core.share(*sharing);
            event.learn_again(core, alone);
        }
    }

    /// The events from the one at `from` on, without labels that were taken back since.
    fn standing(&self, from: usize) -> Vec<&(Event, Sharing)> {
        let mut standing: Vec<&(Event, Sharing)> = Vec::new();
        for noted in self.0.iter().skip(from) {
            match &noted.0 {
                Event::Undone { subject } if standing.iter().any(|(event, _)| event.labels(subject)) => {
                    standing.retain(|(event, _)| !event.labels(subject));
                }
                _ => standing.push(noted),
            }
        }
        standing
    }

    /// The events from the one at `from` on, as bytes: each is a letter for its kind, plus 128 if no delta is to tell of it, its target and weight (f32, little-endian), then
    /// what it is of: inputs; or the number of a slate or a held prediction (u64), an item's id behind its length (u32), and what
    /// is learnt if the slate is not known: the weight and the input.
    pub(crate) fn encode(&self, from: usize, core: &Learner) -> Vec<u8> {
        let mut out = Vec::new();
        for (event, sharing) in self.standing(from) {
            let (kind, target, weight) = match event {
                Event::Learnt { target, weight, .. } => (b'L', *target, *weight),
                Event::Labelled { subject: Subject::Item { .. }, target, weight } => (b'I', *target, *weight),
                Event::Labelled { subject: Subject::Held(_), target, weight } => (b'H', *target, *weight),
                Event::Undone { .. } => (b'U', 0.0, 0.0),
                Event::Compared { weight, .. } => (b'C', 0.0, *weight),
            };
            out.push(if *sharing == Sharing::Kept { kind | KEPT } else { kind });
            out.extend_from_slice(&target.to_le_bytes());
            out.extend_from_slice(&weight.to_le_bytes());
            match event {
                Event::Learnt { features, .. } => features.encode(&mut out),
                Event::Labelled { subject, .. } | Event::Undone { subject } => {
                    let (id, item) = match subject {
                        Subject::Item { slate, item } => (slate, item.as_str()),
                        Subject::Held(id) => (id, ""),
                    };
                    out.extend_from_slice(&id.to_le_bytes());
                    out.extend_from_slice(&(item.len() as u32).to_le_bytes());
                    out.extend_from_slice(item.as_bytes());
                    let (features, _, weight) = event.alone(core).unwrap_or_default();
                    out.extend_from_slice(&weight.to_le_bytes());
                    features.encode(&mut out);
                }
                Event::Compared { preferred, other, .. } => {
                    preferred.encode(&mut out);
                    other.encode(&mut out);
                }
            }
        }
        out
    }

    /// Features, target and weight of the events from the one at `from` on of which a delta may tell.
    pub(crate) fn alone(&self, from: usize, core: &Learner) -> Vec<Alone> {
        let told = |(event, sharing): &(Event, Sharing)| event.alone(core).filter(|_| *sharing == Sharing::Told);
        self.standing(from).into_iter().filter_map(told).collect()
    }
}

/// Has `core` learn the events that `encode` wrote, up to one that is broken; what becomes of them is what it was, and `told` for those of which deltas tell. If they are the core's `own`, of a page that was left and
/// came back, their labels are given already.
pub(crate) fn learn_noted(core: &mut Learner, mut bytes: &[u8], own: bool, told: Sharing) {
    let mut next = || {
        let kept = bytes.first()? & KEPT != 0;
        Some((noted(&mut bytes)?, if kept { Sharing::Kept } else { told }))
    };
    let events: Vec<_> = core::iter::from_fn(&mut next).collect();
    if own {
        events.iter().for_each(|((event, _), _)| event.unlabel(core));
    }
    for ((event, alone), sharing) in events {
        core.share(sharing);
        event.learn_again(core, alone);
    }
}

/// An event, and what is to be learnt if it is the label of a slate that is not known.
fn noted(bytes: &mut &[u8]) -> Option<(Event, Option<Alone>)> {
    let [kind] = take(bytes)?;
    let [target, weight] = [take(bytes)?, take(bytes)?].map(f32::from_le_bytes);
    let kind = kind & !KEPT;
    match kind {
        b'L' => Some((Event::Learnt { features: Features::decode(bytes).ok()?, target, weight }, None)),
        b'I' | b'H' | b'U' => {
            let id = u64::from_le_bytes(take(bytes)?);
            let length = u32::from_le_bytes(take(bytes)?) as usize;
            let (item, rest) = bytes.split_at_checked(length)?;
            *bytes = rest;
            let item = String::from_utf8(item.into()).ok()?;
            // No item has an empty id.
            let subject = if item.is_empty() { Subject::Held(id) } else { Subject::Item { slate: id, item } };
            let alone = f32::from_le_bytes(take(bytes)?);
            let features = Features::decode(bytes).ok()?;
            if kind == b'U' {
                return Some((Event::Undone { subject }, None));
            }
            Some((Event::Labelled { subject, target, weight }, Some((features, target, alone))))
        }
        b'C' => {
            let (preferred, other) = (Features::decode(bytes).ok()?, Features::decode(bytes).ok()?);
            Some((Event::Compared { preferred, other, weight }, None))
        }
        _ => None,
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

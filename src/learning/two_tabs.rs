//! Two tabs, one store, one endpoint, in any order: no event is lost, and none is learnt or sent twice.
//!
//! The steps are those of a tab's commit and of its exchange with the endpoint, with the moments between them at which the other
//! tab may act: a snapshot is taken, the store takes it or tells what it holds instead, that is heard, a delta is posted, its answer is
//! heard. In between a tab is left: for good, or it comes back. There is no lock between the tabs, as on an insecure page. Every event has a feature of its own.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use std::collections::{HashMap, HashSet};

use brooklet_core::{
    Base, Config, Delta, FeatureId, Features, Metadata, PendingDelta, Precision, Prior, Rates, Rows, Schema, Subject,
    Value, encode_base,
};
use proptest::prelude::*;

use crate::learning::journal::Event;
use crate::learning::saved::{Kept, Note, Replaced, Saved, Snapshot};
use crate::learning::session::Session;

/// The keys of deltas that go out with a note begin like this.
const OF_NOTE: u8 = 255;

#[derive(Debug, Clone, Copy)]
enum Act {
    Learn {
        /// As what was held before.
        labelled: bool,
    },
    /// The label given last is taken back, perhaps in the other tab.
    Undo,
    Snapshot,
    Offer {
        /// Or only before the next commit.
        heard: bool,
        /// The tab is left after it has looked what is there, and before it could offer.
        left: bool,
    },
    /// The next step of the exchange: the delta is made and saved, posted, or the answer to it is saved.
    Exchange {
        /// If it is posted: whether the endpoint finds its base too old, and whether the answer arrives.
        stale: bool,
        heard: bool,
    },
    Reset,
    /// A note is left behind, and the delta that is ready is posted; nobody hears of it.
    Leave {
        arrives: bool,
        /// Another page is opened in its place, or it was only hidden.
        dies: bool,
    },
}

/// How far the exchange of a tab is.
enum Exchange {
    Idle,
    Saved(PendingDelta),
    Heard(PendingDelta, Verdict),
}

/// What the endpoint says to a delta.
#[derive(Clone, Copy)]
enum Verdict {
    Acknowledged,
    Refused,
}

/// The store: a profile is replaced only by who has seen it and knows every note beside it.
#[derive(Default)]
struct Store(Kept);

impl Store {
    fn replace(
        &mut self,
        session: &mut Session,
        snapshot: &Snapshot,
        left: impl FnOnce(&mut Session) -> Option<Note>,
    ) -> Replaced {
        let Kept { saved, notes } = &mut self.0;
        let seen = notes.iter().all(|note| snapshot.merged.contains(&note.id));
        if saved.as_ref().map_or(0.0, |saved| saved.revision) != snapshot.revision || !seen {
            return Replaced::Conflict(self.0.clone());
        }
        notes.extend(left(session));
        if !session.offer(snapshot) {
            return Replaced::Overtaken;
        }
        let Snapshot { resets, open, merged, departed, profile, .. } = snapshot;
        let (resets, open, merged, departed) = (*resets, *open, merged.clone(), departed.clone());
        let revision = snapshot.revision + 1.0;
        let (profile, log) = (profile.clone(), String::new());
        let mut rows = saved.take().map(|saved| saved.rows).unwrap_or_default();
        rows.resize(snapshot.pieces.len(), Vec::new());
        for (rows, pieces) in rows.iter_mut().zip(&snapshot.pieces) {
            rows.resize(*pieces, Vec::new());
        }
        snapshot.rows.iter().for_each(|piece| rows[piece.list][piece.at].clone_from(&piece.bytes));
        *saved = Some(Saved { revision, resets, open, merged, departed, profile, rows, log });
        Replaced::Done(revision)
    }
}

/// The endpoint: deltas of each client in order, each once.
#[derive(Default)]
struct Endpoint {
    clients: HashMap<[u8; 16], u64>,
    /// A base that is too old stays so.
    refused: HashSet<Vec<u8>>,
    events: u32,
    /// Events of deltas that were refused and that no other will hold: those of notes.
    lost: u32,
}

impl Endpoint {
    fn post(&mut self, pending: &PendingDelta, stale: bool) -> Verdict {
        let delta = Delta::decode(&pending.bytes).expect("it was encoded");
        let last = self.clients.entry(delta.client).or_default();
        if delta.seq <= *last {
            return Verdict::Acknowledged;
        }
        if stale || delta.seq > *last + 1 || self.refused.contains(&pending.bytes) {
            let first = self.refused.insert(pending.bytes.clone());
            self.lost += if first && delta.client[0] == OF_NOTE { delta.events } else { 0 };
            return Verdict::Refused;
        }
        *last = delta.seq;
        self.events += delta.events;
        Verdict::Acknowledged
    }
}

struct Tab {
    session: Session,
    taken: Option<Snapshot>,
    /// What is in the store, and not yet heard to be.
    unheard: Option<(Snapshot, f64)>,
    exchange: Exchange,
}

impl Tab {
    fn new(first_slate: u64, kept: Kept) -> Tab {
        let session = Session::open(base(), Config::default(), kept, first_slate, None).expect("settings");
        Tab { session, taken: None, unheard: None, exchange: Exchange::Idle }
    }

    fn hear(&mut self) {
        if let Some((snapshot, revision)) = self.unheard.take() {
            self.session.saved(&snapshot, revision);
        }
    }

    /// Notes are removed some time after they are learnt.
    fn tidy(&self, store: &mut Store) {
        if let Some(saved) = &store.0.saved {
            store.0.notes.retain(|note| !saved.merged.contains(&note.id));
        }
    }

    fn commit(&mut self, store: &mut Store, key: [u8; 16], mut change: impl FnMut(&mut Session)) {
        self.hear();
        self.taken = None;
        loop {
            change(&mut self.session);
            self.session.make_ready(key);
            if !self.session.is_unsaved() {
                return;
            }
            let snapshot = self.session.snapshot();
            if self.offer(store, snapshot, true, |_| None) {
                return;
            }
        }
    }

    fn offer(
        &mut self,
        store: &mut Store,
        snapshot: Snapshot,
        heard: bool,
        left: impl FnOnce(&mut Session) -> Option<Note>,
    ) -> bool {
        match store.replace(&mut self.session, &snapshot, left) {
            Replaced::Done(revision) => {
                self.unheard = Some((snapshot, revision));
                if heard {
                    self.hear();
                }
                true
            }
            Replaced::Conflict(kept) => {
                self.session.adopt(kept).expect("it was saved by a session");
                false
            }
            Replaced::Overtaken => false,
        }
    }

    fn leave(&mut self, store: &mut Store, endpoint: &mut Endpoint, key: [u8; 16], arrives: bool) {
        store.0.notes.extend(leave(&mut self.session, endpoint, key, arrives));
        self.tidy(store);
    }

    /// One step. `key` is new each time.
    fn exchange(&mut self, store: &mut Store, endpoint: &mut Endpoint, key: [u8; 16], stale: bool, heard: bool) {
        self.exchange = match core::mem::replace(&mut self.exchange, Exchange::Idle) {
            Exchange::Idle => {
                let mut pending = None;
                self.commit(store, key, |session| pending = session.prepare(key));
                pending.map_or(Exchange::Idle, Exchange::Saved)
            }
            Exchange::Saved(pending) => {
                let verdict = endpoint.post(&pending, stale);
                if heard { Exchange::Heard(pending, verdict) } else { Exchange::Idle }
            }
            Exchange::Heard(pending, verdict) => {
                self.commit(store, key, |session| match verdict {
                    Verdict::Acknowledged => session.acknowledge(&pending),
                    Verdict::Refused => session.reject(&pending, key),
                });
                Exchange::Idle
            }
        };
    }
}

/// What is left behind; what is ready goes out.
fn leave(session: &mut Session, endpoint: &mut Endpoint, key: [u8; 16], arrives: bool) -> Option<Note> {
    let note = session.note(Some(core::array::from_fn(|at| if at == 0 { OF_NOTE } else { key[at] })));
    if note.is_some() {
        session.noted();
    }
    let delta = note.as_ref().and_then(|note| note.delta.clone());
    for delta in delta.into_iter().chain(session.depart()).filter(|_| arrives) {
        endpoint.post(&delta, false);
    }
    note
}

pub(crate) fn base() -> Base {
    let covariance = vec![0.5, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.5];
    let prior = Prior { mean: vec![0.0; 3], covariance, scale: 1.0 };
    let schema = Schema { fields: vec!["item".into()], ..Schema::new("user", "item") };
    let metadata = Metadata::new("films", schema, Rates { private: 0.3, shared: 0.05, delta: 0.05 }, prior);
    let rows = Rows { ids: vec![FeatureId::named("item=none")], rows: vec![0.1; 3], names: None, ..Rows::default() };
    let bytes = encode_base(&metadata, &rows, Precision::F16).expect("the rows are fine");
    Base::decode(bytes).expect("it was written")
}

pub(crate) fn item(session: &Session, n: u32) -> Features {
    let input = Value::Object(vec![("item".into(), Value::String(format!("event-{n}")))]);
    Features::from_value(session.core().schema(), &input).expect("an item")
}

fn acts() -> impl Strategy<Value = Vec<(bool, Act)>> {
    let act = prop_oneof![
        8 => any::<bool>().prop_map(|labelled| Act::Learn { labelled }),
        2 => Just(Act::Undo),
        4 => Just(Act::Snapshot),
        6 => any::<(bool, bool)>().prop_map(|(heard, left)| Act::Offer { heard, left: heard && left }),
        12 => any::<(bool, bool)>().prop_map(|(stale, heard)| Act::Exchange { stale, heard }),
        1 => Just(Act::Reset),
        4 => any::<(bool, bool)>().prop_map(|(arrives, dies)| Act::Leave { arrives, dies }),
    ];
    prop::collection::vec((any::<bool>(), act), 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_event_is_lost_and_none_is_learnt_or_sent_twice(acts in acts()) {
        let (mut store, mut endpoint) = (Store::default(), Endpoint::default());
        let mut tabs = [1, 1 << 20].map(|first| Tab::new(first, Kept::default()));
        let (mut learnt, mut forgotten) = (0, 0);
        let (mut labelled, mut undone) = (Vec::new(), HashMap::new());
        for (step, (second, act)) in acts.into_iter().enumerate() {
            let tab = &mut tabs[usize::from(second)];
            let key = [step as u8; 16];
            match act {
                Act::Learn { labelled: of_slate } => {
                    let features = item(&tab.session, learnt);
                    let (target, weight) = ((learnt % 2) as f32, 1.0);
                    let event = if of_slate {
                        let subject = Subject::Held(tab.session.hold(&features).0);
                        labelled.push((subject.clone(), learnt));
                        Event::Labelled { subject, target, weight }
                    } else {
                        Event::Learnt { features, target, weight }
                    };
                    tab.session.learn(event).expect("an event");
                    learnt += 1;
                }
                Act::Undo => {
                    if let Some((subject, event)) = labelled.last()
                        && matches!(tab.session.undo(subject.clone()), Ok(Some(_)))
                    {
                        undone.insert(*event, subject.clone());
                        labelled.pop();
                    }
                }
                Act::Snapshot => {
                    tab.hear();
                    tab.session.make_ready(key);
                    tab.taken = Some(tab.session.snapshot());
                }
                Act::Offer { heard, left } => {
                    if let Some(snapshot) = tab.taken.take() {
                        tab.offer(&mut store, snapshot, heard, |session| {
                            if left { leave(session, &mut endpoint, key, true) } else { None }
                        });
                    }
                }
                Act::Exchange { stale, heard } => tab.exchange(&mut store, &mut endpoint, key, stale, heard),
                Act::Reset => {
                    tab.commit(&mut store, key, Session::reset);
                    forgotten = learnt;
                }
                Act::Leave { arrives, dies } => {
                    tab.leave(&mut store, &mut endpoint, key, arrives);
                    if dies {
                        *tab = Tab::new((step as u64 + 2) << 20, store.0.clone());
                    }
                }
            }
        }
        for tab in [0, 1, 0] {
            tabs[tab].commit(&mut store, [250; 16], |_| ());
        }
        // What the other tab had not saved yet may outlive a reset.
        let least = u64::from(learnt - forgotten).saturating_sub(undone.len() as u64);
        let remembered = least..=u64::from(learnt);
        let mut last = Tab::new(1 << 30, store.0.clone());
        let core = last.session.core();
        let events = core.metrics().events;
        prop_assert!(remembered.contains(&events), "each is learnt once: {} of {:?}", events, remembered);
        let rows: HashSet<FeatureId> = core.residuals().map(|(id, _)| id).collect();
        for subject in undone.values() {
            prop_assert!(!matches!(core.clone().undo(subject), Ok(Some(_))), "{:?} stays taken back", subject);
        }
        for n in (forgotten..learnt).filter(|n| !undone.contains_key(n)) {
            prop_assert!(rows.contains(&FeatureId::named(&format!("item=event-{n}"))), "event {} is learnt", n);
        }
        // A delta whose answer got lost goes out again as the same bytes; what was refused goes out as another's.
        for round in 200..240 {
            last.exchange(&mut store, &mut endpoint, [round; 16], false, true);
        }
        let core = last.session.core();
        prop_assert_eq!((core.unsent_events(), core.pending_events()), (0, None));
        let sent = u64::from(endpoint.events);
        let remembered = remembered.start().saturating_sub(u64::from(endpoint.lost))..=*remembered.end();
        prop_assert!(remembered.contains(&sent), "each is sent once: {} of {:?}", sent, remembered);
    }
}

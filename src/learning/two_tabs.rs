//! Two tabs, one store, one endpoint, in any order: no event is lost, and none is learnt or sent twice.
//!
//! The steps are those of a tab's commit and of its exchange with the endpoint, with the moments between them at which the other
//! tab may act: a snapshot is taken, the store takes it or tells what it holds instead, a delta is posted, its answer is heard.
//! There is no lock between the tabs, as on an insecure page. Every event has a feature of its own.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use std::collections::{HashMap, HashSet};

use brooklet_core::{
    Base, Config, Delta, FeatureId, Features, Metadata, PendingDelta, Precision, Prior, Rates, Rows, Schema, Value,
    encode_base,
};
use proptest::prelude::*;

use crate::learning::journal::Event;
use crate::learning::saved::{Replaced, Saved, Snapshot};
use crate::learning::session::Session;

#[derive(Debug, Clone, Copy)]
enum Act {
    Learn,
    Snapshot,
    Offer,
    /// The next step of the exchange: the delta is made and saved, posted, or the answer to it is saved.
    Exchange {
        /// If it is posted: whether the endpoint finds its base too old, and whether the answer arrives.
        stale: bool,
        heard: bool,
    },
    Reset,
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

/// The store: a profile is replaced only by who has seen it.
#[derive(Default)]
struct Store(Option<Saved>);

impl Store {
    fn replace(&mut self, snapshot: &Snapshot) -> Replaced {
        if self.0.as_ref().map_or(0.0, |saved| saved.revision) != snapshot.revision {
            return Replaced::Conflict(self.0.clone());
        }
        let (revision, resets, profile) = (snapshot.revision + 1.0, snapshot.resets, snapshot.profile.clone());
        self.0 = Some(Saved { revision, resets, profile, log: String::new() });
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
}

impl Endpoint {
    fn post(&mut self, pending: &PendingDelta, stale: bool) -> Verdict {
        let delta = Delta::decode(&pending.bytes).expect("it was encoded");
        let last = self.clients.entry(delta.client).or_default();
        if delta.seq <= *last {
            return Verdict::Acknowledged;
        }
        if stale || delta.seq > *last + 1 || self.refused.contains(&pending.bytes) {
            self.refused.insert(pending.bytes.clone());
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
    exchange: Exchange,
}

impl Tab {
    fn commit(&mut self, store: &mut Store, mut change: impl FnMut(&mut Session)) {
        self.taken = None;
        loop {
            change(&mut self.session);
            if !self.session.is_unsaved() {
                return;
            }
            let snapshot = self.session.snapshot();
            if self.offer(store, &snapshot) {
                return;
            }
        }
    }

    fn offer(&mut self, store: &mut Store, snapshot: &Snapshot) -> bool {
        match store.replace(snapshot) {
            Replaced::Done(revision) => {
                self.session.saved(snapshot, revision);
                true
            }
            Replaced::Conflict(saved) => {
                self.session.adopt(saved).expect("it was saved by a session");
                false
            }
        }
    }

    /// One step. `key` is new each time.
    fn exchange(&mut self, store: &mut Store, endpoint: &mut Endpoint, key: [u8; 16], stale: bool, heard: bool) {
        self.exchange = match core::mem::replace(&mut self.exchange, Exchange::Idle) {
            Exchange::Idle => {
                let mut pending = None;
                self.commit(store, |session| pending = session.prepare(key));
                pending.map_or(Exchange::Idle, Exchange::Saved)
            }
            Exchange::Saved(pending) => {
                let verdict = endpoint.post(&pending, stale);
                if heard { Exchange::Heard(pending, verdict) } else { Exchange::Idle }
            }
            Exchange::Heard(pending, verdict) => {
                self.commit(store, |session| match verdict {
                    Verdict::Acknowledged => session.acknowledge(&pending),
                    Verdict::Refused => session.reject(&pending, key),
                });
                Exchange::Idle
            }
        };
    }
}

fn base() -> Base {
    let covariance = vec![0.5, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.5];
    let prior = Prior { mean: vec![0.0; 3], covariance, scale: 1.0, fade: 0.0 };
    let schema = Schema { fields: vec!["item".into()], ..Schema::new("user", "item") };
    let metadata = Metadata::new("films", schema, Rates { private: 0.3, shared: 0.05, delta: 0.05 }, prior);
    let rows = Rows { ids: vec![FeatureId::named("item=none")], rows: vec![0.1; 3], names: None, ..Rows::default() };
    let bytes = encode_base(&metadata, &rows, Precision::F16).expect("the rows are fine");
    Base::decode(bytes).expect("it was written")
}

fn item(session: &Session, n: u32) -> Features {
    let input = Value::Object(vec![("item".into(), Value::String(format!("event-{n}")))]);
    Features::from_value(session.core().schema(), &input).expect("an item")
}

fn acts() -> impl Strategy<Value = Vec<(bool, Act)>> {
    let act = prop_oneof![
        8 => Just(Act::Learn),
        4 => Just(Act::Snapshot),
        6 => Just(Act::Offer),
        12 => any::<(bool, bool)>().prop_map(|(stale, heard)| Act::Exchange { stale, heard }),
        1 => Just(Act::Reset),
    ];
    prop::collection::vec((any::<bool>(), act), 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_event_is_lost_and_none_is_learnt_or_sent_twice(acts in acts()) {
        let (mut store, mut endpoint) = (Store::default(), Endpoint::default());
        let open = |first, saved| Session::open(base(), Config::default(), saved, first, None).expect("settings");
        let tab = |first| Tab { session: open(first, None), taken: None, exchange: Exchange::Idle };
        let mut tabs = [1, 1 << 20].map(tab);
        let (mut learnt, mut forgotten) = (0, 0);
        for (step, (second, act)) in acts.into_iter().enumerate() {
            let tab = &mut tabs[usize::from(second)];
            match act {
                Act::Learn => {
                    let features = item(&tab.session, learnt);
                    let event = Event::Learnt { features, target: (learnt % 2) as f32, weight: 1.0 };
                    tab.session.learn(event).expect("an event");
                    learnt += 1;
                }
                Act::Snapshot => tab.taken = tab.taken.take().or_else(|| Some(tab.session.snapshot())),
                Act::Offer => {
                    if let Some(snapshot) = tab.taken.take() {
                        tab.offer(&mut store, &snapshot);
                    }
                }
                Act::Exchange { stale, heard } => {
                    tab.exchange(&mut store, &mut endpoint, [step as u8; 16], stale, heard);
                }
                Act::Reset => {
                    tab.commit(&mut store, Session::reset);
                    forgotten = learnt;
                }
            }
        }
        for tab in [0, 1, 0] {
            tabs[tab].commit(&mut store, |_| ());
        }
        // What the other tab had not saved yet may outlive a reset.
        let remembered = u64::from(learnt - forgotten)..=u64::from(learnt);
        let all = open(1 << 30, store.0.clone());
        let events = all.core().metrics().events;
        prop_assert!(remembered.contains(&events), "each is learnt once: {} of {:?}", events, remembered);
        let rows: HashSet<FeatureId> = all.core().residuals().map(|(id, _)| id).collect();
        for n in forgotten..learnt {
            prop_assert!(rows.contains(&FeatureId::named(&format!("item=event-{n}"))), "event {} is learnt", n);
        }
        // A delta whose answer got lost goes out again as the same bytes; what was refused goes out as another's.
        let mut last = Tab { session: all, taken: None, exchange: Exchange::Idle };
        for round in 200..212 {
            last.exchange(&mut store, &mut endpoint, [round; 16], false, true);
        }
        prop_assert_eq!((last.session.core().unsent_events(), last.session.core().pending_events()), (0, None));
        let sent = u64::from(endpoint.events);
        prop_assert!(remembered.contains(&sent), "each is sent once: {} of {:?}", sent, remembered);
    }
}

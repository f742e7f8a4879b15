//! Two tabs, one store, one endpoint, in any order: no event is lost, and none is learnt twice.
//!
//! The steps are those of a tab's commit, with the moments between them at which the other tab may act: a snapshot is taken, the
//! store takes it or tells what it holds instead, the session hears of it. Every event has a feature of its own.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use std::collections::{BTreeMap, HashSet};

use brooklet_core::{
    Base, Calibration, Config, FeatureId, Features, Labels, Loss, Metadata, Precision, Prior, Rates, Rows, Schema,
    Thresholds, Value, write_base,
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
    /// Makes the delta, and posts it once it is saved; the answer may get lost.
    Send {
        heard: bool,
    },
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

/// The endpoint: bodies by their bytes, each with its events.
#[derive(Default)]
struct Endpoint(BTreeMap<Vec<u8>, u32>);

struct Tab {
    session: Session,
    taken: Option<Snapshot>,
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

    fn send(&mut self, store: &mut Store, endpoint: &mut Endpoint, heard: bool, key: u8) {
        let mut pending = None;
        self.commit(store, |session| pending = session.prepare([key; 16]));
        let Some(pending) = pending else { return };
        let events = self.session.core().pending_events().expect("it was prepared");
        endpoint.0.insert(pending.bytes, events);
        if heard {
            self.commit(store, |session| session.acknowledge(pending.seq));
        }
    }
}

fn base() -> Base {
    let metadata = Metadata {
        model: "films".into(),
        version: 1,
        factors: 2,
        loss: Loss::Logistic,
        w0: 0.0,
        schema: Schema {
            visitor: "user".into(),
            item: "item".into(),
            private: Vec::new(),
            fields: vec!["item".into()],
            rates: Vec::new(),
        },
        rates: Rates { private: 0.3, shared: 0.05, delta: 0.05 },
        prior: Prior { mean: vec![0.0; 3], covariance: vec![0.5, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.5], scale: 1.0 },
        calibration: Calibration::default(),
        thresholds: Thresholds::default(),
        labels: Labels::default(),
        private_rows: false,
        training: Value::Null,
    };
    let rows = Rows { ids: vec![FeatureId::named("item=none")], rows: vec![0.1; 3], names: None, ..Rows::default() };
    let bytes = write_base(&metadata, &rows, Precision::F16).expect("the rows are fine");
    Base::read(bytes).expect("it was written")
}

fn item(session: &Session, n: u32) -> Features {
    let input = Value::Object(vec![("item".into(), Value::String(format!("event-{n}")))]);
    Features::from_value(session.core().schema(), &input).expect("an item")
}

fn acts() -> impl Strategy<Value = Vec<(bool, Act)>> {
    let act = prop_oneof![
        4 => Just(Act::Learn),
        2 => Just(Act::Snapshot),
        3 => Just(Act::Offer),
        1 => any::<bool>().prop_map(|heard| Act::Send { heard }),
    ];
    prop::collection::vec((any::<bool>(), act), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_event_is_lost_and_none_is_learnt_twice(acts in acts()) {
        let (mut store, mut endpoint) = (Store::default(), Endpoint::default());
        let open = |first| Session::open(base(), Config::default(), None, first, None);
        let mut tabs = [1, 1 << 20].map(|first| Tab { session: open(first), taken: None });
        let mut learnt = 0;
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
                Act::Send { heard } => tab.send(&mut store, &mut endpoint, heard, step as u8),
            }
        }
        for tab in [0, 1, 0] {
            tabs[tab].commit(&mut store, |_| ());
        }
        let saved = store.0.clone();
        let all = Session::open(base(), Config::default(), saved, 1 << 30, None);
        let core = all.core();
        prop_assert_eq!(core.metrics().events, u64::from(learnt), "each event is learnt once");
        let rows: HashSet<FeatureId> = core.residuals().map(|(id, _)| id).collect();
        for n in 0..learnt {
            prop_assert!(rows.contains(&FeatureId::named(&format!("item=event-{n}"))), "event {} is learnt", n);
        }
        // A delta whose answer got lost is pending, and at the endpoint: it goes out again as the same bytes.
        for tab in [0, 1, 0] {
            tabs[tab].send(&mut store, &mut endpoint, true, 200 + tab as u8);
            tabs[tab].send(&mut store, &mut endpoint, true, 210 + tab as u8);
        }
        prop_assert_eq!(endpoint.0.values().sum::<u32>(), learnt, "each event is sent once");
    }
}

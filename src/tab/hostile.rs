//! An endpoint that answers anything, for days: it is left alone most of the time, and of what it did not refuse nothing is lost and
//! nothing taught twice. It lies about everything but what it has stored: what it refuses it does not have.

use alloc::vec::Vec;
use std::collections::{HashMap, HashSet};

use brooklet_core::{Config, Delta, PendingDelta};
use proptest::prelude::*;

use crate::learning::journal::Event;
use crate::learning::saved::Kept;
use crate::learning::session::Session;
use crate::learning::two_tabs::{base, item};
use crate::learning::verdict::Verdict;
use crate::tab::pace::{Pace, backoff};
use crate::tab::sync::MOST_ROUNDS;

const HOUR: f64 = 3_600_000.0;
/// Waits of 1, 2, 4, ... seconds at least: twelve fit into an hour.
const MOST_AN_HOUR: usize = 12 * MOST_ROUNDS;

#[derive(Debug, Clone, Copy)]
enum Reply {
    Fine,
    Gap,
    Stale,
    Never,
    /// An error of any kind or no answer, of a delta that may be stored all the same; with so many seconds to wait.
    Later {
        stored: bool,
        after: u16,
    },
}

#[derive(Default)]
struct Endpoint {
    last: HashMap<[u8; 16], u64>,
    refused: HashSet<Vec<u8>>,
    events: u32,
    dropped: u32,
}

impl Endpoint {
    fn store(&mut self, delta: &Delta) -> bool {
        let last = self.last.entry(delta.client).or_default();
        if delta.seq == *last + 1 {
            *last = delta.seq;
            self.events += delta.events;
        }
        delta.seq <= *last
    }

    fn post(&mut self, pending: &PendingDelta, reply: Reply) -> Verdict {
        let delta = Delta::decode(&pending.bytes).expect("it was encoded");
        let known = self.last.get(&delta.client).is_some_and(|last| delta.seq <= *last);
        let seen = self.refused.contains(&pending.bytes);
        match reply {
            Reply::Later { stored, after } => {
                if stored && !seen {
                    self.store(&delta);
                }
                Verdict::Later("busy".into(), (after > 0).then_some(f64::from(after)))
            }
            // It has these.
            _ if known => Verdict::Acknowledged { repeat: true, version: 1 },
            Reply::Fine if !seen && self.store(&delta) => Verdict::Acknowledged { repeat: false, version: 1 },
            Reply::Never => {
                self.dropped += delta.events;
                Verdict::Refused("bad_delta".into())
            }
            reply => {
                self.refused.insert(pending.bytes.clone());
                if matches!(reply, Reply::Stale) { Verdict::Stale } else { Verdict::Gap }
            }
        }
    }
}

fn replies() -> impl Strategy<Value = Vec<(u8, u32, Vec<Reply>)>> {
    let reply = prop_oneof![
        2 => Just(Reply::Fine),
        2 => Just(Reply::Gap),
        2 => Just(Reply::Stale),
        1 => Just(Reply::Never),
        4 => (any::<bool>(), prop_oneof![Just(0), 1..20_000u16]).prop_map(|(stored, after)| Reply::Later { stored, after }),
    ];
    // So many events, after so many seconds, and what the endpoint says then.
    prop::collection::vec((any::<u8>(), 0..5u32, prop::collection::vec(reply, MOST_ROUNDS)), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_hostile_endpoint_is_met_with_patience(replies in replies(), random in 0.0..1.0f64) {
        let mut endpoint = Endpoint::default();
        let mut session = Session::open(base(), Config::default(), Kept::default(), 1, None).expect("settings");
        let pace = Pace { events: 20.0, seconds: 60.0 };
        let (mut now, mut not_before, mut failures, mut learnt, mut keys) = (0.0, 0.0, 0, 0, 0u8);
        let (mut posts, mut taken): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
        let flush = core::iter::repeat_n((1, 0, [Reply::Fine; MOST_ROUNDS].into()), 4);
        for (seconds, events, replies) in replies.into_iter().chain(flush) {
            now += f64::from(seconds) * 1000.0;
            for _ in 0..events {
                let features = item(&session, learnt);
                session.learn(Event::Learnt { features, target: 1.0, weight: 1.0 }).expect("an event");
                learnt += 1;
            }
            let Some(wait) = pace.next(session.waiting(), random) else { continue };
            now = (now + wait).max(not_before);
            failures += 1;
            not_before = now + backoff(failures, random);
            for reply in replies {
                keys += 1;
                let Some(pending) = session.prepare([keys; 16]) else { break };
                posts.push(now);
                let verdict = endpoint.post(&pending, reply);
                session.hear(&pending, &verdict, [255 - keys; 16]);
                session.forget_journal();
                match verdict {
                    Verdict::Acknowledged { .. } => {
                        taken.push(now);
                        (failures, not_before) = (0, 0.0);
                        break;
                    }
                    Verdict::Gap | Verdict::Stale => {}
                    Verdict::Refused(_) => break,
                    Verdict::Later(_, after) => {
                        not_before = not_before.max(now + after.unwrap_or(0.0) * 1000.0);
                        break;
                    }
                }
            }
        }
        for from in &posts {
            let within = |times: &[f64]| times.iter().filter(|at| (0.0..HOUR).contains(&(**at - from))).count();
            let most = MOST_AN_HOUR * (1 + within(&taken));
            prop_assert!(within(&posts) <= most, "{} of {most} posts in an hour", within(&posts));
        }
        prop_assert_eq!(session.waiting(), 0);
        prop_assert_eq!(endpoint.events + endpoint.dropped, learnt, "{} dropped", endpoint.dropped);
    }
}

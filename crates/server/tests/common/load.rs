//! Clients that post one delta after the other to servers that die, and what must be in the store afterwards.
#![allow(dead_code, unreachable_pub)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use brooklet_core::{Aggregate, Base, Delta, Fold, FoldConfig, Precision};

use crate::common::{FACTORS, delta, deltas_path, seed};

/// Every delta that was acknowledged, by client and number.
pub type Acknowledged = BTreeMap<(u64, u64), Delta>;

/// What clients and whoever kills servers share.
#[derive(Default)]
pub struct World {
    /// Where servers listen, or did until they were killed.
    pub addresses: RwLock<Vec<SocketAddr>>,
    pub stop: AtomicBool,
    failed: AtomicBool,
    /// Deltas acknowledged so far.
    pub acknowledged: AtomicU64,
    resent: AtomicU64,
    repeats: AtomicU64,
}

impl World {
    /// What came of it, told.
    pub fn tell(&self) {
        let [acknowledged, resent, repeats] =
            [&self.acknowledged, &self.resent, &self.repeats].map(|count| count.load(Ordering::Relaxed));
        eprintln!(
            "{acknowledged} deltas acknowledged, {resent} requests went unanswered, {repeats} of them had been accepted all the same"
        );
    }
}

/// Ends the clients when a test fails, so that it can say so at once: there may be nobody left to answer them.
pub struct Stop<'a>(pub &'a World);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.failed.store(std::thread::panicking(), Ordering::Relaxed);
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

/// A client: one delta after the other, at most so many, each sent with the same bytes until it is acknowledged.
pub fn post_until_stopped(client: u64, most: u64, world: &World) -> Acknowledged {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(10)))
        .build()
        .into();
    let mut acknowledged = Acknowledged::new();
    let mut version = 1;
    let mut attempts = client;
    for seq in 1..=most {
        let delta = delta(client, seq, version);
        let bytes = delta.encode();
        let patience = Instant::now() + Duration::from_secs(120);
        loop {
            attempts += 1;
            if let Some(answer) = post(&agent, world, attempts, &bytes) {
                assert_eq!(answer["acknowledged"], seq, "{answer}");
                if answer["repeat"] == true {
                    world.repeats.fetch_add(1, Ordering::Relaxed);
                }
                // A version that was told of must never be unknown later on: it would be refused with 409.
                version = answer["version"].as_u64().unwrap();
                break;
            }
            if world.failed.load(Ordering::Relaxed) {
                return acknowledged;
            }
            world.resent.fetch_add(1, Ordering::Relaxed);
            assert!(Instant::now() < patience, "client {client} gets no answer");
            std::thread::sleep(Duration::from_millis(3));
        }
        acknowledged.insert((client, seq), delta);
        world.acknowledged.fetch_add(1, Ordering::Relaxed);
        if world.stop.load(Ordering::Relaxed) {
            break;
        }
    }
    acknowledged
}

/// `None` if nobody answered, or the server could not.
fn post(agent: &ureq::Agent, world: &World, attempt: u64, bytes: &[u8]) -> Option<serde_json::Value> {
    let address = {
        let addresses = world.addresses.read().unwrap();
        *addresses.get(attempt as usize % addresses.len().max(1))?
    };
    let request = agent.post(format!("http://{address}{}", deltas_path())).header("content-type", "application/cbor");
    let mut response = request.send(bytes).ok()?;
    let status = response.status();
    let body = response.body_mut().read_to_vec().ok()?;
    assert!(status == 200 || status == 503, "{status}: {}", String::from_utf8_lossy(&body));
    (status == 200).then(|| serde_json::from_slice(&body).unwrap())
}

/// What a store holds.
pub struct Stored {
    /// Each delta, with the version that holds it.
    pub deltas: Vec<(Option<u64>, Delta)>,
    pub versions: Vec<Version>,
}

pub struct Version {
    pub version: u64,
    pub deltas: u64,
    pub events: u64,
    pub digest: String,
    pub base: Vec<u8>,
}

impl Stored {
    /// Holds it against what was acknowledged, and every version against the fold of its deltas. The number of versions.
    pub fn compare(&self, acknowledged: &Acknowledged) -> usize {
        let stored = &self.deltas;
        let number = |delta: &Delta| u64::from_le_bytes(delta.client[..8].try_into().unwrap());
        let by_number: Acknowledged =
            stored.iter().map(|(_, delta)| ((number(delta), delta.seq), delta.clone())).collect();
        assert_eq!(by_number.len(), stored.len(), "a delta was stored twice");
        assert!(by_number == *acknowledged, "stored {} deltas, acknowledged {}", by_number.len(), acknowledged.len());

        let mut aggregate = Aggregate::from_base(&Base::decode(seed()).unwrap());
        let fold_config = FoldConfig { horizon: u64::MAX, ..FoldConfig::default() };
        for (i, Version { version, deltas, events, digest, base }) in self.versions.iter().enumerate() {
            assert_eq!(*version, i as u64 + 1, "the versions have a hole");
            if *version == 1 {
                assert_eq!(*base, seed());
                continue;
            }
            let mut fold = Fold::new(&fold_config, version - 1, FACTORS);
            let members = stored.iter().filter(|(folded_into, _)| *folded_into == Some(*version));
            members.for_each(|(_, delta)| fold.add(delta).unwrap());
            assert_eq!((*deltas, *events), (fold.deltas(), fold.events()));
            assert_eq!(*digest, format!("{:016x}", fold.digest()));
            assert!(
                aggregate.publish(&fold, 1.0, Precision::F16).unwrap() == *base,
                "version {version} cannot be replayed"
            );
        }
        let folded: u64 = self.versions.iter().map(|version| version.deltas).sum();
        let pending = stored.iter().filter(|(folded_into, _)| folded_into.is_none()).count() as u64;
        assert_eq!(folded + pending, acknowledged.len() as u64);
        eprintln!("{} versions hold {folded} deltas, {pending} are pending", self.versions.len());
        self.versions.len()
    }
}

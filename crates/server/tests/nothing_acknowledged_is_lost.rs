//! The server is killed with SIGKILL, many times, while clients post and folds are published. Afterwards the store must
//! hold exactly what was acknowledged, once, and the versions must be what one gets by folding it again.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used)]

mod common;
#[path = "common/process.rs"]
mod process;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use brooklet_core::{Aggregate, Base, Delta, Fold, FoldConfig, Precision};
use common::{FACTORS, MODEL, Random, config, delta, deltas_path, random_seed, seed};
use process::Process;
use rusqlite::{Connection, OpenFlags};

const CLIENTS: u64 = 6;

#[test]
fn the_server_itself() {
    process::serve_if_asked();
}

#[test]
fn through_25_kills_while_folds_are_published() {
    let folder = tempfile::tempdir().unwrap();
    let acknowledged = kill_many_times(folder.path(), 25, 20);
    let versions = compare(folder.path(), &acknowledged);
    assert!(versions > 5, "only {versions} versions were published: the kills hit no folds");
}

#[test]
fn through_10_kills_without_folds() {
    let folder = tempfile::tempdir().unwrap();
    let acknowledged = kill_many_times(folder.path(), 10, u64::MAX >> 1);
    assert_eq!(compare(folder.path(), &acknowledged), 1);

    // One fold of everything, by whoever opens the store next, is the fold of exactly what was acknowledged.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stats = runtime.block_on(async {
        let state = brooklet_server::AppState::open(config(folder.path())).await.unwrap();
        brooklet_server::fold_now(&state, MODEL).await.unwrap();
        state.store().stats(MODEL).await.unwrap().unwrap()
    });
    let mut expected = Fold::new(&FoldConfig::default(), 1, FACTORS);
    acknowledged.values().for_each(|delta| expected.add(delta).unwrap());
    assert!(acknowledged.len() < 8192, "one fold would not take them all");
    assert_eq!((stats.versions[0].deltas, stats.pending_deltas), (acknowledged.len() as u64, 0));
    assert_eq!(stats.versions[0].digest, format!("{:016x}", expected.digest()));
}

/// Every delta that was acknowledged, by client and number.
type Acknowledged = BTreeMap<(u64, u64), Delta>;

/// Starts and kills the server while clients post, then lets them finish and stops it properly.
fn kill_many_times(folder: &Path, kills: usize, fold_deltas: u64) -> Acknowledged {
    let mut random = Random(random_seed());
    let world = World::default();
    let acknowledged = std::thread::scope(|scope| {
        let _at_the_end = Stop(&world);
        let shared = &world;
        let clients: Vec<_> =
            (1..=CLIENTS).map(|client| scope.spawn(move || post_until_stopped(client, shared))).collect();
        let disk = Random(random.next());
        scope.spawn(move || slow_the_disk_down(folder, shared, disk));
        for _ in 0..kills {
            let mut process = Process::start(folder, fold_deltas);
            if random.below(5) == 0 {
                // In the middle of opening the store, too.
                std::thread::sleep(Duration::from_millis(random.below(30)));
            } else {
                *world.address.write().unwrap() = Some(process.wait_until_ready());
                std::thread::sleep(Duration::from_millis(20 + random.below(250)));
            }
            process.kill();
        }
        let mut process = Process::start(folder, fold_deltas);
        *world.address.write().unwrap() = Some(process.wait_until_ready());
        std::thread::sleep(Duration::from_millis(100));
        world.stop.store(true, Ordering::Relaxed);
        let acknowledged: Acknowledged = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        process.terminate();
        assert_eq!(process.wait().code(), Some(0));
        acknowledged
    });
    let resent = world.resent.into_inner();
    let repeats = world.repeats.into_inner();
    eprintln!(
        "{} deltas acknowledged, {resent} requests went unanswered, {repeats} of them had been accepted all the same",
        acknowledged.len()
    );
    assert!(acknowledged.len() > kills, "the clients got nowhere");
    acknowledged
}

#[derive(Default)]
struct World {
    address: RwLock<Option<SocketAddr>>,
    stop: AtomicBool,
    failed: AtomicBool,
    resent: AtomicU64,
    repeats: AtomicU64,
}

/// Ends the clients when a test fails, so that it can say so at once: there may be nobody left to answer them.
struct Stop<'a>(&'a World);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.failed.store(std::thread::panicking(), Ordering::Relaxed);
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

/// Takes the write lock for a few milliseconds again and again, as a slow disk would make commits slow: on a fast one,
/// hardly a kill would meet a commit under way.
fn slow_the_disk_down(folder: &Path, world: &World, mut random: Random) {
    while !world.stop.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(random.below(20)));
        let Ok(connection) = Connection::open_with_flags(
            folder.join("store/brooklet.sqlite"),
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        ) else {
            continue;
        };
        if connection.execute_batch("BEGIN IMMEDIATE").is_ok() {
            std::thread::sleep(Duration::from_millis(random.below(20)));
        }
    }
}

/// A client: one delta after the other, each sent with the same bytes until it is acknowledged.
fn post_until_stopped(client: u64, world: &World) -> Acknowledged {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(10)))
        .build()
        .into();
    let mut acknowledged = Acknowledged::new();
    let mut version = 1;
    for seq in 1..=1300 {
        let delta = delta(client, seq, version);
        let bytes = delta.encode();
        let patience = Instant::now() + Duration::from_secs(120);
        loop {
            if let Some(answer) = post(&agent, world, &bytes) {
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
        if world.stop.load(Ordering::Relaxed) {
            break;
        }
    }
    acknowledged
}

/// `None` if nobody answered, or the server could not.
fn post(agent: &ureq::Agent, world: &World, bytes: &[u8]) -> Option<serde_json::Value> {
    let address = (*world.address.read().unwrap())?;
    let request = agent.post(format!("http://{address}{}", deltas_path())).header("content-type", "application/cbor");
    let mut response = request.send(bytes).ok()?;
    let status = response.status();
    let body = response.body_mut().read_to_vec().ok()?;
    assert!(status == 200 || status == 503, "{status}: {}", String::from_utf8_lossy(&body));
    (status == 200).then(|| serde_json::from_slice(&body).unwrap())
}

/// Compares the store with what was acknowledged, and every version with the fold of its deltas. The number of versions.
fn compare(folder: &Path, acknowledged: &Acknowledged) -> usize {
    let database = folder.join("store/brooklet.sqlite");
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let integrity: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(integrity, "ok");

    let mut query = connection.prepare("SELECT id >> 20, bytes FROM parts ORDER BY id").unwrap();
    let mut bytes = BTreeMap::<i64, Vec<u8>>::new();
    for part in query.query_map([], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?))).unwrap() {
        let (id, part) = part.unwrap();
        bytes.entry(id).or_default().extend(part);
    }
    let mut query =
        connection.prepare("SELECT id, version FROM deltas LEFT JOIN folded USING (id) ORDER BY id").unwrap();
    let stored: Vec<(Option<u64>, Delta)> = query
        .query_map([], |row| Ok((row.get(1)?, Delta::decode(&bytes[&row.get(0)?]).unwrap())))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let number = |delta: &Delta| u64::from_le_bytes(delta.client[..8].try_into().unwrap());
    let by_number: Acknowledged = stored.iter().map(|(_, delta)| ((number(delta), delta.seq), delta.clone())).collect();
    assert_eq!(by_number.len(), stored.len(), "a delta was stored twice");
    assert!(by_number == *acknowledged, "stored {} deltas, acknowledged {}", by_number.len(), acknowledged.len());

    let mut query =
        connection.prepare("SELECT version, deltas, events, digest, base FROM versions ORDER BY version").unwrap();
    type Version = (u64, u64, u64, String, Vec<u8>);
    let versions: Vec<Version> = query
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut aggregate = Aggregate::from_base(&Base::decode(seed()).unwrap());
    let fold_config = FoldConfig { horizon: u64::MAX, ..FoldConfig::default() };
    for (i, (version, deltas, events, digest, base)) in versions.iter().enumerate() {
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
    let folded: u64 = versions.iter().map(|(_, deltas, ..)| deltas).sum();
    let pending = stored.iter().filter(|(folded_into, _)| folded_into.is_none()).count() as u64;
    assert_eq!(folded + pending, acknowledged.len() as u64);
    eprintln!("{} versions hold {folded} deltas, {pending} are pending", versions.len());
    versions.len()
}

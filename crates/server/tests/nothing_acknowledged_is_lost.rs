//! The server is killed with SIGKILL, many times, while clients post and folds are published. Afterwards the store must
//! hold exactly what was acknowledged, once, and the versions must be what one gets by folding it again.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used)]

mod common;
#[path = "common/load.rs"]
mod load;
#[path = "common/process.rs"]
mod process;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use brooklet_core::{Delta, Fold, FoldConfig};
use common::{FACTORS, MODEL, Random, config, random_seed};
use load::{Acknowledged, Stop, Stored, Version, World, post_until_stopped};
use process::Process;
use rusqlite::{Connection, OpenFlags};

const CLIENTS: u64 = 6;
/// So many of a client that one fold takes them all.
const MOST: u64 = 1300;

#[test]
fn the_server_itself() {
    process::serve_if_asked();
}

#[test]
fn through_kills_while_folds_are_published() {
    let folder = tempfile::tempdir().unwrap();
    let acknowledged = kill_many_times(folder.path(), process::kills(25), 20);
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

/// Starts and kills the server while clients post, then lets them finish and stops it properly.
fn kill_many_times(folder: &Path, kills: usize, fold_deltas: u64) -> Acknowledged {
    let mut random = Random(random_seed());
    let world = World::default();
    let acknowledged = std::thread::scope(|scope| {
        let _at_the_end = Stop(&world);
        let shared = &world;
        let clients: Vec<_> =
            (1..=CLIENTS).map(|client| scope.spawn(move || post_until_stopped(client, MOST, shared))).collect();
        let disk = Random(random.next());
        scope.spawn(move || slow_the_disk_down(folder, shared, disk));
        for _ in 0..kills {
            let mut process = Process::start(folder, fold_deltas);
            if random.below(5) == 0 {
                // In the middle of opening the store, too.
                std::thread::sleep(Duration::from_millis(random.below(30)));
            } else {
                *world.addresses.write().unwrap() = vec![process.wait_until_ready()];
                std::thread::sleep(Duration::from_millis(20 + random.below(250)));
            }
            process.kill();
        }
        let mut process = Process::start(folder, fold_deltas);
        *world.addresses.write().unwrap() = vec![process.wait_until_ready()];
        std::thread::sleep(Duration::from_millis(100));
        world.stop.store(true, Ordering::Relaxed);
        let acknowledged: Acknowledged = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        process.terminate();
        assert_eq!(process.wait().code(), Some(0));
        acknowledged
    });
    world.tell();
    assert!(acknowledged.len() > kills, "the clients got nowhere");
    acknowledged
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
    let deltas = query
        .query_map([], |row| Ok((row.get(1)?, Delta::decode(&bytes[&row.get(0)?]).unwrap())))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut query =
        connection.prepare("SELECT version, deltas, events, digest, base FROM versions ORDER BY version").unwrap();
    let version = |row: &rusqlite::Row<'_>| {
        Ok(Version {
            version: row.get(0)?,
            deltas: row.get(1)?,
            events: row.get(2)?,
            digest: row.get(3)?,
            base: row.get(4)?,
        })
    };
    let versions = query.query_map([], version).unwrap().map(Result::unwrap).collect();
    Stored { deltas, versions }.compare(acknowledged)
}

//! Two servers upon one database are killed with SIGKILL, and so is the database itself, while clients post and folds are published. Afterwards the
//! database, or the standby that took over, must hold exactly what was acknowledged, once, and the versions must be what one gets by folding it again.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "common/cluster.rs"]
mod cluster;
mod common;
#[path = "common/load.rs"]
mod load;
#[path = "common/process.rs"]
mod process;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use brooklet_core::Delta;
use cluster::{Cluster, cluster, look};
use common::{Random, random_seed};
use load::{Acknowledged, Stop, Stored, Version, World, post_until_stopped};
use process::Process;

const CLIENTS: u64 = 6;
const FOLD_DELTAS: u64 = 50;

#[test]
fn the_server_itself() {
    process::serve_if_asked();
}

#[test]
fn through_kills_of_two_servers_while_folds_are_published() {
    let Some(cluster) = cluster() else { return };
    cluster.run("CREATE DATABASE kills", "postgres");
    let url = cluster.url("kills");
    let kills = process::kills(6);
    let acknowledged = under_load(&url, |world, random, servers| {
        for _ in 0..kills {
            std::thread::sleep(Duration::from_millis(100 + random.below(400)));
            let one = random.below(2) as usize;
            servers[one].restart(&url, world, one);
        }
    });
    assert!(acknowledged.len() > 10 * kills, "the clients got nowhere");
    let versions = stored(&url).compare(&acknowledged);
    assert!(versions > 3, "only {versions} versions were published: the kills hit no folds");
}

#[test]
fn through_the_loss_of_the_primary_when_a_synchronous_standby_takes_over() {
    let Some(programs) = cluster::programs() else { return };
    let primary = Cluster::start(programs, &["fsync=off"]);
    primary.run("CREATE DATABASE shop", "postgres");
    let standby = Cluster::standby(&primary, "standby", &["fsync=off"]);
    primary.run("ALTER SYSTEM SET synchronous_standby_names = 'standby'", "postgres");
    primary.run("SELECT pg_reload_conf()", "postgres");
    let url = format!("postgres://brooklet@127.0.0.1:{},127.0.0.1:{}/shop", primary.port, standby.port);
    let acknowledged = under_load(&url, |world, _, _| {
        std::thread::sleep(Duration::from_secs(1));
        primary.kill();
        let before = world.acknowledged.load(Ordering::Relaxed);
        assert!(before > 100, "the clients got nowhere");
        // For a while there is only a standby, which takes nothing in.
        std::thread::sleep(Duration::from_millis(300));
        standby.promote();
        let patience = Instant::now() + Duration::from_secs(60);
        while world.acknowledged.load(Ordering::Relaxed) < before + 300 {
            assert!(Instant::now() < patience, "the servers do not find the standby");
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let versions = stored(&standby.url("shop")).compare(&acknowledged);
    assert!(versions > 1, "no version was published");
}

struct Running {
    folder: tempfile::TempDir,
    process: Option<Process>,
}

impl Running {
    fn start(url: &str) -> Running {
        let folder = tempfile::tempdir().unwrap();
        let process = Process::start_upon(url, folder.path(), FOLD_DELTAS);
        Running { folder, process: Some(process) }
    }

    /// SIGKILL, and a new process in its place.
    fn restart(&mut self, url: &str, world: &World, at: usize) {
        self.process.take().unwrap().kill();
        let mut process = Process::start_upon(url, self.folder.path(), FOLD_DELTAS);
        let address = process.wait_until_ready();
        self.process = Some(process);
        world.addresses.write().unwrap()[at] = address;
    }
}

/// Runs clients against two servers while something is done to them, then lets both come to an end.
fn under_load(url: &str, done: impl FnOnce(&World, &mut Random, &mut [Running; 2])) -> Acknowledged {
    let mut random = Random(random_seed());
    let world = World::default();
    let mut servers = [Running::start(url), Running::start(url)];
    let addresses = servers.each_mut().map(|server| server.process.as_mut().unwrap().wait_until_ready());
    *world.addresses.write().unwrap() = addresses.into();
    let acknowledged = std::thread::scope(|scope| {
        let _at_the_end = Stop(&world);
        let shared = &world;
        let clients: Vec<_> =
            (1..=CLIENTS).map(|client| scope.spawn(move || post_until_stopped(client, u64::MAX, shared))).collect();
        done(&world, &mut random, &mut servers);
        world.stop.store(true, Ordering::Relaxed);
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    world.tell();
    for server in servers {
        let process = server.process.unwrap();
        process.terminate();
        assert_eq!(process.wait().code(), Some(0));
    }
    acknowledged
}

fn stored(url: &str) -> Stored {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = look(url).await;
        let rows = client.query("SELECT version, bytes FROM deltas ORDER BY id", &[]).await.unwrap();
        let deltas = rows.iter().map(|row| {
            let version: Option<i64> = row.get(0);
            (version.map(|version| version as u64), Delta::decode(row.get(1)).unwrap())
        });
        let deltas = deltas.collect();
        let query = "SELECT version, deltas, events, digest, base FROM versions ORDER BY version";
        let rows = client.query(query, &[]).await.unwrap();
        let number = |row: &tokio_postgres::Row, i: usize| row.get::<_, i64>(i) as u64;
        let versions = rows.iter().map(|row| Version {
            version: number(row, 0),
            deltas: number(row, 1),
            events: number(row, 2),
            digest: row.get(3),
            base: row.get(4),
        });
        Stored { deltas, versions: versions.collect() }
    })
}

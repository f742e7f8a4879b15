//! On a disk without room nothing is acknowledged that is not stored, bases are still given out, and all goes on once there is room.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(target_os = "linux")]

mod common;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use brooklet_server::{AppState, app};
use common::{MODEL, config, delta, get, post};

/// A disk of its own, as long as this lives.
struct Disk<'a>(&'a Path);

impl Disk<'_> {
    fn of(megabytes: u32, at: &Path) -> Option<Disk<'_>> {
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"]).arg(at).output();
        mount.is_ok_and(|mount| mount.status.success()).then_some(Disk(at))
    }

    fn fill(&self) {
        let mut filler = File::create(self.0.join("filler")).unwrap();
        while filler.write_all(&[0; 4096]).is_ok() {}
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_there_and_what_was_not_can_be_sent_again() {
    let [folder, mounted] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let Some(disk) = Disk::of(8, mounted.path()) else {
        eprintln!("SKIPPED: a small disk cannot be mounted here; run this as root to test a full one");
        return;
    };
    let mut config = config(folder.path());
    config.data = mounted.path().join("store");
    let state = AppState::open(config.clone()).await.unwrap();
    let router = app(state.clone());
    let mut acknowledged = vec![];
    assert_eq!(post(&router, &delta(1, 1, 1)).await.status, 200);
    acknowledged.push(1);
    disk.fill();
    let mut client = 1;
    // What the log has room for is still taken.
    let refused = loop {
        client += 1;
        let answer = post(&router, &delta(client, 1, 1)).await;
        if answer.status != 200 {
            break answer;
        }
        acknowledged.push(client);
        assert!(client < 100_000, "a full disk takes everything");
    };
    refused.problem(503, "store_unavailable");
    get(&router, "/readyz").await.problem(503, "store_unavailable");
    assert_eq!(get(&router, "/livez").await.status, 200);
    assert_eq!(get(&router, &format!("/v1/models/{MODEL}")).await.status, 200);
    state.store().close().await.unwrap();
    drop((router, state));

    // Also after a start on the full disk.
    let state = AppState::open(config).await.unwrap();
    let router = app(state.clone());
    assert_eq!(get(&router, &format!("/v1/models/{MODEL}")).await.status, 200);
    fs::remove_file(mounted.path().join("filler")).unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(get(&router, "/readyz").await.status, 200);
    for known in &acknowledged {
        assert_eq!(post(&router, &delta(*known, 1, 1)).await.json()["repeat"], true, "delta of {known}");
    }
    assert_eq!(post(&router, &delta(client, 1, 1)).await.json()["repeat"], false);
    let stats = state.store().stats(MODEL).await.unwrap().unwrap();
    assert_eq!(stats.deltas_total, acknowledged.len() as u64 + 1);
    state.store().close().await.unwrap();
}

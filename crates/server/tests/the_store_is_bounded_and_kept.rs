//! What is stored is no more than what was sent, within a quota; what is backed up is all there was; an address that caches keep never
//! means something else.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::io::Write;

use axum::body::{Body, Bytes};
use axum::http::Request;
use brooklet_server::{AppState, Append, Folded, Receipt, StoreError, app, backup, fold_now, restore};
use common::{Bench, MODEL, append, config, delta, deltas_path, get, post, send};
use flate2::Compression;
use flate2::write::GzEncoder;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn number(bench: &Bench, sql: &str) -> u64 {
    let store = rusqlite::Connection::open(bench.folder.path().join("store/brooklet.sqlite")).unwrap();
    store.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn what_shrinks_on_the_wire_is_stored_shrunk_and_folded_whole() {
    let [bench, plain] = [Bench::new(|_| {}).await, Bench::new(|_| {}).await];
    let mut sent = 0;
    for client in 1..=20 {
        let mut delta = delta(client, 1, 1);
        delta.columns.fill(7);
        let body = gzip(&delta.encode());
        sent += body.len() as u64;
        let request = Request::post(deltas_path()).header("content-type", "application/cbor");
        let request = request.header("content-encoding", "gzip").body(Body::from(body)).unwrap();
        assert_eq!(send(&bench.router, request).await.status, 200);
        post(&plain.router, &delta).await;
    }
    assert_eq!(number(&bench, "SELECT sum(length(bytes)) FROM parts"), sent);
    assert_eq!(number(&bench, "SELECT stored FROM counts"), sent);
    for bench in [&bench, &plain] {
        assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::Published(2));
    }
    let [shrunk, whole] = [bench.stats().await, plain.stats().await];
    assert_eq!((shrunk.digest, shrunk.set_aside_deltas), (whole.digest, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_takes_a_fifth_more_than_was_sent_at_most() {
    // Received is a delta with the head of its request, which no browser makes shorter.
    const HEAD: u64 = 200;
    // Of the third size one would fit into a page of the database, and nothing beside it.
    for size in [143, 1000, 2100, 3250, 20_000] {
        let bench = Bench::new(|_| {}).await;
        let folder = bench.folder.path().join("store");
        let disk = |name: &str| std::fs::metadata(folder.join(name)).map_or(0, |file| file.len());
        let (before, mut random) = (disk("brooklet.sqlite"), common::Random(size));
        let mut deltas = tokio::task::JoinSet::new();
        let count = 4_000_000 / (HEAD + size);
        for client in 0..count {
            let bytes: Vec<u8> = (0..size).map(|_| random.next() as u8).collect();
            let append = Append { bytes: bytes.into(), ..append(&delta(client, 1, 1)) };
            let state = bench.state.clone();
            deltas.spawn(async move { state.store().append(append).await });
            // As many as the store lets wait, and no more.
            if deltas.len() > 4000 {
                assert_eq!(deltas.join_next().await.unwrap().unwrap().unwrap(), Receipt::Accepted);
            }
        }
        while let Some(receipt) = deltas.join_next().await {
            assert_eq!(receipt.unwrap().unwrap(), Receipt::Accepted);
        }
        let log = disk("brooklet.sqlite-wal");
        // What a commit of a hundred deltas adds before the log is emptied.
        assert!(log < (4 << 20) + 150 * size, "the log has {log} bytes");
        bench.state.store().close().await.unwrap();
        let grown = disk("brooklet.sqlite") - before;
        let received = count * (HEAD + size);
        assert!(grown * 5 <= received * 6, "of deltas of {size} bytes, {received} bytes take {grown}");
    }
}

#[tokio::test]
async fn deltas_beyond_the_quota_are_refused_until_there_is_room() {
    let one = delta(1, 1, 1).encode().len() as u64;
    let bench = Bench::new(|config| {
        config.quota = one;
        config.retain_versions = 1;
    })
    .await;
    assert_eq!(post(&bench.router, &delta(1, 1, 1)).await.status, 200);
    let answer = post(&bench.router, &delta(1, 2, 1)).await;
    answer.problem(507, "quota_exceeded");
    assert_eq!(answer.header("retry-after"), "600");
    // A repeat needs no room, and nothing was counted of what was refused.
    assert_eq!(post(&bench.router, &delta(1, 1, 1)).await.json()["repeat"], true);
    assert_eq!(bench.stats().await.clients, 1);
    assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::Published(2));
    bench.state.store().prune(MODEL, 1..=2).await.unwrap();
    assert_eq!(number(&bench, "SELECT stored FROM counts"), 0);
    assert_ne!(post(&bench.router, &delta(1, 2, 1)).await.status, 409);
}

#[tokio::test]
async fn a_key_is_forgotten_only_long_after_its_last_delta() {
    let bench = Bench::new(|config| config.retain_versions = 1).await;
    post(&bench.router, &delta(1, 1, 1)).await;
    post(&bench.router, &delta(2, 1, 1)).await;
    let store = rusqlite::Connection::open(bench.folder.path().join("store/brooklet.sqlite")).unwrap();
    store.execute("UPDATE clients SET seen = seen - 91 * 86400000 WHERE client = ?1", [common::client(1)]).unwrap();
    bench.state.store().prune(MODEL, 0..=0).await.unwrap();
    assert_eq!(bench.state.store().last_seq(MODEL, common::client(1)).await.unwrap(), 0);
    assert_eq!(bench.state.store().last_seq(MODEL, common::client(2)).await.unwrap(), 1);
    // They were seen all the same.
    assert_eq!(bench.stats().await.clients, 2);
}

#[tokio::test]
async fn an_address_that_caches_keep_never_changes_its_meaning() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("saved");
    let mut settings = config(folder.path());
    let mut given: Vec<(String, Bytes)> = Vec::new();
    // The second store is the first one put back to where it was before version 2.
    for (client, store) in [(1, "first"), (2, "second")] {
        settings.data = folder.path().join(store);
        if client == 2 {
            restore(&saved, &settings.data).unwrap();
        }
        let state = AppState::open(settings.clone()).await.unwrap();
        let router = app(state.clone());
        if client == 1 {
            backup(&settings.data, &saved).unwrap();
        }
        post(&router, &delta(client, 1, 1)).await;
        assert_eq!(fold_now(&state, MODEL).await.unwrap(), Folded::Published(2));
        let version = get(&router, "/v1/models/films/versions/2").await;
        assert_eq!(version.header("cache-control"), "no-cache");
        let address = format!("/v1/models/films/bases/{}", version.header("etag").trim_matches('"'));
        let base = get(&router, &address).await;
        assert!(base.header("cache-control").contains("immutable"));
        assert_eq!(base.body, version.body);
        for (address, bytes) in &given {
            let now = get(&router, address).await;
            assert!(now.status == 404 || now.body == bytes, "{address} is something else");
        }
        given.push((address, base.body));
        state.store().close().await.unwrap();
    }
    assert_ne!(given[0], given[1]);
}

#[tokio::test]
async fn a_backup_of_a_running_server_has_all_that_was_acknowledged() {
    let bench = Bench::new(|_| {}).await;
    for client in 1..=50 {
        post(&bench.router, &delta(client, 1, 1)).await;
    }
    let saved = bench.folder.path().join("saved");
    backup(&bench.folder.path().join("store"), &saved).unwrap();
    post(&bench.router, &delta(51, 1, 1)).await;
    let mut settings = config(bench.folder.path());
    settings.data = bench.folder.path().join("restored");
    restore(&saved, &settings.data).unwrap();
    let state = AppState::open(settings).await.unwrap();
    assert_eq!(state.store().stats(MODEL).await.unwrap().unwrap().pending_deltas, 50);
    assert_eq!(post(&app(state), &delta(50, 1, 1)).await.json()["repeat"], true);
    // Neither overwrites anything.
    let again = backup(&bench.folder.path().join("store"), &saved).unwrap_err();
    assert!(matches!(again, StoreError::Exists(_)), "{again}");
    let again = restore(&saved, &bench.folder.path().join("restored")).unwrap_err();
    assert!(matches!(again, StoreError::InUse(_) | StoreError::Exists(_)), "{again}");
    std::fs::write(&saved, "no database").unwrap();
    assert!(restore(&saved, &bench.folder.path().join("new")).is_err());
}

#[tokio::test]
async fn all_who_are_sent_an_older_version_share_one_copy() {
    let bench = Bench::new(|_| {}).await;
    post(&bench.router, &delta(1, 1, 1)).await;
    fold_now(&bench.state, MODEL).await.unwrap();
    let ask = || get(&bench.router, "/v1/models/films/versions/1");
    let (one, other) = (ask().await, ask().await);
    assert_eq!(one.body, other.body);
    assert_eq!(one.body.as_ptr(), other.body.as_ptr(), "each reader has a copy of its own");
}

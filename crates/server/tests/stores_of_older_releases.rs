//! A store that an older release wrote is served by this one, with all that was in it. `tests/fixtures` has one of each schema, from the first on.
//!
//! `cargo test -p brooklet-server --test stores_of_older_releases -- --ignored` writes those of the present schemas anew; once released they stay as they are.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "common/cluster.rs"]
mod cluster;
mod common;

use std::fs;
use std::path::{Path, PathBuf};

use brooklet_server::{AppState, Config, Folded, Scope, app, backup, fold_now, make_token, migrate, restore};
use cluster::{Cluster, cluster};
use common::{MODEL, config, delta, get, post};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// Version 2 of five deltas of as many clients, two deltas that wait, a profile and a token.
async fn fill(folder: &Path) -> Config {
    let config = config(folder);
    make_token(&config.data, "grafana", Scope::Operate).unwrap();
    let state = AppState::open(config.clone()).await.unwrap();
    let router = app(state.clone());
    for n in 1..=5 {
        post(&router, &delta(n, 1, 1)).await;
    }
    assert_eq!(fold_now(&state, MODEL).await.unwrap(), Folded::Published(2));
    post(&router, &delta(1, 2, 2)).await;
    post(&router, &delta(6, 1, 2)).await;
    assert!(state.store().keep_profile(MODEL, "anna", 0, b"profile".into(), 10).await.unwrap());
    state.store().close().await.unwrap();
    config
}

/// What [`fill`] put into a store is there, and goes on.
async fn holds(config: Config) {
    let state = AppState::open(config).await.unwrap();
    let (router, store) = (app(state.clone()), state.store());
    let stats = store.stats(MODEL).await.unwrap().unwrap();
    assert_eq!((stats.version, stats.pending_deltas, stats.deltas_total, stats.clients), (2, 2, 7, 6));
    assert_eq!(store.tokens().await.unwrap()[0].name, "grafana");
    assert_eq!(store.profile(MODEL, "anna").await.unwrap(), Some((1, b"profile".to_vec())));
    assert_eq!(store.version(MODEL, 1).await.unwrap().unwrap().base.unwrap(), common::seed());
    assert_eq!(get(&router, "/v1/models/films").await.header("brooklet-version"), "2");
    // Who was acknowledged is known, who was not is taken in, and what waited is folded upon the sums of then.
    assert_eq!(post(&router, &delta(1, 2, 2)).await.json()["repeat"], true);
    assert_eq!(post(&router, &delta(1, 3, 2)).await.json()["repeat"], false);
    assert_eq!(fold_now(&state, MODEL).await.unwrap(), Folded::Published(3));
    assert_eq!(store.stats(MODEL).await.unwrap().unwrap().versions[0].deltas, 3);
    store.close().await.unwrap();
}

#[tokio::test]
async fn of_the_embedded_store() {
    for fixture in fs::read_dir(fixtures()).unwrap() {
        let fixture = fixture.unwrap().path();
        if fixture.extension().is_some_and(|extension| extension == "backup") {
            let folder = tempfile::tempdir().unwrap();
            let config = config(folder.path());
            restore(&fixture, &config.data).unwrap();
            holds(config).await;
        }
    }
}

#[tokio::test]
async fn of_postgresql() {
    let Some(cluster) = cluster() else { return };
    for (n, fixture) in fs::read_dir(fixtures()).unwrap().enumerate() {
        let fixture = fixture.unwrap().path();
        if fixture.extension().is_some_and(|extension| extension == "sql") {
            let database = format!("older_{n}");
            cluster.run(&format!("CREATE DATABASE {database}"), "postgres");
            cluster.run(&fs::read_to_string(fixture).unwrap(), &database);
            let folder = tempfile::tempdir().unwrap();
            let mut config = config(folder.path());
            config.store = Some(cluster.url(&database).parse().unwrap());
            holds(config).await;
        }
    }
}

#[tokio::test]
#[ignore = "writes the fixtures of the present schemas"]
async fn write() {
    let (folder, fixtures) = (tempfile::tempdir().unwrap(), fixtures());
    fs::create_dir_all(&fixtures).unwrap();
    let config = fill(folder.path()).await;
    let file = fixtures.join("sqlite-6.backup");
    let _ = fs::remove_file(&file);
    backup(&config.data, &file).unwrap();
    let cluster = Cluster::start(cluster::programs().unwrap(), &["fsync=off"]);
    cluster.run("CREATE DATABASE older", "postgres");
    migrate(&config.data, &cluster.url("older").parse().unwrap()).await.unwrap();
    fs::write(fixtures.join("postgres-1.sql"), cluster.dump("older")).unwrap();
}

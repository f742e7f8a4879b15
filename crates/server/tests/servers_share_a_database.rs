//! Several servers upon one database behave as one.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "common/cluster.rs"]
mod cluster;
mod common;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use brooklet_server::{
    AppState, Folded, Postgres, PostgresConfig, PostgresUrl, Scope, Server, StoreError, app, fold_now, make_token,
    migrate,
};
use cluster::{cluster, look};
use common::{MODEL, config, delta, get, post};

async fn server(folder: &std::path::Path, url: &PostgresUrl) -> (AppState, Router) {
    let mut config = config(folder);
    config.store = Some(url.clone());
    let state = AppState::open(config).await.unwrap();
    (state.clone(), app(state))
}

/// A fold, once the database has let go of the other server's lock.
async fn fold(state: &AppState) -> Folded {
    loop {
        match fold_now(state, MODEL).await.unwrap() {
            Folded::Elsewhere => tokio::time::sleep(Duration::from_millis(5)).await,
            folded => return folded,
        }
    }
}

#[tokio::test]
async fn a_version_of_one_is_known_to_the_other() {
    let Some(cluster) = cluster() else { return };
    let (folder, url) = (tempfile::tempdir().unwrap(), cluster.database());
    let ((one, to_one), (other, to_other)) = (server(folder.path(), &url).await, server(folder.path(), &url).await);
    // A delta and its repeat, each to another server.
    assert_eq!(post(&to_one, &delta(1, 1, 1)).await.json()["repeat"], false);
    assert_eq!(post(&to_other, &delta(1, 1, 1)).await.json()["repeat"], true);
    post(&to_other, &delta(2, 1, 1)).await;
    assert_eq!(fold_now(&one, MODEL).await.unwrap(), Folded::Published(2));
    // A browser that has the new version comes to the server that has not heard of it.
    assert_eq!(get(&to_other, "/v1/models/films").await.header("brooklet-version"), "1");
    let told = post(&to_other, &delta(1, 2, 2)).await;
    assert_eq!((told.status.as_u16(), told.json()["version"].as_u64()), (200, Some(2)));
    let [ours, theirs] = [get(&to_one, "/v1/models/films").await, get(&to_other, "/v1/models/films").await];
    assert!(ours.body == theirs.body && ours.header("etag") == theirs.header("etag"));
    // The next fold is the other's, upon the sums of the first.
    assert_eq!(fold(&other).await, Folded::Published(3));
    assert_eq!(fold(&one).await, Folded::Nothing);
    assert_eq!(get(&to_one, "/v1/models/films?from=3").await.header("brooklet-version"), "3");
    let stats = one.store().stats(MODEL).await.unwrap().unwrap();
    assert_eq!((stats.version, stats.deltas_total, stats.pending_deltas), (3, 3, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn enough_for_a_version_is_counted_over_all_servers_and_all_serve_it() {
    let Some(cluster) = cluster() else { return };
    let (folder, url) = (tempfile::tempdir().unwrap(), cluster.database());
    let mut running = Vec::new();
    for _ in 0..2 {
        let mut config = config(folder.path());
        config.store = Some(url.clone());
        config.listen = "127.0.0.1:0".parse().unwrap();
        config.fold_deltas = 10;
        let server = Server::bind(config).await.unwrap();
        let (state, (stop, stopped)) = (server.state().clone(), tokio::sync::oneshot::channel::<()>());
        let serving = tokio::spawn(server.run(async { drop(stopped.await) }));
        running.push((app(state), stop, serving));
    }
    // Five deltas to each: neither has ten.
    for n in 1..=10 {
        assert_eq!(post(&running[n as usize % 2].0, &delta(n, 1, 1)).await.status, 200);
    }
    for (router, ..) in &running {
        let mut version = String::new();
        for _ in 0..2000 {
            version = get(router, "/v1/models/films").await.header("brooklet-version").into();
            if version == "2" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(version, "2");
    }
    for (_, stop, serving) in running {
        stop.send(()).unwrap();
        serving.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_store_that_is_moved_is_what_it_was() {
    let Some(cluster) = cluster() else { return };
    let (folder, url) = (tempfile::tempdir().unwrap(), cluster.database());
    let config = config(folder.path());
    let data = config.data.clone();
    let token = make_token(&data, "grafana", Scope::Operate).unwrap().0;
    let state = AppState::open(config).await.unwrap();
    assert!(state.store().keep_profile(MODEL, "anna", 0, b"profile".into(), 10).await.unwrap());
    let router = app(state.clone());
    for n in 1..=5 {
        post(&router, &delta(n, 1, 1)).await;
    }
    fold_now(&state, MODEL).await.unwrap();
    post(&router, &delta(1, 2, 2)).await;
    post(&router, &delta(6, 1, 2)).await;
    let refused = migrate(&data, &url).await;
    assert!(matches!(refused, Err(StoreError::InUse(_))), "a server uses it: {refused:?}");
    let before = state.store().stats(MODEL).await.unwrap().unwrap();
    let base = get(&router, "/v1/models/films").await.body;
    state.store().close().await.unwrap();
    drop((state, router));

    migrate(&data, &url).await.unwrap();
    let (state, router) = server(folder.path(), &url).await;
    assert_eq!(get(&router, "/v1/models/films").await.body, base);
    let told = |stats| serde_json::to_value(stats).unwrap();
    assert_eq!(told(state.store().stats(MODEL).await.unwrap().unwrap()), told(before));
    assert_eq!(state.store().head(MODEL).await.unwrap().unwrap().pending, 2);
    assert_eq!(state.store().profile(MODEL, "anna").await.unwrap(), Some((1, b"profile".to_vec())));
    let tokens = state.store().tokens().await.unwrap();
    assert!(tokens.len() == 1 && tokens[0].id == token.id && tokens[0].check == token.check);
    // Who was acknowledged is known, and what waited is folded.
    assert_eq!(post(&router, &delta(1, 2, 2)).await.json()["repeat"], true);
    assert_eq!(post(&router, &delta(1, 3, 2)).await.json()["repeat"], false);
    assert_eq!(fold_now(&state, MODEL).await.unwrap(), Folded::Published(3));
    assert_eq!(state.store().stats(MODEL).await.unwrap().unwrap().versions[0].deltas, 3);
    // Neither side is taken for another by mistake.
    assert!(matches!(migrate(&data, &url).await, Err(StoreError::Gone(_))));
    assert!(!data.join("brooklet.sqlite").exists());
}

#[tokio::test]
async fn tables_of_a_newer_brooklet_are_refused_and_many_may_start_at_once() {
    let Some(cluster) = cluster() else { return };
    let url = cluster.database();
    let open = async || Postgres::open(&url, &PostgresConfig::default(), Arc::default()).await;
    let (one, two, three) = tokio::join!(open(), open(), open());
    let database = format!("{url:?}").split("dbname: ").nth(1).unwrap().split('"').nth(1).unwrap().to_owned();
    drop((one.unwrap(), two.unwrap(), three.unwrap()));
    let client = look(&cluster.url(&database)).await;
    client
        .batch_execute("INSERT INTO refinery_schema_history SELECT 1000, 'later', applied_on, checksum FROM refinery_schema_history")
        .await
        .unwrap();
    let refused = open().await;
    assert!(matches!(refused, Err(StoreError::TooNew { found: 1000, .. })), "{refused:?}");
}

//! With noise no more versions are published than the budget allows, whoever restarts the server, and nothing that was sent is lost by it.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::path::Path;

use brooklet_server::{AppState, Config, Folded, app, fold_now};
use common::{MODEL, config, delta, get, post};

/// Noise of which two versions tell an epsilon of 6.9, and three one of 8.6.
fn noisy(folder: &Path) -> Config {
    let mut config = config(folder);
    config.noise_multiplier = Some(1.2);
    config
}

#[tokio::test]
async fn versions_end_with_the_budget_and_deltas_are_still_taken() {
    let folder = tempfile::tempdir().unwrap();
    let state = AppState::open(noisy(folder.path())).await.unwrap();
    let router = app(state.clone());
    for version in 1..=2 {
        post(&router, &delta(version, 1, 1)).await;
        assert_eq!(fold_now(&state, MODEL).await.unwrap(), Folded::Published(version + 1));
    }
    assert_eq!(post(&router, &delta(3, 1, 1)).await.status, 200);
    assert_eq!(fold_now(&state, MODEL).await.unwrap(), Folded::BudgetSpent);
    let stats = get(&router, "/v1/models/films/stats").await.json();
    let spent = stats["privacy"]["spent"].as_f64().unwrap();
    assert!((6.8..7.0).contains(&spent) && stats["privacy"]["versions_left"] == 0, "{stats}");
    assert_eq!((&stats["pending_deltas"], &stats["version"]), (&1.into(), &3.into()));
    let metrics = String::from_utf8(get(&router, "/metrics").await.body.to_vec()).unwrap();
    assert!(metrics.contains("brooklet_versions_left{model=\"films\"} 0"), "{metrics}");
    state.store().close().await.unwrap();
    drop((state, router));

    // It is kept with the store, and whoever allows more gets what waits.
    let state = AppState::open(noisy(folder.path())).await.unwrap();
    assert_eq!(fold_now(&state, MODEL).await.unwrap(), Folded::BudgetSpent);
    state.store().close().await.unwrap();
    drop(state);
    let mut more = noisy(folder.path());
    more.noise_epsilon = 10.0;
    let state = AppState::open(more).await.unwrap();
    assert_eq!(fold_now(&state, MODEL).await.unwrap(), Folded::Published(4));
}

#[tokio::test]
async fn two_servers_of_one_store_s_copies_draw_other_noise() {
    let weights = |folder: tempfile::TempDir| async move {
        let mut config = noisy(folder.path());
        config.influence = 1e-3;
        let state = AppState::open(config).await.unwrap();
        let router = app(state.clone());
        for client in 1..=40 {
            post(&router, &delta(client, 1, 1)).await;
        }
        assert_eq!(fold_now(&state, MODEL).await.unwrap(), Folded::Published(2));
        get(&router, "/v1/models/films").await.body
    };
    let [one, other] = [(); 2].map(|()| weights(tempfile::tempdir().unwrap()));
    assert_ne!(one.await, other.await);
}

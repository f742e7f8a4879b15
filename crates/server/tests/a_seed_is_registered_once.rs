//! A seed starts a model. After that the stored versions count, and whatever should not be served is not.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use brooklet_server::{AppState, Config, Folded, ServeError, StoreError, app, fold_now};
use common::{MODEL, config, delta, get, metadata, post, seed_with};

async fn refusal(config: Config) -> ServeError {
    AppState::open(config).await.err().expect("the server must not start")
}

#[tokio::test]
async fn the_stored_versions_win_over_another_seed() {
    let folder = tempfile::tempdir().unwrap();
    let state = AppState::open(config(folder.path())).await.unwrap();
    let router = app(state.clone());
    post(&router, &delta(1, 1, 1)).await;
    fold_now(&state, MODEL).await.unwrap();
    let learnt = get(&router, "/v1/models/films").await.body;
    state.store().close().await.unwrap();
    drop((state, router));

    let mut other = metadata();
    other.w0 = 2.0;
    std::fs::write(folder.path().join("seed.safetensors"), seed_with(&other)).unwrap();
    let state = AppState::open(config(folder.path())).await.unwrap();
    assert_eq!(get(&app(state.clone()), "/v1/models/films").await.body, learnt);
    state.store().close().await.unwrap();
    drop(state);

    // Neither is a seed needed any more.
    let mut without = config(folder.path());
    without.seed = None;
    let state = AppState::open(without).await.unwrap();
    assert_eq!(get(&app(state), "/v1/models/films").await.body, learnt);
}

#[tokio::test]
async fn a_seed_with_rows_of_visitors_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut private = metadata();
    private.private_rows = true;
    std::fs::write(folder.path().join("seed.safetensors"), seed_with(&private)).unwrap();
    let error = refusal(config(folder.path())).await;
    assert_eq!(error.code(), "private_rows");
    assert!(error.to_string().contains("--keep-users"), "{error}");
}

#[tokio::test]
async fn what_is_no_seed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed.safetensors");
    std::fs::write(&seed, b"not a seed").unwrap();
    assert_eq!(refusal(config(folder.path())).await.code(), "bad_base");
    let mut missing = config(folder.path());
    std::fs::remove_file(&seed).unwrap();
    assert_eq!(refusal(missing.clone()).await.code(), "unreadable_seed");
    missing.seed = None;
    assert_eq!(refusal(missing).await.code(), "no_model");
}

#[tokio::test]
async fn a_setting_out_of_bounds_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.reach = f32::NAN;
    assert_eq!(refusal(config).await.code(), "bad_setting");
}

#[tokio::test]
async fn names_that_do_not_suit_a_url_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["", "Films", "a/b", "..", "a b", "%66", &"a".repeat(65)] {
        let mut config = config(folder.path());
        config.model = name.into();
        assert_eq!(refusal(config).await.code(), "bad_name", "{name}");
    }
}

#[tokio::test]
async fn two_servers_do_not_share_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let _first = AppState::open(config(folder.path())).await.unwrap();
    let error = refusal(config(folder.path())).await;
    assert!(matches!(error, ServeError::Store(StoreError::InUse(_))), "{error}");
}

#[tokio::test]
async fn two_models_live_in_one_store_without_touching_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let state = AppState::open(config(folder.path())).await.unwrap();
    post(&app(state.clone()), &delta(1, 1, 1)).await;
    state.store().close().await.unwrap();
    drop(state);

    let mut second = config(folder.path());
    second.model = "books".into();
    let state = AppState::open(second).await.unwrap();
    let router = app(state.clone());
    assert_eq!(fold_now(&state, "books").await.unwrap(), Folded::Nothing);
    assert_eq!(fold_now(&state, MODEL).await.unwrap(), Folded::Published(2));
    assert_eq!(get(&router, "/v1/models/books").await.header("brooklet-version"), "1");
    assert_eq!(get(&router, "/v1/models/films").await.header("brooklet-version"), "2");
    assert_eq!(get(&router, "/v1/models/books/stats").await.json()["clients"], 0);
}

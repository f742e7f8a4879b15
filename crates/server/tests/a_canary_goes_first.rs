//! A share of the clients has the next version first, and what they report decides whether everybody gets it or nobody.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Request;
use brooklet_core::{Delta, Report, cohort};
use brooklet_server::{Folded, fold_now};
use common::{Bench, MODEL, ask, client, delta, get, post, send};
use serde_json::json;

const PATH: &str = "/v1/models/films";
const SHARE: u8 = 30;

async fn on_trial() -> Bench {
    let bench = Bench::new(|config| {
        config.canary_share = SHARE;
        config.canary_seconds = 0;
        config.canary_reports = 25;
    })
    .await;
    for client in 1000..1005 {
        post(&bench.router, &delta(client, 1, 1)).await;
    }
    assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::OnTrial);
    bench
}

/// What clients report of whom those in the share have the next version.
async fn report(bench: &Bench, with: f32, without: f32) {
    for n in 1..=120 {
        let has_it = cohort(&client(n)) < SHARE;
        let loss = if has_it { with } else { without };
        // Nobody is served quite like another.
        let loss = loss + (n % 7) as f32 / 100.0;
        let report = Report { events: 10, base_loss: 0.7, learner_loss: loss };
        let sent = Delta { report, ..delta(n, 1, if has_it { 2 } else { 1 }) };
        let answer = post(&bench.router, &sent).await.json();
        assert_eq!(answer["version"], if has_it { 2 } else { 1 }, "of client {n}");
    }
}

#[tokio::test]
async fn it_is_given_to_its_cohorts_alone() {
    let bench = on_trial().await;
    for cohort in 0..100 {
        let answer = get(&bench.router, &format!("{PATH}?cohort={cohort}")).await;
        let expected = if cohort < SHARE { "2" } else { "1" };
        assert_eq!(answer.header("brooklet-version"), expected);
    }
    assert_eq!(get(&bench.router, PATH).await.header("brooklet-version"), "1");
    let listed = get(&bench.router, &format!("{PATH}/versions")).await.json();
    assert_eq!((&listed["version"], &listed["candidates"][0]["state"]), (&json!(1), &json!("canary")));
    // Nothing of it is in a version yet.
    assert_eq!(bench.stats().await.pending_deltas, 5);
}

#[tokio::test]
async fn caches_hold_its_bytes_once_for_all_groups() {
    let bench = on_trial().await;
    let asked = |path: String, etag: &str| {
        let request =
            Request::get(path).header("accept", "application/vnd.brooklet.base").header("if-none-match", etag);
        request.body(Body::empty()).unwrap()
    };
    let mut addresses = BTreeSet::new();
    for cohort in 0..100 {
        let there = send(&bench.router, asked(format!("{PATH}?from=1&cohort={cohort}"), "\"none\"")).await;
        assert_eq!((there.status.as_u16(), there.header("cache-control")), (307, "no-cache"));
        // It stands beside the address that was asked, whatever path a proxy put before that.
        let address = format!("/v1/models/{}", there.header("location"));
        let sent = send(&bench.router, asked(address.clone(), "\"none\"")).await;
        assert_eq!((sent.status.as_u16(), sent.header("brooklet-version")), (200, there.header("brooklet-version")));
        assert!(sent.header("cache-control").contains("immutable"));
        let again = send(&bench.router, asked(format!("{PATH}?cohort={cohort}"), sent.header("etag"))).await;
        assert_eq!(again.status.as_u16(), 304, "the group has what it was sent");
        addresses.insert((cohort < SHARE, address));
    }
    assert_eq!(addresses.len(), 2, "{addresses:?}");
}

#[tokio::test]
async fn everybody_gets_what_serves_no_worse() {
    let bench = on_trial().await;
    assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::OnTrial);
    report(&bench, 0.5, 0.5).await;
    assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::Published(2));
    let listed = get(&bench.router, &format!("{PATH}/versions")).await.json();
    let trial = &listed["versions"][0]["made"]["trial"];
    assert_eq!(trial["reports"].as_u64().unwrap() + trial["other_reports"].as_u64().unwrap(), 120);
    assert_eq!(get(&bench.router, PATH).await.header("brooklet-version"), "2");
    assert_eq!(bench.stats().await.pending_deltas, 120);
}

#[tokio::test]
async fn nobody_gets_what_serves_worse_and_its_deltas_wait() {
    let bench = on_trial().await;
    report(&bench, 0.6, 0.5).await;
    assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::HeldBack);
    assert_eq!(get(&bench.router, &format!("{PATH}?cohort=0")).await.header("brooklet-version"), "1");
    let listed = get(&bench.router, &format!("{PATH}/versions")).await.json();
    assert_eq!((&listed["version"], &listed["candidates"][0]["state"]), (&json!(1), &json!("rejected")));
    assert!(listed["candidates"][0]["made"]["trial"]["loss"].as_f64() > Some(0.59));
    // Deltas of those who had it are folded with the others, and nothing is set aside.
    assert_eq!(bench.stats().await.pending_deltas, 125);
    assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::OnTrial);
    let id = get(&bench.router, &format!("{PATH}/versions")).await.json()["candidates"][0]["id"].clone();
    let published = ask(&bench.router, "POST", &format!("{PATH}/candidates/{id}/publish"), None).await;
    assert_eq!(published.json(), json!({ "version": 2 }));
    let stats = bench.stats().await;
    assert_eq!((stats.pending_deltas, stats.set_aside_deltas, stats.versions[0].deltas), (0, 0, 125));
}

#[tokio::test]
async fn a_restart_goes_on_with_it() {
    let bench = on_trial().await;
    let config = {
        let mut config = common::config(bench.folder.path());
        config.canary_share = SHARE;
        config.canary_seconds = 0;
        config.canary_reports = 25;
        config
    };
    report(&bench, 0.5, 0.5).await;
    bench.state.store().close().await.unwrap();
    let Bench { folder: _folder, state, router } = bench;
    drop((state, router));
    let state = brooklet_server::AppState::open(config).await.unwrap();
    let router = brooklet_server::app(state.clone());
    assert_eq!(get(&router, &format!("{PATH}?cohort=0")).await.header("brooklet-version"), "2");
    assert_eq!(fold_now(&state, MODEL).await.unwrap(), Folded::Published(2));
}

//! A browser that heard nothing sends again. However often it does, and however late, its delta counts once.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use axum::http::StatusCode;
use brooklet_core::{Fold, FoldConfig};
use brooklet_server::{Folded, fold_now};
use common::{Bench, FACTORS, MODEL, delta, post};

#[tokio::test]
async fn a_repeat_is_acknowledged_and_not_counted() {
    let bench = Bench::new(|_| {}).await;
    for (seq, repeat) in [(1, false), (1, true), (2, false), (1, true), (2, true)] {
        let answer = post(&bench.router, &delta(1, seq, 1)).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json(), serde_json::json!({ "acknowledged": seq, "repeat": repeat, "version": 1 }));
        assert_eq!(answer.header("brooklet-version"), "1");
    }
    let stats = bench.stats().await;
    assert_eq!((stats.deltas_total, stats.pending_deltas, stats.clients), (2, 2, 1));
    assert_eq!(stats.events_total, [1, 2].map(|seq| u64::from(delta(1, seq, 1).events)).iter().sum::<u64>());
}

#[tokio::test]
async fn a_repeat_after_the_fold_is_not_counted_either() {
    let bench = Bench::new(|_| {}).await;
    post(&bench.router, &delta(1, 1, 1)).await;
    fold_now(&bench.state, MODEL).await.unwrap();
    let answer = post(&bench.router, &delta(1, 1, 1)).await;
    assert_eq!(answer.json(), serde_json::json!({ "acknowledged": 1, "repeat": true, "version": 2 }));
    assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::Nothing);
    assert_eq!(bench.stats().await.deltas_total, 1);
}

#[tokio::test]
async fn a_repeat_whose_base_is_too_old_by_now_is_acknowledged() {
    // Refusing it with `stale_base` would make the browser learn and send the same events again: counted twice.
    let bench = Bench::new(|config| config.horizon = 1).await;
    post(&bench.router, &delta(1, 1, 1)).await;
    for seq in 1..=3 {
        post(&bench.router, &delta(2, seq, seq)).await;
        fold_now(&bench.state, MODEL).await.unwrap();
    }
    let repeat = post(&bench.router, &delta(1, 1, 1)).await;
    assert_eq!(repeat.json(), serde_json::json!({ "acknowledged": 1, "repeat": true, "version": 4 }));
    let problem = post(&bench.router, &delta(1, 2, 1)).await.problem(410, "stale_base");
    assert_eq!(problem["version"], 4);
    assert!(problem["detail"].as_str().unwrap().contains("pull the current base"), "{problem}");
}

#[tokio::test]
async fn a_gap_tells_the_number_that_is_expected() {
    let bench = Bench::new(|_| {}).await;
    let problem = post(&bench.router, &delta(1, 2, 1)).await.problem(409, "sequence_gap");
    assert_eq!(problem["expected"], 1);
    post(&bench.router, &delta(1, 1, 1)).await;
    let problem = post(&bench.router, &delta(1, 3, 1)).await.problem(409, "sequence_gap");
    assert_eq!(problem["expected"], 2);
    assert_eq!(post(&bench.router, &delta(1, 2, 1)).await.status, 200);
    assert_eq!(bench.stats().await.deltas_total, 2);
}

#[tokio::test]
async fn what_cannot_be_folded_is_refused_at_the_door() {
    let bench = Bench::new(|_| {}).await;
    let problem = post(&bench.router, &delta(1, 1, 2)).await.problem(409, "unknown_base");
    assert_eq!(problem["version"], 1);
    let mut narrow = delta(1, 1, 1);
    narrow.scales.pop();
    narrow.columns.truncate(narrow.ids.len() * narrow.scales.len());
    post(&bench.router, &narrow).await.problem(409, "wrong_factors");
    assert_eq!(bench.stats().await.deltas_total, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_that_send_everything_three_times_at_once_are_counted_once() {
    const CLIENTS: u64 = 40;
    const DELTAS: u64 = 15;
    let bench = Bench::new(|_| {}).await;
    let clients = (1..=CLIENTS).map(|client| {
        let router = bench.router.clone();
        tokio::spawn(async move {
            for seq in 1..=DELTAS {
                let delta = delta(client, seq, 1);
                let answers = tokio::join!(post(&router, &delta), post(&router, &delta), post(&router, &delta));
                let answers = [answers.0, answers.1, answers.2];
                assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
                let counted = answers.iter().filter(|answer| answer.json()["repeat"] == false).count();
                assert_eq!(counted, 1);
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }

    let mut expected = Fold::new(&FoldConfig::default(), 1, FACTORS);
    for client in 1..=CLIENTS {
        (1..=DELTAS).for_each(|seq| expected.add(&delta(client, seq, 1)).unwrap());
    }
    fold_now(&bench.state, MODEL).await.unwrap();
    let stats = bench.stats().await;
    assert_eq!((stats.deltas_total, stats.pending_deltas, stats.clients), (CLIENTS * DELTAS, 0, CLIENTS));
    assert_eq!(stats.events_total, expected.events());
    assert_eq!(stats.digest, format!("{:016x}", expected.digest()));
}

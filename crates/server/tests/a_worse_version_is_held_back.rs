//! What the operator's events say is worse does not go out, and no delta is lost by it.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use brooklet_server::{Folded, fold_now};
use common::{Bench, MODEL, delta, get, post, strict_judge};
use std::sync::atomic::Ordering;

#[tokio::test]
async fn the_deltas_wait_until_a_candidate_is_no_worse() {
    let (strict, judge) = strict_judge();
    let bench = Bench::new(|config| config.judge = Some(judge)).await;
    for client in 1..=5 {
        post(&bench.router, &delta(client, 1, 1)).await;
    }
    assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::HeldBack);
    let stats = get(&bench.router, "/v1/models/films/stats").await.json();
    assert_eq!((&stats["version"], &stats["pending_deltas"]), (&1.into(), &5.into()));
    let gate = &stats["gate"];
    assert_eq!((&gate["held_back"], &gate["loss_before"], &gate["loss"]), (&7.into(), &1.0.into(), &2.0.into()));
    let metrics = get(&bench.router, "/metrics").await;
    let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
    assert!(metrics.lines().any(|line| line.contains("held_back") && line.ends_with(" 7")), "{metrics}");

    strict.store(false, Ordering::Relaxed);
    assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::Published(2));
    let stats = get(&bench.router, "/v1/models/films/stats").await.json();
    assert_eq!((&stats["pending_deltas"], &stats["gate"]["step"]), (&0.into(), &1.0.into()));
}

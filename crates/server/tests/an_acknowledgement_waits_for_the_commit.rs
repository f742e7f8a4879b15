//! Nobody hears of a delta that is not durable yet. Another connection holds the database's write lock here, so that a
//! commit takes as long as the test likes.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::{Bench, delta, get, post};
use rusqlite::Connection;

/// Holds the write lock until it is dropped.
fn lock(bench: &Bench) -> Connection {
    let connection = Connection::open(bench.folder.path().join("store/brooklet.sqlite")).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_before_the_commit() {
    let bench = Bench::new(|_| {}).await;
    let lock = lock(&bench);
    let mut requests: Vec<_> = (1..=8)
        .map(|client| {
            let router = bench.router.clone();
            tokio::spawn(async move { post(&router, &delta(client, 1, 1)).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(requests.iter().all(|request| !request.is_finished()), "acknowledged before it was durable");
    // Reading goes on meanwhile.
    assert_eq!(get(&bench.router, "/v1/models/films/stats").await.json()["pending_deltas"], 0);
    assert_eq!(get(&bench.router, "/v1/models/films/versions/1").await.status, 200);

    drop(lock);
    for request in requests.drain(..) {
        assert_eq!(request.await.unwrap().status, 200);
    }
    assert_eq!(bench.stats().await.pending_deltas, 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_hangs_up_before_the_commit_is_counted_all_the_same() {
    // The handler of a request ends when the browser hangs up, but its delta is on its way: the count of what is pending
    // missed it, and a lone delta after it then waited for ever.
    let bench = Bench::new(|_| {}).await;
    let lock = lock(&bench);
    let router = bench.router.clone();
    let request = tokio::spawn(async move { post(&router, &delta(1, 1, 1)).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    request.abort();
    drop(lock);
    let patience = std::time::Instant::now() + Duration::from_secs(20);
    while bench.stats().await.pending_deltas == 0 {
        assert!(std::time::Instant::now() < patience);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let metrics = String::from_utf8(get(&bench.router, "/metrics").await.body.to_vec()).unwrap();
    assert!(metrics.contains("brooklet_pending_deltas{model=\"films\"} 1\n"), "{metrics}");
    assert_eq!(post(&bench.router, &delta(1, 1, 1)).await.json()["repeat"], true);
}

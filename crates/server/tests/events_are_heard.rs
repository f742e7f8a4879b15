//! Whoever listens hears what happens, and goes on where a connection broke.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use brooklet_server::fold_now;
use common::{Bench, MODEL, delta, post};
use http_body_util::BodyExt;
use tower::ServiceExt;

/// Reads the stream until it has said this.
async fn heard(router: &Router, path: &str, last: Option<&str>, until: &str) -> String {
    let mut request = Request::get(path);
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let answer = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut body = answer.into_body();
    let mut text = String::new();
    let listening = async {
        while !text.contains(until) {
            let frame = body.frame().await.unwrap().unwrap();
            text.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(20), listening).await.is_ok(), "{text}");
    text
}

async fn publish(bench: &Bench, version: u64) {
    post(&bench.router, &delta(version, 1, version)).await;
    fold_now(&bench.state, MODEL).await.unwrap();
}

#[tokio::test]
async fn a_listener_hears_what_happens_and_goes_on_after_a_break() {
    let bench = Bench::new(|_| {}).await;
    let listening = {
        let router = bench.router.clone();
        tokio::spawn(async move { heard(&router, "/v1/events", None, "event: published").await })
    };
    // Whoever comes anew hears of what comes later, so it has to listen first.
    tokio::time::sleep(Duration::from_millis(300)).await;
    publish(&bench, 1).await;
    let first = listening.await.unwrap();
    assert!(first.contains("\"version\":2") && first.contains("\"model\":\"films\""), "{first}");
    let id = first.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned();

    // Two happen while nobody listens.
    publish(&bench, 2).await;
    publish(&bench, 3).await;
    let later = heard(&bench.router, "/v1/events", Some(&id), "\"version\":4}\n").await;
    assert!(
        later.contains("\"version\":3") && !later.contains("\"version\":2") && !later.contains("event: lag"),
        "{later}"
    );
    let other = heard(&bench.router, "/v1/events?model=books", Some(&id), "event: figures").await;
    assert!(!other.contains("event: published"), "{other}");
}

#[tokio::test]
async fn who_comes_back_to_another_process_is_told_that_something_is_missing() {
    let bench = Bench::new(|_| {}).await;
    publish(&bench, 1).await;
    let text = heard(&bench.router, "/v1/events", Some("1-77"), "event: published").await;
    assert!(text.starts_with("event: lag\ndata: {\"missed\":null}\n"), "{text}");
}

//! Whatever goes wrong, the caller gets RFC 9457, a code and a sentence, and never what the server knows.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;
#[path = "common/faulty.rs"]
mod faulty;

use std::io::Write;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use brooklet_server::{AppState, Metrics, Sqlite, SqliteConfig, StoreError, app};
use common::{Answer, Bench, config, delta, deltas_path, get, post, post_bytes, send};
use faulty::Faulty;
use flate2::Compression;
use flate2::write::GzEncoder;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn post_with(bench: &Bench, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let mut request = Request::post(deltas_path());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(&bench.router, request.body(Body::from(body)).unwrap()).await
}

const CBOR: (&str, &str) = ("content-type", "application/cbor");
const GZIP: (&str, &str) = ("content-encoding", "gzip");

#[tokio::test]
async fn paths_and_methods() {
    let bench = Bench::new(|_| {}).await;
    for path in ["/v1/models/", "/v1/models/films/", "/nothing.html", "/v1/models/%ff/stats"] {
        let answer = get(&bench.router, path).await;
        assert!(answer.status == 404 || answer.status == 400, "{path}");
        let code = answer.json()["code"].as_str().unwrap().to_owned();
        answer.problem(answer.status.as_u16(), &code);
    }
    let answer = get(&bench.router, &deltas_path()).await;
    answer.problem(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), "POST");
    let request = Request::delete("/v1/models/films/names").body(Body::empty()).unwrap();
    let answer = send(&bench.router, request).await;
    answer.problem(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), "GET,HEAD");
    let request = Request::post("/v1/models/books/deltas").header(CBOR.0, CBOR.1).body(Body::empty()).unwrap();
    send(&bench.router, request).await.problem(404, "unknown_model");
}

#[tokio::test]
async fn media_types_and_encodings() {
    let bench = Bench::new(|_| {}).await;
    let body = delta(1, 1, 1).encode();
    for headers in [vec![], vec![("content-type", "application/json")], vec![("content-type", "text/plain")]] {
        let answer = post_with(&bench, &headers, body.clone()).await;
        answer.problem(415, "unsupported_media_type");
        assert_eq!(answer.header("accept"), "application/cbor");
    }
    let answer = post_with(&bench, &[CBOR, ("content-encoding", "br")], body.clone()).await;
    answer.problem(415, "unsupported_encoding");
    assert_eq!(answer.header("accept-encoding"), "gzip, identity");
    assert_eq!(bench.stats().await.deltas_total, 0);

    let parameters = ("content-type", "Application/CBOR; x=y");
    assert_eq!(post_with(&bench, &[parameters, ("content-encoding", "identity")], body.clone()).await.status, 200);
    let compressed = gzip(&body);
    assert_eq!(post_with(&bench, &[CBOR, GZIP], compressed.clone()).await.json()["repeat"], true);
    let half = compressed[..compressed.len() / 2].to_vec();
    post_with(&bench, &[CBOR, GZIP], half).await.problem(400, "bad_gzip");
    post_with(&bench, &[CBOR, GZIP], body).await.problem(400, "bad_gzip");
}

#[tokio::test]
async fn sizes() {
    let bench = Bench::new(|config| {
        config.max_delta_bytes = 1000;
        config.max_inflated_bytes = 5000;
    })
    .await;
    // The first one says how long it is, the second one has to be read to find out.
    for headers in [vec![CBOR, ("content-length", "1001")], vec![CBOR]] {
        let problem = post_with(&bench, &headers, vec![0; 1001]).await.problem(413, "too_large");
        assert_eq!(problem["limit"], 1000);
    }
    let bomb = gzip(&vec![0u8; 100_000]);
    assert!(bomb.len() < 1000);
    let problem = post_with(&bench, &[CBOR, GZIP], bomb).await.problem(413, "too_large");
    assert_eq!(problem["limit"], 5000);
    // Exactly at the limit is not beyond it: this is refused for what it says, not for its size.
    post_with(&bench, &[CBOR, GZIP], gzip(&vec![0u8; 5000])).await.problem(400, "bad_delta");
    post_bytes(&bench.router, vec![0u8; 1000]).await.problem(400, "bad_delta");
}

#[tokio::test]
async fn bytes_that_are_no_delta() {
    let bench = Bench::new(|_| {}).await;
    let good = delta(1, 1, 1).encode();
    post_bytes(&bench.router, Vec::new()).await.problem(400, "bad_delta");
    for length in 0..good.len() {
        post_bytes(&bench.router, good[..length].to_vec()).await.problem(400, "bad_delta");
    }
    let mut longer = good.clone();
    longer.push(0);
    post_bytes(&bench.router, longer).await.problem(400, "bad_delta");
    assert_eq!(bench.stats().await.deltas_total, 0);
    assert_eq!(post_bytes(&bench.router, good).await.status, 200);
}

#[tokio::test]
async fn problems_are_counted_by_code() {
    let bench = Bench::new(|_| {}).await;
    assert_eq!(get(&bench.router, "/healthz").await.json()["status"], "ok");
    post(&bench.router, &delta(1, 1, 1)).await;
    post(&bench.router, &delta(1, 1, 1)).await;
    post(&bench.router, &delta(1, 5, 1)).await;
    get(&bench.router, "/nothing").await;
    let answer = get(&bench.router, "/metrics").await;
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"));
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    for line in [
        "brooklet_deltas_total{model=\"films\",outcome=\"accepted\"} 1",
        "brooklet_deltas_total{model=\"films\",outcome=\"repeated\"} 1",
        "brooklet_refused_total{code=\"sequence_gap\"} 1",
        "brooklet_refused_total{code=\"not_found\"} 1",
        "brooklet_pending_deltas{model=\"films\"} 1",
        "brooklet_version{model=\"films\"} 1",
        "brooklet_rows{model=\"films\"} 200",
        "brooklet_request_seconds_count{route=\"/v1/models/{model}/deltas\",status=\"200\"} 2",
        "brooklet_request_seconds_count{route=\"files\",status=\"404\"} 1",
        "brooklet_commit_seconds_count 3",
        "brooklet_commit_deltas_sum 3.0",
    ] {
        assert!(text.contains(&format!("{line}\n")), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn a_store_that_fails_or_panics_is_not_told_to_the_world() {
    const SECRET: &str = "/var/lib/secret.sqlite";
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.max_delta_bytes = 1 << 20;
    let metrics = Arc::new(Metrics::default());
    let store = Sqlite::open(&config.data, &SqliteConfig::default(), metrics.clone()).unwrap();
    // It works until it is used.
    let fault = |method: &str| match method {
        "register" | "models" | "head" | "settings" | "candidates" | "current" | "version" | "stats" | "close" => {
            Ok(())
        }
        "tagged" => panic!("{SECRET} (this panic is the test's)"),
        _ => Err(StoreError::Failed(SECRET.into())),
    };
    let state = AppState::with_store(config, Arc::new(Faulty(store, fault)), metrics).await.unwrap();
    let router = app(state);
    let problem = post(&router, &delta(1, 1, 1)).await;
    assert_eq!(problem.header("retry-after"), "5");
    assert_eq!(problem.header("access-control-allow-origin"), "*");
    let panicked = get(&router, "/v1/models/films/bases/none").await;
    let unhealthy = get(&router, "/healthz").await;
    for (answer, status, code) in
        [(problem, 503, "store_unavailable"), (panicked, 500, "internal"), (unhealthy, 503, "store_unavailable")]
    {
        answer.problem(status, code);
        assert!(!String::from_utf8_lossy(&answer.body).contains(SECRET), "{:?}", answer.body);
    }
    // The panic took nothing with it.
    assert_eq!(get(&router, "/v1/models/films").await.status, 200);
}

#[tokio::test]
async fn a_closed_store_makes_the_server_unhealthy() {
    let bench = Bench::new(|_| {}).await;
    bench.state.store().close().await.unwrap();
    get(&bench.router, "/healthz").await.problem(503, "store_unavailable");
    post(&bench.router, &delta(1, 1, 1)).await.problem(503, "store_unavailable");
}

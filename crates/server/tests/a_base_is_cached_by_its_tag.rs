//! Browsers ask for the base often and should download it once a version.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use axum::body::Body;
use axum::http::{Method, Request};
use brooklet_server::{Folded, fold_now};
use common::{Bench, MODEL, delta, get, post, seed, send};

#[tokio::test]
async fn the_seed_is_the_first_version_byte_for_byte() {
    let bench = Bench::new(|_| {}).await;
    let answer = get(&bench.router, "/v1/models/films").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, seed());
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert_eq!(answer.header("cache-control"), "no-cache");
    assert_eq!(answer.header("brooklet-version"), "1");
    let etag = answer.header("etag");
    assert!(etag.starts_with('"') && etag.ends_with('"') && etag.len() > 10, "{etag}");
}

#[tokio::test]
async fn who_has_the_version_gets_304_and_no_body() {
    let bench = Bench::new(|_| {}).await;
    let etag = get(&bench.router, "/v1/models/films").await.header("etag").to_owned();
    for path in ["/v1/models/films", "/v1/models/films/versions/1"] {
        for tag in [etag.clone(), format!("\"other\", {etag}"), format!("W/{etag}"), "*".into()] {
            let request = Request::get(path).header("if-none-match", &tag).body(Body::empty()).unwrap();
            let answer = send(&bench.router, request).await;
            assert_eq!(answer.status, 304, "{tag}");
            assert!(answer.body.is_empty());
            assert_eq!(answer.header("etag"), etag);
            assert_eq!(answer.header("brooklet-version"), "1");
        }
    }
    let request = Request::get("/v1/models/films").header("if-none-match", "\"other\"").body(Body::empty()).unwrap();
    assert_eq!(send(&bench.router, request).await.status, 200);
}

#[tokio::test]
async fn head_says_what_get_would_say() {
    let bench = Bench::new(|_| {}).await;
    for path in ["/v1/models/films", "/v1/models/films/versions/1"] {
        let got = get(&bench.router, path).await;
        let request = Request::builder().method(Method::HEAD).uri(path).body(Body::empty()).unwrap();
        let head = send(&bench.router, request).await;
        assert_eq!(head.status, 200);
        assert!(head.body.is_empty());
        assert_eq!(head.header("etag"), got.header("etag"));
        assert_eq!(head.header("content-length"), got.body.len().to_string());
    }
}

#[tokio::test]
async fn a_version_never_changes_and_the_current_one_does() {
    let bench = Bench::new(|_| {}).await;
    let before = get(&bench.router, "/v1/models/films/versions/1").await;
    assert_eq!(before.header("cache-control"), "no-cache");
    post(&bench.router, &delta(1, 1, 1)).await;
    assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::Published(2));

    let after = get(&bench.router, "/v1/models/films/versions/1").await;
    assert_eq!((after.body, after.headers), (before.body.clone(), before.headers));
    let current = get(&bench.router, "/v1/models/films").await;
    assert_eq!(current.header("brooklet-version"), "2");
    assert_ne!(current.body, before.body);
    let second = get(&bench.router, "/v1/models/films/versions/2").await;
    assert_eq!((second.body, second.headers["etag"].clone()), (current.body, current.headers["etag"].clone()));
}

#[tokio::test]
async fn what_is_not_there_is_said_so() {
    let bench = Bench::new(|_| {}).await;
    get(&bench.router, "/v1/models/books").await.problem(404, "unknown_model");
    get(&bench.router, "/v1/models/books/versions/1").await.problem(404, "unknown_model");
    get(&bench.router, "/v1/models/books/stats").await.problem(404, "unknown_model");
    for version in ["0", "2", "-1", "one", "18446744073709551615", "99999999999999999999"] {
        let path = format!("/v1/models/films/versions/{version}");
        let problem = get(&bench.router, &path).await.problem(404, "unknown_version");
        assert_eq!(problem["version"], 1);
    }
}

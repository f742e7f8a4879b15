//! What a browser downloads: a compact base the first time, what has changed from then on, compressed once.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::io::Read;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use brooklet_core::{Base, Precision, patched};
use brooklet_server::{Folded, fold_now};
use common::{Bench, FACTORS, MODEL, delta, get, metadata, post, seed_with};
use tower::ServiceExt;

const URL: &str = "/v1/models/films";
const COMPACT: (&str, &str) = ("accept", "application/vnd.brooklet.base, */*;q=0.1");

/// Serves a seed whose visitors differ in every factor: how much each is worth in a score tells the steps.
async fn bench() -> Bench {
    let mut about = metadata();
    let width = 1 + FACTORS;
    (0..width).for_each(|i| about.prior.covariance[i * width + i] = 0.5);
    Bench::new(|config| {
        std::fs::write(config.seed.as_ref().unwrap(), seed_with(&about)).unwrap();
        config.precision = Precision::Steps;
    })
    .await
}

async fn ask(bench: &Bench, url: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
    let mut request = Request::get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = bench.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    (parts.status, parts.headers, to_bytes(body, usize::MAX).await.unwrap().to_vec())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

async fn publish(bench: &Bench, clients: std::ops::Range<u64>, seq: u64) {
    let version = get(&bench.router, URL).await.header("brooklet-version").parse().unwrap();
    for client in clients {
        post(&bench.router, &delta(client, seq, version)).await;
    }
    assert!(matches!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::Published(_)));
}

#[tokio::test]
async fn a_returning_visitor_downloads_what_has_changed() {
    let bench = bench().await;
    let (_, _, first) = ask(&bench, URL, &[COMPACT]).await;
    let first = Base::decode(first).unwrap();
    assert!(first.is_compact());
    publish(&bench, 1..40, 1).await;
    publish(&bench, 1..40, 2).await;

    let (_, whole_about, whole) = ask(&bench, URL, &[COMPACT]).await;
    for from in [1, 2] {
        let (status, about, bytes) = ask(&bench, &format!("{URL}?from={from}"), &[COMPACT]).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(text(&about, "content-type"), "application/vnd.brooklet.patch");
        assert_eq!(text(&about, "brooklet-version"), "3");
        assert!(text(&about, "vary").contains("accept"));
        assert_eq!(text(&about, "etag"), format!("W/{}", text(&whole_about, "etag")));
        if from == 1 {
            assert_eq!(patched(&first, &bytes).unwrap().bytes(), whole);
        } else {
            assert!(patched(&first, &bytes).is_err(), "it is of another version");
        }
        // Whoever has it is not sent it again, however it came.
        let tag = [("if-none-match", text(&about, "etag")), COMPACT];
        assert_eq!(ask(&bench, &format!("{URL}?from=3"), &tag).await.0, StatusCode::NOT_MODIFIED);
        assert_eq!(ask(&bench, URL, &tag).await.0, StatusCode::NOT_MODIFIED);
    }
    // Of a version that is not known, or the current one, the whole is sent.
    for from in [0, 3, 99] {
        let (_, about, bytes) = ask(&bench, &format!("{URL}?from={from}"), &[COMPACT]).await;
        assert_eq!((text(&about, "content-type"), bytes.len()), ("application/vnd.brooklet.base", whole.len()));
    }
    assert_eq!(ask(&bench, &format!("{URL}?from=x"), &[COMPACT]).await.0, StatusCode::BAD_REQUEST);
    // Whoever does not say that he reads it gets a safetensors file.
    let (_, about, bytes) = ask(&bench, &format!("{URL}?from=1"), &[]).await;
    assert_eq!(text(&about, "content-type"), "application/octet-stream");
    assert!(!Base::decode(bytes).unwrap().is_compact());
}

#[tokio::test]
async fn names_are_a_resource_of_their_own() {
    let bench = bench().await;
    let (_, about, names) = ask(&bench, &format!("{URL}/names"), &[]).await;
    let names: Vec<String> = serde_json::from_slice(&names).unwrap();
    let (_, _, base) = ask(&bench, URL, &[]).await;
    let base = Base::decode(base).unwrap();
    assert_eq!(names.len(), (0..base.len()).filter(|i| base.name(*i).is_some_and(|name| !name.is_empty())).count());
    let tag = [("if-none-match", text(&about, "etag"))];
    assert_eq!(ask(&bench, &format!("{URL}/names"), &tag).await.0, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn bodies_are_compressed_and_each_has_its_own_tag() {
    let bench = bench().await;
    let (_, plain_about, plain) = ask(&bench, URL, &[COMPACT]).await;
    let mut tags = vec![text(&plain_about, "etag").to_owned()];
    for encoding in ["br", "zstd", "gzip"] {
        let accept = [COMPACT, ("accept-encoding", encoding)];
        let (_, about, bytes) = ask(&bench, URL, &accept).await;
        assert_eq!(text(&about, "content-encoding"), encoding);
        let vary: Vec<&str> = about.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
        assert!(vary.contains(&"accept-encoding") && vary.contains(&"accept"), "{vary:?}");
        assert!(bytes.len() < plain.len());
        let mut read = Vec::new();
        match encoding {
            "br" => drop(brotli::Decompressor::new(&bytes[..], 4096).read_to_end(&mut read).unwrap()),
            "zstd" => read = zstd::stream::decode_all(&bytes[..]).unwrap(),
            _ => drop(flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut read).unwrap()),
        }
        assert_eq!(read, plain);
        let tag = text(&about, "etag").to_owned();
        let (status, again, _) = ask(&bench, URL, &[accept[0], accept[1], ("if-none-match", &tag)]).await;
        assert_eq!((status, text(&again, "etag")), (StatusCode::NOT_MODIFIED, &*tag));
        assert!(!tags.contains(&tag));
        tags.push(tag);
    }
    let (_, about, bytes) = ask(&bench, URL, &[COMPACT, ("accept-encoding", "identity")]).await;
    assert_eq!((text(&about, "content-encoding"), bytes), ("", plain));
}

#[tokio::test]
async fn whoever_wants_f16_is_served_f16() {
    let bench = Bench::new(|config| config.precision = Precision::F16).await;
    let (_, about, base) = ask(&bench, URL, &[COMPACT]).await;
    assert_eq!(text(&about, "content-type"), "application/octet-stream");
    assert_eq!(Base::decode(base).unwrap().precision(), Precision::F16);
}

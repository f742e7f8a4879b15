//! The page's files come with the right types, and pages of other origins may call the endpoint.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::fs;

use axum::body::Body;
use axum::http::{Method, Request};
use brooklet_server::Mount;
use common::{Bench, delta, get, post, send};

async fn with_files() -> (tempfile::TempDir, Bench) {
    let files = tempfile::tempdir().unwrap();
    let path = files.path().to_owned();
    fs::create_dir_all(path.join("www/looks")).unwrap();
    fs::create_dir_all(path.join("pkg")).unwrap();
    fs::write(path.join("www/index.html"), "<!doctype html>").unwrap();
    fs::write(path.join("www/looks/page.css"), "body {}").unwrap();
    fs::write(path.join("pkg/brooklet.js"), "export {}").unwrap();
    fs::write(path.join("pkg/brooklet_bg.wasm"), b"\0asm").unwrap();
    fs::write(path.join("films.csv"), "item,title\n").unwrap();
    let bench = Bench::new(|config| {
        config.www = Some(path.join("www"));
        config.pkg = Some(path.join("pkg"));
        config.catalogue = Some(path.join("films.csv"));
        config.files = vec![format!("/data/films.csv={}", path.join("films.csv").display()).parse().unwrap()];
    })
    .await;
    (files, bench)
}

#[tokio::test]
async fn files_have_their_types_and_are_revalidated() {
    let (_files, bench) = with_files().await;
    for (path, media_type) in [
        ("/", "text/html"),
        ("/index.html", "text/html"),
        ("/looks/page.css", "text/css"),
        ("/pkg/brooklet.js", "text/javascript"),
        ("/pkg/brooklet_bg.wasm", "application/wasm"),
        ("/catalogue.csv", "text/csv"),
        ("/data/films.csv", "text/csv"),
    ] {
        let answer = get(&bench.router, path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), media_type, "{path}");
        assert_eq!(answer.header("cache-control"), "no-cache", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
    let changed = get(&bench.router, "/pkg/brooklet_bg.wasm").await.header("last-modified").to_owned();
    let request = Request::get("/pkg/brooklet_bg.wasm").header("if-modified-since", changed);
    assert_eq!(send(&bench.router, request.body(Body::empty()).unwrap()).await.status, 304);
}

#[tokio::test]
async fn a_file_whose_address_has_its_version_is_kept() {
    let (_files, bench) = with_files().await;
    for (path, cache) in [
        ("/pkg/brooklet.js?v=0.1.0", "public, max-age=31536000, immutable"),
        ("/looks/page.css?a=b&v=7", "public, max-age=31536000, immutable"),
        ("/pkg/brooklet.js?v=", "no-cache"),
        ("/pkg/brooklet.js?view=7", "no-cache"),
    ] {
        let answer = get(&bench.router, path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("cache-control"), cache, "{path}");
    }
    let missing = get(&bench.router, "/pkg/none.js?v=0.1.0").await;
    assert_ne!(missing.header("cache-control"), "public, max-age=31536000, immutable");
}

#[tokio::test]
async fn files_that_are_not_there_or_not_ours_are_problems() {
    let (_files, bench) = with_files().await;
    for path in ["/none.html", "/pkg/none.js", "/pkg/", "/looks", "/v1/none", "/../films.csv", "/%2e%2e/films.csv"] {
        let answer = get(&bench.router, path).await;
        if answer.status != 307 {
            answer.problem(404, "not_found");
        }
    }
    let request = Request::post("/index.html").body(Body::empty()).unwrap();
    send(&bench.router, request).await.problem(405, "method_not_allowed");
}

#[tokio::test]
async fn pages_of_other_origins_may_read_and_post() {
    let bench = Bench::new(|_| {}).await;
    let preflight = Request::builder()
        .method(Method::OPTIONS)
        .uri(common::deltas_path())
        .header("origin", "https://shop.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,content-encoding");
    let answer = send(&bench.router, preflight.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert!(answer.header("access-control-allow-methods").contains("POST"));
    assert!(answer.header("access-control-allow-headers").contains("content-type"));

    let request = Request::get("/v1/models/films").header("origin", "https://shop.example");
    let answer = send(&bench.router, request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let exposed = answer.header("access-control-expose-headers");
    assert!(exposed.contains("etag") && exposed.contains("brooklet-version"), "{exposed}");

    // A script can read why it was refused as well.
    let answer = post(&bench.router, &delta(1, 2, 1)).await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    answer.problem(409, "sequence_gap");
}

#[tokio::test]
async fn the_origins_can_be_limited() {
    let bench = Bench::new(|config| config.allow_origins = vec!["https://shop.example".into()]).await;
    for (origin, allowed) in [("https://shop.example", "https://shop.example"), ("https://other.example", "")] {
        let request = Request::get("/v1/models/films").header("origin", origin).body(Body::empty()).unwrap();
        assert_eq!(send(&bench.router, request).await.header("access-control-allow-origin"), allowed);
    }
}

#[tokio::test]
async fn a_page_of_another_origin_changes_nothing() {
    let bench = Bench::new(|config| config.allow_origins = vec!["https://shop.example".into()]).await;
    let from = |client, origin: Option<&str>| {
        let mut request = Request::post(common::deltas_path()).header("content-type", "application/cbor");
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        request.body(Body::from(delta(client, 1, 1).encode())).unwrap()
    };
    for origin in ["https://other.example", "null", "https://shop.example.evil"] {
        send(&bench.router, from(1, Some(origin))).await.problem(403, "origin_refused");
    }
    assert_eq!(bench.stats().await.deltas_total, 0);
    assert_eq!(send(&bench.router, from(1, Some("https://shop.example"))).await.status, 200);
    assert_eq!(send(&bench.router, from(2, None)).await.status, 200);
}

#[test]
fn a_mount_is_a_path_and_a_file() {
    let mount: Mount = "/films.csv=a=b.csv".parse().unwrap();
    assert_eq!((mount.url.as_str(), mount.path.to_str().unwrap()), ("/films.csv", "a=b.csv"));
    for bad in ["films.csv=a", "/films.csv", "/films.csv=", "/{film}=a", "/*film=a", ""] {
        assert!(bad.parse::<Mount>().is_err(), "{bad}");
    }
}

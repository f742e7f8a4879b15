//! Models are brought, replaced and taken away while the server runs, and stand side by side.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use axum::body::Body;
use axum::http::Request;
use brooklet_core::{Base, Metadata};
use brooklet_server::{Folded, fold_now};
use common::{Answer, Bench, FACTORS, MODEL, ask, delta, deltas_path, get, metadata, post, seed, seed_with, send};
use serde_json::json;

async fn upload(bench: &Bench, name: &str, seed: Vec<u8>) -> Answer {
    let request = Request::put(format!("/v1/models/{name}")).header("content-type", "application/octet-stream");
    send(&bench.router, request.body(Body::from(seed)).unwrap()).await
}

#[tokio::test]
async fn a_new_model_stands_beside_the_others_and_goes_again() {
    let bench = Bench::new(|_| {}).await;
    let answer = upload(&bench, "books", seed()).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (201, json!({ "version": 1, "added": true, "set_aside": 0 })));
    let names = |answer: Answer| -> Vec<String> {
        let models = answer.json()["models"].as_array().unwrap().clone();
        models.iter().map(|model| model["name"].as_str().unwrap().into()).collect()
    };
    assert_eq!(names(get(&bench.router, "/v1/models").await), ["books", MODEL]);
    assert_eq!(get(&bench.router, "/v1/models/books").await.body, seed());
    // Each has its own deltas.
    post(&bench.router, &delta(1, 1, 1)).await;
    let to_books = Request::post("/v1/models/books/deltas").header("content-type", "application/cbor");
    send(&bench.router, to_books.body(Body::from(delta(1, 1, 1).encode())).unwrap()).await;
    assert_eq!(fold_now(&bench.state, "books").await.unwrap(), Folded::Published(2));
    assert_eq!(bench.stats().await.pending_deltas, 1);

    assert_eq!(ask(&bench.router, "DELETE", "/v1/models/books", None).await.status, 204);
    get(&bench.router, "/v1/models/books").await.problem(404, "unknown_model");
    assert_eq!(names(get(&bench.router, "/v1/models").await), [MODEL]);
    // What it was is gone: the name begins anew.
    assert_eq!(upload(&bench, "books", seed()).await.status, 201);
    assert_eq!(bench.state.store().stats("books").await.unwrap().unwrap().deltas_total, 0);
}

#[tokio::test]
async fn a_retrained_seed_takes_over_and_what_is_pending_is_folded_into_it() {
    let bench = Bench::new(|_| {}).await;
    post(&bench.router, &delta(1, 1, 1)).await;
    fold_now(&bench.state, MODEL).await.unwrap();
    post(&bench.router, &delta(2, 1, 2)).await;
    let retrained = seed_with(&Metadata { w0: 0.5, ..metadata() });
    assert_eq!(upload(&bench, MODEL, retrained).await.json(), json!({ "version": 3, "added": false, "set_aside": 0 }));
    let current = get(&bench.router, "/v1/models/films").await;
    let current = Base::decode(current.body.to_vec()).unwrap();
    assert_eq!((current.metadata().version, current.metadata().w0), (3, 0.5));
    assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::Published(4));
    let versions = get(&bench.router, "/v1/models/films/versions").await.json();
    assert_eq!(
        (&versions["versions"][1]["made"]["by"], &versions["versions"][0]["deltas"]),
        (&json!("seed"), &json!(1))
    );
    // One can go back to what was before it.
    let back = ask(&bench.router, "POST", "/v1/models/films/rollback", Some(json!({ "version": 2 }))).await;
    assert_eq!(back.json()["version"], 5);
}

#[tokio::test]
async fn a_seed_of_other_factors_takes_over_and_says_what_cannot_be_folded() {
    let bench = Bench::new(|_| {}).await;
    post(&bench.router, &delta(1, 1, 1)).await;
    let width = 2 + FACTORS;
    let mut wider = Metadata { factors: 1 + FACTORS, ..metadata() };
    wider.prior.mean = vec![0.0; width];
    wider.prior.covariance = vec![0.0; width * width];
    assert_eq!(upload(&bench, MODEL, seed_with(&wider)).await.json()["set_aside"], 1);
    let stats = bench.stats().await;
    assert_eq!((stats.pending_deltas, stats.set_aside_deltas), (0, 1));
    let late = Request::post(deltas_path()).header("content-type", "application/cbor");
    send(&bench.router, late.body(Body::from(delta(2, 1, 2).encode())).unwrap()).await.problem(409, "wrong_factors");
}

#[tokio::test]
async fn what_is_no_seed_changes_nothing() {
    let bench = Bench::new(|_| {}).await;
    upload(&bench, "books", vec![1, 2, 3]).await.problem(400, "bad_seed");
    upload(&bench, MODEL, vec![0; 1000]).await.problem(400, "bad_seed");
    upload(&bench, "B%C3%BCcher", seed()).await.problem(400, "bad_name");
    let private = seed_with(&Metadata { private_rows: true, ..metadata() });
    upload(&bench, "books", private).await.problem(400, "bad_seed");
    ask(&bench.router, "PUT", "/v1/models/books", Some(json!({}))).await.problem(415, "unsupported_media_type");
    assert_eq!(get(&bench.router, "/v1/models").await.json()["models"].as_array().unwrap().len(), 1);
    assert_eq!(bench.stats().await.version, 1);
}

#[tokio::test]
async fn metadata_and_the_service_tell_what_they_are() {
    let bench = Bench::new(|_| {}).await;
    let told = get(&bench.router, "/v1/models/films/metadata").await.json();
    assert_eq!((&told["model"], &told["rows"]), (&json!(MODEL), &json!(common::ITEMS)));
    for path in ["/", "/v1"] {
        let told = get(&bench.router, path).await.json();
        assert_eq!((&told["service"], &told["links"]["models"]), (&json!("brooklet"), &json!("/v1/models")));
    }
}

#[tokio::test]
async fn a_challenger_is_compared_by_what_clients_report_since_it_began() {
    let bench = Bench::new(|_| {}).await;
    upload(&bench, "retrained", seed()).await;
    let path = "/v1/models/films/challenger";
    get(&bench.router, path).await.problem(404, "not_found");
    ask(&bench.router, "PUT", path, Some(json!({ "model": "nobody", "share": 0.5 })))
        .await
        .problem(404, "unknown_model");
    for share in [0.0, 1.0, -1.0] {
        let body = Some(json!({ "model": "retrained", "share": share }));
        ask(&bench.router, "PUT", path, body).await.problem(400, "bad_request");
    }
    let body = Some(json!({ "model": "retrained", "share": 0.5 }));
    assert_eq!(ask(&bench.router, "PUT", path, body).await.json()["comparison"]["half_width"], json!(null));
    for client in 1..=40 {
        let mut sent = delta(client, 1, 1);
        let name = if client % 2 == 0 { "retrained" } else { MODEL };
        sent.report.learner_loss = if client % 2 == 0 { 0.5 } else { 0.6 } + (client % 5) as f32 / 100.0;
        let request = Request::post(format!("/v1/models/{name}/deltas")).header("content-type", "application/cbor");
        assert_eq!(send(&bench.router, request.body(Body::from(sent.encode())).unwrap()).await.status, 200);
    }
    for name in [MODEL, "retrained"] {
        fold_now(&bench.state, name).await.unwrap();
    }
    let compared = get(&bench.router, path).await.json();
    let comparison = &compared["comparison"];
    assert_eq!((&comparison["reports"], &comparison["other_reports"]), (&json!(20), &json!(20)));
    let difference = comparison["loss"].as_f64().unwrap() - comparison["other_loss"].as_f64().unwrap();
    let width = comparison["half_width"].as_f64().unwrap();
    assert!((difference + 0.1).abs() < 0.001 && width > 0.0 && width < 0.02, "{compared}");
    assert_eq!(ask(&bench.router, "DELETE", path, None).await.status, 204);
    get(&bench.router, path).await.problem(404, "not_found");
}

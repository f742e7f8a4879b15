//! An operator sees what was judged how, goes back, holds, publishes what was rejected, and makes versions again.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use axum::body::Body;
use axum::http::Request;
use brooklet_core::Base;
use brooklet_server::{Folded, fold_now};
use common::{Bench, MODEL, ask, client, delta, get, post, send, strict_judge};
use serde_json::{Value, json};

const PATH: &str = "/v1/models/films";

/// Versions 2 to 4, of three clients each.
async fn four_versions() -> Bench {
    let bench = Bench::new(|_| {}).await;
    for version in 1..=3 {
        fold_clients(&bench, version, 1..=3).await;
    }
    bench
}

/// Publishes the version after `version` of what these clients send.
async fn fold_clients(bench: &Bench, version: u64, clients: std::ops::RangeInclusive<u64>) {
    for client in clients {
        let seq = bench.state.store().last_seq(MODEL, common::client(client)).await.unwrap() + 1;
        assert_eq!(post(&bench.router, &delta(client, seq, version)).await.status, 200);
    }
    assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::Published(version + 1));
}

/// The rows of a version, by their ids.
async fn rows(bench: &Bench, version: u64) -> Vec<(u64, Vec<f32>)> {
    let base = get(&bench.router, &format!("{PATH}/versions/{version}")).await;
    let base = Base::decode(base.body.to_vec()).unwrap();
    let row = |i| {
        let mut row = vec![0.0; base.width()];
        base.row_into(i, &mut row);
        row
    };
    (0..base.len()).map(|i| (base.id(i).0, row(i))).collect()
}

async fn versions(bench: &Bench) -> Value {
    get(&bench.router, &format!("{PATH}/versions")).await.json()
}

#[tokio::test]
async fn going_back_is_a_version_of_its_own() {
    let bench = four_versions().await;
    let answer = ask(&bench.router, "POST", &format!("{PATH}/rollback"), Some(json!({ "version": 2 }))).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({ "version": 5 })));
    assert_eq!(rows(&bench, 5).await, rows(&bench, 2).await);
    assert_ne!(rows(&bench, 5).await, rows(&bench, 4).await);
    let newest = &versions(&bench).await["versions"][0];
    assert_eq!((&newest["made"]["by"], &newest["made"]["parent"]), (&json!("rollback"), &json!(2)));
    // Who learnt upon what was gone back from is heard all the same, and the next fold begins where it was gone back to.
    fold_clients(&bench, 5, 7..=7).await;
    assert_eq!(post(&bench.router, &delta(8, 1, 4)).await.status, 200);

    for (version, status, code) in [(9, 404, "unknown_version"), (0, 404, "unknown_version")] {
        let answer = ask(&bench.router, "POST", &format!("{PATH}/rollback"), Some(json!({ "version": version }))).await;
        answer.problem(status, code);
    }
    let path = format!("{PATH}/rollback");
    ask(&bench.router, "POST", &path, Some(json!({ "versoin": 2 }))).await.problem(400, "bad_request");
    ask(&bench.router, "POST", "/v1/models/books/rollback", Some(json!({ "version": 2 })))
        .await
        .problem(404, "unknown_model");
}

#[tokio::test]
async fn a_version_is_made_again_bit_for_bit() {
    let bench = four_versions().await;
    let rebuilt = |from: u64, to: u64| get_owned(&bench, format!("{PATH}/versions/{to}/rebuilt?from={from}"));
    for (from, to) in [(3, 4), (1, 4), (2, 3)] {
        let made = rebuilt(from, to).await;
        let published = get(&bench.router, &format!("{PATH}/versions/{to}")).await;
        assert_eq!(made.status, 200, "{:?}", made.body);
        assert_eq!((&made.body, made.header("etag")), (&published.body, published.header("etag")), "{from} to {to}");
    }
    // Over a version that was gone back to, too.
    ask(&bench.router, "POST", &format!("{PATH}/rollback"), Some(json!({ "version": 2 }))).await;
    fold_clients(&bench, 5, 4..=6).await;
    for (from, to) in [(1, 6), (2, 5), (5, 6)] {
        assert_eq!(rebuilt(from, to).await.body, get(&bench.router, &format!("{PATH}/versions/{to}")).await.body);
    }
    rebuilt(3, 6).await.problem(409, "not_rebuilt");
    rebuilt(4, 4).await.problem(409, "not_rebuilt");
    rebuilt(1, 9).await.problem(404, "unknown_version");
    // What is not kept any more cannot be.
    assert_eq!(ask(&bench.router, "DELETE", &format!("{PATH}/clients/{}", hex(2)), None).await.status, 200);
    rebuilt(1, 2).await.problem(409, "not_rebuilt");
}

async fn get_owned(bench: &Bench, path: String) -> common::Answer {
    get(&bench.router, &path).await
}

fn hex(n: u64) -> String {
    client(n).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn what_a_client_had_sent_is_taken_out_as_if_it_had_never_come() {
    let bench = four_versions().await;
    post(&bench.router, &delta(2, 4, 4)).await;
    let answer = ask(&bench.router, "DELETE", &format!("{PATH}/clients/{}", hex(2)), None).await;
    assert_eq!(answer.json(), json!({ "deltas": 4, "version": 5 }));
    assert_eq!(bench.stats().await.pending_deltas, 0);

    let without = Bench::new(|_| {}).await;
    for version in 1..=3 {
        for client in [1, 3] {
            post(&without.router, &delta(client, version, version)).await;
        }
        fold_now(&without.state, MODEL).await.unwrap();
    }
    assert_eq!(rows(&bench, 5).await, rows(&without, 4).await);
    // It is still known: a late repeat is not counted, and it may go on.
    assert_eq!(post(&bench.router, &delta(2, 4, 4)).await.json()["repeat"], true);
    assert_eq!(post(&bench.router, &delta(2, 5, 5)).await.status, 200);
    // Of whom nothing is kept nothing changes.
    let answer = ask(&bench.router, "DELETE", &format!("{PATH}/clients/{}", hex(99)), None).await;
    assert_eq!(answer.json(), json!({ "deltas": 0, "version": null }));
    ask(&bench.router, "DELETE", &format!("{PATH}/clients/xyz"), None).await.problem(400, "bad_request");
}

#[tokio::test]
async fn kept_deltas_are_folded_again_to_the_same_rows() {
    let bench = four_versions().await;
    let answer = ask(&bench.router, "POST", &format!("{PATH}/refold"), Some(json!({}))).await;
    assert_eq!(answer.json(), json!({ "version": 5 }));
    assert_eq!(rows(&bench, 5).await, rows(&bench, 4).await);
    let made = &versions(&bench).await["versions"][0]["made"];
    assert_eq!((&made["by"], &made["from"]), (&json!("refold"), &json!(1)));
    let rebuilt = get(&bench.router, &format!("{PATH}/versions/5/rebuilt?from=1")).await;
    assert_eq!(rebuilt.body, get(&bench.router, &format!("{PATH}/versions/5")).await.body);
    get(&bench.router, &format!("{PATH}/versions/5/rebuilt?from=3")).await.problem(409, "not_rebuilt");
    ask(&bench.router, "POST", &format!("{PATH}/refold"), Some(json!({ "from": 5 }))).await.problem(409, "not_rebuilt");
}

#[tokio::test]
async fn no_fold_comes_between_going_back_and_pinning() {
    let bench = four_versions().await;
    assert_eq!(post(&bench.router, &delta(9, 1, 4)).await.status, 200);
    // The fold waits for the pin to be done with what it has begun.
    let pin = format!("{PATH}/pin");
    let (pinned, folded) = tokio::join!(ask(&bench.router, "PUT", &pin, Some(json!({ "version": 2 }))), async {
        fold_now(&bench.state, MODEL).await.unwrap()
    });
    assert_eq!((pinned.json()["version"].as_u64(), folded), (Some(5), Folded::Pinned));
    assert_eq!(rows(&bench, versions(&bench).await["version"].as_u64().unwrap()).await, rows(&bench, 2).await);
}

#[tokio::test]
async fn a_pinned_version_stays_until_it_is_let_go() {
    let bench = four_versions().await;
    let pin = format!("{PATH}/pin");
    assert_eq!(ask(&bench.router, "PUT", &pin, Some(json!({ "version": 3 }))).await.json()["version"], 5);
    post(&bench.router, &delta(9, 1, 5)).await;
    assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::Pinned);
    assert_eq!(ask(&bench.router, "POST", &format!("{PATH}/fold"), None).await.json()["outcome"], "pinned");
    assert_eq!((versions(&bench).await["pinned"].as_bool(), bench.stats().await.pending_deltas), (Some(true), 1));
    assert_eq!(ask(&bench.router, "DELETE", &pin, None).await.status, 204);
    assert_eq!(
        ask(&bench.router, "POST", &format!("{PATH}/fold"), None).await.json(),
        json!({ "outcome": "published", "version": 6 })
    );
}

#[tokio::test]
async fn an_older_version_is_deleted_and_the_one_that_is_out_is_not() {
    let bench = four_versions().await;
    ask(&bench.router, "DELETE", &format!("{PATH}/versions/4"), None).await.problem(409, "in_use");
    ask(&bench.router, "DELETE", &format!("{PATH}/versions/7"), None).await.problem(404, "unknown_version");
    assert_eq!(ask(&bench.router, "DELETE", &format!("{PATH}/versions/2"), None).await.status, 204);
    get(&bench.router, &format!("{PATH}/versions/2")).await.problem(410, "pruned_version");
    assert_eq!(get(&bench.router, &format!("{PATH}/versions/3")).await.status, 200);
    let rollback = ask(&bench.router, "POST", &format!("{PATH}/rollback"), Some(json!({ "version": 2 }))).await;
    rollback.problem(410, "pruned_version");
}

#[tokio::test]
async fn what_was_rejected_is_kept_with_its_figures_and_can_be_published() {
    let (_strict, judge) = strict_judge();
    let bench = Bench::new(|config| config.judge = Some(judge)).await;
    for client in 1..=5 {
        post(&bench.router, &delta(client, 1, 1)).await;
    }
    for _ in 0..2 {
        assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::HeldBack);
    }
    let listed = versions(&bench).await;
    let [second, first] = &listed["candidates"].as_array().unwrap()[..] else { panic!("{listed}") };
    assert_eq!((&second["state"], &second["deltas"], &second["version"]), (&json!("rejected"), &json!(5), &json!(2)));
    assert_eq!((&second["made"]["loss_before"], &second["made"]["loss"]), (&json!(1.0), &json!(2.0)));
    assert_eq!((&first["retained"], &second["retained"]), (&json!(false), &json!(true)));

    let publish = |id: &Value| format!("{PATH}/candidates/{id}/publish");
    ask(&bench.router, "POST", &publish(&first["id"]), None).await.problem(409, "outdated");
    ask(&bench.router, "POST", &publish(&json!(77)), None).await.problem(404, "unknown_candidate");
    let etag = second["etag"].as_str().unwrap();
    assert_eq!(ask(&bench.router, "POST", &publish(&second["id"]), None).await.json(), json!({ "version": 2 }));
    let current = get(&bench.router, PATH).await;
    assert_eq!((current.header("etag").trim_matches('"'), current.header("brooklet-version")), (etag, "2"));
    assert_eq!(bench.stats().await.pending_deltas, 0);
    let rebuilt = get(&bench.router, &format!("{PATH}/versions/2/rebuilt?from=1")).await;
    assert_eq!(rebuilt.body, current.body);
    ask(&bench.router, "POST", &publish(&second["id"]), None).await.problem(409, "outdated");
    assert_eq!(ask(&bench.router, "DELETE", &format!("{PATH}/candidates/{}", first["id"]), None).await.status, 204);
}

#[tokio::test]
async fn a_page_of_another_origin_changes_nothing() {
    let bench = four_versions().await;
    let rollback = |origin: &str| {
        Request::post(format!("{PATH}/rollback"))
            .header("content-type", "application/json")
            .header("host", "127.0.0.1:8787")
            .header("origin", origin)
            .body(Body::from(r#"{"version": 2}"#))
            .unwrap()
    };
    send(&bench.router, rollback("https://example.org")).await.problem(403, "origin_refused");
    assert_eq!(bench.stats().await.version, 4);
    assert_eq!(send(&bench.router, rollback("http://127.0.0.1:8787")).await.status, 200);
}

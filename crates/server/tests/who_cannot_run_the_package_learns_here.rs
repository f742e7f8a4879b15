//! Who cannot run the package learns over HTTP, on a profile that the caller keeps or the server does; the calls that chantilly, django-river-ml and
//! riverapi have are each of docs/http-learning.md's.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use axum::body::Body;
use axum::http::Request;
use brooklet_server::{Folded, fold_now};
use common::{Answer, Bench, MODEL, ask, get, seed, send};
use serde_json::{Value, json};

const PATH: &str = "/v1/models/films";

async fn call(bench: &Bench, what: &str, body: Value) -> Answer {
    ask(&bench.router, "POST", &format!("{PATH}/{what}"), Some(body)).await
}

/// A call that succeeds.
async fn done(bench: &Bench, what: &str, body: Value) -> Value {
    let answer = call(bench, what, body).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer.json()
}

fn probability(answer: &Value) -> f64 {
    answer["probability"].as_f64().unwrap()
}

#[tokio::test]
async fn a_profile_that_the_caller_keeps_learns_and_is_sealed() {
    let bench = Bench::new(|_| {}).await;
    let features = json!({ "item": "3" });
    let before = done(&bench, "predict", json!({ "features": features })).await;
    let mut learnt = done(&bench, "learn", json!({ "features": features, "label": true })).await;
    assert_eq!(probability(&learnt), probability(&before));
    let first = learnt["profile"].clone();
    for _ in 0..5 {
        learnt = done(&bench, "learn", json!({ "profile": learnt["profile"], "features": features, "label": 1 })).await;
    }
    let profile = &learnt["profile"];
    let after = done(&bench, "predict", json!({ "profile": profile, "features": features })).await;
    assert!(probability(&after) > probability(&before) && after.get("profile").is_none(), "{after}");
    // An older one goes on from where it was.
    let older = done(&bench, "predict", json!({ "profile": first, "features": features })).await;
    assert!(probability(&older) < probability(&after));
    let figures = done(&bench, "figures", json!({ "profile": profile })).await;
    assert_eq!((&figures["events"], &figures["clicks"]), (&json!(6), &json!(6)));

    // Neither made up, nor changed, nor another model's.
    let seed_as = Request::put("/v1/models/books").header("content-type", "application/octet-stream");
    send(&bench.router, seed_as.body(Body::from(seed())).unwrap()).await;
    let body = json!({ "profile": profile, "features": features });
    ask(&bench.router, "POST", "/v1/models/books/predict", Some(body)).await.problem(400, "bad_profile");
    for text in ["", "AAAA", &profile.as_str().unwrap()[1..]] {
        call(&bench, "predict", json!({ "profile": text, "features": features })).await.problem(400, "bad_profile");
    }
    assert_eq!(bench.state.store().stats(MODEL).await.unwrap().unwrap().deltas_total, 0);
}

#[tokio::test]
async fn a_visitor_that_the_server_keeps_is_recommended_to_and_labels_come_late() {
    let bench = Bench::new(|_| {}).await;
    let slate = done(&bench, "recommend", json!({ "visitor": "ann", "k": 3 })).await;
    let items = slate["items"].as_array().unwrap();
    assert_eq!(items.len(), 3);
    assert!(slate.get("profile").is_none());
    // 0 and false are labels.
    for (item, label) in [(&items[0], json!(false)), (&items[1], json!(0)), (&items[2], json!(true))] {
        let body = json!({ "visitor": "ann", "id": slate["id"], "item": item["item"], "label": label });
        let answer = done(&bench, "label", body.clone()).await;
        assert_eq!(answer["probability"], item["probability"]);
        call(&bench, "label", body).await.problem(409, "already_labelled");
    }
    let figures = done(&bench, "figures", json!({ "visitor": "ann" })).await;
    assert_eq!((&figures["events"], &figures["clicks"], &figures["slates"]), (&json!(3), &json!(1), &json!(1)));
    let unseen = done(&bench, "recommend", json!({ "visitor": "ann", "k": 200, "unseen": true })).await;
    assert_eq!(unseen["items"].as_array().unwrap().len(), 197);
    let own = json!({ "visitor": "ann", "k": 9, "items": [{ "id": "5" }, { "id": "new", "features": { "genres": ["War"] } }] });
    assert_eq!(done(&bench, "recommend", own).await["items"].as_array().unwrap().len(), 2);

    let held = done(&bench, "predict", json!({ "visitor": "ann", "features": { "item": "9" }, "hold": true })).await;
    done(&bench, "label", json!({ "visitor": "ann", "id": held["id"], "label": 0.5 })).await;
    call(&bench, "label", json!({ "visitor": "ann", "id": 12345, "label": 1 })).await.problem(404, "unknown_slate");
    let body = json!({ "visitor": "ann", "id": unseen["id"], "item": "nothing", "label": 1 });
    call(&bench, "label", body).await.problem(404, "unknown_item");

    assert_eq!(ask(&bench.router, "DELETE", &format!("{PATH}/visitors/ann"), None).await.status, 204);
    assert_eq!(done(&bench, "figures", json!({ "visitor": "ann" })).await["events"], 0);
}

#[tokio::test]
async fn what_visitors_learn_is_in_a_version_once() {
    let bench = Bench::new(|_| {}).await;
    let mut profile = Value::Null;
    for n in 0..45 {
        let features = json!({ "item": format!("{}", n % 20) });
        done(&bench, "learn", json!({ "visitor": "ann", "features": features, "label": n % 2 })).await;
        profile =
            done(&bench, "learn", json!({ "profile": profile, "features": features, "label": 1 })).await["profile"]
                .clone();
    }
    let stats = bench.stats().await;
    assert_eq!((stats.clients, stats.pending_deltas, stats.pending_events), (2, 4, 80));
    assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::Published(2));
    // The next base is put under what the visitor taught.
    let answer = call(&bench, "predict", json!({ "visitor": "ann", "features": { "item": "1" } })).await;
    assert_eq!(answer.header("brooklet-version"), "2");
    assert_eq!(bench.stats().await.set_aside_deltas, 0);
}

#[tokio::test]
async fn visitors_at_the_same_time_lose_nothing() {
    let bench = Bench::new(|_| {}).await;
    let learning: Vec<_> = (0..6)
        .map(|n| {
            let router = bench.router.clone();
            let body = json!({ "visitor": "ann", "features": { "item": format!("{n}") }, "label": 1 });
            tokio::spawn(async move { ask(&router, "POST", &format!("{PATH}/learn"), Some(body)).await.status })
        })
        .collect();
    let mut learnt = 0;
    for status in learning {
        let status = status.await.unwrap();
        assert!(status == 200 || status == 503, "{status}");
        learnt += u64::from(status == 200);
    }
    assert_eq!(done(&bench, "figures", json!({ "visitor": "ann" })).await["events"], learnt);
}

#[tokio::test]
async fn what_is_wrong_is_said_and_changes_nothing() {
    let bench = Bench::new(|config| config.max_profiles = 1).await;
    let features = json!({ "item": "3" });
    done(&bench, "learn", json!({ "visitor": "ann", "features": features, "label": 1 })).await;
    for (what, body, status, code) in [
        ("learn", json!({ "visitor": "ann", "features": features }), 400, "bad_request"),
        ("learn", json!({ "visitor": "ann", "features": features, "label": "yes" }), 400, "bad_request"),
        ("learn", json!({ "visitor": "ann", "features": features, "label": 7 }), 400, "bad_label"),
        ("learn", json!({ "visitor": "ann", "features": { "item": { "a": [[1]] } }, "label": 1 }), 400, "bad_value"),
        ("learn", json!({ "visitor": "", "features": features, "label": 1 }), 400, "bad_request"),
        ("learn", json!({ "visitor": "a".repeat(129), "features": features, "label": 1 }), 400, "bad_request"),
        ("learn", json!({ "visitor": "ann", "profile": "x", "features": features, "label": 1 }), 400, "bad_request"),
        ("learn", json!({ "visitor": "bob", "features": features, "label": 1 }), 507, "quota_exceeded"),
        ("predict", json!({ "visitor": "ann" }), 400, "bad_request"),
        ("recommend", json!({ "k": -1 }), 400, "bad_request"),
    ] {
        call(&bench, what, body).await.problem(status, code);
    }
    ask(&bench.router, "POST", "/v1/models/books/learn", Some(json!({}))).await.problem(400, "bad_request");
    assert_eq!(done(&bench, "figures", json!({ "visitor": "ann" })).await["events"], 1);
}

/// The rows of the page's table, one by one.
#[tokio::test]
async fn the_calls_of_chantilly_django_river_ml_and_riverapi_are_here() {
    let bench = Bench::new(|_| {}).await;
    // info, upload_model, models, get_model_json, download_model
    assert_eq!(get(&bench.router, "/v1").await.json()["service"], "brooklet");
    let upload = Request::put("/v1/models/books").header("content-type", "application/octet-stream");
    assert_eq!(send(&bench.router, upload.body(Body::from(seed())).unwrap()).await.status, 201);
    assert_eq!(get(&bench.router, "/v1/models").await.json()["models"].as_array().unwrap().len(), 2);
    assert_eq!(get(&bench.router, "/v1/models/books/metadata").await.json()["factors"], common::FACTORS);
    assert_eq!(get(&bench.router, "/v1/models/books").await.body, seed());
    // predict, predict with an identifier, learn, label
    let features = json!({ "item": "3" });
    done(&bench, "predict", json!({ "visitor": "ann", "features": features })).await;
    let held = done(&bench, "predict", json!({ "visitor": "ann", "features": features, "hold": true })).await;
    done(&bench, "learn", json!({ "visitor": "ann", "features": features, "label": 0 })).await;
    done(&bench, "label", json!({ "visitor": "ann", "id": held["id"], "label": false })).await;
    // metrics, stats
    let told = get(&bench.router, &format!("{PATH}/calls")).await.json();
    let calls = &told["calls"];
    assert_eq!(
        (&calls["predict"]["calls"], &calls["learn"]["calls"], &calls["label"]["calls"]),
        (&json!(2), &json!(1), &json!(1))
    );
    assert!(
        calls["learn"]["mean_seconds"].as_f64() > Some(0.0) && calls["learn"]["recent_seconds"].as_f64() > Some(0.0)
    );
    assert_eq!(told["metrics"]["events"], 2);
    assert!(told["metrics"]["brier"].as_f64() > Some(0.0), "{told}");
    assert!(told["metrics"]["predicted"].as_f64() > Some(0.0) && told["metrics"]["came"].is_f64(), "{told}");
    // stream_events and stream_metrics are held by events_are_heard.rs; delete_model
    assert_eq!(ask(&bench.router, "DELETE", "/v1/models/books", None).await.status, 204);
}

//! Where strangers reach the server, each request needs the token of its scope, and a site's backend signs short-lived ones for its visitors.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use base64ct::{Base64UrlUnpadded, Encoding};
use brooklet_server::{AppState, Scope, Server, app, list_tokens, make_token, revoke_token};
use common::{Answer, Bench, MODEL, config, delta, deltas_path, get, send};
use ed25519_dalek::pkcs8::DecodePrivateKey;
use ed25519_dalek::{Signer, SigningKey};

const STATS: &str = "/v1/models/films/stats";
const BASE: &str = "/v1/models/films";

/// A server on all addresses, with a token of each scope.
async fn public() -> (Bench, [(Scope, String); 4]) {
    let mut tokens = None;
    let bench = Bench::new(|config| {
        config.listen = "0.0.0.0:0".parse().unwrap();
        let scopes = [Scope::Admin, Scope::Operate, Scope::Ingest, Scope::Read];
        tokens = Some(scopes.map(|scope| (scope, make_token(&config.data, "test", scope).unwrap().1)));
    })
    .await;
    (bench, tokens.unwrap())
}

async fn with(router: &Router, method: &str, path: &str, token: &str) -> Answer {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/cbor");
    let request = if token.is_empty() { request } else { request.header("authorization", format!("Bearer {token}")) };
    let body = if method == "POST" { Body::from(delta(1, 1, 1).encode()) } else { Body::empty() };
    send(router, request.body(body).unwrap()).await
}

#[tokio::test]
async fn each_scope_does_what_it_says_and_nothing_else() {
    let (bench, tokens) = public().await;
    let router = &bench.router;
    let asked = [("GET", BASE), ("POST", &deltas_path()), ("GET", STATS), ("GET", "/metrics")];
    for (method, path) in asked {
        let answer = with(router, method, path, "").await;
        answer.problem(401, "token_needed");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        with(router, method, path, "brooklet_0000000000000000_x").await.problem(401, "token_refused");
    }
    for (scope, token) in &tokens {
        let may = match scope {
            Scope::Admin => [true, true, true, true],
            Scope::Operate => [false, false, true, true],
            Scope::Ingest => [true, true, false, false],
            _ => [true, false, false, false],
        };
        for ((method, path), may) in asked.iter().zip(may) {
            let answer = with(router, method, path, token).await;
            if may {
                assert_eq!(answer.status, 200, "{scope} {method} {path}");
            } else {
                answer.problem(403, "scope_refused");
            }
        }
    }
    // Whoever watches over the process needs none, and a page asks first whether it may send one.
    for path in ["/livez", "/readyz", "/healthz"] {
        assert_eq!(get(router, path).await.status, 200);
    }
    let preflight = Request::options(deltas_path())
        .header("origin", "https://shop.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type");
    let answer = send(router, preflight.body(Body::empty()).unwrap()).await;
    assert!(answer.status.is_success() && answer.header("access-control-allow-headers").contains("authorization"));
}

#[tokio::test]
async fn a_revoked_token_is_worth_nothing_a_second_later() {
    let (bench, tokens) = public().await;
    let data = bench.folder.path().join("store");
    let [_, (_, operate), ..] = &tokens;
    assert_eq!(with(&bench.router, "GET", STATS, operate).await.status, 200);
    let listed = list_tokens(&data).unwrap();
    let id = &listed.iter().find(|token| token.scope == Scope::Operate).unwrap().id;
    assert!(revoke_token(&data, id).unwrap() && !revoke_token(&data, id).unwrap());
    tokio::time::sleep(Duration::from_millis(1100)).await;
    with(&bench.router, "GET", STATS, operate).await.problem(401, "token_refused");
    // One that is made beside the server is good as soon.
    let (_, later) = make_token(&data, "", Scope::Operate).unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(with(&bench.router, "GET", STATS, &later).await.status, 200);
}

#[tokio::test]
async fn nothing_in_the_store_is_a_token() {
    let (bench, tokens) = public().await;
    bench.state.store().close().await.unwrap();
    let store = std::fs::read(bench.folder.path().join("store/brooklet.sqlite")).unwrap();
    for (_, token) in &tokens {
        let secret = token.splitn(3, '_').last().unwrap();
        assert!(secret.len() >= 43 && !store.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()));
    }
}

fn signed(pem: &str, kid: &str, aud: &str, seconds: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let encode = |text: String| Base64UrlUnpadded::encode_string(text.as_bytes());
    let header = encode(format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#));
    let content = format!("{header}.{}", encode(format!(r#"{{"aud":"{aud}","exp":{}}}"#, now + seconds)));
    let signature = SigningKey::from_pkcs8_pem(pem).unwrap().sign(content.as_bytes()).to_bytes();
    format!("{content}.{}", Base64UrlUnpadded::encode_string(&signature))
}

#[tokio::test]
async fn a_backend_lets_its_visitors_in_for_a_while() {
    let (bench, _) = public().await;
    let (key, pem) = make_token(&bench.folder.path().join("store"), "shop", Scope::Sign).unwrap();
    let token = signed(&pem, &key.id, MODEL, 600);
    assert_eq!(with(&bench.router, "GET", BASE, &token).await.status, 200);
    assert_eq!(with(&bench.router, "POST", &deltas_path(), &token).await.status, 200);
    with(&bench.router, "GET", STATS, &token).await.problem(403, "scope_refused");
    for worthless in
        [signed(&pem, &key.id, MODEL, -1), signed(&pem, &key.id, "books", 600), signed(&pem, &key.id, MODEL, 100_000)]
    {
        with(&bench.router, "POST", &deltas_path(), &worthless).await.problem(401, "token_refused");
    }
    // The private key itself is no token, nor is the id of one.
    with(&bench.router, "GET", BASE, &key.id).await.problem(401, "token_refused");
}

#[tokio::test]
async fn an_address_of_strangers_without_a_token_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        config.listen = address.parse().unwrap();
        let error = AppState::open(config.clone()).await.err().expect("the server must not start");
        assert_eq!(error.code(), "no_token");
        let said = error.to_string();
        assert!(said.contains(address) && said.contains("brooklet token make") && said.contains("--open"), "{said}");
    }
    // What is open to everybody is said; the rest needs a token all the same.
    config.open = vec![Scope::Ingest];
    let state = AppState::open(config.clone()).await.unwrap();
    let router = app(state.clone());
    assert_eq!(with(&router, "GET", BASE, "").await.status, 200);
    assert_eq!(with(&router, "POST", &deltas_path(), "").await.status, 200);
    with(&router, "GET", STATS, "").await.problem(401, "token_needed");
    state.store().close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_stats_can_have_an_address_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.listen = "127.0.0.1:0".parse().unwrap();
    config.operate_listen = Some("127.0.0.1:0".parse().unwrap());
    config.open = vec![Scope::Ingest];
    let server = Server::bind(config).await.unwrap();
    let (main, operate) = (server.address().unwrap(), server.operate_address().unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async move { _ = stopped.await }));
    let status = |address: std::net::SocketAddr, path: &'static str| async move {
        let asked = tokio::task::spawn_blocking(move || {
            let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
            agent.get(format!("http://{address}{path}")).call().unwrap().status().as_u16()
        });
        asked.await.unwrap()
    };
    for path in [STATS, "/metrics"] {
        assert_eq!((status(operate, path).await, status(main, path).await), (200, 404), "{path}");
    }
    assert_eq!((status(operate, BASE).await, status(main, BASE).await), (405, 200));
    assert_eq!((status(operate, "/readyz").await, status(main, "/readyz").await), (200, 200));
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
}

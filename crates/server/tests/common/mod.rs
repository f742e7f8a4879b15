//! What the tests share: a small seed, deltas made from numbers, and requests without a socket.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use brooklet_core::{
    Base, ClientKey, Delta, Evidence, FeatureId, Metadata, Precision, Prior, Rates, Report, Rows, Schema, Thresholds,
    encode_base,
};
use brooklet_server::{AppState, Append, Config, Judge, Stats, app};
use http_body_util::BodyExt;
use tower::ServiceExt;

pub const MODEL: &str = "films";
pub const FACTORS: usize = 4;
pub const ITEMS: u64 = 200;

/// splitmix64: enough randomness for a test, and the same everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// A seed to repeat a failure with: `BROOKLET_TEST_SEED`, or one from the clock.
pub fn random_seed() -> u64 {
    let seed = std::env::var("BROOKLET_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64
    });
    eprintln!("BROOKLET_TEST_SEED={seed}");
    seed
}

pub fn metadata() -> Metadata {
    let width = 1 + FACTORS;
    let rates = Rates { private: 0.3, shared: 0.01, delta: 0.1 };
    let prior = Prior { mean: vec![0.0; width], covariance: vec![0.0; width * width], scale: 1.0 };
    Metadata {
        w0: 0.1,
        thresholds: Thresholds { gate: 3.0, adwin_delta: 0.01, ..Thresholds::default() },
        ..Metadata::new(MODEL, Schema::new("user", "item"), rates, prior)
    }
}

pub fn seed_with(metadata: &Metadata) -> Vec<u8> {
    seed_of(metadata, ITEMS)
}

/// A seed of so many items.
pub fn seed_of(metadata: &Metadata, items: u64) -> Vec<u8> {
    let mut random = Random(7);
    let names: Vec<String> = (0..items).map(|item| format!("item={item}")).collect();
    let numbers = names.len() * (1 + metadata.factors);
    let rows = Rows {
        ids: names.iter().map(|name| FeatureId::named(name)).collect(),
        rows: (0..numbers).map(|_| random.below(2000) as f32 / 1000.0 - 1.0).collect(),
        names: Some(names),
        ..Rows::default()
    };
    encode_base(metadata, &rows, Precision::F16).unwrap()
}

pub fn seed() -> Vec<u8> {
    seed_with(&metadata())
}

/// A store in `folder` with the seed, that folds only when it is told to.
pub fn config(folder: &Path) -> Config {
    let seed_file = folder.join("seed.safetensors");
    if !seed_file.exists() {
        std::fs::write(&seed_file, seed()).unwrap();
    }
    let mut config = Config::new(folder.join("store"));
    config.model = MODEL.into();
    config.seed = Some(seed_file);
    config.fold_deltas = u64::MAX >> 1;
    config.fold_seconds = 0;
    config.version_clients = 1;
    config.version_seconds = 0;
    // Tests hold what is published against what the core rounds to f16.
    config.precision = Precision::F16;
    config
}

pub fn client(n: u64) -> ClientKey {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&n.to_le_bytes());
    key
}

/// A delta that depends on its arguments alone.
pub fn delta(client_number: u64, seq: u64, base_version: u64) -> Delta {
    let mut random = Random(client_number.wrapping_mul(0x1_0000_0001) ^ (seq << 20));
    let rows = 1 + random.below(20);
    let mut ids: Vec<FeatureId> =
        (0..rows).map(|_| FeatureId::named(&format!("item={}", random.below(ITEMS + 20)))).collect();
    ids.sort_unstable();
    ids.dedup();
    Delta {
        base_version,
        client: client(client_number),
        seq,
        events: 1 + random.below(50) as u32,
        scales: (0..1 + FACTORS).map(|_| random.below(1000) as f32 / 1e5).collect(),
        columns: (0..ids.len() * (1 + FACTORS)).map(|_| random.next() as i8).collect(),
        evidence: ids.iter().map(|_| [random.below(80) as u8, random.below(20) as u8].map(Evidence)).collect(),
        report: Report { events: 1 + random.below(50) as u32, base_loss: 0.7, learner_loss: 0.6 },
        ids,
    }
}

/// The delta as the HTTP side hands it to the store.
pub fn append(delta: &Delta) -> Append {
    Append {
        model: MODEL.into(),
        client: delta.client,
        seq: delta.seq,
        events: delta.events,
        bytes: delta.encode().into(),
    }
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that this is a whole problem document and gives its members.
    pub fn problem(&self, status: u16, code: &str) -> serde_json::Value {
        assert_eq!(self.status, status, "{:?}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["code"], code);
        assert_eq!(problem["status"], status);
        assert!(problem["type"].as_str().unwrap().ends_with(code));
        assert!(!problem["title"].as_str().unwrap().is_empty());
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        problem
    }
}

/// A judge by whom, as long as it is strict, whatever comes after the seed is worse.
pub fn strict_judge() -> (Arc<AtomicBool>, Judge) {
    let strict = Arc::new(AtomicBool::new(true));
    let asked = strict.clone();
    let judge = move |base: &Base| Ok(if asked.load(Ordering::Relaxed) { base.metadata().version as f64 } else { 0.5 });
    (strict, Judge::new(judge))
}

pub async fn send(router: &Router, request: Request<Body>) -> Answer {
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, body }
}

pub async fn get(router: &Router, path: &str) -> Answer {
    send(router, Request::get(path).body(Body::empty()).unwrap()).await
}

/// A request with a body of JSON, if there is one.
pub async fn ask(router: &Router, method: &str, path: &str, body: Option<serde_json::Value>) -> Answer {
    let request = Request::builder().method(method).uri(path);
    let request = match body {
        Some(body) => request.header("content-type", "application/json").body(Body::from(body.to_string())),
        None => request.body(Body::empty()),
    };
    send(router, request.unwrap()).await
}

pub fn deltas_path() -> String {
    format!("/v1/models/{MODEL}/deltas")
}

pub async fn post(router: &Router, delta: &Delta) -> Answer {
    post_bytes(router, delta.encode()).await
}

pub async fn post_bytes(router: &Router, bytes: Vec<u8>) -> Answer {
    let request = Request::post(deltas_path()).header("content-type", "application/cbor");
    send(router, request.body(Body::from(bytes)).unwrap()).await
}

/// A server without a socket, on a store of its own.
pub struct Bench {
    pub folder: tempfile::TempDir,
    pub state: AppState,
    pub router: Router,
}

impl Bench {
    pub async fn new(adjust: impl FnOnce(&mut Config)) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path());
        adjust(&mut config);
        let state = AppState::open(config).await.unwrap();
        let router = app(state.clone());
        Bench { folder, state, router }
    }

    pub async fn stats(&self) -> Stats {
        self.state.store().stats(MODEL).await.unwrap().unwrap()
    }
}

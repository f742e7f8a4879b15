//! Whatever is sent where deltas are is answered: taken in, or refused by a problem document that blames the sender.
#![no_main]

use std::sync::LazyLock;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use brooklet_server::{AppState, Config, app};
use http_body_util::BodyExt;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().enable_all().build().unwrap());

static ROUTER: LazyLock<Router> = LazyLock::new(|| {
    let mut config = Config::new(std::env::temp_dir().join(format!("brooklet-fuzz-{}", std::process::id())));
    config.seed = Some("crates/core/tests/fixtures/base-v1-f16.safetensors".into());
    config.quota = 1 << 20;
    config.max_delta_rows = 64;
    RUNTIME.block_on(async { app(AppState::open(config).await.unwrap()) })
});

const TYPES: [&str; 3] = ["application/cbor", "Application/CBOR; a=b", "text/plain"];
const ENCODINGS: [Option<&str>; 4] = [None, Some("gzip"), Some("identity"), Some("br")];

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((headers, body)) = input.split_first() else { return };
    let [kind, encoding] = [headers & 15, headers >> 4].map(usize::from);
    let mut request = Request::post("/v1/models/model/deltas").header("content-type", TYPES[kind.saturating_sub(13)]);
    if let Some(encoding) = ENCODINGS[encoding % ENCODINGS.len()] {
        request = request.header("content-encoding", encoding);
    }
    let router = ROUTER.clone();
    let (status, body) = RUNTIME.block_on(async {
        let (head, body) = router.oneshot(request.body(Body::from(body.to_vec())).unwrap()).await.unwrap().into_parts();
        (head.status, body.collect().await.unwrap().to_bytes())
    });
    let answer: serde_json::Value = serde_json::from_slice(&body).expect("every answer is JSON");
    let known = status.is_success() && answer["acknowledged"].is_u64()
        || status.is_client_error() && answer["code"].is_string();
    assert!(known || status == StatusCode::INSUFFICIENT_STORAGE, "{status}: {answer}");
});

//! What monitoring asks: whether the server could take in a delta now, and its counters.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::clock::now;
use crate::http::problem::{Code, Problem};
use crate::ready::Ready;
use crate::state::AppState;

/// `GET /livez`: whether the process answers at all. A supervisor that hears nothing may start it anew.
pub(crate) async fn livez() -> Response {
    Json(serde_json::json!({ "status": "ok" })).into_response()
}

/// `GET /readyz`: whether a delta could be taken in and folded now. Whoever asks within a second of another hears the same, so a flood of
/// probes costs the store nothing.
pub(crate) async fn readyz(State(state): State<AppState>) -> Result<Response, Problem> {
    if state.is_draining() {
        return Err(Problem::draining());
    }
    match state.ready().await {
        Ready::Yes => Ok(Json(serde_json::json!({ "status": "ok" })).into_response()),
        Ready::No(why) => Err(Problem::new(Code::StoreUnavailable, why)),
    }
}

/// `GET /metrics`
pub(crate) async fn metrics(State(state): State<AppState>) -> Result<Response, Problem> {
    for model in state.models() {
        let current = model.current();
        state.metrics().state(&model.name, current.version, model.pending());
        // Without the store the rest is told all the same.
        if let Ok(Some(head)) = state.store().head(&model.name).await {
            let oldest = Duration::from_millis(head.oldest.map_or(0, |oldest| now().saturating_sub(oldest)));
            state.metrics().kept(&model.name, oldest, head.stored, current.rows);
        }
    }
    state.metrics().bounds(state.config().quota, state.config().max_rows);
    if let Ok(bytes) = state.store().bytes().await {
        state.metrics().store_takes(bytes);
    }
    let text = state.metrics().encode().map_err(|_| Problem::internal())?;
    let media_type = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, media_type)], text).into_response())
}

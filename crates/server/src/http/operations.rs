//! What monitoring asks: whether the server could take in a delta now, and its counters.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::http::problem::{Code, Problem};
use crate::state::AppState;

/// `GET /healthz`: whether a delta could be taken in now.
pub(crate) async fn healthz(State(state): State<AppState>) -> Result<Response, Problem> {
    if state.is_draining() {
        return Err(Problem::draining());
    }
    match tokio::time::timeout(Duration::from_secs(5), state.store().check()).await {
        Ok(checked) => checked?,
        Err(_) => {
            let detail = "the store did not answer within 5 seconds";
            return Err(Problem::new(Code::StoreUnavailable, detail));
        }
    }
    Ok(Json(serde_json::json!({ "status": "ok" })).into_response())
}

/// `GET /metrics`
pub(crate) async fn metrics(State(state): State<AppState>) -> Result<Response, Problem> {
    for model in state.models() {
        state.metrics().state(&model.name, model.current().version, model.pending());
    }
    let text = state.metrics().encode().map_err(|_| Problem::internal())?;
    let media_type = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, media_type)], text).into_response())
}

//! What became of a model's deltas, in numbers: for the demo, for operators, and for whoever wants to know whether a version helped.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::http::problem::Problem;
use crate::model::Gate;
use crate::state::AppState;
use crate::store::Stats;

/// What the store has and what the gate did.
#[derive(serde::Serialize)]
struct Told {
    #[serde(flatten)]
    stats: Stats,
    gate: Option<Gate>,
}

/// `GET /v1/models/{model}/stats`
pub(crate) async fn stats(State(state): State<AppState>, Path(name): Path<String>) -> Result<Response, Problem> {
    let stats = state.store().stats(&name).await?.ok_or_else(|| Problem::unknown_model(&name))?;
    let gate = state.model(&name).map(|model| model.gate());
    let stats = Told { stats, gate };
    Ok(([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(stats)).into_response())
}

//! What became of a model's deltas, in numbers: for the demo, for operators, and for whoever wants to know whether a version helped.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::budget::Spent;
use crate::http::named;
use crate::http::problem::Problem;
use crate::model::Gate;
use crate::served;
use crate::state::AppState;
use crate::store::Stats;

/// What the store has, what the gate did and what clients report.
#[derive(serde::Serialize)]
struct Told {
    #[serde(flatten)]
    stats: Stats,
    gate: Gate,
    served: served::Told,
    /// What versions with noise tell of one client, if there is noise.
    #[serde(skip_serializing_if = "Option::is_none")]
    privacy: Option<Spent>,
}

/// `GET /v1/models/{model}/stats`
pub(crate) async fn stats(State(state): State<AppState>, Path(name): Path<String>) -> Result<Response, Problem> {
    let model = named::model(&state, &name)?;
    // A version that is in the store is given out a moment later; nobody is told of it before.
    let told = model.publishing.read().await;
    let stats = state.store().stats(&name).await?.ok_or_else(|| Problem::unknown_model(&name))?;
    drop(told);
    let privacy = state.config().budget().map(|budget| budget.spent(model.spent()));
    let served = model.served.told(stats.version);
    let stats = Told { stats, gate: model.gate(), served, privacy };
    Ok(([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(stats)).into_response())
}

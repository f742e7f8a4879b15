//! Models: which there are, what they are, and how an operator brings them and takes them away.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::http::headers::VERSION_HEADER;
use crate::http::json::Said;
use crate::http::named;
use crate::http::problem::{Code, Problem};
use crate::model::Model;
use crate::models;
use crate::state::AppState;
use crate::store::{Challenger, Comparison};

/// The largest seed: 1 GiB.
const MOST: usize = 1 << 30;

/// A model in a list.
#[derive(Serialize)]
struct Listed {
    name: String,
    version: u64,
    /// Of its base.
    rows: usize,
    factors: usize,
    bytes: usize,
    /// When its version was published, in milliseconds since 1970.
    created: u64,
    pending_deltas: u64,
    /// The model that it is compared with.
    challenger: Option<String>,
}

/// Who is to be compared.
#[derive(Deserialize)]
pub(crate) struct Challenge {
    model: String,
    share: f64,
}

/// A comparison and what it is between.
#[derive(Serialize)]
struct Compared {
    #[serde(flatten)]
    challenger: Challenger,
    comparison: Comparison,
}

/// `GET /v1`, and `GET /` where no page is served: what answers here.
pub(crate) async fn service() -> Response {
    let links = json!({ "description": "/openapi.json", "models": "/v1/models" });
    Json(json!({ "service": "brooklet", "version": env!("CARGO_PKG_VERSION"), "links": links })).into_response()
}

/// `GET /v1/models`
pub(crate) async fn list(State(state): State<AppState>) -> Response {
    let listed = |model: Arc<Model>| {
        let current = model.current();
        Listed {
            name: model.name.clone(),
            version: current.version,
            rows: current.rows,
            factors: current.factors,
            bytes: current.bytes.len(),
            created: current.created,
            pending_deltas: model.pending(),
            challenger: model.challenger().map(|challenger| challenger.model),
        }
    };
    let models: Vec<Listed> = state.models().into_iter().map(listed).collect();
    ([(header::CACHE_CONTROL, "no-store")], Json(json!({ "models": models }))).into_response()
}

/// `GET /v1/models/{model}/metadata`: what the seed says of itself, and the version.
pub(crate) async fn metadata(State(state): State<AppState>, Path(name): Path<String>) -> Result<Response, Problem> {
    let current = named::model(&state, &name)?.current();
    let mut metadata = header_of(&current.bytes).ok_or_else(Problem::internal)?;
    metadata.insert("rows".into(), current.rows.into());
    Ok(([(VERSION_HEADER, current.version)], Json(metadata)).into_response())
}

/// The metadata of a base, which stands in its header as text.
fn header_of(file: &[u8]) -> Option<Map<String, Value>> {
    let length = u64::from_le_bytes(file.first_chunk::<8>().copied()?) as usize;
    let header: Value = serde_json::from_slice(file.get(8..)?.get(..length)?).ok()?;
    serde_json::from_str(header["__metadata__"]["brooklet"].as_str()?).ok()
}

/// `PUT /v1/models/{model}`: a seed, as `brooklet train` writes it.
pub(crate) async fn upload(
    State(state): State<AppState>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    if !media.eq_ignore_ascii_case(SEED) {
        let problem = Problem::new(Code::UnsupportedMediaType, format!("a seed is sent as `content-type: {SEED}`"));
        return Err(problem.header(header::ACCEPT, HeaderValue::from_static(SEED)));
    }
    let bytes = axum::body::to_bytes(body, MOST).await.map_err(|_| {
        Problem::new(Code::TooLarge, format!("a seed may have {MOST} bytes, and has to arrive whole"))
            .with("limit", MOST)
    })?;
    let taken = models::take_in(&state, &name, bytes).await?;
    let status = if taken.added { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, [(VERSION_HEADER, taken.version)], Json(taken)).into_response())
}

/// What a seed is sent as.
const SEED: &str = "application/octet-stream";

/// `DELETE /v1/models/{model}`
pub(crate) async fn remove(State(state): State<AppState>, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    models::remove(&state, &*named::model(&state, &name)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /v1/models/{model}/challenger`
pub(crate) async fn challenge(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Said(Challenge { model: challenger, share }): Said<Challenge>,
) -> Result<Response, Problem> {
    let model = named::model(&state, &name)?;
    if !(share > 0.0 && share < 1.0) {
        return Err(Problem::new(Code::BadRequest, "`share` is a number above 0 and below 1"));
    }
    named::model(&state, &challenger)?;
    models::challenge(&state, &model, &challenger, share).await?;
    compare(State(state), Path(name)).await
}

/// `GET /v1/models/{model}/challenger`
pub(crate) async fn compare(State(state): State<AppState>, Path(name): Path<String>) -> Result<Response, Problem> {
    let compared = models::compared(&state, &*named::model(&state, &name)?).await?;
    let (challenger, comparison) =
        compared.ok_or_else(|| Problem::new(Code::NotFound, format!("`{name}` has no challenger: `PUT` names one")))?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(Compared { challenger, comparison })).into_response())
}

/// `DELETE /v1/models/{model}/challenger`
pub(crate) async fn end_challenge(
    State(state): State<AppState>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    models::end_challenge(&state, &*named::model(&state, &name)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

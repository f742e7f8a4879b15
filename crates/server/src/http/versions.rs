//! Versions under an operator's control: what there is, and what can be done to it. `operate` does it; here are its addresses.

use std::fmt::Display;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use brooklet_core::ClientKey;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::fold::{self, Folded};
use crate::http::headers::VERSION_HEADER;
use crate::http::json::Said;
use crate::http::named;
use crate::http::problem::{Code, Problem};
use crate::model::etag;
use crate::operate::{self, Refolded};
use crate::state::AppState;
use crate::store::{CandidateStats, Comparison, ModelSettings, VersionStats};
use crate::trial;

/// All that an operator sees of a model's versions.
#[derive(Serialize)]
struct Versions {
    /// The one that is out.
    version: u64,
    #[serde(flatten)]
    settings: ModelSettings,
    /// The newest first.
    versions: Vec<VersionStats>,
    /// Next versions that are not published, the newest first.
    candidates: Vec<CandidateStats>,
    /// How the two groups of the trial that is under way are served.
    #[serde(skip_serializing_if = "Option::is_none")]
    trial: Option<Comparison>,
}

/// A version by its number.
#[derive(Deserialize)]
pub(crate) struct Numbered {
    version: u64,
}

/// Where to begin again.
#[derive(Deserialize)]
pub(crate) struct Begin {
    from: Option<u64>,
}

/// Where a version is made again from.
#[derive(Deserialize)]
pub(crate) struct From {
    from: u64,
}

/// A version in an address.
fn number(text: &str, newest: u64) -> Result<u64, Problem> {
    text.parse().map_or_else(|_| Err(unknown(text, newest)), |version| known(version, newest))
}

/// A version that there has been. The database counts in i64.
fn known(version: u64, newest: u64) -> Result<u64, Problem> {
    if version <= newest { Ok(version) } else { Err(unknown(version, newest)) }
}

fn unknown(said: impl Display, newest: u64) -> Problem {
    let detail = format!("there is no version `{said}`; the current one is {newest}");
    Problem::new(Code::UnknownVersion, detail).with("version", newest)
}

fn candidate(text: &str) -> Result<u64, Problem> {
    let number = text.parse().ok().filter(|number| i64::try_from(*number).is_ok());
    number.ok_or_else(|| Problem::new(Code::UnknownCandidate, format!("there is no candidate `{text}`")))
}

fn told(value: impl Serialize) -> Response {
    ([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(value)).into_response()
}

/// `GET /v1/models/{model}/versions`
pub(crate) async fn list(State(state): State<AppState>, Path(name): Path<String>) -> Result<Response, Problem> {
    let model = named::model(&state, &name)?;
    let trial = match model.canary() {
        Some(canary) => Some(trial::compare(&state, &model, &canary).await.map_err(operate_error)?),
        None => None,
    };
    // A version that is in the store is given out a moment later; nobody is told of it before.
    let _nobody_publishes = model.publishing.read().await;
    let store = state.store();
    let stats = store.stats(&name).await?.ok_or_else(|| Problem::unknown_model(&name))?;
    let (settings, candidates) = (store.settings(&name).await?, store.candidates(&name).await?);
    Ok(told(Versions { version: stats.version, settings, versions: stats.versions, candidates, trial }))
}

fn operate_error(error: crate::error::FoldError) -> Problem {
    crate::error::OperateError::from(error).into()
}

/// `POST /v1/models/{model}/fold`: what is pending, now.
pub(crate) async fn fold(State(state): State<AppState>, Path(name): Path<String>) -> Result<Response, Problem> {
    let model = named::model(&state, &name)?;
    let folded = fold::fold_now(&state, &name).await.map_err(operate_error)?;
    let outcome = match folded {
        Folded::Published(_) => "published",
        Folded::HeldBack => "held_back",
        Folded::OnTrial => "on_trial",
        Folded::Pinned => "pinned",
        Folded::TooFew => "too_few_clients",
        Folded::BudgetSpent => "budget_spent",
        Folded::Elsewhere => "elsewhere",
        Folded::Nothing => "nothing_pending",
    };
    Ok(told(json!({ "outcome": outcome, "version": model.current().version })))
}

/// `POST /v1/models/{model}/rollback`
pub(crate) async fn roll_back(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Said(Numbered { version }): Said<Numbered>,
) -> Result<Response, Problem> {
    let model = named::model(&state, &name)?;
    let version = known(version, model.current().version)?;
    Ok(told(json!({ "version": operate::roll_back(&state, &model, version).await? })))
}

/// `PUT /v1/models/{model}/pin`
pub(crate) async fn pin(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Said(Numbered { version }): Said<Numbered>,
) -> Result<Response, Problem> {
    let model = named::model(&state, &name)?;
    let version = known(version, model.current().version)?;
    Ok(told(json!({ "version": operate::pin(&state, &model, version).await?, "pinned": true })))
}

/// `DELETE /v1/models/{model}/pin`
pub(crate) async fn unpin(State(state): State<AppState>, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    operate::unpin(&state, &*named::model(&state, &name)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v1/models/{model}/versions/{n}`
pub(crate) async fn delete(
    State(state): State<AppState>,
    Path((name, version)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let model = named::model(&state, &name)?;
    operate::forget_version(&state, &model, number(&version, model.current().version)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/models/{model}/versions/{n}/rebuilt?from=M`: the base, made again of what is kept.
pub(crate) async fn rebuilt(
    State(state): State<AppState>,
    Path((name, version)): Path<(String, String)>,
    Query(From { from }): Query<From>,
) -> Result<Response, Problem> {
    let model = named::model(&state, &name)?;
    let newest = model.current().version;
    let (from, to) = (known(from, newest)?, number(&version, newest)?);
    let base = operate::rebuild(&state, &model, from, to).await?;
    let published = state.store().version(&name, to).await?.map(|stored| stored.etag);
    let made = etag(&base);
    if published.as_ref() != Some(&made) {
        let detail =
            format!("version {to} comes out with other bytes than were published: deltas of it are not kept any more");
        return Err(Problem::new(Code::NotRebuilt, detail).with("etag", made).with("published", published));
    }
    let headers = [(header::CACHE_CONTROL, "no-store".into()), (header::ETAG, format!("\"{made}\""))];
    Ok((headers, [(VERSION_HEADER, to)], base).into_response())
}

/// `POST /v1/models/{model}/refold`
pub(crate) async fn refold(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Said(Begin { from }): Said<Begin>,
) -> Result<Response, Problem> {
    let model = named::model(&state, &name)?;
    let from = from.map(|from| known(from, model.current().version)).transpose()?;
    Ok(told(match operate::refold(&state, &model, from).await? {
        Refolded::Published(version) => json!({ "version": version }),
        Refolded::Rejected(candidate) => json!({ "rejected": candidate }),
    }))
}

/// `DELETE /v1/models/{model}/clients/{key}`
pub(crate) async fn subtract(
    State(state): State<AppState>,
    Path((name, key)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let model = named::model(&state, &name)?;
    let client = client_key(&key).ok_or_else(|| {
        Problem::new(Code::BadRequest, format!("`{key}` is no client key: it has 32 hexadecimal digits"))
    })?;
    let (deltas, version) = operate::subtract(&state, &model, client).await?;
    Ok(told(json!({ "deltas": deltas, "version": version })))
}

fn client_key(text: &str) -> Option<ClientKey> {
    let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u128::from_str_radix(text, 16).ok().filter(|_| is_hex).map(u128::to_be_bytes)
}

/// `POST /v1/models/{model}/candidates/{id}/publish`
pub(crate) async fn publish(
    State(state): State<AppState>,
    Path((name, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let model = named::model(&state, &name)?;
    Ok(told(json!({ "version": operate::publish_candidate(&state, &model, candidate(&id)?).await? })))
}

/// `DELETE /v1/models/{model}/candidates/{id}`
pub(crate) async fn reject(
    State(state): State<AppState>,
    Path((name, id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    operate::reject_candidate(&state, &*named::model(&state, &name)?, candidate(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

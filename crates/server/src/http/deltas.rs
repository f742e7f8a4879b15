//! Takes in deltas: reads one, asks whether the fold will take it, and acknowledges it once the store has made it durable.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use brooklet_core::{Delta, Error, Fold, Report, cohort};
use tokio::sync::OwnedSemaphorePermit;

use crate::follow::catch_up;
use crate::http::admit::{Caller, too_often};
use crate::http::body::{self, Limits, Read};
use crate::http::headers::VERSION_HEADER;
use crate::http::named;
use crate::http::problem::{Code, Problem};
use crate::model::Model;
use crate::pace::Left;
use crate::state::AppState;
use crate::store::{Append, Receipt, StoreError};

/// What a browser hears of its delta.
#[derive(serde::Serialize)]
struct Acknowledgement {
    /// The sequence number; everything up to it is durable.
    acknowledged: u64,
    /// Whether it had been accepted before, and was not counted again.
    repeat: bool,
    /// The current version.
    version: u64,
}

/// `POST /v1/models/{model}/deltas`
pub(crate) async fn accept(
    State(state): State<AppState>,
    Path(name): Path<String>,
    caller: Option<Extension<Caller>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let model = named::model(&state, &name)?;
    if state.is_draining() {
        return Err(Problem::draining());
    }
    let config = state.config();
    expect_origin(&headers, &config.allow_origins)?;
    let limits = Limits {
        sent: config.max_delta_bytes,
        inflated: config.max_inflated_bytes,
        time: Duration::from_secs(config.body_seconds),
    };
    let room = state.room(limits.most(&headers)).ok_or(StoreError::Busy)?;
    let Read { sent, plain } = body::read(&headers, body, limits).await?;
    let delta = Delta::decode(&plain).map_err(refusal)?;
    if delta.ids.len() > config.max_delta_rows {
        return Err(body::too_large(config.max_delta_rows, "rows"));
    }
    if let (Some(limit), Some(_stranger)) = (&state.pace().key, caller.and_then(|caller| caller.0.0))
        && let Left::None(wait) = limit.take(&delta.client)
    {
        return Err(too_often(limit, wait));
    }
    let (client, seq, events, report) = (delta.client, delta.seq, delta.events, delta.report);

    if delta.base_version > model.newest() {
        // Another process may have published it.
        catch_up(&state, &model).await.map_err(|_| StoreError::Busy)?;
    }
    let receipt = match admissible(&state, &model, &delta) {
        Ok(()) => {
            let append = Append { model: name.clone(), client, seq, events, bytes: sent };
            append_and_count(state.clone(), model.clone(), append, report, room).await?
        }
        // A delta whose acknowledgement was lost may meanwhile be too old to be accepted. It was, all the same: refusing
        // it would make the browser send the same events once more.
        Err(_) if seq <= state.store().last_seq(&name, client).await? => Receipt::Repeated,
        Err(error) => return Err(refusal(error)),
    };
    match receipt {
        Receipt::Accepted => {}
        Receipt::Repeated => state.metrics().repeated(&name),
        Receipt::Gap { expected } => return Err(gap(seq, expected)),
        Receipt::NoRoom => {
            let detail = "the deltas of this model take as much room as they may (--quota): send it again later";
            return Err(Problem::new(Code::QuotaExceeded, detail).retry(600));
        }
    }
    let version = model.served(Some(cohort(&client))).version;
    let acknowledgement = Acknowledgement { acknowledged: seq, repeat: receipt == Receipt::Repeated, version };
    Ok(([(VERSION_HEADER, version)], Json(acknowledgement)).into_response())
}

/// Returns once the delta is durable. A browser that hangs up ends the handler of its request, but not this: its delta
/// is in the queue of the writer, so whoever waits for enough deltas to fold has to hear of it.
async fn append_and_count(
    state: AppState,
    model: Arc<Model>,
    append: Append,
    report: Report,
    room: OwnedSemaphorePermit,
) -> Result<Receipt, Problem> {
    let events = append.events;
    let task = tokio::spawn(async move {
        let receipt = state.store().append(append).await;
        if let Ok(Receipt::Accepted) = receipt {
            state.took_in(&model, events, &report);
        }
        drop(room);
        receipt
    });
    Ok(task.await.map_err(|_| Problem::internal())??)
}

/// Browsers keep the answer from a page whose origin is not allowed, but send the request: it is to change nothing. What sends no origin is
/// no page, or one of the server's own.
fn expect_origin(headers: &HeaderMap, allowed: &[String]) -> Result<(), Problem> {
    let Some(origin) = headers.get(header::ORIGIN).filter(|_| !allowed.is_empty()) else { return Ok(()) };
    if allowed.iter().any(|allowed| allowed.as_bytes().eq_ignore_ascii_case(origin.as_bytes())) {
        return Ok(());
    }
    let detail = "pages of this origin may not send deltas here, see --allow-origin";
    Err(Problem::new(Code::OriginRefused, detail))
}

/// Whether the fold will take the delta.
fn admissible(state: &AppState, model: &Model, delta: &Delta) -> Result<(), Error> {
    let current = model.current();
    if delta.factors() != current.factors {
        return Err(Error::WrongFactors { expected: current.factors, found: delta.factors() });
    }
    if model.canary().is_some_and(|canary| canary.current.version == delta.base_version) {
        return Ok(());
    }
    Fold::new(state.fold(), current.version, current.factors).staleness(delta.base_version).map(drop)
}

fn refusal(error: Error) -> Problem {
    let code = match error {
        Error::DeltaFormat { .. } => Code::DeltaFormat,
        Error::StaleBase { .. } => Code::StaleBase,
        Error::UnknownBase { .. } => Code::UnknownBase,
        Error::WrongFactors { .. } => Code::WrongFactors,
        _ => Code::BadDelta,
    };
    let problem = Problem::new(code, error.to_string());
    match error {
        Error::StaleBase { current, .. } | Error::UnknownBase { current, .. } => problem.with("version", current),
        _ => problem,
    }
}

fn gap(seq: u64, expected: u64) -> Problem {
    let detail = format!(
        "this is number {seq} of the client key, but the next one must be number {expected}: send that one, or start a \
         new client key from 1"
    );
    Problem::new(Code::SequenceGap, detail).with("expected", expected)
}

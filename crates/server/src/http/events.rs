//! What happens, as a stream of server-sent events (WHATWG HTML, 9.2), with the figures of each model every second.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use serde_json::json;

use crate::clock::now;
use crate::state::AppState;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// A comment after so long without an event, so that whoever stands between keeps the connection.
const QUIET: Duration = Duration::from_secs(15);
/// How often figures are told.
const FIGURES: Duration = Duration::from_secs(1);

/// What is listened to.
#[derive(serde::Deserialize)]
pub(crate) struct Wanted {
    /// One model alone.
    model: Option<String>,
}

/// Where a listener is.
struct Listener {
    state: AppState,
    model: Option<String>,
    seen: u64,
    /// Read and not sent yet, the next one last.
    ready: Vec<sse::Event>,
    /// When figures were told.
    told: Option<Instant>,
}

/// `GET /v1/events`
pub(crate) async fn events(
    State(state): State<AppState>,
    Query(Wanted { model }): Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    let last = headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok());
    // Whoever comes anew hears of what comes; whoever comes back goes on, and if that is not possible is told so.
    let (seen, lost) = match last.map(|last| state.events().after(last)) {
        None => (state.events().newest(), None),
        Some(Some(seen)) => (seen, None),
        Some(None) => (0, Some(lag(None))),
    };
    let listener = Listener { state, model, seen, ready: lost.into_iter().collect(), told: None };
    let headers = [(header::CACHE_CONTROL, "no-store"), (HeaderName::from_static("x-accel-buffering"), "no")];
    (headers, Sse::new(heard(listener)).keep_alive(KeepAlive::new().interval(QUIET))).into_response()
}

/// So many events are gone; nobody knows how many if they were another process's.
fn lag(missed: Option<u64>) -> sse::Event {
    sse::Event::default().event("lag").data(json!({ "missed": missed }).to_string())
}

/// How each model is now. It has no id: whoever comes back has no use for an old one.
fn figures(listener: &Listener) -> sse::Event {
    let models = listener.state.models();
    let wanted = models.iter().filter(|model| listener.model.as_ref().is_none_or(|wanted| *wanted == model.name));
    let models: Vec<_> = wanted
        .map(|model| {
            let (deltas, events) = model.accepted();
            let version = model.current().version;
            json!({
                "model": model.name, "version": version, "pending": model.pending(), "served": model.served.told(version),
                "deltas": deltas, "events": events, "canary": model.canary().map(|canary| canary.current.version),
            })
        })
        .collect();
    sse::Event::default().event("figures").data(json!({ "time": now(), "models": models }).to_string())
}

fn heard(listener: Listener) -> impl Stream<Item = Result<sse::Event, Infallible>> {
    stream::unfold(listener, |mut listener| async move {
        loop {
            if let Some(event) = listener.ready.pop() {
                return Some((Ok(event), listener));
            }
            if listener.state.is_draining() {
                return None;
            }
            if listener.told.is_none_or(|told| told.elapsed() >= FIGURES) {
                listener.told = Some(Instant::now());
                return Some((Ok(figures(&listener)), listener));
            }
            let events = listener.state.events();
            // A server that ends says nothing; it is looked at now and then.
            let _ = tokio::time::timeout(FIGURES, events.newer(listener.seen)).await;
            let (missed, new) = events.since(listener.seen);
            listener.seen = new.last().map_or(listener.seen, |event| event.number);
            let wanted = |event: &&crate::events::Event| {
                event.model.is_empty() || listener.model.as_ref().is_none_or(|model| *model == event.model)
            };
            let told = new.iter().filter(wanted).map(|event| {
                sse::Event::default().id(events.id(event.number)).event(event.kind).data(event.data.to_string())
            });
            let told: Vec<sse::Event> = told.collect();
            listener.ready = told.into_iter().rev().chain((missed > 0).then(|| lag(Some(missed)))).collect();
        }
    })
}

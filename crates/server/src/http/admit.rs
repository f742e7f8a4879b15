//! What every request has to be before anything is done for it: of a length that is read, and from somebody who does not ask too often.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::caller::Peer;
use crate::http::problem::{Code, Problem};
use crate::pace::{LEFT, Left, Limit, POLICY};
use crate::state::AppState;

/// The longest address, in bytes.
const LONGEST_URI: usize = 8 << 10;
/// The most headers.
const MOST_HEADERS: usize = 100;

/// Who asks, as limits count; nothing for a program on this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller(pub(crate) Option<IpAddr>);

pub(crate) async fn admit(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    if let Err(problem) = length(&request, state.config().max_header_bytes) {
        return problem.into_response();
    }
    let peer = request.extensions().get::<Peer>().copied();
    let caller = state.proxies().caller(peer, request.headers());
    request.extensions_mut().insert(Caller(caller));
    let (Some(limit), Some(address)) = (&state.pace().address, caller) else { return next.run(request).await };
    let left = limit.take(&address);
    let mut response = match left {
        Left::Some(_) => next.run(request).await,
        Left::None(_) => too_often(limit, left).into_response(),
    };
    tell(limit, left, response.headers_mut());
    response
}

fn length(request: &Request, most: usize) -> Result<(), Problem> {
    let uri = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    if uri > LONGEST_URI {
        let detail = format!("an address may have {LONGEST_URI} bytes");
        return Err(Problem::new(Code::UriTooLong, detail).with("limit", LONGEST_URI));
    }
    let headers = request.headers();
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if bytes > most || headers.len() > MOST_HEADERS {
        let detail = format!("a request may have {MOST_HEADERS} headers of {most} bytes together");
        return Err(Problem::new(Code::HeadersTooLarge, detail).with("limit", most));
    }
    Ok(())
}

/// The problem of having asked too often.
pub(crate) fn too_often<K: std::hash::Hash + Eq + Clone>(limit: &Limit<K>, left: Left) -> Problem {
    let Left::None(wait) = left else { return Problem::new(Code::RateLimited, limit.sentence()) };
    let mut problem = Problem::new(Code::RateLimited, limit.sentence()).retry(wait.as_secs() + 1);
    let mut headers = HeaderMap::new();
    tell(limit, left, &mut headers);
    for (name, value) in headers.iter().filter(|(name, _)| *name != RETRY_AFTER) {
        problem = problem.header(name.clone(), value.clone());
    }
    problem
}

fn tell<K: std::hash::Hash + Eq + Clone>(limit: &Limit<K>, left: Left, headers: &mut HeaderMap) {
    for (name, value) in [POLICY, LEFT].into_iter().zip(limit.headers(left)) {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.entry(name).or_insert(value);
        }
    }
}

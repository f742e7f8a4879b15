//! What every request has to be before anything is done for it: of a length that is read, and from somebody who does not ask too often.

use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
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
        Left::None(wait) => too_often(limit, wait).into_response(),
    };
    for (name, value) in told(limit, left) {
        // What a key's limit says comes before an address's.
        response.headers_mut().entry(name).or_insert(value);
    }
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

/// The problem of having asked too often: there is something left again after `wait`.
pub(crate) fn too_often<K: Hash + Eq + Clone>(limit: &Limit<K>, wait: Duration) -> Problem {
    let problem = Problem::new(Code::RateLimited, limit.sentence()).retry(wait.as_secs() + 1);
    told(limit, Left::None(wait)).fold(problem, |problem, (name, value)| problem.header(name, value))
}

/// The headers that tell of a limit.
fn told<K: Hash + Eq + Clone>(limit: &Limit<K>, left: Left) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let values = limit.headers(left).map(|value| HeaderValue::try_from(value).ok());
    [POLICY, LEFT].into_iter().zip(values).filter_map(|(name, value)| Some((name, value?)))
}

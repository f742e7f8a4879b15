//! Problem documents (RFC 9457): the one shape of every error that leaves the server.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use crate::state::AppState;
use crate::store::StoreError;

/// An error as the caller sees it.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    /// What programs match on; also the last part of `type`.
    code: &'static str,
    title: &'static str,
    /// A sentence for people, with the way out where there is one.
    detail: String,
    extensions: Map<String, Value>,
    headers: Vec<(header::HeaderName, HeaderValue)>,
}

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Problem {
        Problem { status, code, title, detail: detail.into(), extensions: Map::new(), headers: Vec::new() }
    }

    /// Adds a member for programs.
    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Problem {
        self.extensions.insert(key.into(), value.into());
        self
    }

    pub(crate) fn header(mut self, name: header::HeaderName, value: impl Into<HeaderValue>) -> Problem {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn unknown_model(model: &str) -> Problem {
        let detail = format!("there is no model `{model}` here");
        Problem::new(StatusCode::NOT_FOUND, "unknown_model", "No such model", detail)
    }

    pub(crate) fn draining() -> Problem {
        let detail = "the server is shutting down: send it again in a moment";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "draining", "Shutting down", detail).retry(1)
    }

    fn retry(self, seconds: u64) -> Problem {
        self.header(header::RETRY_AFTER, seconds)
    }

    /// What is said of a status that some layer below answered with, without saying more.
    fn of_status(status: StatusCode) -> Problem {
        let (code, detail) = match status {
            StatusCode::NOT_FOUND => ("not_found", "there is nothing at this address"),
            StatusCode::METHOD_NOT_ALLOWED => ("method_not_allowed", "see the header Allow for what is possible here"),
            StatusCode::BAD_REQUEST => ("bad_request", "the request could not be understood"),
            status if status.is_server_error() => return Problem::internal(),
            _ => ("refused", "the request was refused"),
        };
        Problem::new(status, code, status.canonical_reason().unwrap_or("Refused"), detail)
    }

    /// Something went wrong here. What it was is in the log and nowhere else.
    pub(crate) fn internal() -> Problem {
        let detail = "something went wrong on the server; it is in the server's log";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        if let StoreError::Busy = error {
            let detail = "too many deltas are waiting to be written: send it again in a moment";
            return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Too busy", detail).retry(1);
        }
        tracing::error!(%error, "the store failed a request");
        let detail = "the store does not answer; nothing was acknowledged: send it again in a moment";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", "Store unavailable", detail).retry(5)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Problem { status, code, title, detail, extensions, headers } = self;
        let mut body = Map::new();
        body.insert("type".into(), format!("urn:brooklet:problem:{code}").into());
        body.insert("title".into(), title.into());
        body.insert("status".into(), status.as_u16().into());
        body.insert("detail".into(), detail.into());
        body.insert("code".into(), code.into());
        body.extend(extensions);
        let mut response = (status, Json(body)).into_response();
        let all = response.headers_mut();
        all.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        all.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        all.extend(headers);
        response.extensions_mut().insert(Code(code));
        response
    }
}

/// Marks a response as a problem document.
#[derive(Debug, Clone, Copy)]
struct Code(&'static str);

/// The last hand on every response: counts problems, and turns the errors of the layers below (no such path, no such
/// method, a file that is not there) into problem documents that keep their headers.
pub(crate) async fn dress(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if !response.status().is_client_error() && !response.status().is_server_error() {
        return response;
    }
    if let Some(Code(code)) = response.extensions().get() {
        state.metrics().refused(code);
        return response;
    }
    let problem = Problem::of_status(response.status());
    state.metrics().refused(problem.code);
    let mut dressed = problem.into_response();
    for (name, value) in response.headers() {
        if !dressed.headers().contains_key(name) && name != header::CONTENT_LENGTH {
            dressed.headers_mut().append(name, value.clone());
        }
    }
    dressed
}

/// What a panic becomes. The panic itself was written to standard error where it happened.
pub(crate) fn of_panic(panic: Box<dyn std::any::Any + Send>) -> Response {
    let said = panic.downcast_ref::<&str>().map(|text| text.to_string());
    let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    tracing::error!(panic = said, "a request panicked");
    Problem::internal().into_response()
}

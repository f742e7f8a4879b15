//! Problem documents (RFC 9457): the one shape of every error that leaves the server, and the one table of what they are called.

use std::time::Instant;

use axum::Json;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use brooklet_core::Error;
use serde_json::{Map, Value};

use crate::error::{FoldError, LearnError, OperateError};
use crate::state::AppState;
use crate::store::StoreError;

/// Makes an enum of a table, so that a problem without a line of its own cannot be told. `HTTP.md` has the same table for callers.
macro_rules! codes {
    ($($variant:ident: $code:literal, $status:ident, $title:literal;)*) => {
        /// What is wrong, as programs know it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Code {
            $($variant,)*
        }

        impl Code {
            pub(crate) const ALL: &[Code] = &[$(Code::$variant,)*];

            /// Its stable name, the status of the answer and a title for people.
            fn line(self) -> (&'static str, StatusCode, &'static str) {
                match self {
                    $(Code::$variant => ($code, StatusCode::$status, $title),)*
                }
            }
        }
    };
}

impl Code {
    /// Its stable name.
    pub(crate) fn name(self) -> &'static str {
        self.line().0
    }
}

codes! {
    BadDelta: "bad_delta", BAD_REQUEST, "Not a delta";
    BadGzip: "bad_gzip", BAD_REQUEST, "Broken compression";
    BadName: "bad_name", BAD_REQUEST, "Not a name";
    BadSeed: "bad_seed", BAD_REQUEST, "Not a seed";
    BadRequest: "bad_request", BAD_REQUEST, "Not understood";
    DeltaFormat: "delta_format", BAD_REQUEST, "A delta of another format";
    BadValue: "bad_value", BAD_REQUEST, "Not a value";
    BadLabel: "bad_label", BAD_REQUEST, "Not a label";
    BadProfile: "bad_profile", BAD_REQUEST, "Not a profile of ours";
    IncompleteBody: "incomplete_body", BAD_REQUEST, "Incomplete body";
    TokenNeeded: "token_needed", UNAUTHORIZED, "Token needed";
    TokenRefused: "token_refused", UNAUTHORIZED, "Token refused";
    ScopeRefused: "scope_refused", FORBIDDEN, "Not what the token is for";
    OriginRefused: "origin_refused", FORBIDDEN, "Origin not allowed";
    NotFound: "not_found", NOT_FOUND, "Not found";
    UnknownModel: "unknown_model", NOT_FOUND, "No such model";
    UnknownVersion: "unknown_version", NOT_FOUND, "No such version";
    UnknownCandidate: "unknown_candidate", NOT_FOUND, "No such candidate";
    UnknownSlate: "unknown_slate", NOT_FOUND, "Nothing waits for this label";
    UnknownItem: "unknown_item", NOT_FOUND, "No such item";
    MethodNotAllowed: "method_not_allowed", METHOD_NOT_ALLOWED, "Method not allowed";
    SlowBody: "slow_body", REQUEST_TIMEOUT, "Too slow";
    SequenceGap: "sequence_gap", CONFLICT, "A delta is missing";
    UnknownBase: "unknown_base", CONFLICT, "The base is unknown";
    WrongFactors: "wrong_factors", CONFLICT, "Another model's delta";
    AlreadyLabelled: "already_labelled", CONFLICT, "Labelled before";
    Outdated: "outdated", CONFLICT, "Of another time";
    NotRebuilt: "not_rebuilt", CONFLICT, "Cannot be made again";
    InUse: "in_use", CONFLICT, "In use";
    PrunedVersion: "pruned_version", GONE, "No longer kept";
    StaleBase: "stale_base", GONE, "The base is too old";
    PreconditionFailed: "precondition_failed", PRECONDITION_FAILED, "Precondition failed";
    UriTooLong: "uri_too_long", URI_TOO_LONG, "Address too long";
    HeadersTooLarge: "headers_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE, "Headers too large";
    RateLimited: "rate_limited", TOO_MANY_REQUESTS, "Too often";
    TooLarge: "too_large", PAYLOAD_TOO_LARGE, "Too large";
    UnsupportedEncoding: "unsupported_encoding", UNSUPPORTED_MEDIA_TYPE, "Unknown encoding";
    UnsupportedMediaType: "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "Unknown media type";
    RangeNotSatisfiable: "range_not_satisfiable", RANGE_NOT_SATISFIABLE, "No such range";
    Internal: "internal", INTERNAL_SERVER_ERROR, "Internal error";
    Busy: "busy", SERVICE_UNAVAILABLE, "Too busy";
    TooManyConnections: "too_many_connections", SERVICE_UNAVAILABLE, "Too many connections";
    Draining: "draining", SERVICE_UNAVAILABLE, "Shutting down";
    StoreUnavailable: "store_unavailable", SERVICE_UNAVAILABLE, "Store unavailable";
    QuotaExceeded: "quota_exceeded", INSUFFICIENT_STORAGE, "No room for deltas";
}

const MEDIA_TYPE: &str = "application/problem+json";

/// An error as the caller sees it.
#[derive(Debug)]
pub(crate) struct Problem {
    /// What programs match on; also the last part of `type`.
    code: Code,
    /// A sentence for people, with the way out where there is one.
    detail: String,
    extensions: Map<String, Value>,
    headers: Vec<(header::HeaderName, HeaderValue)>,
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Problem {
        Problem { code, detail: detail.into(), extensions: Map::new(), headers: Vec::new() }
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
        Problem::new(Code::UnknownModel, detail)
    }

    pub(crate) fn draining() -> Problem {
        let detail = "the server is shutting down: send it again in a moment";
        Problem::new(Code::Draining, detail).retry(1)
    }

    pub(crate) fn retry(self, seconds: u64) -> Problem {
        self.header(header::RETRY_AFTER, seconds)
    }

    /// What is said of a status that some layer below answered with, without saying more.
    fn of_status(status: StatusCode) -> Problem {
        let (code, detail) = match status {
            StatusCode::NOT_FOUND => (Code::NotFound, "there is nothing at this address"),
            StatusCode::METHOD_NOT_ALLOWED => {
                (Code::MethodNotAllowed, "see the header Allow for what is possible here")
            }
            StatusCode::PRECONDITION_FAILED => (Code::PreconditionFailed, "the file has changed since"),
            StatusCode::RANGE_NOT_SATISFIABLE => {
                (Code::RangeNotSatisfiable, "the file does not have this range of bytes")
            }
            status if status.is_server_error() => return Problem::internal(),
            _ => (Code::BadRequest, "the request could not be understood"),
        };
        Problem::new(code, detail)
    }

    /// Something went wrong here. What it was is in the log and nowhere else.
    pub(crate) fn internal() -> Problem {
        let detail = "something went wrong on the server; it is in the server's log";
        Problem::new(Code::Internal, detail)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        if let StoreError::Busy = error {
            let detail = "too many deltas are waiting to be written: send it again in a moment";
            return Problem::new(Code::Busy, detail).retry(1);
        }
        tracing::error!(%error, "the store failed a request");
        let detail = "the store does not answer; nothing was acknowledged: send it again in a moment";
        Problem::new(Code::StoreUnavailable, detail).retry(5)
    }
}

impl From<LearnError> for Problem {
    fn from(error: LearnError) -> Problem {
        let said = error.to_string();
        let code = match error {
            LearnError::Store(error) => return error.into(),
            LearnError::BadProfile | LearnError::Core(Error::BadProfile(_) | Error::IncompatibleProfile) => {
                Code::BadProfile
            }
            LearnError::TwoProfiles | LearnError::BadId(_) | LearnError::Core(Error::BadJson(_)) => Code::BadRequest,
            LearnError::Core(Error::BadValue { .. }) => Code::BadValue,
            LearnError::Core(Error::BadLabel(_)) => Code::BadLabel,
            LearnError::Core(Error::UnknownSlate) => Code::UnknownSlate,
            LearnError::Core(Error::UnknownItem) => Code::UnknownItem,
            LearnError::Core(Error::AlreadyLabelled) => Code::AlreadyLabelled,
            LearnError::NoRoom(_) => return Problem::new(Code::QuotaExceeded, said).retry(600),
            LearnError::Busy => return Problem::new(Code::Busy, said).retry(1),
            LearnError::Core(_) | LearnError::NoEntropy | LearnError::Panicked => {
                tracing::error!(error = said, "learning failed");
                return Problem::internal();
            }
        };
        Problem::new(code, said)
    }
}

impl From<OperateError> for Problem {
    fn from(error: OperateError) -> Problem {
        let said = error.to_string();
        match error {
            OperateError::Fold(FoldError::Store(error)) => error.into(),
            OperateError::Fold(error) => {
                tracing::error!(%error, "what an operator asked for failed");
                Problem::internal()
            }
            OperateError::UnknownVersion { newest, .. } => {
                Problem::new(Code::UnknownVersion, said).with("version", newest)
            }
            OperateError::Pruned { newest, .. } => Problem::new(Code::PrunedVersion, said).with("version", newest),
            OperateError::UnknownCandidate(_) => Problem::new(Code::UnknownCandidate, said),
            OperateError::Outdated(_) => Problem::new(Code::Outdated, said),
            OperateError::BadName(_) => Problem::new(Code::BadName, said),
            OperateError::BadSeed(_) => Problem::new(Code::BadSeed, said),
            OperateError::NotRebuilt(_) => Problem::new(Code::NotRebuilt, said),
            OperateError::InUse(_) => Problem::new(Code::InUse, said),
        }
    }
}

impl Problem {
    /// The document.
    fn document(&self) -> Map<String, Value> {
        let (name, status, title) = self.code.line();
        let mut body = Map::new();
        body.insert("type".into(), format!("urn:brooklet:problem:{name}").into());
        body.insert("title".into(), title.into());
        body.insert("status".into(), status.as_u16().into());
        body.insert("detail".into(), self.detail.clone().into());
        body.insert("code".into(), name.into());
        body.extend(self.extensions.clone());
        body
    }

    /// A whole answer, where there is nobody but the connection to give it to; it ends that.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let body = Value::Object(self.document()).to_string();
        let (status, length) = (self.code.line().1, body.len());
        let mut answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: {length}\r\ncache-control: no-store\r\n\
             x-content-type-options: nosniff\r\nconnection: close\r\n"
        )
        .into_bytes();
        for (name, value) in &self.headers {
            answer.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        answer.extend([b"\r\n", body.as_bytes()].concat());
        answer
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (name, status, _) = self.code.line();
        let mut response = (status, Json(self.document())).into_response();
        let all = response.headers_mut();
        all.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        all.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        all.extend(self.headers);
        response.extensions_mut().insert(Told(name));
        response
    }
}

/// Marks a response as a problem document, of this code.
#[derive(Debug, Clone, Copy)]
struct Told(&'static str);

/// The last hand on every response: counts problems, and turns the errors of the layers below (no such path, no such
/// method, a file that is not there) into problem documents that keep their headers.
pub(crate) async fn dress(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    // A file has no pattern, and its name is not told: there may be many.
    let route = route.as_ref().map_or("files", MatchedPath::as_str);
    state.metrics().answered(route, response.status().as_u16(), began.elapsed());
    if !response.status().is_client_error() && !response.status().is_server_error() {
        return response;
    }
    if let Some(Told(code)) = response.extensions().get() {
        state.metrics().refused(code);
        return response;
    }
    let problem = Problem::of_status(response.status());
    state.metrics().refused(problem.code.line().0);
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_reference_tells_exactly_these_codes() {
        let reference = include_str!("../../HTTP.md");
        // The rows of its table: status, code, title, and what to do about it.
        let rows = reference.lines().filter(|line| line.contains("` | **"));
        let told: BTreeSet<String> = rows.map(|row| row.split(" | ").take(3).collect::<Vec<_>>().join(" | ")).collect();
        let known: BTreeSet<String> = Code::ALL
            .iter()
            .map(|code| {
                let (name, status, title) = code.line();
                format!("| {} | `{name}` | **{title}**", status.as_u16())
            })
            .collect();
        assert_eq!(told, known);
    }

    #[test]
    fn what_the_core_refuses_keeps_its_name() {
        use brooklet_core::Error;
        for (code, error) in [
            (Code::BadDelta, Error::BadDelta("")),
            (Code::DeltaFormat, Error::DeltaFormat { found: 1, read: 2 }),
            (Code::StaleBase, Error::StaleBase { base: 1, current: 9 }),
            (Code::UnknownBase, Error::UnknownBase { base: 9, current: 1 }),
            (Code::WrongFactors, Error::WrongFactors { expected: 8, found: 4 }),
        ] {
            assert_eq!(code.line().0, error.code());
        }
    }
}

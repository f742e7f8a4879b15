//! Bodies in JSON that are asked for here: small, of this type, and read whole before anything is done.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderValue, header};
use serde::de::DeserializeOwned;

use crate::http::problem::{Code, Problem};

/// The media type.
const JSON: &str = "application/json";
/// More is no request of these.
const MOST: usize = 1 << 20;

/// What a body says; nothing is as good as `{}`.
pub(crate) struct Said<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Said<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Said<T>, Problem> {
        let media = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let is_json = media.split(';').next().unwrap_or("").trim().eq_ignore_ascii_case(JSON);
        let body = axum::body::to_bytes(request.into_body(), MOST).await.map_err(|_| {
            let detail = format!("a body in JSON may have {MOST} bytes, and has to arrive whole");
            Problem::new(Code::TooLarge, detail).with("limit", MOST)
        })?;
        if body.is_empty() {
            return of(&Bytes::from_static(b"{}"));
        }
        if !is_json {
            let detail = format!("this is sent as `content-type: {JSON}`");
            let problem = Problem::new(Code::UnsupportedMediaType, detail);
            return Err(problem.header(header::ACCEPT, HeaderValue::from_static(JSON)));
        }
        of(&body)
    }
}

fn of<T: DeserializeOwned>(body: &Bytes) -> Result<Said<T>, Problem> {
    serde_json::from_slice(body).map(Said).map_err(|error| Problem::new(Code::BadRequest, format!("the body: {error}")))
}

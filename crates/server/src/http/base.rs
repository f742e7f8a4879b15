//! Gives out bases: the current one, each version, and each by its entity tag.
//!
//! They are sent as they are: f16 and int8 rows hardly compress, and a compressed body would need an entity tag of its
//! own, for a strong tag stands for exact bytes.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::http::headers::{VERSION_HEADER, has_already};
use crate::http::problem::{Code, Problem};
use crate::state::AppState;

/// `GET /v1/models/{model}`
pub(crate) async fn current(
    State(state): State<AppState>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let model = state.model(&name).ok_or_else(|| Problem::unknown_model(&name))?;
    let current = model.current();
    answer(&headers, current.version, &current.etag, &current.bytes, "no-cache")
}

/// `GET /v1/models/{model}/versions/{n}`
pub(crate) async fn version(
    State(state): State<AppState>,
    Path((name, version)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let model = state.model(&name).ok_or_else(|| Problem::unknown_model(&name))?;
    let newest = model.current().version;
    let unknown = || {
        let detail = format!("`{name}` has no version `{version}`; the current one is {newest}");
        Problem::new(Code::UnknownVersion, detail).with("version", newest)
    };
    // The database counts in i64.
    let number = version.parse().ok().filter(|number| *number <= newest).ok_or_else(unknown)?;
    let stored = model.version(state.store(), number).await?.ok_or_else(unknown)?;
    let Some(base) = stored.base else {
        let detail = format!("version {number} of `{name}` is not kept any more; the current one is {newest}");
        return Err(Problem::new(Code::PrunedVersion, detail).with("version", newest));
    };
    // A store that is put back to an older state gives the number out again, for other bytes.
    answer(&headers, number, &stored.etag, &base, "no-cache")
}

/// `GET /v1/models/{model}/bases/{etag}`: the one address whose bytes never change, for it is made of them.
pub(crate) async fn of_tag(
    State(state): State<AppState>,
    Path((name, etag)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let model = state.model(&name).ok_or_else(|| Problem::unknown_model(&name))?;
    let newest = model.current().version;
    let unknown = || {
        let detail = format!("`{name}` keeps no base of the entity tag `{etag}`; the current version is {newest}");
        Problem::new(Code::UnknownVersion, detail).with("version", newest)
    };
    let number = state.store().tagged(&name, &etag).await?.filter(|number| *number <= newest).ok_or_else(unknown)?;
    let stored = model.version(state.store(), number).await?.ok_or_else(unknown)?;
    let base = stored.base.ok_or_else(unknown)?;
    answer(&headers, number, &stored.etag, &base, "public, max-age=31536000, immutable")
}

fn answer(
    headers: &HeaderMap,
    version: u64,
    etag: &str,
    base: &Bytes,
    cache: &'static str,
) -> Result<Response, Problem> {
    let quoted = HeaderValue::try_from(format!("\"{etag}\"")).map_err(|_| Problem::internal())?;
    let about = [
        (header::ETAG, quoted),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
        (VERSION_HEADER, version.into()),
    ];
    if has_already(headers, etag) {
        return Ok((StatusCode::NOT_MODIFIED, about).into_response());
    }
    let media_type = [(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))];
    Ok((about, media_type, base.clone()).into_response())
}

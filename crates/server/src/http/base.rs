//! Gives out bases: the current one, whole or as what has changed, each version, and each by its entity tag.

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::follow::catch_up;
use crate::http::headers::{VERSION_HEADER, has_already};
use crate::http::named;
use crate::http::negotiate::{COMPACT, PATCH, accepts};
use crate::http::problem::{Code, Problem};
use crate::state::AppState;

/// What a safetensors file is sent as.
const WHOLE: &str = "application/octet-stream";
/// What may be another tomorrow: caches keep it, and ask whether it still is.
const ASKED_EACH_TIME: &str = "no-cache";

/// Who asks, as far as it matters.
#[derive(serde::Deserialize)]
pub(crate) struct Asked {
    /// The version that he has.
    from: Option<u64>,
    /// Which of a hundred groups his client key is in, see [`brooklet_core::cohort`].
    cohort: Option<u8>,
}

/// `GET /v1/models/{model}`, and with `?from=N` what has changed since version N.
pub(crate) async fn current(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Query(Asked { from, cohort }): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let model = named::model(&state, &name)?;
    if from > Some(model.current().version) {
        // Another process may have published it. If that cannot be told now, what is known is given.
        let _ = catch_up(&state, &model).await;
    }
    let current = model.served(cohort);
    let compact = current.compact.as_ref().filter(|_| accepts(&headers, COMPACT));
    let wanted = from.zip(compact).filter(|(_, compact)| !has_already(&headers, &compact.etag));
    let patch = match wanted {
        Some((from, _)) => model.patch(state.store(), &current, from).await?,
        None => None,
    };
    let sent = match (compact, &patch) {
        (None, _) => Sent { tag: strong(&current.etag), media: WHOLE, bytes: &current.bytes },
        // It stands for the same version as the whole does, in other bytes: a weak tag.
        (Some(whole), Some(patch)) => Sent { tag: format!("W/{}", strong(&whole.etag)), media: PATCH, bytes: patch },
        (Some(whole), None) => Sent { tag: strong(&whole.etag), media: COMPACT, bytes: &whole.bytes },
    };
    let mut response = sent.answer(&headers, current.version, ASKED_EACH_TIME)?;
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// `GET /v1/models/{model}/names`: the names of the current version's rows, for what a page has not named itself.
pub(crate) async fn names(
    State(state): State<AppState>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let model = named::model(&state, &name)?;
    let current = model.current();
    let of = current.clone();
    let names = tokio::task::spawn_blocking(move || of.names()).await.ok().flatten().ok_or_else(Problem::internal)?;
    let sent = Sent { tag: strong(&format!("{}-names", current.etag)), media: "application/json", bytes: &names };
    sent.answer(&headers, current.version, ASKED_EACH_TIME)
}

/// `GET /v1/models/{model}/versions/{n}`
pub(crate) async fn version(
    State(state): State<AppState>,
    Path((name, version)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let model = named::model(&state, &name)?;
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
    Sent { tag: strong(&stored.etag), media: WHOLE, bytes: &base }.answer(&headers, number, ASKED_EACH_TIME)
}

/// `GET /v1/models/{model}/bases/{etag}`: the one address whose bytes never change, for it is made of them.
pub(crate) async fn of_tag(
    State(state): State<AppState>,
    Path((name, etag)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let model = named::model(&state, &name)?;
    let newest = model.current().version;
    let unknown = || {
        let detail = format!("`{name}` keeps no base of the entity tag `{etag}`; the current version is {newest}");
        Problem::new(Code::UnknownVersion, detail).with("version", newest)
    };
    let number = state.store().tagged(&name, &etag).await?.filter(|number| *number <= newest).ok_or_else(unknown)?;
    let stored = model.version(state.store(), number).await?.ok_or_else(unknown)?;
    let base = stored.base.ok_or_else(unknown)?;
    let sent = Sent { tag: strong(&stored.etag), media: WHOLE, bytes: &base };
    sent.answer(&headers, number, "public, max-age=31536000, immutable")
}

/// An entity tag that stands for exact bytes.
fn strong(etag: &str) -> String {
    format!("\"{etag}\"")
}

/// A body and what it is known by.
struct Sent<'a> {
    tag: String,
    media: &'static str,
    bytes: &'a Bytes,
}

impl Sent<'_> {
    fn answer(self, headers: &HeaderMap, version: u64, cache: &'static str) -> Result<Response, Problem> {
        let opaque = self.tag.trim_start_matches("W/").trim_matches('"');
        let has_already = has_already(headers, opaque);
        let about = [
            (header::ETAG, HeaderValue::try_from(self.tag).map_err(|_| Problem::internal())?),
            (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
            (VERSION_HEADER, version.into()),
        ];
        if has_already {
            return Ok((StatusCode::NOT_MODIFIED, about).into_response());
        }
        let media_type = [(header::CONTENT_TYPE, HeaderValue::from_static(self.media))];
        Ok((about, media_type, self.bytes.clone()).into_response())
    }
}

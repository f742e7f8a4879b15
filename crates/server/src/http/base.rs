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
use crate::model::{Current, Model};
use crate::state::{AppState, follow_operator};

/// What a safetensors file is sent as.
const WHOLE: &str = "application/octet-stream";
/// What may be another tomorrow: caches keep it, and ask whether it still is.
const ASKED_EACH_TIME: &str = "no-cache";
/// What never is another.
const KEPT: &str = "public, max-age=31536000, immutable";

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
    if cohort.is_some() && !has_already(&headers, current.tag(accepts(&headers, COMPACT))) {
        return elsewhere(&name, &current, from);
    }
    let sent = Sent::best(&state, &model, &current, from, &headers).await?;
    Ok(varying(sent.answer(&headers, current.version, ASKED_EACH_TIME)?))
}

/// Which version a client has depends on its group; the bytes do not, so that caches hold them once for all groups.
fn elsewhere(name: &str, current: &Current, from: Option<u64>) -> Result<Response, Problem> {
    let from = from.map_or_else(String::new, |from| format!("?from={from}"));
    // Relative, for whoever serves this below a path.
    let location = format!("{name}/bases/{}{from}", current.etag);
    let about = [
        (header::LOCATION, HeaderValue::try_from(location).map_err(|_| Problem::internal())?),
        (header::CACHE_CONTROL, HeaderValue::from_static(ASKED_EACH_TIME)),
        (VERSION_HEADER, current.version.into()),
    ];
    Ok(varying((StatusCode::TEMPORARY_REDIRECT, about).into_response()))
}

/// What is sent depends on what the caller says that it reads.
fn varying(mut response: Response) -> Response {
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    response
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
    let sent = Sent { tag: strong(&format!("{}-names", current.etag)), media: "application/json", bytes: names };
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
    Sent { tag: strong(&stored.etag), media: WHOLE, bytes: base }.answer(&headers, number, ASKED_EACH_TIME)
}

/// `GET /v1/models/{model}/bases/{etag}`: the one address that always stands for the same version, for it is made of its bytes.
pub(crate) async fn of_tag(
    State(state): State<AppState>,
    Path((name, etag)): Path<(String, String)>,
    Query(Asked { from, .. }): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let model = named::model(&state, &name)?;
    if model.out(&etag).is_none() {
        // Another process may have published it, or give it to a share of the clients.
        let _ = (catch_up(&state, &model).await, follow_operator(state.store(), state.config(), &model).await);
    }
    if let Some(out) = model.out(&etag) {
        let sent = Sent::best(&state, &model, &out, from, &headers).await?;
        return Ok(varying(sent.answer(&headers, out.version, KEPT)?));
    }
    let newest = model.current().version;
    let unknown = || {
        let detail = format!("`{name}` keeps no base of the entity tag `{etag}`; the current version is {newest}");
        Problem::new(Code::UnknownVersion, detail).with("version", newest)
    };
    let number = state.store().tagged(&name, &etag).await?.filter(|number| *number <= newest).ok_or_else(unknown)?;
    let stored = model.version(state.store(), number).await?.ok_or_else(unknown)?;
    let base = stored.base.ok_or_else(unknown)?;
    let sent = Sent { tag: strong(&stored.etag), media: WHOLE, bytes: base };
    Ok(varying(sent.answer(&headers, number, KEPT)?))
}

/// An entity tag that stands for exact bytes.
fn strong(etag: &str) -> String {
    format!("\"{etag}\"")
}

/// A body and what it is known by.
struct Sent {
    tag: String,
    media: &'static str,
    bytes: Bytes,
}

impl Sent {
    /// Of a version that is out, what the caller reads: what has changed since `from`, if that is known and less, or all of it.
    async fn best(
        state: &AppState,
        model: &Model,
        current: &Current,
        from: Option<u64>,
        headers: &HeaderMap,
    ) -> Result<Sent, Problem> {
        let Some(whole) = current.compact.as_ref().filter(|_| accepts(headers, COMPACT)) else {
            return Ok(Sent { tag: strong(&current.etag), media: WHOLE, bytes: current.bytes.clone() });
        };
        let patch = match from.filter(|_| !has_already(headers, &whole.etag)) {
            Some(from) => model.patch(state.store(), current, from).await?,
            None => None,
        };
        Ok(match patch {
            // It stands for the same version as the whole does, in other bytes: a weak tag.
            Some(patch) => Sent { tag: format!("W/{}", strong(&whole.etag)), media: PATCH, bytes: patch },
            None => Sent { tag: strong(&whole.etag), media: COMPACT, bytes: whole.bytes.clone() },
        })
    }

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
        Ok((about, media_type, self.bytes).into_response())
    }
}

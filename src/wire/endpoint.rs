//! The central endpoint over HTTP: bases come down, deltas go up.

use alloc::string::{String, ToString};

use brooklet_core::{Base, patched};
use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Headers, ReferrerPolicy, RequestCredentials, RequestInit, Response};

use crate::learning::verdict::{Answer, Verdict, http_code, verdict};
use crate::page::error::Failure;
use crate::page::host;
use crate::page::record::CachedBase;
use crate::page::vocabulary;

/// Requests that outlive their page share 64 KiB; the rest is room for headers and for the page's own.
const KEEPALIVE_LIMIT: usize = 60 * 1024;
/// How long an answer may take, in milliseconds.
pub(crate) const PATIENCE: u32 = 30_000;

/// Posts delta number `seq`. The request outlives the page.
pub(crate) async fn post(endpoint: &str, token: Option<&str>, seq: u64, delta: &[u8]) -> Result<Verdict, Failure> {
    let init = posting(token, delta)?;
    init.set_signal(Some(&AbortSignal::timeout_with_u32(PATIENCE)));
    let response = answer(&[endpoint, "/deltas"].concat(), &init).await?;
    let body = match response.json() {
        // A body that is not JSON tells nothing; the status still does.
        Ok(promise) => JsFuture::from(promise).await.unwrap_or_default(),
        Err(_) => JsValue::UNDEFINED,
    };
    Ok(verdict(seq, response.status(), read(&response, &body)))
}

/// Posts a delta and leaves it to the browser: nothing of this page runs when the answer comes.
pub(crate) fn post_and_go(endpoint: &str, token: Option<&str>, delta: &[u8]) {
    let Ok(init) = posting(token, delta) else { return };
    // A failure is as if the answer had got lost: the same bytes go out again.
    vocabulary::fetch_and_go(&[endpoint, "/deltas"].concat(), &init);
}

fn posting(token: Option<&str>, delta: &[u8]) -> Result<RequestInit, Failure> {
    let headers = headers(token)?;
    headers.set("content-type", "application/cbor").map_err(unexpected)?;
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_body(&Uint8Array::from(delta));
    // A delta says nothing about who sends it: no cookie, and no address of the page.
    init.set_credentials(RequestCredentials::Omit);
    init.set_referrer_policy(ReferrerPolicy::NoReferrer);
    if delta.len() < KEEPALIVE_LIMIT {
        init.unchecked_ref::<KeepAlive>().set_keepalive(true);
    }
    Ok(init)
}

/// What a page says that it reads: compact bases and patches before safetensors files.
const READS: &str = "application/vnd.brooklet.base, */*;q=0.1";
/// What an answer is that says what has changed.
const PATCH: &str = "application/vnd.brooklet.patch";

/// Who asks for a base, as far as it matters.
#[derive(Default)]
pub(crate) struct Asking<'a> {
    pub(crate) token: Option<&'a str>,
    /// Of what it has: the same is not fetched again.
    pub(crate) etag: Option<&'a str>,
    /// What it has, if what has changed since is enough.
    pub(crate) old: Option<Base>,
    /// Which of a hundred groups its client key is in: some may have the next version first.
    pub(crate) cohort: Option<u8>,
}

/// Fetches a base, unless it is there already. `signal`, if there is one, ends the wait.
pub(crate) async fn pull(
    url: &str,
    Asking { token, etag, mut old, cohort }: Asking<'_>,
    patience: u32,
    signal: Option<&AbortSignal>,
) -> Result<Option<(Base, CachedBase)>, Failure> {
    loop {
        let headers = headers(token)?;
        headers.set("accept", READS).map_err(unexpected)?;
        if let Some(etag) = etag {
            headers.set("if-none-match", etag).map_err(unexpected)?;
        }
        let init = RequestInit::new();
        init.set_headers(&headers);
        init.set_signal(Some(&vocabulary::bounded(patience, signal)));
        let since = old.as_ref().map(|old| old.metadata().version);
        let asked = asking(asking(url.into(), "from=", since), "cohort=", cohort.map(u64::from));
        let response = answer(&asked, &init).await?;
        match response.status() {
            304 => return Ok(None),
            status if !response.ok() => {
                return Err(Failure::named(http_code(status), ["no model came from ", url].concat()));
            }
            _ => {}
        }
        let header = |name| response.headers().get(name).map_err(unexpected);
        let (etag, is_patch) = (header("etag")?, header("content-type")?.as_deref() == Some(PATCH));
        let bytes = JsFuture::from(response.array_buffer().map_err(unexpected)?).await.map_err(unreachable)?;
        let bytes = Uint8Array::new(&bytes).to_vec();
        let base = match old.take().filter(|_| is_patch) {
            // Of another base of this number than ours: an endpoint that was put back to an older state has such.
            Some(old) => match patched(&old, &bytes) {
                Ok(base) => base,
                Err(_) => continue,
            },
            None => Base::decode(bytes)?,
        };
        let bytes = base.bytes().to_vec();
        return Ok(Some((base, CachedBase { url: url.into(), etag, bytes })));
    }
}

/// An address that asks for one thing more.
#[inline(never)]
fn asking(mut address: String, name: &str, value: Option<u64>) -> String {
    if let Some(value) = value {
        address += if address.contains('?') { "&" } else { "?" };
        address += name;
        address += &value.to_string();
    }
    address
}

fn headers(token: Option<&str>) -> Result<Headers, Failure> {
    let headers = Headers::new().map_err(unexpected)?;
    if let Some(token) = token {
        headers.set("authorization", &["Bearer ", token].concat()).map_err(unexpected)?;
    }
    Ok(headers)
}

fn read(response: &Response, body: &JsValue) -> Answer {
    let retry_after = response.headers().get("retry-after").ok().flatten();
    let retry_after = retry_after.and_then(|seconds| seconds.trim().parse::<u32>().ok()).map(f64::from);
    if !body.is_object() {
        return Answer { retry_after, ..Answer::default() };
    }
    let field = |name: &str| Reflect::get(body, &name.into()).unwrap_or_default();
    let count = |name: &str| field(name).as_f64().map(|count| count as u64);
    Answer {
        code: field("code").as_string(),
        acknowledged: count("acknowledged"),
        repeat: field("repeat").as_bool().unwrap_or_default(),
        version: count("version"),
        retry_after,
    }
}

async fn answer(url: &str, init: &RequestInit) -> Result<Response, Failure> {
    let outcome = match host::fetch(url, init) {
        Ok(promise) => JsFuture::from(promise).await,
        Err(thrown) => Err(thrown),
    };
    let failure = match outcome {
        Ok(response) => return Ok(response.unchecked_into()),
        Err(thrown) => unreachable(thrown),
    };
    // To a page, an answer that it may not read is as none; to who is to mend it, it is not.
    if failure.is(Failure::OFFLINE.code())
        && JsFuture::from(vocabulary::barred(url)).await.is_ok_and(|barred| barred.is_truthy())
    {
        return Err(Failure::new(
            "cors",
            "the endpoint answers, but not to pages of this origin: it has to allow it (CORS; `brooklet serve --allow-origin`)",
        ));
    }
    Err(failure)
}

/// A request that got no answer. Browsers do not tell why, so that pages cannot probe networks.
fn unreachable(thrown: JsValue) -> Failure {
    let name = thrown.dyn_ref::<web_sys::DomException>().map(web_sys::DomException::name);
    match name.as_deref() {
        Some("TimeoutError") => Failure::new("timeout", "the endpoint took too long to answer"),
        Some("AbortError") => Failure::new("aborted", "the page called it off"),
        _ => Failure::OFFLINE,
    }
}

fn unexpected(thrown: JsValue) -> Failure {
    Failure::thrown("unexpected", &thrown)
}

#[wasm_bindgen]
extern "C" {
    /// `RequestInit`, for the one member that web-sys does not have.
    type KeepAlive;
    #[wasm_bindgen(method, setter)]
    fn set_keepalive(this: &KeepAlive, keepalive: bool);
}

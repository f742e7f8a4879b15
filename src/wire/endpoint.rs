//! The central endpoint over HTTP: bases come down, deltas go up.
//!
//! What an answer means is decided in [`verdict`], which knows no browser.

use alloc::string::String;
use alloc::string::ToString;
use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Headers, ReferrerPolicy, RequestCredentials, RequestInit, Response};

use crate::page::error::Failure;
use crate::page::host;
use crate::page::record::CachedBase;
use crate::page::vocabulary;

/// Requests that outlive their page share 64 KiB; the rest is room for headers and for the page's own.
const KEEPALIVE_LIMIT: usize = 60 * 1024;
/// How long an answer may take, in milliseconds.
pub(crate) const PATIENCE: u32 = 30_000;

/// What the endpoint said to a delta.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    /// It is durable (perhaps since an earlier attempt), and this is the current version.
    Acknowledged { repeat: bool, version: u64 },
    /// Earlier deltas of this client never arrived: go on as a new client.
    Gap,
    /// It was computed against a base that is too old: pull the current one, and compute it again.
    Stale,
    /// It was not taken, for a reason that time or an operator may mend.
    Refused(String),
}

/// What the body of an answer told, as far as it told it.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) code: Option<String>,
    pub(crate) acknowledged: Option<u64>,
    pub(crate) repeat: bool,
    pub(crate) version: Option<u64>,
}

/// The meaning of a status and a body, in answer to delta number `seq`.
pub(crate) fn verdict(seq: u64, status: u16, answer: Answer) -> Verdict {
    match (status, answer.version) {
        (200, Some(version)) if answer.acknowledged == Some(seq) => {
            Verdict::Acknowledged { repeat: answer.repeat, version }
        }
        (409, _) => Verdict::Gap,
        (410, _) => Verdict::Stale,
        _ => Verdict::Refused(answer.code.unwrap_or_else(|| http_code(status))),
    }
}

/// Posts delta number `seq`. The request outlives the page.
pub(crate) async fn post(endpoint: &str, seq: u64, delta: &[u8]) -> Result<Verdict, Failure> {
    let init = posting(delta)?;
    init.set_signal(Some(&AbortSignal::timeout_with_u32(PATIENCE)));
    let response = answer(&[endpoint, "/deltas"].concat(), &init).await?;
    let body = match response.json() {
        // A body that is not JSON tells nothing; the status still does.
        Ok(promise) => JsFuture::from(promise).await.unwrap_or_default(),
        Err(_) => JsValue::UNDEFINED,
    };
    Ok(verdict(seq, response.status(), Answer::from_json(&body)))
}

/// Posts a delta and leaves it to the browser: nothing of this page runs when the answer comes.
pub(crate) fn post_and_go(endpoint: &str, delta: &[u8]) {
    let Ok(init) = posting(delta) else { return };
    // A failure is as if the answer had got lost: the same bytes go out again.
    vocabulary::fetch_and_go(&[endpoint, "/deltas"].concat(), &init);
}

fn posting(delta: &[u8]) -> Result<RequestInit, Failure> {
    let headers = Headers::new().map_err(unexpected)?;
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

/// Fetches a base, unless it is still the one of `etag`.
pub(crate) async fn pull(url: &str, etag: Option<&str>, patience: u32) -> Result<Option<CachedBase>, Failure> {
    let headers = Headers::new().map_err(unexpected)?;
    if let Some(etag) = etag {
        headers.set("if-none-match", etag).map_err(unexpected)?;
    }
    let init = RequestInit::new();
    init.set_headers(&headers);
    init.set_signal(Some(&AbortSignal::timeout_with_u32(patience)));
    let response = answer(url, &init).await?;
    match response.status() {
        304 => return Ok(None),
        status if !response.ok() => {
            return Err(Failure::named(http_code(status), ["no model came from ", url].concat()));
        }
        _ => {}
    }
    let etag = response.headers().get("etag").map_err(unexpected)?;
    let bytes = JsFuture::from(response.array_buffer().map_err(unexpected)?).await.map_err(unreachable)?;
    Ok(Some(CachedBase { url: url.into(), etag, bytes: Uint8Array::new(&bytes).to_vec() }))
}

impl Answer {
    fn from_json(body: &JsValue) -> Answer {
        if !body.is_object() {
            return Answer::default();
        }
        let field = |name: &str| Reflect::get(body, &name.into()).unwrap_or_default();
        let count = |name: &str| field(name).as_f64().map(|count| count as u64);
        Answer {
            code: field("code").as_string(),
            acknowledged: count("acknowledged"),
            repeat: field("repeat").as_bool().unwrap_or_default(),
            version: count("version"),
        }
    }
}

async fn answer(url: &str, init: &RequestInit) -> Result<Response, Failure> {
    let promise = host::fetch(url, init).map_err(unreachable)?;
    Ok(JsFuture::from(promise).await.map_err(unreachable)?.unchecked_into())
}

/// A request that got no answer. Browsers do not tell why, so that pages cannot probe networks.
fn unreachable(thrown: JsValue) -> Failure {
    let timed_out = thrown.dyn_ref::<web_sys::DomException>().is_some_and(|error| error.name() == "TimeoutError");
    if timed_out { Failure::new("timeout", "the endpoint took too long to answer") } else { Failure::OFFLINE }
}

fn unexpected(thrown: JsValue) -> Failure {
    Failure::thrown("unexpected", &thrown)
}

fn http_code(status: u16) -> String {
    ["http_", &status.to_string()].concat()
}

#[wasm_bindgen]
extern "C" {
    /// `RequestInit`, for the one member that web-sys does not have.
    type KeepAlive;
    #[wasm_bindgen(method, setter)]
    fn set_keepalive(this: &KeepAlive, keepalive: bool);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(code: &str) -> Answer {
        Answer { code: Some(code.into()), ..Answer::default() }
    }

    #[test]
    fn an_answer_is_taken_by_its_status() {
        let fine = Answer { acknowledged: Some(1), version: Some(3), ..Answer::default() };
        assert_eq!(verdict(1, 200, fine), Verdict::Acknowledged { repeat: false, version: 3 });
        assert_eq!(verdict(1, 409, problem("sequence_gap")), Verdict::Gap);
        assert_eq!(verdict(1, 410, problem("stale_base")), Verdict::Stale);
        assert_eq!(verdict(1, 400, problem("bad_delta")), Verdict::Refused("bad_delta".into()));
        assert_eq!(verdict(1, 502, Answer::default()), Verdict::Refused("http_502".into()));
    }

    #[test]
    fn a_200_of_somebody_else_is_no_acknowledgement() {
        // A captive portal answers every request with its own page.
        assert_eq!(verdict(1, 200, Answer::default()), Verdict::Refused("http_200".into()));
    }
}

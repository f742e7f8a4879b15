//! What `Learner.open` is given.

use alloc::string::String;
use alloc::string::ToString;
use brooklet_core::Config;
use js_sys::Function;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::AbortSignal;

use crate::api::config;
use crate::learning::consent::Consent;
use crate::page::error::Failure;
use crate::page::host;
use crate::page::object::{bytes, field, is_whole, only};
use crate::page::vocabulary::unfit;
use crate::tab::open::{Options, Source};
use crate::tab::pace::Pace;
use crate::wire::endpoint::PATIENCE;
use crate::wire::token::Token;

const NAMES: [&str; 12] = [
    "url",
    "bytes",
    "endpoint",
    "endpointToken",
    "store",
    "log",
    "syncEvents",
    "syncSeconds",
    "onEvent",
    "timeout",
    "signal",
    "consent",
];
/// They are lines of some hundred bytes, all in memory.
const LONGEST_LOG: f64 = 1_000_000.0;
const DEFAULT_STORE: &str = "brooklet";
const DEFAULT_PACE: Pace = Pace { events: 20.0, seconds: 60.0 };

/// Reads the options. One that is misspelt is an error, not a default.
pub(crate) fn options(options: &JsValue) -> Result<Options, Failure> {
    let names = [&NAMES[..], config::NAMES[0], config::NAMES[1]].concat();
    only(options, &names, "Learner.open")?;
    let endpoint = field(options, "endpoint")?.map(|value| address(&value)).transpose()?;
    let endpoint = endpoint.map(|endpoint| endpoint.trim_end_matches('/').to_string());
    let log = log(options)?;
    let config = config::config(options, (host::random() * f64::from(u32::MAX)) as u64)?;
    Ok(Options {
        source: source(options, endpoint.as_deref())?,
        endpoint,
        token: function(options, "endpointToken")?.map(Token::new),
        store: store(options)?,
        log,
        config: Config { log: log > 0, ..config },
        pace: Pace {
            events: positive(options, "syncEvents")?.unwrap_or(DEFAULT_PACE.events),
            seconds: positive(options, "syncSeconds")?.unwrap_or(DEFAULT_PACE.seconds),
        },
        consent: field(options, "consent")?
            .map_or(Ok(Consent::Sharing), |value| consent(&value))?
            .heeding_the_browser(),
        on_event: function(options, "onEvent")?,
        timeout: timeout(options)?,
        signal: field(options, "signal")?
            .map(|value| value.dyn_into::<AbortSignal>().map_err(|_| Failure::argument("`signal` is an AbortSignal")))
            .transpose()?,
    })
}

fn function(options: &JsValue, name: &str) -> Result<Option<Function>, Failure> {
    let function = field(options, name)?.map(JsCast::dyn_into::<Function>).transpose();
    function.map_err(|_| Failure::argument("`onEvent` and `endpointToken` are functions"))
}

/// What a visitor allows.
pub(crate) fn consent(value: &JsValue) -> Result<Consent, Failure> {
    let consent = value.as_string().and_then(|name| Consent::named(&name));
    consent.ok_or(Failure::argument("consent is \"off\", \"personal\" or \"sharing\""))
}

fn timeout(options: &JsValue) -> Result<u32, Failure> {
    match field(options, "timeout")?.map(|value| value.as_f64()) {
        None => Ok(PATIENCE),
        Some(Some(x)) if x > 0.0 && x <= f64::from(u32::MAX) => Ok(x as u32),
        Some(_) => Err(Failure::argument("`timeout` is a number of milliseconds above 0")),
    }
}

fn source(options: &JsValue, endpoint: Option<&str>) -> Result<Source, Failure> {
    match (field(options, "url")?, field(options, "bytes")?, endpoint) {
        (Some(_), Some(_), _) => Err(Failure::argument("pass `url` or `bytes`, not both")),
        (Some(url), None, _) => Ok(Source::Url(address(&url)?)),
        (None, Some(value), _) => match bytes(&value) {
            Some(bytes) => Ok(Source::Bytes(bytes)),
            None => Err(Failure::argument("`bytes` is a Uint8Array or an ArrayBuffer")),
        },
        (None, None, Some(endpoint)) => Ok(Source::Url(endpoint.into())),
        (None, None, None) => Err(Failure::argument("pass `url` or `bytes`: a learner begins with a model")),
    }
}

/// A string or a `URL`.
fn address(value: &JsValue) -> Result<String, Failure> {
    let text = match value.as_string() {
        Some(text) => Some(text),
        None if value.is_object() => field(value, "href")?.and_then(|href| href.as_string()),
        None => None,
    };
    let text = text.ok_or(Failure::argument("`url` and `endpoint` are strings or URLs"))?;
    match unfit(&text) {
        None => Ok(text),
        Some(why) => Err(Failure::named("bad_argument", why)),
    }
}

/// Absent is the default's name, null is no store at all.
fn store(options: &JsValue) -> Result<Option<String>, Failure> {
    // The only option in which null and undefined differ.
    if js_sys::Reflect::get(options, &"store".into()).is_ok_and(|value| value.is_null()) {
        return Ok(None);
    }
    match field(options, "store")? {
        None => Ok(Some(DEFAULT_STORE.into())),
        Some(value) => match value.as_string() {
            Some(name) if !name.is_empty() => Ok(Some(name)),
            _ => Err(Failure::argument("`store` is a name, or null to keep nothing")),
        },
    }
}

fn log(options: &JsValue) -> Result<usize, Failure> {
    match field(options, "log")?.map(|value| value.as_f64()) {
        None => Ok(0),
        Some(Some(x)) if (0.0..=LONGEST_LOG).contains(&x) && is_whole(x) => Ok(x as usize),
        Some(_) => Err(Failure::argument("`log` is a whole number of records, at most a million")),
    }
}

fn positive(options: &JsValue, name: &str) -> Result<Option<f64>, Failure> {
    match field(options, name)?.map(|value| value.as_f64()) {
        None => Ok(None),
        Some(Some(x)) if x > 0.0 => Ok(Some(x)),
        Some(_) => Err(Failure::argument("`syncEvents` and `syncSeconds` are numbers above 0")),
    }
}

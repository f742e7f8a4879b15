//! Reads a delta's body, and never more of it than the limits allow, compressed or not.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::gzip;
use crate::http::problem::{Code, Problem};

const CBOR: &str = "application/cbor";

/// How much is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Bytes as sent.
    pub(crate) sent: usize,
    /// Bytes after decompression.
    pub(crate) inflated: usize,
    /// How long sending may take.
    pub(crate) time: Duration,
}

impl Limits {
    /// The most memory that a body with these headers takes.
    pub(crate) fn most(&self, headers: &HeaderMap) -> usize {
        let sent = length(headers).map_or(self.sent, |length| length.min(self.sent as u64) as usize);
        if headers.contains_key(header::CONTENT_ENCODING) { sent.saturating_add(self.inflated) } else { sent }
    }
}

/// A body as it was sent, and decompressed.
pub(crate) struct Read {
    pub(crate) sent: Bytes,
    pub(crate) plain: Bytes,
}

/// Reads a body of type `application/cbor`.
pub(crate) async fn read(headers: &HeaderMap, body: Body, limits: Limits) -> Result<Read, Problem> {
    expect_cbor(headers)?;
    let encoding = Encoding::of(headers)?;
    if length(headers).is_some_and(|length| length > limits.sent as u64) {
        return Err(too_large(limits.sent, "bytes as sent"));
    }
    let collected = tokio::time::timeout(limits.time, Limited::new(body, limits.sent).collect()).await;
    let sent = match collected {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large(limits.sent, "bytes as sent")),
        Ok(Err(_)) => {
            let detail = "the body broke off";
            return Err(Problem::new(Code::IncompleteBody, detail));
        }
        Err(_) => {
            let detail = format!("the body did not arrive within {} seconds", limits.time.as_secs());
            return Err(Problem::new(Code::SlowBody, detail));
        }
    };
    match encoding {
        Encoding::Identity if sent.len() > limits.inflated => Err(too_large(limits.inflated, "bytes uncompressed")),
        Encoding::Identity => Ok(Read { plain: sent.clone(), sent }),
        Encoding::Gzip => Ok(Read { plain: inflate(&sent, limits.inflated)?, sent }),
    }
}

/// How long a body says that it is.
fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

enum Encoding {
    Identity,
    Gzip,
}

impl Encoding {
    fn of(headers: &HeaderMap) -> Result<Encoding, Problem> {
        let Some(encoding) = headers.get(header::CONTENT_ENCODING) else { return Ok(Encoding::Identity) };
        let is = |name: &str| encoding.as_bytes().trim_ascii().eq_ignore_ascii_case(name.as_bytes());
        if is("gzip") || is("x-gzip") {
            Ok(Encoding::Gzip)
        } else if is("identity") {
            Ok(Encoding::Identity)
        } else {
            let detail = "a delta may be sent plain or with `content-encoding: gzip`";
            Err(Problem::new(Code::UnsupportedEncoding, detail)
                .header(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, identity")))
        }
    }
}

fn expect_cbor(headers: &HeaderMap) -> Result<(), Problem> {
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = sent.split(';').next().unwrap_or("").trim();
    if essence.eq_ignore_ascii_case(CBOR) {
        return Ok(());
    }
    let detail = format!("a delta is sent as `content-type: {CBOR}`");
    Err(Problem::new(Code::UnsupportedMediaType, detail).header(header::ACCEPT, HeaderValue::from_static(CBOR)))
}

fn inflate(sent: &[u8], limit: usize) -> Result<Bytes, Problem> {
    // One byte more than allowed tells too long from just long enough.
    match gzip::inflate(sent, limit + 1) {
        Ok(inflated) if inflated.len() > limit => Err(too_large(limit, "bytes decompressed")),
        Ok(inflated) => Ok(inflated.into()),
        Err(_) => {
            let detail = "the body is not what `content-encoding: gzip` says";
            Err(Problem::new(Code::BadGzip, detail))
        }
    }
}

pub(crate) fn too_large(limit: usize, of_what: &str) -> Problem {
    let detail = format!("a delta may have {limit} {of_what}: send fewer rows at a time");
    Problem::new(Code::TooLarge, detail).with("limit", limit)
}

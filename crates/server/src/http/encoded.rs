//! Compressed bodies: each is compressed once for each encoding, and kept as long as it is current and there is room.
//!
//! An entity tag stands for exact bytes (RFC 9110, 8.8.3), so what is compressed has one of its own: `"abc"` becomes `"abc-br"`. What has
//! neither a tag nor a time is not compressed, for nothing would tell whether it is still the same.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Bytes, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::OnceCell;
use xxhash_rust::xxh3::xxh3_128;

use crate::http::problem::Problem;

/// Less is not worth its headers.
const LEAST: u64 = 512;
/// More is sent as it is: it would take minutes.
const MOST: u64 = 64 << 20;
/// Bytes up to which an hour of a processor buys little: above, brotli and zstd are told to hurry.
const SMALL: usize = 4 << 20;
/// What is kept in all, compressed.
const ROOM: usize = 128 << 20;

/// Encodings in the order in which they are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Encoding {
    Brotli,
    Zstd,
    Gzip,
}

impl Encoding {
    const ALL: [Encoding; 3] = [Encoding::Brotli, Encoding::Zstd, Encoding::Gzip];

    fn name(self) -> &'static str {
        match self {
            Encoding::Brotli => "br",
            Encoding::Zstd => "zstd",
            Encoding::Gzip => "gzip",
        }
    }

    /// The one that the caller likes most; of those alike, the first.
    fn wanted(headers: &HeaderMap) -> Option<Encoding> {
        let mut best = None;
        let said = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        let said: Vec<(&str, f32)> = said.flat_map(|value| value.split(',')).map(weighed).collect();
        for encoding in Encoding::ALL {
            let named = |name: &str| said.iter().find(|(coding, _)| coding.eq_ignore_ascii_case(name));
            let weight = named(encoding.name()).or_else(|| named("*")).map_or(0.0, |(_, weight)| *weight);
            if weight > best.map_or(0.0, |(_, best)| best) {
                best = Some((encoding, weight));
            }
        }
        best.map(|(encoding, _)| encoding)
    }

    fn compress(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let small = bytes.len() <= SMALL;
        let mut out = Vec::new();
        match self {
            Encoding::Brotli => {
                let quality = if small { 11 } else { 6 };
                let params = brotli::enc::BrotliEncoderParams { quality, size_hint: bytes.len(), ..Default::default() };
                brotli::BrotliCompress(&mut &*bytes, &mut out, &params)?;
            }
            Encoding::Zstd => out = zstd::bulk::compress(bytes, if small { 19 } else { 9 })?,
            Encoding::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(&mut out, flate2::Compression::best());
                encoder.write_all(bytes)?;
                encoder.finish()?;
            }
        }
        Ok(out)
    }
}

/// `gzip;q=0.5`: what, and how much it is liked.
fn weighed(said: &str) -> (&str, f32) {
    let (coding, parameters) = said.split_once(';').unwrap_or((said, ""));
    let weight = parameters.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse);
    (coding.trim(), weight.unwrap_or(0.0))
}

/// What a body is known by: its bytes. An address does not tell it: whoever asks may put any query behind the path of a file, and each would be
/// compressed anew.
type Key = (u128, Encoding);
/// Compressed; None if that made it no smaller.
type Compressed = Arc<OnceCell<Option<Bytes>>>;

/// What was compressed, the oldest first.
#[derive(Debug, Default, Clone)]
pub(crate) struct Encodings(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    bodies: HashMap<Key, Compressed>,
    order: VecDeque<Key>,
    bytes: usize,
}

impl Encodings {
    /// The place of a body, made if there is none. Whoever finds it empty fills it, and all others wait.
    fn place(&self, key: Key) -> Compressed {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = kept.bodies.get(&key) {
            return found.clone();
        }
        let place = Compressed::default();
        kept.bodies.insert(key, place.clone());
        kept.order.push_back(key);
        place
    }

    /// Counts what came into a place, and forgets the oldest if there is no room.
    fn filled(&self, bytes: usize) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += bytes;
        while kept.bytes > ROOM || kept.order.len() > 4096 {
            let Some(oldest) = kept.order.pop_front() else { break };
            let gone = kept.bodies.remove(&oldest);
            let size = gone.and_then(|gone| gone.get().cloned().flatten()).map_or(0, |bytes| bytes.len());
            kept.bytes -= size.min(kept.bytes);
        }
    }
}

/// Compresses what whoever asks can read.
pub(crate) async fn send(State(encodings): State<Encodings>, mut request: Request, next: Next) -> Response {
    let wanted = Encoding::wanted(request.headers())
        .filter(|_| request.method() == Method::GET && !request.headers().contains_key(header::RANGE));
    let had = has_encoded(request.headers_mut());
    let mut response = next.run(request).await;
    if response.status() == StatusCode::NOT_MODIFIED {
        if let Some(encoding) = had {
            retag(response.headers_mut(), encoding);
        }
        return response;
    }
    if response.status() != StatusCode::OK || !is_worth_it(&response) {
        return response;
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    let Some(encoding) = wanted else { return response };
    let (mut parts, body) = response.into_parts();
    // A file that ends before its length was told.
    let Ok(plain) = to_bytes(body, MOST as usize).await else { return Problem::internal().into_response() };
    let place = encodings.place((xxh3_128(&plain), encoding));
    let source = plain.clone();
    let compress = || async {
        let compressed = tokio::task::spawn_blocking(move || encoding.compress(&source)).await;
        let smaller = compressed.ok().and_then(Result::ok).filter(|bytes| bytes.len() < plain.len()).map(Bytes::from);
        encodings.filled(smaller.as_ref().map_or(0, Bytes::len));
        smaller
    };
    let Some(compressed) = place.get_or_init(compress).await.clone() else {
        return Response::from_parts(parts, plain.into());
    };
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
    parts.headers.insert(header::CONTENT_LENGTH, compressed.len().into());
    parts.headers.remove(header::ACCEPT_RANGES);
    retag(&mut parts.headers, encoding);
    Response::from_parts(parts, compressed.into())
}

/// Whether a body shrinks, and something tells its reader whether it is still the same.
fn is_worth_it(response: &Response) -> bool {
    let headers = response.headers();
    let of = |name| headers.get(name).and_then(|value| value.to_str().ok());
    // A file is sent as a stream of a length that its header tells.
    let told = of(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let length = told.or(response.body().size_hint().exact());
    let shrinks = of(header::CONTENT_TYPE).is_some_and(|media| {
        media.starts_with("text/")
            || ["javascript", "json", "wasm", "svg", "octet-stream", "brooklet", "xml"]
                .iter()
                .any(|kind| media.contains(kind))
    });
    let known = headers.contains_key(header::ETAG) || headers.contains_key(header::LAST_MODIFIED);
    let plain = !headers.contains_key(header::CONTENT_ENCODING);
    length.is_some_and(|length| (LEAST..=MOST).contains(&length)) && shrinks && known && plain
}

/// Names a compressed body apart from the plain one. A weak tag stands for either.
fn retag(headers: &mut HeaderMap, encoding: Encoding) {
    let tag = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()).and_then(|tag| tag.strip_prefix('"'));
    let tagged = tag.and_then(|tag| tag.strip_suffix('"')).map(|tag| format!("\"{tag}-{}\"", encoding.name()));
    if let Some(tagged) = tagged.and_then(|tag| HeaderValue::try_from(tag).ok()) {
        headers.insert(header::ETAG, tagged);
    }
}

/// Turns the tags of compressed bodies in `If-None-Match` into those of what they were made of; which encoding the last of them was in.
fn has_encoded(headers: &mut HeaderMap) -> Option<Encoding> {
    let said: Vec<String> = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| Some(value.to_str().ok()?.to_owned()))
        .collect();
    let mut had = None;
    let mut tags = said.join(", ");
    for encoding in Encoding::ALL {
        let ending = format!("-{}\"", encoding.name());
        if tags.contains(&ending) {
            had = Some(encoding);
            tags = tags.replace(&ending, "\"");
        }
    }
    if had.is_some()
        && let Ok(tags) = HeaderValue::try_from(tags)
    {
        headers.insert(header::IF_NONE_MATCH, tags);
    }
    had
}

#[cfg(test)]
mod tests {
    use super::*;
    use tower::ServiceExt;

    #[test]
    fn what_is_liked_most_is_sent() {
        let wanted = |said: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, said.parse().unwrap());
            Encoding::wanted(&headers)
        };
        assert_eq!(wanted("gzip, deflate, br, zstd"), Some(Encoding::Brotli));
        assert_eq!(wanted("gzip, zstd"), Some(Encoding::Zstd));
        assert_eq!(wanted("br;q=0.5, GZIP;q=0.9"), Some(Encoding::Gzip));
        assert_eq!(wanted("br;q=0, *;q=0.1"), Some(Encoding::Zstd));
        assert_eq!(wanted("identity, deflate"), None);
        assert_eq!(wanted("br;q=much"), None);
        assert_eq!(Encoding::wanted(&HeaderMap::new()), None);
    }

    #[tokio::test]
    async fn a_body_is_compressed_once_whatever_its_address() {
        let text = "as often as it is asked for ".repeat(100);
        let body =
            move || async move { ([(header::CONTENT_TYPE, "text/plain"), (header::ETAG, "\"a\"")], text.clone()) };
        let encodings = Encodings::default();
        let pages = axum::Router::new().route("/page", axum::routing::get(body));
        let pages = pages.layer(axum::middleware::from_fn_with_state(encodings.clone(), send));
        for n in 0..3 {
            let request = Request::get(format!("/page?n={n}")).header(header::ACCEPT_ENCODING, "br");
            let answer = pages.clone().oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
            assert_eq!(answer.headers()[header::CONTENT_ENCODING], "br");
        }
        assert_eq!(encodings.0.lock().unwrap().bodies.len(), 1);
    }

    #[test]
    fn the_oldest_makes_room() {
        let encodings = Encodings::default();
        let key = |n: u128| (n, Encoding::Gzip);
        for n in 0..3 {
            let place = encodings.place(key(n));
            place.set(Some(Bytes::from(vec![0; ROOM / 2]))).unwrap();
            encodings.filled(ROOM / 2);
        }
        assert!(encodings.place(key(2)).get().is_some());
        assert!(encodings.place(key(0)).get().is_none(), "it is forgotten");
    }
}

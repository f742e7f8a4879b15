//! Deltas are kept as they were sent, so that what shrinks well on the wire is no larger in the store.

use std::borrow::Cow;
use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

/// What a gzip file begins with (RFC 1952). A delta is a map of CBOR, which does not.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Decompresses gzip, up to `most` bytes of it.
pub(crate) fn inflate(sent: &[u8], most: usize) -> io::Result<Vec<u8>> {
    let mut inflated = Vec::new();
    MultiGzDecoder::new(sent).take(most as u64).read_to_end(&mut inflated)?;
    Ok(inflated)
}

/// A delta as it is stored, decompressed if it is compressed.
pub(crate) fn plain(stored: &[u8]) -> io::Result<Cow<'_, [u8]>> {
    if stored.starts_with(&MAGIC) { Ok(inflate(stored, usize::MAX)?.into()) } else { Ok(stored.into()) }
}

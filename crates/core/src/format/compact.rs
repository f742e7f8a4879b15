//! The base as it is sent to browsers: the rows alone, in a byte a number, so that a general compressor finds what is left.
//!
//! | bytes | holds |
//! |---|---|
//! | 8 | `brooklet` |
//! | 4 | 2, the format |
//! | 4 | m, the length of the metadata |
//! | 4 | n, the number of rows |
//! | 4 | b, the bits of an id |
//! | m | the JSON of [`Metadata`], with `steps`, and nothing in `training` |
//! | n ceil(b / 8) | the first b bits of each id less those of the row before, ascending: the lowest byte of all rows, then the next |
//! | n (1 + k) | I8: how many steps each number is, column by column; then those of `catalogue` |
//!
//! Integers are little-endian. A number is its I8 times its column's step. Ids have 20 bits more than it takes to count the rows, so what the base does not know is taken for a row once in a million names, and as many more
//! as tell its rows apart. Names are not in it, nor what only training and the endpoint need.

use crate::error::{Error, Fault};
use crate::format::metadata::{Metadata, Steps};
use crate::limits::MAX_HEADER;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

/// What a blob begins with. As the length of a safetensors header it would be far too long.
pub(crate) const MAGIC: &[u8; 8] = b"brooklet";
/// The number of the format.
pub(crate) const FORMAT: u32 = 2;
/// Bytes before the metadata.
pub(crate) const HEAD: usize = 24;

/// Where the parts of a blob lie.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) rows: usize,
    /// Of an id.
    pub(crate) bits: u32,
    pub(crate) metadata: Range<usize>,
    pub(crate) ids: Range<usize>,
    pub(crate) numbers: Range<usize>,
}

impl Layout {
    /// Bytes of an id.
    pub(crate) fn planes(&self) -> usize {
        self.bits.div_ceil(8) as usize
    }

    /// Of a blob, with its metadata.
    pub(crate) fn of(bytes: &[u8]) -> Result<(Layout, Metadata), Error> {
        let bad = |path, expected, found: &'static str| Error::BadBase(Fault::of(path, expected, found.into()));
        let short = || bad("the file", "as many bytes as its rows take", "other many");
        let four = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let (Some(format), Some(length), Some(rows), Some(bits)) = (four(8), four(12), four(16), four(20)) else {
            return Err(short());
        };
        if format != FORMAT {
            return Err(bad("the file", "a base of format 1 or 2", "one of another"));
        }
        if bits > 64 || length as usize > MAX_HEADER {
            return Err(bad("the file", "ids of at most 64 bits and a header of at most 16 MiB", "more"));
        }
        let (rows, metadata) = (rows as usize, HEAD..HEAD + length as usize);
        let text = bytes.get(metadata.clone()).ok_or_else(short)?;
        let text = core::str::from_utf8(text).map_err(|_| bad("the header", "UTF-8", "other bytes"))?;
        let about = Metadata::parse(text)?;
        let ids = bits.div_ceil(8) as usize;
        let columns = match &about.steps {
            Some(Steps { rows, catalogue }) => rows.len() + catalogue.len(),
            None => return Err(bad("the header", "steps", "none")),
        };
        // Neither overflows where the rows take no more than the bytes that there are.
        let total = rows.checked_mul(ids + columns).and_then(|bytes| bytes.checked_add(metadata.end));
        if total != Some(bytes.len()) {
            return Err(short());
        }
        let ids = metadata.end..metadata.end + rows * ids;
        let layout = Layout { rows, bits, metadata, numbers: ids.end..bytes.len(), ids };
        Ok((layout, about))
    }

    /// The ids, their first bits where a whole id has them and zeros behind.
    pub(crate) fn ids(&self, bytes: &[u8]) -> Result<Vec<u64>, Fault> {
        let mut ids = places(&bytes[self.ids.clone()], self.rows);
        // A sum that overflows is below the one before.
        let fits = |i: &usize| (*i == 0 || ids[i - 1] < ids[*i]) && ids[*i].checked_shr(self.bits).unwrap_or(0) == 0;
        if let Some(at) = (0..self.rows).find(|i| !fits(i)) {
            return Err(Fault::at("ids", at, "an id above the one before", "one that is not".into()));
        }
        ids.iter_mut().for_each(|id| *id = id.checked_shl(64 - self.bits).unwrap_or(0));
        Ok(ids)
    }
}

/// What an id is compared by, of so many bits.
pub(crate) fn mask(bits: u32) -> u64 {
    u64::MAX.checked_shl(64 - bits).unwrap_or(0)
}

/// Ascending numbers of so many bits, such as the first ones of ids: what each is more than the one before, byte by byte.
pub(crate) fn id_planes(places: &[u64], bits: u32) -> Vec<u8> {
    let planes = bits.div_ceil(8);
    let gap = |i: usize| places[i] - if i == 0 { 0 } else { places[i - 1] };
    (0..planes).flat_map(|plane| (0..places.len()).map(move |i| (gap(i) >> (8 * plane)) as u8)).collect()
}

/// The numbers that [`id_planes`] wrote; of bytes that are nothing of the kind, whatever comes.
pub(crate) fn places(planes: &[u8], count: usize) -> Vec<u64> {
    let mut place = 0u64;
    let of = |i: usize| {
        let bytes = planes.iter().skip(i).step_by(count.max(1)).enumerate();
        place = place.wrapping_add(bytes.fold(0, |gap, (plane, byte)| gap | u64::from(*byte) << (8 * plane)));
        place
    };
    (0..count).map(of).collect()
}

/// `rows` lines of bytes from as many columns, or columns from lines.
pub(crate) fn transposed(bytes: &[u8], rows: usize) -> Vec<u8> {
    let columns = bytes.len().checked_div(rows).unwrap_or(0);
    let mut out = vec![0; bytes.len()];
    for (i, line) in out.chunks_exact_mut(columns.max(1)).enumerate() {
        line.iter_mut().enumerate().for_each(|(column, x)| *x = bytes[column * rows + i]);
    }
    out
}

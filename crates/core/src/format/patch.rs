//! What a compact base has become since an earlier one: the rows that changed, and those that are new.
//!
//! | bytes | holds |
//! |---|---|
//! | 8 | `patch`, a 2 and two zeros |
//! | 8, 8 | xxh3 of the blob before and of the one after |
//! | 4, 4, 4 | of the metadata's text: how many bytes stay at its beginning, how many at its end, and how many come between |
//! | 4, 4, 4 | c rows that changed, d that are new, w weights |
//! | | the bytes between |
//! | 4 c | U32, byte by byte as ids are: the number of each row that changed less that of the one before |
//! | w | I8: what each column but the first takes of each before it, in 64ths; or none |
//! | c columns | I8, column by column: how many steps more each number is, modulo 256, and than those before it in its row make one expect |
//! | d ceil(b / 8), d columns | the new rows, as in a base |
//!
//! Rows move along few directions, those in which visitors differ, so the numbers of a change tell of one another: a quarter of a patch is
//! less by it.
//!
//! What comes of a patch is the blob that the whole base is, bit for bit, or an error.

use crate::error::{Error, Fault};
use crate::format::base::Base;
use crate::format::compact::{Layout, id_planes, places};
use alloc::vec::Vec;
use xxhash_rust::xxh3::xxh3_64;

/// What a patch begins with.
pub(crate) const MAGIC: &[u8; 8] = b"patch\x02\0\0";
/// Bytes of what changes a row's number: a base has fewer rows than 2^32.
pub(crate) const ROW_BITS: u32 = 32;

/// The base that a patch makes of a compact one.
pub fn patched(base: &Base, patch: &[u8]) -> Result<Base, Error> {
    let bytes = after(base, patch).ok_or(Error::BadBase(Fault::of(
        "the patch",
        "one of the base that it is applied to",
        "another".into(),
    )))?;
    Base::decode(bytes)
}

/// Where the weights of a column begin.
pub(crate) fn first_weight(column: usize) -> Option<usize> {
    Some(column.checked_mul(column.saturating_sub(1))? / 2)
}

/// What a column with these weights is expected to change by in a row where those before it do so.
pub(crate) fn expected(weights: &[u8], before: impl Iterator<Item = u8>) -> u8 {
    let parts = weights.iter().zip(before).map(|(weight, by)| i32::from(*weight as i8) * i32::from(by as i8));
    (parts.fold(32i32, i32::wrapping_add) >> 6) as u8
}

/// What the numbers change by, column by column, of what they do beyond what is expected.
pub(crate) fn told(weights: &[u8], beyond: &[u8], columns: usize) -> Option<Vec<u8>> {
    let (mut by, rows) = (beyond.to_vec(), beyond.len().checked_div(columns).unwrap_or(0));
    if weights.is_empty() {
        return Some(by);
    }
    for c in 1..columns {
        let weights = weights.get(first_weight(c)?..first_weight(c + 1)?)?;
        for i in 0..rows {
            let more = expected(weights, (0..c).map(|before| by[before * rows + i]));
            by[c * rows + i] = by[c * rows + i].wrapping_add(more);
        }
    }
    Some(by)
}

fn after(base: &Base, patch: &[u8]) -> Option<Vec<u8>> {
    let old = base.bytes();
    let mut rest = patch.strip_prefix(MAGIC)?;
    let mut take = |n: usize| {
        let (head, tail) = rest.split_at_checked(n)?;
        rest = tail;
        Some(head)
    };
    let before = u64::from_le_bytes(*take(8)?.first_chunk()?);
    let digest = u64::from_le_bytes(*take(8)?.first_chunk()?);
    if before != xxh3_64(old) {
        return None;
    }
    let mut four = || Some(u32::from_le_bytes(*take(4)?.first_chunk()?) as usize);
    let [head, tail, between, changed, new, weights] = [four()?, four()?, four()?, four()?, four()?, four()?];
    let (layout, _) = Layout::of(old).ok()?;
    let text = &old[layout.metadata.clone()];
    let (head, tail) = (text.get(..head)?, text.get(text.len().checked_sub(tail)?..)?);
    let text = [head, take(between)?, tail].concat();

    let (n, planes) = (layout.rows, layout.planes());
    let columns = layout.numbers.len().checked_div(n).unwrap_or(0);
    let numbers_of = |rows: usize| rows.checked_mul(columns);
    let at = places(take(changed.checked_mul(ROW_BITS as usize / 8)?)?, changed);
    let weights = take(weights)?;
    let by = told(weights, take(numbers_of(changed)?)?, columns)?;
    let ids = take(new.checked_mul(planes)?)?;
    let values = take(numbers_of(new)?)?;

    let mut numbers = old[layout.numbers.clone()].to_vec();
    for (i, row) in at.iter().enumerate() {
        let row = usize::try_from(*row).ok().filter(|row| *row < n)?;
        (0..columns).for_each(|c| numbers[c * n + row] = numbers[c * n + row].wrapping_add(by[c * changed + i]));
    }
    // Both are ascending. Each row of the next base is a known one, or a new one where there is none.
    let (known, added) = (places(&old[layout.ids.clone()], n), places(ids, new));
    let (mut ids, mut from, mut at) = (Vec::new(), Vec::new(), [0; 2]);
    while at[0] < n || at[1] < new {
        let is_new = at[0] == n || (at[1] < new && added[at[1]] < known[at[0]]);
        let side = usize::from(is_new);
        ids.push(if is_new { added[at[1]] } else { known[at[0]] });
        from.push((is_new, at[side]));
        at[side] += 1;
    }
    let mut out = old[..12].to_vec();
    for number in [text.len(), ids.len(), layout.bits as usize] {
        out.extend(u32::try_from(number).ok()?.to_le_bytes());
    }
    out.extend(text);
    out.extend(id_planes(&ids, layout.bits));
    for c in 0..columns {
        out.extend(from.iter().map(|(is_new, i)| if *is_new { values[c * new + i] } else { numbers[c * n + i] }));
    }
    (xxh3_64(&out) == digest && rest.is_empty()).then_some(out)
}

//! Numbers four at a time: rows are padded to whole lanes with zeros, which change no sum, so that loops over them are vector
//! instructions without a rest. They lie in memory as arrays, which are numbers one after the other too.

use alloc::vec::Vec;
use wide::{f32x4, f64x4};

pub(crate) const LANES: usize = 4;

/// Of a row.
pub(crate) type Lanes = [f32; LANES];
/// Of a posterior.
pub(crate) type Wide = [f64; LANES];

/// The numbers in lanes.
pub(crate) fn padded<T: Copy + Default>(numbers: &[T]) -> Vec<[T; LANES]> {
    let lane = |part: &[T]| {
        let mut lane = [T::default(); LANES];
        lane[..part.len()].copy_from_slice(part);
        lane
    };
    numbers.chunks(LANES).map(lane).collect()
}

#[inline]
pub(crate) fn narrow(lane: &Lanes) -> f32x4 {
    f32x4::new(*lane)
}

#[inline]
pub(crate) fn wide(lane: &Wide) -> f64x4 {
    f64x4::new(*lane)
}

#[inline]
pub(crate) fn widened(lane: &Lanes) -> f64x4 {
    let [a, b, c, d] = *lane;
    f64x4::new([a.into(), b.into(), c.into(), d.into()])
}

#[inline]
pub(crate) fn narrowed(lane: f64x4) -> Lanes {
    let [a, b, c, d] = lane.to_array();
    [a as f32, b as f32, c as f32, d as f32]
}

/// Its sum, in a fixed order.
#[inline]
pub(crate) fn total(lane: f64x4) -> f64 {
    let [a, b, c, d] = lane.to_array();
    (a + c) + (b + d)
}

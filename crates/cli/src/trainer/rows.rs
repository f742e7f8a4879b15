//! The table of rows as one thread has it, and as several share it.

use std::sync::atomic::{AtomicU64, Ordering};

/// Reading and writing whole rows of `W` lanes. `W` is a multiple of 4.
pub(crate) trait Rows {
    fn read<const W: usize>(&self, row: u32) -> [f32; W];
    fn write<const W: usize>(&mut self, row: u32, value: [f32; W]);
}

/// The only thread's table.
pub(crate) struct Owned<'a>(pub(crate) &'a mut [f32]);

impl Rows for Owned<'_> {
    #[inline(always)]
    fn read<const W: usize>(&self, row: u32) -> [f32; W] {
        self.0.as_chunks().0[row as usize]
    }

    #[inline(always)]
    fn write<const W: usize>(&mut self, row: u32, value: [f32; W]) {
        self.0.as_chunks_mut().0[row as usize] = value;
    }
}

/// A table that several threads update without locks (Hogwild: Niu, Recht, Ré, Wright 2011). Lanes go in pairs, because
/// an atomic access cannot be vectorised and a pair halves their number; an update that is lost to a race costs less
/// than a lock would.
pub(crate) struct Shared(Vec<AtomicU64>);

impl Shared {
    pub(crate) fn new(table: &[f32]) -> Shared {
        Shared(table.as_chunks().0.iter().map(|&pair| AtomicU64::new(pack(pair))).collect())
    }

    pub(crate) fn copy_to(&self, table: &mut [f32]) {
        for (pair, atomic) in table.as_chunks_mut().0.iter_mut().zip(&self.0) {
            *pair = unpack(atomic.load(Ordering::Relaxed));
        }
    }
}

impl Rows for &Shared {
    #[inline(always)]
    fn read<const W: usize>(&self, row: u32) -> [f32; W] {
        let mut value = [0.0; W];
        let atoms = &self.0[row as usize * (W / 2)..][..W / 2];
        for (pair, atomic) in value.as_chunks_mut().0.iter_mut().zip(atoms) {
            *pair = unpack(atomic.load(Ordering::Relaxed));
        }
        value
    }

    #[inline(always)]
    fn write<const W: usize>(&mut self, row: u32, value: [f32; W]) {
        let atoms = &self.0[row as usize * (W / 2)..][..W / 2];
        for (&pair, atomic) in value.as_chunks().0.iter().zip(atoms) {
            atomic.store(pack(pair), Ordering::Relaxed);
        }
    }
}

#[inline(always)]
fn pack(pair: [f32; 2]) -> u64 {
    u64::from(pair[0].to_bits()) | u64::from(pair[1].to_bits()) << 32
}

#[inline(always)]
fn unpack(bits: u64) -> [f32; 2] {
    [f32::from_bits(bits as u32), f32::from_bits((bits >> 32) as u32)]
}

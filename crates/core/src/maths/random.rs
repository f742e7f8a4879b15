//! Seeded random numbers by xorshift64* (Vigna 2016), so that equal seeds explore alike everywhere. The state is part of the
//! profile: a reload goes on where the last page stopped.

use crate::maths::scalar::sqrt;

/// A stream of random numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// Any seed will do; neighbours give unlike streams (one round of splitmix64).
    pub(crate) fn new(seed: u64) -> Random {
        let x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Random((x ^ (x >> 31)).max(1))
    }

    /// From \[0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// From N(0, 1).
    pub(crate) fn normal(&mut self) -> f64 {
        normal(|| self.uniform())
    }

    /// One of 0..n, n > 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((self.uniform() * n as f64) as usize).min(n - 1)
    }
}

/// From N(0, 1) by numbers from \[0, 1), by the polar method (Marsaglia and Bray 1964): without a sine, which is 4 KB to download.
pub(crate) fn normal(mut uniform: impl FnMut() -> f64) -> f64 {
    loop {
        let (x, y) = (2.0 * uniform() - 1.0, 2.0 * uniform() - 1.0);
        let square = x * x + y * y;
        if square > 0.0 && square < 1.0 {
            return x * sqrt(-2.0 * libm::log(square) / square);
        }
    }
}

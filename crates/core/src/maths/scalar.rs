//! The scalar functions. They come from `libm` or are made of plain arithmetic, so that native and wasm give the same bits.

/// 1 / (1 + exp(-x)).
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

/// e^x within 2 units in the last place, from -708 to 709; beyond these it stays what it is there. An event asks for a dozen, and
/// this has no branches: x = k ln 2 + r with a whole k, and the Taylor polynomial of r, which is at most ln 2 / 2, in pairs.
pub(crate) fn exp(x: f64) -> f64 {
    /// What is added to this has no digits left behind the point.
    const WHOLE: f64 = 6_755_399_441_055_744.0;
    /// ln 2 in two parts; the first has zeros enough at its end for a product with k to be exact.
    const LN_2: [f64; 2] = [f64::from_bits(0x3fe6_2e42_fee0_0000), f64::from_bits(0x3dea_39ef_3579_3c76)];
    const C: [f64; 13] = {
        let (mut c, mut n) = ([1.0; 13], 1);
        while n < 13 {
            c[n] = c[n - 1] / n as f64;
            n += 1;
        }
        c
    };
    let x = x.clamp(-708.0, 709.0);
    let k = (x * core::f64::consts::LOG2_E + WHOLE) - WHOLE;
    let r = (x - k * LN_2[0]) - k * LN_2[1];
    let pair = |n: usize| C[n] + C[n + 1] * r;
    let (r2, r4) = (r * r, (r * r) * (r * r));
    let high = (pair(8) + pair(10) * r2) + C[12] * r4;
    let p = (pair(0) + pair(2) * r2) + ((pair(4) + pair(6) * r2) + high * r4) * r4;
    p * f64::from_bits(((k as i64 + 1023) as u64) << 52)
}

/// The square root, rounded correctly wherever it comes from. `libm` computes it bit by bit where it may not ask the processor,
/// as in WebAssembly.
pub(crate) fn sqrt(x: f64) -> f64 {
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    {
        use core::arch::wasm32::{f64x2_extract_lane, f64x2_splat, f64x2_sqrt};
        f64x2_extract_lane::<0>(f64x2_sqrt(f64x2_splat(x)))
    }
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    libm::sqrt(x)
}

/// A score that is N(`score`, `variance`), as its average through a sigmoid counts (MacKay 1992, equation 10).
pub(crate) fn moderated(score: f64, variance: f64) -> f64 {
    score / sqrt(1.0 + core::f64::consts::PI / 8.0 * variance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_that_of_the_library() {
        for n in -708_000..=709_000 {
            let x = f64::from(n) / 1000.0 + 1e-4;
            let x = x.min(709.0);
            let off = (exp(x) / libm::exp(x) - 1.0).abs();
            assert!(off <= 2.0 * f64::EPSILON, "{x}: {off}");
        }
        assert_eq!([exp(0.0), exp(-1e9), exp(f64::INFINITY)], [1.0, exp(-708.0), exp(709.0)]);
        assert!(exp(f64::NAN).is_nan());
    }
}

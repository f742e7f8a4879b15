//! How much a row was learnt from. A base and a delta say it in the same byte, so it stands below both.

/// How much a row was learnt from, in a byte: the sum of the loss's curvature over the events that taught it. 0 is none; any
/// other code stands for 2^((code - 64) / 8), from 2^-8 to 2^24 in steps of 9 %.
///
/// ```
/// use brooklet_core::Evidence;
///
/// assert_eq!((Evidence::of(1.0).0, Evidence::of(2.0).0, Evidence::of(0.0).0), (64, 72, 0));
/// assert!((Evidence::of(100.0).amount() / 100.0 - 1.0).abs() < 0.05);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Evidence(pub u8);

impl Evidence {
    /// The code nearest to an amount; none for what is not positive.
    pub fn of(amount: f64) -> Evidence {
        if amount > 0.0 {
            Evidence(libm::rint(64.0 + 8.0 * libm::log2(amount)).clamp(1.0, 255.0) as u8)
        } else {
            Evidence(0)
        }
    }

    /// The amount.
    pub fn amount(self) -> f64 {
        if self.0 == 0 { 0.0 } else { libm::exp2((f64::from(self.0) - 64.0) / 8.0) }
    }
}

//! Numbers on the command line, checked where they are given.

/// A number of 0 or more.
pub(crate) fn not_negative(text: &str) -> Result<f32, String> {
    number(text).filter(|x| *x >= 0.0).ok_or_else(|| "give a number of 0 or more".into())
}

/// A number from 0 to 1.
pub(crate) fn share(text: &str) -> Result<f32, String> {
    number(text).filter(|x| (0.0..=1.0).contains(x)).ok_or_else(|| "give a number from 0 to 1".into())
}

/// Any number but infinity and NaN.
pub(crate) fn finite(text: &str) -> Result<f32, String> {
    number(text).ok_or_else(|| "give a number".into())
}

fn number(text: &str) -> Option<f32> {
    text.trim().parse().ok().filter(|x: &f32| x.is_finite())
}

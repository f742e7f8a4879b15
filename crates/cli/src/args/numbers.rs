//! Numbers on the command line, checked where they are given.

/// A number of 0 or more.
pub(crate) fn not_negative(text: &str) -> Result<f32, String> {
    number(text).filter(|x| *x >= 0.0).ok_or_else(|| "give a number of 0 or more".into())
}

/// A number from 0 to 1.
pub(crate) fn share(text: &str) -> Result<f32, String> {
    number(text).filter(|x| (0.0..=1.0).contains(x)).ok_or_else(|| "give a number from 0 to 1".into())
}

/// The same, where its digits count.
pub(crate) fn share_of(text: &str) -> Result<f64, String> {
    let share = text.trim().parse().ok().filter(|x| (0.0..=1.0).contains(x));
    share.ok_or_else(|| "give a number from 0 to 1".into())
}

/// Threads: more than a machine has are no faster.
pub(crate) fn threads(text: &str) -> Result<usize, String> {
    let threads = text.parse().ok().filter(|threads| (1..=MOST_THREADS).contains(threads));
    threads.ok_or_else(|| format!("give a number from 1 to {MOST_THREADS}"))
}

const MOST_THREADS: usize = 256;

/// Any number but infinity and NaN.
pub(crate) fn finite(text: &str) -> Result<f32, String> {
    number(text).ok_or_else(|| "give a number".into())
}

fn number(text: &str) -> Option<f32> {
    text.trim().parse().ok().filter(|x: &f32| x.is_finite())
}

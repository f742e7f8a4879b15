//! What stands below everything else: figures, random numbers, work shared among threads.

mod metrics;
mod parallel;
mod random;

pub(crate) use metrics::{auc, log_loss, mean, sigmoid};
pub(crate) use parallel::in_parallel;
pub use parallel::cores;
pub(crate) use random::Rng;

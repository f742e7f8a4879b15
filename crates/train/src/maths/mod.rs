//! What stands below everything else: figures, random numbers, work shared among threads.

mod metrics;
mod parallel;
mod random;

pub(crate) use metrics::ndcg;
pub use metrics::{auc, log_loss, mean, sigmoid};
pub use parallel::cores;
pub(crate) use parallel::in_parallel;
pub(crate) use random::Rng;

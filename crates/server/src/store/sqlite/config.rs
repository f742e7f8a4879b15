//! The settings of the embedded store, below the files that use them.

use std::time::Duration;

/// How long to wait for a lock that somebody else holds on the file.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// How the embedded store works.
#[derive(Debug, Clone)]
pub struct SqliteConfig {
    /// Most deltas in one commit.
    pub commit_batch: usize,
    /// Most writes that wait; further ones are refused with [`StoreError::Busy`](crate::StoreError::Busy) instead of growing the queue.
    pub queue: usize,
    /// Bytes of deltas of one model; more are refused with [`Receipt::NoRoom`](crate::Receipt::NoRoom).
    pub quota: u64,
}

impl Default for SqliteConfig {
    fn default() -> SqliteConfig {
        SqliteConfig { commit_batch: 500, queue: 4096, quota: 1 << 30 }
    }
}

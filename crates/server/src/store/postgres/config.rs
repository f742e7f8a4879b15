//! The settings of a process upon the database, below the files that use them.

/// How a process works upon the database.
#[derive(Debug, Clone)]
pub struct PostgresConfig {
    /// Most deltas in one commit.
    pub commit_batch: usize,
    /// Most deltas that wait; further ones are refused with [`StoreError::Busy`](crate::StoreError::Busy) instead of growing the queue.
    pub queue: usize,
    /// Bytes of deltas of one model; more are refused with [`Receipt::NoRoom`](crate::Receipt::NoRoom). Processes that commit at the same time may go over it
    /// by a commit each.
    pub quota: u64,
}

impl Default for PostgresConfig {
    fn default() -> PostgresConfig {
        PostgresConfig { commit_batch: 500, queue: 4096, quota: 1 << 30 }
    }
}

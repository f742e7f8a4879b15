//! Connections of their own for reading, so that whoever reads never waits for a commit.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OpenFlags};

use super::config::PATIENCE;

/// Connections that only read. As many as are used at once exist, at most [`Readers::KEPT`] are kept.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
struct Idle {
    closed: bool,
    connections: Vec<Connection>,
}

impl Readers {
    const KEPT: usize = 8;

    pub(super) fn new(path: PathBuf) -> Readers {
        Readers { path, idle: Mutex::default() }
    }

    pub(super) fn take(&self) -> rusqlite::Result<Connection> {
        if let Some(connection) = self.idle().connections.pop() {
            return Ok(connection);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(PATIENCE)?;
        Ok(connection)
    }

    pub(super) fn put_back(&self, connection: Connection) {
        let mut idle = self.idle();
        if !idle.closed && idle.connections.len() < Readers::KEPT {
            idle.connections.push(connection);
        }
    }

    pub(super) fn close(&self) {
        let mut idle = self.idle();
        idle.closed = true;
        idle.connections.clear();
    }

    /// Nothing is half done if a thread panics with the lock held, so a poisoned lock is as good as any.
    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

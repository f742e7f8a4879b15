//! The connection that writes.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};

use super::config::PATIENCE;
use super::schema;
use crate::store::error::StoreError;

/// The log is emptied into the database when it has so many pages of 4 KiB, and what a long transaction made of it is cut down to that.
const LOG_PAGES: i64 = 768;

/// The connection that writes, to a file that is brought up to the present schema.
pub(in crate::store) fn connect(path: &Path) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    // Before there is a table; a file that has some keeps its way.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    keep_a_log(&connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // The log holds pages that are in the file soon, and each time that it is emptied costs two syncs while deltas wait.
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", LOG_PAGES * 4096)?;
    schema::migrate(&mut connection)?;
    Ok(connection)
}

/// Puts the file into WAL mode, where it stays. SQLite does not wait for a lock here whatever the timeout is, and whoever
/// looks at the file of a server that starts (a backup, an operator's shell) would keep it from starting.
fn keep_a_log(connection: &Connection) -> rusqlite::Result<()> {
    let started = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && started.elapsed() < PATIENCE =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

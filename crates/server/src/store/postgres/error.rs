//! What PostgreSQL and the pool of connections say, as the kinds of [`StoreError`].

use std::error::Error as _;

use deadpool_postgres::PoolError;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::store::error::StoreError;

impl From<Error> for StoreError {
    fn from(error: Error) -> StoreError {
        let Some(state) = error.code() else {
            // Not the database's words: the connection's.
            return StoreError::Gone(told(&error).into());
        };
        let kind = match *state {
            SqlState::DISK_FULL | SqlState::OUT_OF_MEMORY => StoreError::Full,
            SqlState::LOCK_NOT_AVAILABLE => StoreError::Locked,
            SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => StoreError::Corrupt,
            // A standby, or a server that stops or starts.
            SqlState::READ_ONLY_SQL_TRANSACTION
            | SqlState::ADMIN_SHUTDOWN
            | SqlState::CRASH_SHUTDOWN
            | SqlState::CANNOT_CONNECT_NOW
            | SqlState::TOO_MANY_CONNECTIONS
            | SqlState::INVALID_PASSWORD
            | SqlState::INVALID_AUTHORIZATION_SPECIFICATION
            | SqlState::INVALID_CATALOG_NAME => StoreError::Gone,
            _ => StoreError::Failed,
        };
        kind(told(&error).into())
    }
}

impl From<PoolError> for StoreError {
    fn from(error: PoolError) -> StoreError {
        match error {
            PoolError::Backend(error) => error.into(),
            PoolError::Closed => StoreError::Closed,
            other => StoreError::Gone(other.into()),
        }
    }
}

/// With what is behind it, which the error itself does not say.
fn told(error: &Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Whether the same statement may succeed if it is made again: two that waited for each other.
pub(super) fn is_a_tie(error: &Error) -> bool {
    matches!(error.code(), Some(&SqlState::T_R_DEADLOCK_DETECTED | &SqlState::T_R_SERIALIZATION_FAILURE))
}

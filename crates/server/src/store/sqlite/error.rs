//! What SQLite and the file system say, as the kinds of [`StoreError`].

use std::io;

use rusqlite::{Error, ErrorCode};

use crate::store::error::StoreError;

impl From<Error> for StoreError {
    fn from(error: Error) -> StoreError {
        let kind = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Locked,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt,
            Some(
                ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::SystemIoFailure,
            ) => StoreError::Gone,
            _ => StoreError::Failed,
        };
        kind(error.into())
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> StoreError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full(error.into()),
            _ => StoreError::Gone(error.into()),
        }
    }
}

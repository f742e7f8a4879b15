//! Columns as the server has them.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_postgres::Row;

use crate::store::error::StoreError;

/// Milliseconds.
pub(super) const DAY: u64 = 86_400_000;

/// A number that is never below zero.
pub(super) fn number(row: &Row, column: usize) -> u64 {
    row.get::<_, i64>(column).max(0) as u64
}

/// Of a column that holds JSON.
pub(super) fn json<T: DeserializeOwned>(row: &Row, column: usize) -> Result<T, StoreError> {
    serde_json::from_str(row.get(column)).map_err(|error| StoreError::Corrupt(error.into()))
}

/// For a column that holds JSON.
pub(super) fn text(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Failed(error.into()))
}

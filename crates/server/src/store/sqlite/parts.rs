//! The bytes of deltas, in pieces.
//!
//! A page of the database that has no room for a whole delta would stay half empty, and whoever picks the size of his deltas picks how much of
//! the disk is. Of pieces, a page holds eight.

use rusqlite::{CachedStatement, Connection, Transaction, params};

/// The length of a piece.
const PIECE: usize = 480;
/// Piece n of delta i has the id i * 2^20 + n.
const PIECES: i64 = 1 << 20;

/// Puts deltas into pieces.
pub(super) struct Put<'t>(CachedStatement<'t>);

impl<'t> Put<'t> {
    pub(super) fn new(transaction: &'t Transaction<'_>) -> rusqlite::Result<Put<'t>> {
        transaction.prepare_cached("INSERT INTO parts (id, bytes) VALUES (?1, ?2)").map(Put)
    }

    pub(super) fn put(&mut self, delta: i64, bytes: &[u8]) -> rusqlite::Result<()> {
        for (id, piece) in (delta * PIECES..).zip(bytes.chunks(PIECE)) {
            self.0.execute(params![id, piece])?;
        }
        Ok(())
    }
}

/// The bytes of a delta.
pub(in crate::store) fn whole(connection: &Connection, delta: i64) -> rusqlite::Result<Vec<u8>> {
    let mut pieces = connection.prepare_cached("SELECT bytes FROM parts WHERE id >= ?1 AND id < ?2 ORDER BY id")?;
    let mut bytes = Vec::new();
    let mut rows = pieces.query([delta * PIECES, (delta + 1) * PIECES])?;
    while let Some(row) = rows.next()? {
        bytes.extend_from_slice(row.get_ref(0)?.as_blob()?);
    }
    Ok(bytes)
}

/// Forgets the bytes of a delta; how many they were.
pub(super) fn forget(transaction: &Transaction<'_>, delta: i64) -> rusqlite::Result<u64> {
    let mut forget =
        transaction.prepare_cached("DELETE FROM parts WHERE id >= ?1 AND id < ?2 RETURNING length(bytes)")?;
    let lengths = forget.query_map([delta * PIECES, (delta + 1) * PIECES], |row| row.get::<_, u64>(0))?;
    lengths.sum()
}

//! Profiles of visitors that learn at the endpoint, and what is sealed with for those whose profile somebody else keeps.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::clock::now;

pub(super) fn get(connection: &Connection, model: &str, id: &str) -> rusqlite::Result<Option<(u64, Vec<u8>)>> {
    connection
        .prepare_cached("SELECT number, bytes FROM profiles WHERE model = ?1 AND id = ?2")?
        .query_row(params![model, id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

pub(super) fn keep(
    transaction: &Transaction<'_>,
    model: &str,
    id: &str,
    after: u64,
    bytes: &[u8],
    most: u64,
) -> rusqlite::Result<bool> {
    let kept = if after == 0 {
        transaction
            .prepare_cached(
                "INSERT INTO profiles (model, id, number, seen, bytes) SELECT ?1, ?2, 1, ?3, ?4
                 WHERE (SELECT count(*) FROM profiles WHERE model = ?1) < ?5 ON CONFLICT DO NOTHING",
            )?
            .execute(params![model, id, now(), bytes, most])?
    } else {
        transaction
            .prepare_cached(
                "UPDATE profiles SET number = number + 1, seen = ?3, bytes = ?4
                 WHERE model = ?1 AND id = ?2 AND number = ?5",
            )?
            .execute(params![model, id, now(), bytes, after])?
    };
    Ok(kept > 0)
}

pub(super) fn forget(transaction: &Transaction<'_>, model: &str, id: &str) -> rusqlite::Result<bool> {
    let gone =
        transaction.prepare_cached("DELETE FROM profiles WHERE model = ?1 AND id = ?2")?.execute(params![model, id])?;
    Ok(gone > 0)
}

pub(super) fn secret(transaction: &Transaction<'_>, fresh: [u8; 32]) -> rusqlite::Result<[u8; 32]> {
    transaction.execute("INSERT INTO secret (id, bytes) VALUES (1, ?1) ON CONFLICT DO NOTHING", [fresh])?;
    transaction.query_row("SELECT bytes FROM secret WHERE id = 1", [], |row| row.get(0))
}

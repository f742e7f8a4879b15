//! What versions were made of, candidates for the next, and how all of that is forgotten.

use axum::body::Bytes;
use brooklet_core::ClientKey;
use rusqlite::types::Type;
use rusqlite::{Connection, Error, OptionalExtension, Row, Transaction, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{parts, schema};
use crate::store::contract::{Pending, Stats};
use crate::store::error::StoreError;
use crate::store::made::{Candidate, CandidateState, CandidateStats, Comparison, FoldedVersion, Made, Publication};

/// Of a column that holds JSON.
pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text).map_err(|error| Error::FromSqlConversionFailure(column, Type::Text, error.into()))
}

pub(super) fn text(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| Error::ToSqlConversionFailure(error.into()))
}

pub(super) fn keep(transaction: &Transaction<'_>, model: &str, publication: &Publication) -> rusqlite::Result<()> {
    let made = text(&publication.fold.made)?;
    transaction
        .prepare_cached("INSERT INTO lineage (model, version, made, aggregate) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![model, publication.version, made, publication.aggregate])?;
    transaction
        .prepare_cached("UPDATE candidates SET fold = NULL, aggregate = NULL, base = NULL WHERE model = ?1")?
        .execute([model])?;
    Ok(())
}

pub(super) fn aggregate(connection: &Connection, model: &str, version: u64) -> rusqlite::Result<Option<Vec<u8>>> {
    let aggregate = connection
        .prepare_cached("SELECT aggregate FROM lineage WHERE model = ?1 AND version = ?2")?
        .query_row(params![model, version], |row| row.get(0))
        .optional()?;
    Ok(aggregate.flatten())
}

pub(super) fn made(connection: &Connection, model: &str, version: u64) -> rusqlite::Result<Option<Made>> {
    connection
        .prepare_cached("SELECT made FROM lineage WHERE model = ?1 AND version = ?2")?
        .query_row(params![model, version], |row| json(row, 0))
        .optional()
}

pub(super) fn folded(connection: &Connection, model: &str, version: u64) -> rusqlite::Result<Vec<Pending>> {
    let snapshot = connection.unchecked_transaction()?;
    let mut query = snapshot.prepare_cached(
        "SELECT id, client FROM folded JOIN deltas USING (id) WHERE model = ?1 AND version = ?2 ORDER BY id",
    )?;
    let rows: Vec<(i64, ClientKey)> = query
        .query_map(params![model, version], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    rows.into_iter().map(|(id, client)| Ok(Pending { id, client, bytes: parts::whole(&snapshot, id)? })).collect()
}

/// Takes deltas from what is pending into a version. Commits wait for it, and ids mostly follow each other: a run of them is two statements.
pub(super) fn mark(transaction: &Transaction<'_>, model: &str, version: u64, deltas: &[i64]) -> Result<(), StoreError> {
    let mut ids = deltas.to_vec();
    ids.sort_unstable();
    let mut fold = transaction.prepare_cached(
        "INSERT INTO folded (model, version, id, events)
         SELECT model, ?2, id, events FROM pending WHERE model = ?1 AND id BETWEEN ?3 AND ?4",
    )?;
    let mut take = transaction.prepare_cached("DELETE FROM pending WHERE model = ?1 AND id BETWEEN ?2 AND ?3")?;
    for run in ids.chunk_by(|a, b| a + 1 == *b) {
        let (first, last) = (run[0], run[run.len() - 1]);
        if fold.execute(params![model, version, first, last])? != run.len() {
            return Err(StoreError::Conflict);
        }
        take.execute(params![model, first, last])?;
    }
    Ok(())
}

pub(super) fn forget(transaction: &Transaction<'_>, model: &str, client: &ClientKey) -> rusqlite::Result<u64> {
    let mut forgotten = 0;
    let mut freed = 0;
    for table in ["pending", "folded"] {
        let ids: Vec<i64> = transaction
            .prepare_cached(&format!(
                "SELECT id FROM {table} JOIN deltas USING (id) WHERE {table}.model = ?1 AND client = ?2"
            ))?
            .query_map(params![model, client], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for id in ids {
            freed += parts::forget(transaction, id)?;
            transaction.prepare_cached("DELETE FROM deltas WHERE id = ?1")?.execute([id])?;
            transaction
                .prepare_cached(&format!("DELETE FROM {table} WHERE model = ?1 AND id = ?2"))?
                .execute(params![model, id])?;
            forgotten += 1;
        }
    }
    transaction
        .prepare_cached("UPDATE counts SET stored = stored - ?2 WHERE model = ?1")?
        .execute(params![model, freed])?;
    Ok(forgotten)
}

pub(super) fn propose(
    transaction: &Transaction<'_>,
    model: &str,
    state: CandidateState,
    publication: &Publication,
) -> rusqlite::Result<u64> {
    let id: u64 = transaction
        .prepare_cached("SELECT coalesce(max(id), 0) + 1 FROM candidates WHERE model = ?1")?
        .query_row([model], |row| row.get(0))?;
    transaction
        .prepare_cached("UPDATE candidates SET fold = NULL, aggregate = NULL, base = NULL WHERE model = ?1")?
        .execute([model])?;
    transaction
        .prepare_cached("DELETE FROM candidates WHERE model = ?1 AND id <= ?2")?
        .execute(params![model, id.saturating_sub(Stats::VERSIONS as u64)])?;
    let told = CandidateStats { id, ..CandidateStats::of(state, publication) };
    transaction
        .prepare_cached(
            "INSERT INTO candidates (model, id, told, fold, aggregate, base) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            model,
            id,
            text(&told)?,
            text(&publication.fold)?,
            publication.aggregate,
            publication.base.as_ref()
        ])?;
    Ok(id)
}

pub(super) fn candidates(connection: &Connection, model: &str) -> rusqlite::Result<Vec<CandidateStats>> {
    let mut query = connection
        .prepare_cached("SELECT told, base IS NOT NULL FROM candidates WHERE model = ?1 ORDER BY id DESC LIMIT ?2")?;
    let read = |row: &Row<'_>| Ok(CandidateStats { retained: row.get(1)?, ..json(row, 0)? });
    query.query_map(params![model, Stats::VERSIONS], read)?.collect()
}

pub(super) fn candidate(connection: &Connection, model: &str, id: u64) -> rusqlite::Result<Option<Candidate>> {
    let read = |row: &Row<'_>| {
        let told: CandidateStats = json(row, 0)?;
        let fold: FoldedVersion = json(row, 1)?;
        Ok(told.whole(fold, row.get(2)?, Bytes::from(row.get::<_, Vec<u8>>(3)?)))
    };
    connection
        .prepare_cached(
            "SELECT told, fold, aggregate, base FROM candidates WHERE model = ?1 AND id = ?2 AND base IS NOT NULL",
        )?
        .query_row(params![model, id], read)
        .optional()
}

pub(super) fn reject(
    transaction: &Transaction<'_>,
    model: &str,
    id: u64,
    trial: Option<Comparison>,
) -> rusqlite::Result<()> {
    let told = transaction
        .prepare_cached("SELECT told FROM candidates WHERE model = ?1 AND id = ?2")?
        .query_row(params![model, id], |row| json::<CandidateStats>(row, 0))
        .optional()?;
    let Some(mut told) = told else { return Ok(()) };
    told.state = CandidateState::Rejected;
    told.made.trial = trial;
    transaction.prepare_cached("UPDATE candidates SET told = ?3 WHERE model = ?1 AND id = ?2")?.execute(params![
        model,
        id,
        text(&told)?
    ])?;
    Ok(())
}

pub(super) fn remove(transaction: &Transaction<'_>, model: &str) -> rusqlite::Result<bool> {
    for table in ["pending", "folded"] {
        let ids: Vec<i64> = transaction
            .prepare(&format!("SELECT id FROM {table} WHERE model = ?1"))?
            .query_map([model], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for id in ids {
            parts::forget(transaction, id)?;
            transaction.prepare_cached("DELETE FROM deltas WHERE id = ?1")?.execute([id])?;
        }
    }
    for table in ["pending", "folded", "clients", "candidates", "profiles", "lineage", "versions", "counts"] {
        transaction.execute(&format!("DELETE FROM {table} WHERE model = ?1"), [model])?;
    }
    Ok(transaction.execute("DELETE FROM models WHERE name = ?1", [model])? > 0)
}

/// Forgets some of what belongs to these versions; how much was found.
pub(super) fn prune(
    transaction: &Transaction<'_>,
    model: &str,
    first: u64,
    last: u64,
    most: usize,
) -> rusqlite::Result<usize> {
    let bases = transaction
        .prepare_cached(
            "UPDATE versions SET base = NULL WHERE model = ?1 AND version BETWEEN ?2 AND ?3 AND base IS NOT NULL",
        )?
        .execute(params![model, first, last])?;
    let aggregates = transaction
        .prepare_cached(
            "UPDATE lineage SET aggregate = NULL
             WHERE model = ?1 AND version BETWEEN ?2 AND ?3 AND aggregate IS NOT NULL",
        )?
        .execute(params![model, first, last])?;
    let piece: Vec<(u64, i64)> = transaction
        .prepare_cached(
            "SELECT version, id FROM folded
             WHERE model = ?1 AND version > ?2 AND version BETWEEN ?3 AND ?4 LIMIT ?5",
        )?
        .query_map(params![model, schema::SET_ASIDE, first, last, most], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let mut forget = transaction.prepare_cached("DELETE FROM deltas WHERE id = ?1")?;
    let mut unmark = transaction.prepare_cached("DELETE FROM folded WHERE model = ?1 AND version = ?2 AND id = ?3")?;
    let mut freed = 0;
    for (version, id) in &piece {
        freed += parts::forget(transaction, *id)?;
        forget.execute([id])?;
        unmark.execute(params![model, version, id])?;
    }
    transaction
        .prepare_cached("UPDATE counts SET stored = stored - ?2 WHERE model = ?1")?
        .execute(params![model, freed])?;
    Ok(bases + aggregates + piece.len())
}

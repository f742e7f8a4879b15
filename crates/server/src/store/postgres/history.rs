//! Versions and what they were made of, candidates for the next, and how all of that is forgotten.

use std::ops::RangeInclusive;

use axum::body::Bytes;
use brooklet_core::ClientKey;
use tokio_postgres::{Row, Transaction};

use super::rows::{json, number, text};
use crate::store::contract::{Pending, Stats, Waiting};
use crate::store::error::StoreError;
use crate::store::made::{Candidate, CandidateState, CandidateStats, Comparison, FoldedVersion, Publication};

/// `deltas.version` of a delta that could not be folded.
const SET_ASIDE: i64 = 0;

pub(super) async fn insert(
    transaction: &Transaction<'_>,
    model: &str,
    publication: &Publication,
) -> Result<(), StoreError> {
    let Publication { version, base, etag, rows, created, fold, aggregate } = publication;
    let [version, size, deltas, events, rows, changed_rows, created] =
        [*version, base.len() as u64, fold.taken.len() as u64, fold.events, *rows, fold.changed_rows, *created]
            .map(|n| n as i64);
    let insert =
        "INSERT INTO versions (model, version, etag, size, deltas, events, rows, changed_rows, digest, created, base)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let (digest, base) = (format!("{:016x}", fold.digest), base.as_ref());
    transaction
        .execute(
            insert,
            &[&model, &version, etag, &size, &deltas, &events, &rows, &changed_rows, &digest, &created, &base],
        )
        .await?;
    let keep = "INSERT INTO lineage (model, version, made, aggregate) VALUES ($1, $2, $3, $4)";
    transaction.execute(keep, &[&model, &version, &text(&fold.made)?, aggregate]).await?;
    strip_candidates(transaction, model).await
}

/// Marks deltas that waited as folded. A conflict if one of them does not.
pub(super) async fn mark(
    transaction: &Transaction<'_>,
    model: &str,
    version: u64,
    fold: &FoldedVersion,
    slot: i16,
) -> Result<(), StoreError> {
    let mark = "UPDATE deltas SET version = $3 FROM unnest($2::bigint[]) AS taken (id)
                WHERE model = $1 AND version IS NULL AND deltas.id = taken.id";
    for (ids, version) in [(&fold.taken, version as i64), (&fold.set_aside, SET_ASIDE)] {
        if !ids.is_empty() && transaction.execute(mark, &[&model, ids, &version]).await? != ids.len() as u64 {
            return Err(StoreError::Conflict);
        }
    }
    count(transaction, model, slot, [0, (fold.taken.len() + fold.set_aside.len()) as i64]).await
}

/// Takes bytes that are not stored any more, and deltas that do not wait any more, off the counts.
async fn count(
    transaction: &Transaction<'_>,
    model: &str,
    slot: i16,
    [stored, pending]: [i64; 2],
) -> Result<(), StoreError> {
    let count = "UPDATE counts SET stored = stored - $3, pending = pending - $4 WHERE model = $1 AND slot = $2";
    transaction.execute(count, &[&model, &slot, &stored, &pending]).await?;
    Ok(())
}

/// They are of another time, and keep the numbers alone.
async fn strip_candidates(transaction: &Transaction<'_>, model: &str) -> Result<(), StoreError> {
    let strip =
        "UPDATE candidates SET fold = NULL, aggregate = NULL, base = NULL WHERE model = $1 AND base IS NOT NULL";
    transaction.execute(strip, &[&model]).await?;
    Ok(())
}

/// Deltas by id and client.
pub(super) fn waiting(rows: &[Row]) -> Result<Vec<Waiting>, StoreError> {
    let key = |row: &Row| row.get::<_, &[u8]>(1).try_into();
    let waiting = |row: &Row| key(row).map(|client| Waiting { id: row.get(0), client });
    rows.iter()
        .map(waiting)
        .collect::<Result<_, _>>()
        .map_err(|_| StoreError::Corrupt("a client key has 16 bytes".into()))
}

/// Deltas as they are stored: id, client, bytes.
pub(super) fn deltas(rows: &[Row]) -> Result<Vec<Pending>, StoreError> {
    let deltas = waiting(rows)?.into_iter().zip(rows);
    Ok(deltas.map(|(Waiting { id, client }, row)| Pending { id, client, bytes: row.get(2) }).collect())
}

pub(super) async fn forget(
    transaction: &Transaction<'_>,
    model: &str,
    client: &ClientKey,
    slot: i16,
) -> Result<u64, StoreError> {
    let forget = "WITH gone AS (
                      DELETE FROM deltas WHERE model = $1 AND client = $2 RETURNING octet_length(bytes) AS size, version
                  )
                  SELECT coalesce(sum(size), 0)::bigint, count(*) FILTER (WHERE version IS NULL), count(*) FROM gone";
    let gone = transaction.query_one(forget, &[&model, &client.as_slice()]).await?;
    count(transaction, model, slot, [gone.get(0), gone.get(1)]).await?;
    Ok(number(&gone, 2))
}

pub(super) async fn propose(
    transaction: &Transaction<'_>,
    model: &str,
    state: CandidateState,
    publication: &Publication,
) -> Result<u64, StoreError> {
    // Whoever else proposes waits here.
    transaction.query("SELECT FROM models WHERE name = $1 FOR UPDATE", &[&model]).await?;
    let next = "SELECT coalesce(max(id), 0) + 1 FROM candidates WHERE model = $1";
    let id: i64 = transaction.query_one(next, &[&model]).await?.get(0);
    strip_candidates(transaction, model).await?;
    let old = id - Stats::VERSIONS as i64;
    transaction.execute("DELETE FROM candidates WHERE model = $1 AND id <= $2", &[&model, &old]).await?;
    let told = CandidateStats { id: id as u64, ..CandidateStats::of(state, publication) };
    let insert = "INSERT INTO candidates (model, id, told, fold, aggregate, base) VALUES ($1, $2, $3, $4, $5, $6)";
    let (told, fold, base) = (text(&told)?, text(&publication.fold)?, publication.base.as_ref());
    transaction.execute(insert, &[&model, &id, &told, &fold, &publication.aggregate, &base]).await?;
    Ok(id as u64)
}

/// Of what is told and whether the bytes are there.
pub(super) fn candidate_stats(row: &Row) -> Result<CandidateStats, StoreError> {
    Ok(CandidateStats { retained: row.get(1), ..json(row, 0)? })
}

/// Of what is told, the deltas, the aggregate and the base.
pub(super) fn candidate(row: &Row) -> Result<Candidate, StoreError> {
    let told: CandidateStats = json(row, 0)?;
    Ok(told.whole(json(row, 1)?, row.get(2), Bytes::from(row.get::<_, Vec<u8>>(3))))
}

pub(super) async fn reject(
    transaction: &Transaction<'_>,
    model: &str,
    id: u64,
    trial: Option<Comparison>,
) -> Result<(), StoreError> {
    let id = id as i64;
    let told = "SELECT told FROM candidates WHERE model = $1 AND id = $2 FOR UPDATE";
    let Some(row) = transaction.query_opt(told, &[&model, &id]).await? else { return Ok(()) };
    let mut told: CandidateStats = json(&row, 0)?;
    told.state = CandidateState::Rejected;
    told.made.trial = trial;
    let change = "UPDATE candidates SET told = $3 WHERE model = $1 AND id = $2";
    transaction.execute(change, &[&model, &id, &text(&told)?]).await?;
    Ok(())
}

pub(super) async fn remove(transaction: &Transaction<'_>, model: &str) -> Result<bool, StoreError> {
    for table in ["deltas", "clients", "candidates", "profiles", "lineage", "versions", "counts"] {
        transaction.execute(&format!("DELETE FROM {table} WHERE model = $1"), &[&model]).await?;
    }
    Ok(transaction.execute("DELETE FROM models WHERE name = $1", &[&model]).await? > 0)
}

/// Forgets what belongs to these versions, and of whom nothing was heard since a day: nobody sends the same delta again after so long.
pub(super) async fn prune(
    transaction: &Transaction<'_>,
    model: &str,
    versions: RangeInclusive<u64>,
    day: i32,
    slot: i16,
) -> Result<(), StoreError> {
    let [first, last] = [versions.start(), versions.end()].map(|version| (*version).min(i64::MAX as u64) as i64);
    for (table, column) in [("versions", "base"), ("lineage", "aggregate")] {
        let forget = format!(
            "UPDATE {table} SET {column} = NULL WHERE model = $1 AND version BETWEEN $2 AND $3 AND {column} IS NOT NULL"
        );
        transaction.execute(&forget, &[&model, &first, &last]).await?;
    }
    let forget = "WITH gone AS (
                      DELETE FROM deltas WHERE model = $1 AND version > 0 AND version BETWEEN $2 AND $3
                      RETURNING octet_length(bytes) AS size
                  )
                  SELECT coalesce(sum(size), 0)::bigint FROM gone";
    let freed: i64 = transaction.query_one(forget, &[&model, &first, &last]).await?.get(0);
    for table in ["clients", "profiles"] {
        let forget = format!("DELETE FROM {table} WHERE model = $1 AND seen < $2");
        transaction.execute(&forget, &[&model, &day]).await?;
    }
    // Last, for whoever appends waits for this row.
    count(transaction, model, slot, [freed, 0]).await
}

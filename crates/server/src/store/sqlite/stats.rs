//! The numbers about a model, which operators and tests ask for: one look at all tables, in a file of its own because it is long and
//! changes nothing.

use rusqlite::{Connection, params};

use super::history::json;
use super::schema;
use crate::store::contract::{Stats, VersionStats};

/// `None` if there is no such model.
pub(super) fn stats(connection: &Connection, model: String) -> rusqlite::Result<Option<Stats>> {
    // One transaction, so that a fold that is published meanwhile does not show half.
    let snapshot = connection.unchecked_transaction()?;
    let versions: Vec<VersionStats> = snapshot
        .prepare_cached(
            "SELECT version, etag, size, deltas, events, rows, changed_rows, digest, created, base IS NOT NULL,
                    coalesce(made, '{}')
             FROM versions LEFT JOIN lineage USING (model, version) WHERE model = ?1 ORDER BY version DESC LIMIT ?2",
        )?
        .query_map(params![model, Stats::VERSIONS], |row| {
            Ok(VersionStats {
                version: row.get(0)?,
                etag: row.get(1)?,
                bytes: row.get(2)?,
                deltas: row.get(3)?,
                events: row.get(4)?,
                rows: row.get(5)?,
                changed_rows: row.get(6)?,
                digest: row.get(7)?,
                created: row.get(8)?,
                retained: row.get(9)?,
                made: json(row, 10)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    let Some(newest) = versions.first() else { return Ok(None) };
    let count = |table: &str| {
        snapshot
            .prepare_cached(&format!("SELECT count(*), coalesce(sum(events), 0) FROM {table} AND model = ?1"))?
            .query_row([&model], |row| Ok((row.get::<_, u64>(0)?, row.get::<_, u64>(1)?)))
    };
    let (folded_deltas, folded_events) = snapshot
        .prepare_cached("SELECT sum(deltas), sum(events) FROM versions WHERE model = ?1")?
        .query_row([&model], |row| Ok((row.get::<_, u64>(0)?, row.get::<_, u64>(1)?)))?;
    let (pending_deltas, pending_events) = count("pending WHERE true")?;
    let (set_aside_deltas, set_aside_events) = count(&format!("folded WHERE version = {}", schema::SET_ASIDE))?;
    let clients = snapshot
        .prepare_cached("SELECT clients FROM counts WHERE model = ?1")?
        .query_row([&model], |row| row.get(0))?;
    Ok(Some(Stats {
        version: newest.version,
        digest: newest.digest.clone(),
        pending_deltas,
        pending_events,
        deltas_total: pending_deltas + set_aside_deltas + folded_deltas,
        events_total: pending_events + set_aside_events + folded_events,
        set_aside_deltas,
        clients,
        versions,
        model,
    }))
}

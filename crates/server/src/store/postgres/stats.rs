//! The numbers about a model, which operators and tests ask for: one look at all tables.

use tokio_postgres::{Row, Transaction};

use super::rows::{json, number};
use crate::store::contract::{Stats, VersionStats};
use crate::store::error::StoreError;

/// `None` if there is no such model. The transaction is one that sees one state of all tables.
pub(super) async fn stats(snapshot: &Transaction<'_>, model: &str) -> Result<Option<Stats>, StoreError> {
    let versions = snapshot
        .query(
            "SELECT version, etag, size, deltas, events, rows, changed_rows, digest, created, base IS NOT NULL,
                    coalesce(made, '{}')
             FROM versions LEFT JOIN lineage USING (model, version) WHERE model = $1 ORDER BY version DESC LIMIT $2",
            &[&model, &(Stats::VERSIONS as i64)],
        )
        .await?;
    let versions: Vec<VersionStats> = versions.iter().map(version).collect::<Result<_, _>>()?;
    let Some(newest) = versions.first() else { return Ok(None) };
    // A sum of bigint is numeric in PostgreSQL.
    let sums = snapshot
        .query_one(
            "SELECT (SELECT sum(deltas)::bigint FROM versions WHERE model = $1),
                    (SELECT sum(events)::bigint FROM versions WHERE model = $1),
                    (SELECT count(*) FROM deltas WHERE model = $1 AND version IS NULL),
                    (SELECT coalesce(sum(events), 0)::bigint FROM deltas WHERE model = $1 AND version IS NULL),
                    (SELECT count(*) FROM deltas WHERE model = $1 AND version = 0),
                    (SELECT coalesce(sum(events), 0)::bigint FROM deltas WHERE model = $1 AND version = 0),
                    (SELECT sum(clients)::bigint FROM counts WHERE model = $1)",
            &[&model],
        )
        .await?;
    let [folded_deltas, folded_events, pending_deltas, pending_events, set_aside_deltas, set_aside_events, clients] =
        std::array::from_fn(|i| number(&sums, i));
    Ok(Some(Stats {
        model: model.into(),
        version: newest.version,
        digest: newest.digest.clone(),
        pending_deltas,
        pending_events,
        deltas_total: pending_deltas + set_aside_deltas + folded_deltas,
        events_total: pending_events + set_aside_events + folded_events,
        set_aside_deltas,
        clients,
        versions,
    }))
}

fn version(row: &Row) -> Result<VersionStats, StoreError> {
    Ok(VersionStats {
        version: number(row, 0),
        etag: row.get(1),
        bytes: number(row, 2),
        deltas: number(row, 3),
        events: number(row, 4),
        rows: number(row, 5),
        changed_rows: number(row, 6),
        digest: row.get(7),
        created: number(row, 8),
        retained: row.get(9),
        made: json(row, 10)?,
    })
}

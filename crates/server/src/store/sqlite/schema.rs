//! The tables of the embedded store, and how a file of an older Brooklet is brought up to them.

use rusqlite::{Connection, TransactionBehavior};

use crate::store::error::StoreError;

/// The schema that is written, as `PRAGMA user_version`. An older one is brought up to it; a newer one is refused.
const VERSION: i64 = 6;

/// `folded.version` of a delta that could not be folded.
pub(super) const SET_ASIDE: u64 = 0;

/// What brings schema `i` to schema `i + 1`.
const STEPS: [&str; VERSION as usize] = [
    "
    CREATE TABLE models (
        name        TEXT PRIMARY KEY,
        aggregate   BLOB NOT NULL          -- beside the newest version
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE versions (
        model         TEXT NOT NULL REFERENCES models (name),
        version       INTEGER NOT NULL,
        etag          TEXT NOT NULL,
        size          INTEGER NOT NULL,
        deltas        INTEGER NOT NULL,
        events        INTEGER NOT NULL,
        rows          INTEGER NOT NULL,
        changed_rows  INTEGER NOT NULL,
        digest        TEXT NOT NULL,
        created       INTEGER NOT NULL,    -- milliseconds since 1970
        base          BLOB,                -- the last column, so that the numbers are read without it; NULL: pruned
        PRIMARY KEY (model, version)
    ) STRICT;

    CREATE TABLE clients (
        model     TEXT NOT NULL,
        client    BLOB NOT NULL,
        last_seq  INTEGER NOT NULL,
        PRIMARY KEY (model, client)
    ) STRICT, WITHOUT ROWID;

    -- Written once and never changed, so that a fold does not have to write whole deltas again.
    CREATE TABLE deltas (
        id            INTEGER PRIMARY KEY,
        model         TEXT NOT NULL,
        client        BLOB NOT NULL,
        seq           INTEGER NOT NULL,
        base_version  INTEGER NOT NULL,
        events        INTEGER NOT NULL,
        received      INTEGER NOT NULL,    -- milliseconds since 1970
        bytes         BLOB NOT NULL
    ) STRICT;

    -- A delta is in one of these two: it waits, or it is in a version (0: it was set aside) until it is pruned.
    CREATE TABLE pending (
        model   TEXT NOT NULL,
        id      INTEGER NOT NULL,
        events  INTEGER NOT NULL,
        PRIMARY KEY (model, id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE folded (
        model    TEXT NOT NULL,
        version  INTEGER NOT NULL,
        id       INTEGER NOT NULL,
        events   INTEGER NOT NULL,
        PRIMARY KEY (model, version, id)
    ) STRICT, WITHOUT ROWID;
",
    "
    -- Client keys ever seen, told without counting them.
    ALTER TABLE models ADD COLUMN clients INTEGER NOT NULL DEFAULT 0;
    UPDATE models SET clients = (SELECT count(*) FROM clients WHERE model = name);
",
    "
    -- Bytes of the model's deltas, against its quota.
    ALTER TABLE models ADD COLUMN stored INTEGER NOT NULL DEFAULT 0;
    UPDATE models SET stored = (SELECT coalesce(sum(length(bytes)), 0) FROM deltas WHERE model = name);
    -- When a client key sent its last delta, in milliseconds since 1970.
    ALTER TABLE clients ADD COLUMN seen INTEGER NOT NULL DEFAULT 0;
    UPDATE clients SET seen = unixepoch() * 1000;
    CREATE INDEX clients_by_time ON clients (model, seen);
",
    "
    CREATE TABLE tokens (
        id          TEXT PRIMARY KEY,
        name        TEXT NOT NULL,
        scope       TEXT NOT NULL,
        check_with  BLOB NOT NULL,         -- a hash, or a public key: no token can be made of it
        created     INTEGER NOT NULL       -- milliseconds since 1970
    ) STRICT, WITHOUT ROWID;
",
    "
    -- What every delta changes, apart from the aggregate: SQLite writes a row as a whole.
    CREATE TABLE counts (
        model    TEXT PRIMARY KEY REFERENCES models (name),
        clients  INTEGER NOT NULL,         -- keys ever seen
        stored   INTEGER NOT NULL          -- bytes of deltas, against the quota
    ) STRICT, WITHOUT ROWID;
    INSERT INTO counts SELECT name, clients, stored FROM models;
    ALTER TABLE models DROP COLUMN clients;
    ALTER TABLE models DROP COLUMN stored;

    -- The bytes of deltas, see `parts.rs`; all else that a delta says is in them.
    CREATE TABLE parts (
        id     INTEGER PRIMARY KEY,
        bytes  BLOB NOT NULL
    ) STRICT;
    WITH RECURSIVE pieces (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM pieces WHERE n < 4095)
    INSERT INTO parts SELECT (id << 20) | n, substr(bytes, 1 + n * 480, 480) FROM deltas JOIN pieces ON n * 480 < length(bytes);
    CREATE TABLE received (
        id        INTEGER PRIMARY KEY,
        client    BLOB NOT NULL,
        received  INTEGER NOT NULL         -- milliseconds since 1970
    ) STRICT;
    INSERT INTO received SELECT id, client, received FROM deltas;
    DROP TABLE deltas;
    ALTER TABLE received RENAME TO deltas;
",
    "
    -- What each version can be made again from.
    CREATE TABLE lineage (
        model      TEXT NOT NULL,
        version    INTEGER NOT NULL,
        made       TEXT NOT NULL,          -- JSON
        aggregate  BLOB,                   -- NULL: pruned
        PRIMARY KEY (model, version)
    ) STRICT;
    INSERT INTO lineage SELECT name, max(version), '{}', aggregate FROM models JOIN versions ON model = name GROUP BY name;
    ALTER TABLE models DROP COLUMN aggregate;
    ALTER TABLE models ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';  -- JSON: what an operator has said

    -- Next versions that are not published. The newest of a model alone has the bytes that it could be published from.
    CREATE TABLE candidates (
        model      TEXT NOT NULL,
        id         INTEGER NOT NULL,
        told       TEXT NOT NULL,          -- JSON: numbers for people
        fold       TEXT,                   -- JSON: the deltas
        aggregate  BLOB,
        base       BLOB,
        PRIMARY KEY (model, id)
    ) STRICT;

    -- Of visitors that learn here.
    CREATE TABLE profiles (
        model   TEXT NOT NULL,
        id      TEXT NOT NULL,
        number  INTEGER NOT NULL,
        seen    INTEGER NOT NULL,          -- milliseconds since 1970
        bytes   BLOB NOT NULL,
        PRIMARY KEY (model, id)
    ) STRICT;
    CREATE INDEX profiles_by_time ON profiles (model, seen);

    -- What profiles are sealed with that somebody else keeps.
    CREATE TABLE secret (
        id     INTEGER PRIMARY KEY CHECK (id = 1),
        bytes  BLOB NOT NULL
    ) STRICT;
",
];

pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    // Without a lock first: where nothing is to be done nothing is written, and a full disk does not matter.
    if connection.query_row("PRAGMA user_version", [], |row| row.get(0)) == Ok(VERSION) {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if !(0..=VERSION).contains(&found) {
        return Err(StoreError::TooNew { found, known: VERSION });
    }
    for step in &STEPS[found as usize..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}

/// Gives pages that nothing is stored in back to the file system, some at a time.
pub(super) fn give_back(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.prepare("PRAGMA incremental_vacuum(2000)")?.query_map([], |_| Ok(()))?.collect()
}

/// Writes something that changes nothing, to see whether writing works.
pub(super) fn touch(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch("CREATE TABLE touched (x); DROP TABLE touched")?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_schema_is_refused_and_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection.pragma_update(None, "user_version", VERSION + 1).unwrap();
        let error = migrate(&mut connection).unwrap_err();
        assert!(matches!(error, StoreError::TooNew { found: 7, known: 6 }), "{error}");
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, VERSION + 1);
    }

    #[test]
    fn what_an_older_brooklet_stored_is_whole() {
        let mut connection = Connection::open_in_memory().unwrap();
        STEPS[..4].iter().for_each(|step| connection.execute_batch(step).unwrap());
        connection.pragma_update(None, "user_version", 4).unwrap();
        let deltas = [vec![1; 479], vec![2; 480], (0..=255).cycle().take(70_001).collect::<Vec<u8>>()];
        connection.execute("INSERT INTO models VALUES ('films', x'00', 3, 70960)", []).unwrap();
        connection.execute("INSERT INTO versions VALUES ('films', 1, 'x', 1, 0, 0, 1, 0, 'x', 1, x'00')", []).unwrap();
        for bytes in &deltas {
            connection.execute("INSERT INTO deltas VALUES (NULL, 'films', x'07', 1, 1, 1, 5, ?1)", [bytes]).unwrap();
        }
        migrate(&mut connection).unwrap();
        for (id, bytes) in (1..).zip(&deltas) {
            assert!(super::super::parts::whole(&connection, id).unwrap() == *bytes, "delta {id} is not what it was");
        }
        let counts: (u64, u64) = connection
            .query_row("SELECT clients, stored FROM counts", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        assert_eq!(counts, (3, 70_960));
        let aggregate = connection.query_row("SELECT aggregate FROM lineage WHERE version = 1", [], |row| row.get(0));
        assert_eq!(aggregate, Ok(vec![0u8]));
        let columns =
            connection
                .query_row("SELECT count(*) FROM deltas WHERE client = x'07' AND received = 5", [], |row| row.get(0));
        assert_eq!(columns, Ok(3));
    }

    #[test]
    fn migrating_twice_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
    }
}

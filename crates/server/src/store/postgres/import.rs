//! A store of one machine moved into PostgreSQL: versions, client keys, deltas, tokens, all of it in one transaction.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use tokio_postgres::Transaction;
use tokio_postgres::types::ToSql;

use super::config::PostgresConfig;
use super::database::{Postgres, insert_model};
use super::rows::DAY;
use super::url::PostgresUrl;
use crate::store::error::StoreError;
use crate::store::sqlite::{Folder, connect, parts};

/// Rows that go over in one statement.
const ROWS: usize = 500;

/// Moves the store of a folder, which no server may be using, into a database that has no model. Afterwards the folder's database has another
/// name, so that no server takes in deltas there by mistake. What browsers send meanwhile they keep, and send again.
pub async fn migrate(folder: &Path, url: &PostgresUrl) -> Result<(), StoreError> {
    let path = folder.join("brooklet.sqlite").canonicalize()?;
    let (_, _lock) = Folder::lock(folder)?;
    let sqlite = connect(&path)?;
    let postgres = Postgres::open(url, &PostgresConfig::default(), Arc::default()).await?;
    let mut client = postgres.client().await?;
    let transaction = client.transaction().await?;
    if transaction.query_one("SELECT EXISTS (SELECT FROM models)", &[]).await?.get(0) {
        return Err(StoreError::Exists(format!("a model in {url}")));
    }
    models(&sqlite, &transaction).await?;
    for table in TABLES {
        copy(&sqlite, &transaction, table).await?;
    }
    transaction.execute("SELECT setval('delta_ids', (SELECT coalesce(max(id), 0) + 1 FROM deltas))", &[]).await?;
    transaction.commit().await?;
    sqlite.close().map_err(|(_, error)| error)?;
    std::fs::rename(&path, path.with_extension("sqlite.moved"))?;
    Ok(())
}

async fn models(sqlite: &Connection, transaction: &Transaction<'_>) -> Result<(), StoreError> {
    let mut query = sqlite.prepare(
        "SELECT name, settings, clients, stored, (SELECT count(*) FROM pending WHERE pending.model = name)
         FROM models JOIN counts ON model = name",
    )?;
    let models: Vec<(String, String, [i64; 3])> = query
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, [row.get(2)?, row.get(3)?, row.get(4)?])))?
        .collect::<Result<_, _>>()?;
    for (model, settings, [clients, stored, pending]) in models {
        insert_model(transaction, &model).await?;
        transaction.execute("UPDATE models SET settings = $2 WHERE name = $1", &[&model, &settings]).await?;
        let count = "UPDATE counts SET clients = $2, stored = $3, pending = $4 WHERE model = $1 AND slot = 0";
        transaction.execute(count, &[&model, &clients, &stored, &pending]).await?;
    }
    Ok(())
}

/// A table, and how its rows are read and written. Both sides name the same columns in the same order.
struct Table {
    name: &'static str,
    columns: &'static [(&'static str, Kind)],
    from: &'static str,
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Integer,
    Bytes,
    /// Milliseconds since 1970 that become a day.
    Day,
    /// The number of a delta, that becomes its bytes.
    Parts,
}

use Kind::{Bytes, Day, Integer, Parts, Text};

const TABLES: [Table; 8] = [
    Table {
        name: "versions",
        columns: &[
            ("model", Text),
            ("version", Integer),
            ("etag", Text),
            ("size", Integer),
            ("deltas", Integer),
            ("events", Integer),
            ("rows", Integer),
            ("changed_rows", Integer),
            ("digest", Text),
            ("created", Integer),
            ("base", Bytes),
        ],
        from: "versions",
    },
    Table {
        name: "lineage",
        columns: &[("model", Text), ("version", Integer), ("made", Text), ("aggregate", Bytes)],
        from: "lineage",
    },
    Table {
        name: "candidates",
        columns: &[
            ("model", Text),
            ("id", Integer),
            ("told", Text),
            ("fold", Text),
            ("aggregate", Bytes),
            ("base", Bytes),
        ],
        from: "candidates",
    },
    Table {
        name: "profiles",
        columns: &[("model", Text), ("id", Text), ("number", Integer), ("seen", Day), ("bytes", Bytes)],
        from: "profiles",
    },
    Table { name: "secret", columns: &[("id", Integer), ("bytes", Bytes)], from: "secret" },
    Table {
        name: "clients",
        columns: &[("model", Text), ("client", Bytes), ("last_seq", Integer), ("seen", Day)],
        from: "clients",
    },
    Table {
        name: "deltas",
        columns: &[
            ("id", Integer),
            ("model", Text),
            ("client", Bytes),
            ("events", Integer),
            ("received", Integer),
            ("version", Integer),
            ("bytes", Parts),
        ],
        from: "(SELECT id, model, client, events, received, version, id AS bytes FROM deltas JOIN (
                    SELECT id, model, events, NULL AS version FROM pending UNION ALL SELECT id, model, events, version FROM folded
                ) USING (id))",
    },
    Table {
        name: "tokens",
        columns: &[("id", Text), ("name", Text), ("scope", Text), ("check_with", Bytes), ("created", Integer)],
        from: "tokens",
    },
];

/// The values of one column.
enum Column {
    Texts(Vec<Option<String>>),
    Integers(Vec<Option<i64>>),
    Bytes(Vec<Option<Vec<u8>>>),
}

impl Column {
    fn of(kind: Kind) -> Column {
        match kind {
            Text => Column::Texts(Vec::new()),
            Integer | Day => Column::Integers(Vec::new()),
            Bytes | Parts => Column::Bytes(Vec::new()),
        }
    }

    fn push(&mut self, sqlite: &Connection, kind: Kind, row: &rusqlite::Row<'_>, i: usize) -> rusqlite::Result<()> {
        match self {
            Column::Texts(texts) => texts.push(row.get(i)?),
            Column::Integers(numbers) => {
                let number: Option<i64> = row.get(i)?;
                numbers.push(if matches!(kind, Day) { number.map(|time| time / DAY as i64) } else { number });
            }
            Column::Bytes(bytes) => {
                bytes.push(if matches!(kind, Parts) { Some(parts::whole(sqlite, row.get(i)?)?) } else { row.get(i)? })
            }
        }
        Ok(())
    }

    fn param(&self) -> &(dyn ToSql + Sync) {
        match self {
            Column::Texts(texts) => texts,
            Column::Integers(numbers) => numbers,
            Column::Bytes(bytes) => bytes,
        }
    }
}

async fn copy(sqlite: &Connection, transaction: &Transaction<'_>, table: Table) -> Result<(), StoreError> {
    let Table { name, columns, from } = table;
    let names = columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let arrays = columns.iter().enumerate().map(|(i, (_, kind))| match kind {
        Text => format!("${}::text[]", i + 1),
        Integer | Day => format!("${}::bigint[]", i + 1),
        Bytes | Parts => format!("${}::bytea[]", i + 1),
    });
    let arrays = arrays.collect::<Vec<_>>().join(", ");
    let insert = transaction.prepare(&format!("INSERT INTO {name} ({names}) SELECT * FROM unnest({arrays})")).await?;
    let mut query = sqlite.prepare(&format!("SELECT {names} FROM {from}"))?;
    let mut rows = query.query([])?;
    loop {
        let mut values: Vec<Column> = columns.iter().map(|(_, kind)| Column::of(*kind)).collect();
        let mut read = 0;
        while read < ROWS
            && let Some(row) = rows.next()?
        {
            for (i, (column, (_, kind))) in values.iter_mut().zip(columns).enumerate() {
                column.push(sqlite, *kind, row, i)?;
            }
            read += 1;
        }
        if read == 0 {
            return Ok(());
        }
        let params: Vec<_> = values.iter().map(Column::param).collect();
        transaction.execute(&insert, &params).await?;
    }
}

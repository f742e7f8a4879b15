//! The embedded store as the endpoint sees it: each method of [`Store`] as SQL.

use std::fs::File;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Bytes;
use brooklet_core::ClientKey;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::config::SqliteConfig;
use super::connect::connect;
use super::folder::Folder;
use super::history;
use super::parts;
use super::profiles;
use super::readers::Readers;
use super::schema;
use super::stats::stats;
use super::tokens;
use super::writer::{self, Writer};
use crate::clock::now;
use crate::metrics::Metrics;
use crate::store::contract::{Append, Head, Limit, Pending, Receipt, Registered, Stats, Store, StoredVersion, Waiting};
use crate::store::error::StoreError;
use crate::store::made::{
    Candidate, CandidateState, CandidateStats, Comparison, FoldedVersion, Made, ModelSettings, Publication,
};
use crate::token::Token;

/// How long a client key is remembered after its last delta, and a profile after it was last written, in milliseconds: 90 days. A browser
/// that sends a delta again after longer than that begins a new key, and it is counted again.
const KEPT: u64 = 90 * 86_400_000;

/// The embedded store.
#[derive(Debug)]
pub struct Sqlite {
    writer: Writer,
    readers: Arc<Readers>,
    folder: Arc<Folder>,
    /// A second server on these files would not see what the first one publishes.
    _lock: File,
}

impl Sqlite {
    /// Opens the store in a folder, and creates what is not there.
    pub fn open(folder: &Path, config: &SqliteConfig, metrics: Arc<Metrics>) -> Result<Sqlite, StoreError> {
        let (mut folder, lock) = Folder::lock(folder)?;
        let connection = match connect(folder.database()) {
            // Opening takes some pages of a file that is shared by connections. A disk without them still holds bases to give out.
            Err(error) if folder.give_up_reserve() => {
                tracing::warn!(%error, "the store does not open; its reserve of disk space is given up for it");
                connect(folder.database())?
            }
            connected => connected?,
        };
        folder.opened()?;
        let folder = Arc::new(folder);
        let writer = Writer::start(connection, folder.clone(), config, metrics)?;
        Ok(Sqlite { writer, readers: Arc::new(Readers::new(folder.database().into())), folder, _lock: lock })
    }

    /// Runs a query on a connection of its own, so that reading never waits for a commit.
    async fn query<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let readers = self.readers.clone();
        let queried = tokio::task::spawn_blocking(move || {
            let connection = readers.take()?;
            let result = query(&connection);
            readers.put_back(connection);
            result
        });
        Ok(queried.await.map_err(|_| StoreError::Closed)??)
    }

    /// Runs a transaction on the writer's thread, after everything that was queued before it.
    async fn transact<T: Send + 'static>(
        &self,
        body: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer
            .run(|connection| {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let result = body(&transaction)?;
                transaction.commit()?;
                Ok(result)
            })
            .await
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn register(&self, model: &str, seed: Publication) -> Result<Registered, StoreError> {
        let model = model.to_owned();
        self.transact(move |transaction| {
            let added =
                transaction.execute("INSERT INTO models (name) VALUES (?1) ON CONFLICT DO NOTHING", [&model])?;
            if added == 0 {
                return Ok(Registered::Present);
            }
            transaction.execute("INSERT INTO counts (model, clients, stored) VALUES (?1, 0, 0)", [&model])?;
            insert_version(transaction, &model, &seed)?;
            Ok(Registered::Added)
        })
        .await
    }

    async fn models(&self) -> Result<Vec<String>, StoreError> {
        self.query(|connection| {
            let mut query = connection.prepare_cached("SELECT name FROM models ORDER BY name")?;
            query.query_map([], |row| row.get(0))?.collect()
        })
        .await
    }

    async fn head(&self, model: &str) -> Result<Option<Head>, StoreError> {
        let model = model.to_owned();
        self.query(move |connection| {
            connection
                .prepare_cached(
                    "SELECT max(version), (SELECT count(*) FROM pending WHERE model = ?1),
                            (SELECT received FROM pending JOIN deltas USING (id) WHERE pending.model = ?1 ORDER BY pending.id LIMIT 1),
                            (SELECT stored FROM counts WHERE model = ?1)
                     FROM versions WHERE model = ?1 HAVING max(version) IS NOT NULL",
                )?
                .query_row([model], |row| {
                    Ok(Head { version: row.get(0)?, pending: row.get(1)?, oldest: row.get(2)?, stored: row.get(3)? })
                })
                .optional()
        })
        .await
    }

    async fn current(&self, model: &str) -> Result<Option<StoredVersion>, StoreError> {
        let model = model.to_owned();
        self.query(move |connection| {
            connection
                .prepare_cached(
                    "SELECT version, etag, created, base FROM versions WHERE model = ?1 ORDER BY version DESC LIMIT 1",
                )?
                .query_row([model], stored_version)
                .optional()
        })
        .await
    }

    async fn version(&self, model: &str, version: u64) -> Result<Option<StoredVersion>, StoreError> {
        let model = model.to_owned();
        self.query(move |connection| {
            connection
                .prepare_cached("SELECT version, etag, created, base FROM versions WHERE model = ?1 AND version = ?2")?
                .query_row(params![model, version], stored_version)
                .optional()
        })
        .await
    }

    async fn tagged(&self, model: &str, etag: &str) -> Result<Option<u64>, StoreError> {
        let (model, etag) = (model.to_owned(), etag.to_owned());
        self.query(move |connection| {
            connection
                .prepare_cached(
                    "SELECT max(version) FROM versions WHERE model = ?1 AND etag = ?2 AND base IS NOT NULL",
                )?
                .query_row(params![model, etag], |row| row.get(0))
        })
        .await
    }

    async fn append(&self, delta: Append) -> Result<Receipt, StoreError> {
        self.writer.append(delta).await
    }

    async fn last_seq(&self, model: &str, client: ClientKey) -> Result<u64, StoreError> {
        let model = model.to_owned();
        let last = self.query(move |connection| writer::last_seq(connection, &model, &client)).await?;
        Ok(last.unwrap_or(0))
    }

    async fn waiting(&self, model: &str, limit: Limit) -> Result<Vec<Waiting>, StoreError> {
        let model = model.to_owned();
        self.query(move |connection| {
            let mut query = connection.prepare_cached(
                "SELECT id, client FROM (
                     SELECT id, client, row_number() OVER (PARTITION BY client ORDER BY id) AS nth
                     FROM pending JOIN deltas USING (id) WHERE pending.model = ?1
                     ORDER BY nth, id LIMIT ?2
                 ) WHERE nth <= ?3 ORDER BY nth, id",
            )?;
            let waiting = |row: &rusqlite::Row<'_>| Ok(Waiting { id: row.get(0)?, client: row.get(1)? });
            query.query_map(params![model, limit.deltas, limit.of_a_client], waiting)?.collect()
        })
        .await
    }

    async fn deltas(&self, _model: &str, waiting: Vec<Waiting>) -> Result<Vec<Pending>, StoreError> {
        self.query(move |connection| {
            let delta = |Waiting { id, client }| Ok(Pending { id, client, bytes: parts::whole(connection, id)? });
            waiting.into_iter().map(delta).collect()
        })
        .await
    }

    async fn aggregate(&self, model: &str, version: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let model = model.to_owned();
        self.query(move |connection| history::aggregate(connection, &model, version)).await
    }

    async fn made(&self, model: &str, version: u64) -> Result<Option<Made>, StoreError> {
        let model = model.to_owned();
        self.query(move |connection| history::made(connection, &model, version)).await
    }

    async fn folded(&self, model: &str, version: u64) -> Result<Vec<Pending>, StoreError> {
        let model = model.to_owned();
        self.query(move |connection| history::folded(connection, &model, version)).await
    }

    async fn publish(&self, model: &str, publication: Publication) -> Result<(), StoreError> {
        let model = model.to_owned();
        self.transact(move |transaction| {
            let newest: Option<u64> = transaction
                .prepare_cached("SELECT max(version) FROM versions WHERE model = ?1")?
                .query_row([&model], |row| row.get(0))?;
            if newest.map(|newest| newest + 1) != Some(publication.version) {
                return Err(StoreError::Conflict);
            }
            insert_version(transaction, &model, &publication)?;
            let FoldedVersion { taken, set_aside, .. } = &publication.fold;
            history::mark(transaction, &model, publication.version, taken)?;
            history::mark(transaction, &model, schema::SET_ASIDE, set_aside)?;
            Ok(())
        })
        .await
    }

    async fn prune(&self, model: &str, versions: RangeInclusive<u64>) -> Result<(), StoreError> {
        // Piece by piece, so that deltas that arrive meanwhile are not kept waiting for a long transaction.
        const PIECE: usize = 500;
        let (first, last) = versions.into_inner();
        loop {
            let model = model.to_owned();
            let forgotten = self.transact(move |transaction| {
                let forgotten = history::prune(transaction, &model, first, last, PIECE)?;
                // In the same order: keys of whom nothing has been heard for so long that nobody sends the same delta again.
                let mut keys = 0;
                for (table, key) in [("clients", "client"), ("profiles", "id")] {
                    keys += transaction
                        .prepare_cached(&format!(
                            "DELETE FROM {table} WHERE (model, {key}) IN
                             (SELECT model, {key} FROM {table} WHERE model = ?1 AND seen < ?2 LIMIT ?3)"
                        ))?
                        .execute(params![model, now().saturating_sub(KEPT), PIECE])?;
                }
                Ok(forgotten + keys)
            });
            let forgotten = forgotten.await?;
            self.writer.run(|connection| Ok(schema::give_back(connection)?)).await?;
            if forgotten == 0 {
                return Ok(());
            }
        }
    }

    async fn forget(&self, model: &str, client: ClientKey) -> Result<u64, StoreError> {
        let model = model.to_owned();
        self.transact(move |transaction| Ok(history::forget(transaction, &model, &client)?)).await
    }

    async fn settings(&self, model: &str) -> Result<ModelSettings, StoreError> {
        let model = model.to_owned();
        let settings = self.query(move |connection| {
            connection
                .prepare_cached("SELECT settings FROM models WHERE name = ?1")?
                .query_row([model], |row| history::json(row, 0))
                .optional()
        });
        settings.await?.ok_or(StoreError::UnknownModel)
    }

    async fn set_settings(&self, model: &str, settings: ModelSettings) -> Result<(), StoreError> {
        let model = model.to_owned();
        self.transact(move |transaction| {
            let settings = history::text(&settings)?;
            transaction.execute("UPDATE models SET settings = ?2 WHERE name = ?1", params![model, settings])?;
            Ok(())
        })
        .await
    }

    async fn propose(&self, model: &str, state: CandidateState, publication: Publication) -> Result<u64, StoreError> {
        let model = model.to_owned();
        self.transact(move |transaction| Ok(history::propose(transaction, &model, state, &publication)?)).await
    }

    async fn candidates(&self, model: &str) -> Result<Vec<CandidateStats>, StoreError> {
        let model = model.to_owned();
        self.query(move |connection| history::candidates(connection, &model)).await
    }

    async fn candidate(&self, model: &str, id: u64) -> Result<Option<Candidate>, StoreError> {
        let model = model.to_owned();
        self.query(move |connection| history::candidate(connection, &model, id)).await
    }

    async fn reject(&self, model: &str, id: u64, trial: Option<Comparison>) -> Result<(), StoreError> {
        let model = model.to_owned();
        self.transact(move |transaction| Ok(history::reject(transaction, &model, id, trial)?)).await
    }

    async fn discard(&self, model: &str, id: u64) -> Result<bool, StoreError> {
        let model = model.to_owned();
        self.transact(move |transaction| {
            let gone =
                transaction.execute("DELETE FROM candidates WHERE model = ?1 AND id = ?2", params![model, id])?;
            Ok(gone > 0)
        })
        .await
    }

    async fn remove(&self, model: &str) -> Result<bool, StoreError> {
        let model = model.to_owned();
        self.transact(move |transaction| Ok(history::remove(transaction, &model)?)).await
    }

    async fn stats(&self, model: &str) -> Result<Option<Stats>, StoreError> {
        let model = model.to_owned();
        self.query(move |connection| stats(connection, model)).await
    }

    async fn profile(&self, model: &str, id: &str) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
        let (model, id) = (model.to_owned(), id.to_owned());
        self.query(move |connection| profiles::get(connection, &model, &id)).await
    }

    async fn keep_profile(
        &self,
        model: &str,
        id: &str,
        after: u64,
        bytes: Vec<u8>,
        most: u64,
    ) -> Result<bool, StoreError> {
        let (model, id) = (model.to_owned(), id.to_owned());
        self.transact(move |transaction| Ok(profiles::keep(transaction, &model, &id, after, &bytes, most)?)).await
    }

    async fn forget_profile(&self, model: &str, id: &str) -> Result<bool, StoreError> {
        let (model, id) = (model.to_owned(), id.to_owned());
        self.transact(move |transaction| Ok(profiles::forget(transaction, &model, &id)?)).await
    }

    async fn secret(&self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        self.transact(move |transaction| Ok(profiles::secret(transaction, fresh)?)).await
    }

    async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        self.query(tokens::all).await
    }

    async fn bytes(&self) -> Result<u64, StoreError> {
        let folder = self.folder.clone();
        let bytes = tokio::task::spawn_blocking(move || folder.bytes());
        bytes.await.map_err(|_| StoreError::Closed)?
    }

    async fn check(&self) -> Result<(), StoreError> {
        // Not on the writer's thread: whoever asks this often must not break up the commits of deltas. Only after a commit that failed,
        // and so long as none has succeeded, is writing itself tried.
        let folder = self.folder.clone();
        self.query(|connection| connection.query_row("SELECT count(*) FROM models", [], |_| Ok(()))).await?;
        let room = tokio::task::spawn_blocking(move || folder.check());
        room.await.map_err(|_| StoreError::Closed)??;
        self.writer.check().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        // Readers first: the log can only be emptied when nobody reads from it.
        self.readers.close();
        self.writer.close().await
    }
}

fn stored_version(row: &rusqlite::Row<'_>) -> rusqlite::Result<StoredVersion> {
    let base: Option<Vec<u8>> = row.get(3)?;
    Ok(StoredVersion { version: row.get(0)?, etag: row.get(1)?, created: row.get(2)?, base: base.map(Bytes::from) })
}

fn insert_version(transaction: &Transaction<'_>, model: &str, publication: &Publication) -> rusqlite::Result<()> {
    let Publication { version, base, etag, rows, created, fold, .. } = publication;
    transaction.execute(
        "INSERT INTO versions (model, version, etag, size, deltas, events, rows, changed_rows, digest, created, base)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            model,
            version,
            etag,
            base.len(),
            fold.taken.len(),
            fold.events,
            rows,
            fold.changed_rows,
            hex(fold.digest),
            created,
            base.as_ref()
        ],
    )?;
    history::keep(transaction, model, publication)
}

fn hex(digest: u64) -> String {
    format!("{digest:016x}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_new_store_waits_for_whoever_holds_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let other = Connection::open(folder.path().join("brooklet.sqlite")).unwrap();
        // A file that is still in the mode it was created in.
        other.execute_batch("CREATE TABLE looked_at (x); BEGIN IMMEDIATE").unwrap();
        let (open, opened) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| open.send(Sqlite::open(folder.path(), &SqliteConfig::default(), Arc::default()).map(drop)));
            let early = opened.recv_timeout(Duration::from_millis(100));
            assert!(early.is_err(), "opened, or gave up, while the file was held: {early:?}");
            other.execute_batch("COMMIT").unwrap();
            drop(other);
            opened.recv().unwrap().unwrap();
        });
    }

    #[tokio::test]
    async fn every_commit_is_synced() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(folder.path(), &SqliteConfig::default(), Arc::default()).unwrap();
        let pragmas = store.writer.run(|connection| {
            let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
            let synchronous: i64 = connection.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
            Ok((mode, synchronous))
        });
        const FULL: i64 = 2;
        assert_eq!(pragmas.await.unwrap(), ("wal".into(), FULL));
    }
}

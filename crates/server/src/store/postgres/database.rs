//! PostgreSQL as the endpoint sees it: each method of [`Store`] as SQL.

use std::any::Any;
use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Bytes;
use brooklet_core::ClientKey;
use deadpool_postgres::{Object, Pool};
use tokio_postgres::{IsolationLevel, Row, Transaction};
use xxhash_rust::xxh3::xxh3_64;

use super::config::PostgresConfig;
use super::connect;
use super::history;
use super::news::{CHANNEL, News};
use super::rows::{DAY, json, number, text};
use super::stats::stats;
use super::tokens;
use super::url::PostgresUrl;
use super::writer::Writer;
use crate::clock::now;
use crate::metrics::Metrics;
use crate::store::contract::{Append, Head, Limit, Pending, Receipt, Registered, Stats, Store, StoredVersion, Waiting};
use crate::store::error::StoreError;
use crate::store::made::{Candidate, CandidateState, CandidateStats, Comparison, Made, ModelSettings, Publication};
use crate::token::{Scope, Token};

/// How many rows a model's counts are spread over.
const SLOTS: i16 = 16;
/// How long a client key is remembered after its last delta, in days.
const KEPT: i32 = 90;

/// A PostgreSQL database that any number of processes share.
#[derive(Debug)]
pub struct Postgres {
    pool: Pool,
    writer: Writer,
    news: News,
    slot: i16,
}

impl Postgres {
    /// Connects, and makes the tables that are not there.
    pub async fn open(
        url: &PostgresUrl,
        config: &PostgresConfig,
        metrics: Arc<Metrics>,
    ) -> Result<Postgres, StoreError> {
        let pool = connect::pool(url)?;
        connect::migrate(&pool).await?;
        let slot = rand::random_range(0..SLOTS);
        let writer = Writer::start(pool.clone(), slot, config, metrics);
        Ok(Postgres { writer, slot, news: News::of(url.clone())?, pool })
    }

    pub(super) async fn client(&self) -> Result<Object, StoreError> {
        Ok(self.pool.get().await?)
    }

    /// Makes a token. Returns it, and the secret that its holder is to have and that nobody can tell again.
    pub async fn make_token(&self, name: &str, scope: Scope) -> Result<(Token, String), StoreError> {
        let (token, secret) = Token::new(name, scope, now()).map_err(|error| StoreError::Failed(error.into()))?;
        tokens::add(&self.client().await?, &token).await?;
        Ok((token, secret))
    }

    /// Takes a token back: from the next second on it is worth nothing, nor is what was signed with it. Returns whether there was one.
    pub async fn revoke_token(&self, id: &str) -> Result<bool, StoreError> {
        Ok(self.execute("DELETE FROM tokens WHERE id = $1", &[&id]).await? > 0)
    }

    async fn execute(
        &self,
        statement: &str,
        params: &[&(dyn tokio_postgres::types::ToSql + Sync)],
    ) -> Result<u64, StoreError> {
        let client = self.client().await?;
        let statement = client.prepare_cached(statement).await?;
        Ok(client.execute(&statement, params).await?)
    }

    async fn query(
        &self,
        query: &str,
        params: &[&(dyn tokio_postgres::types::ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        let client = self.client().await?;
        let query = client.prepare_cached(query).await?;
        Ok(client.query(&query, params).await?)
    }
}

#[async_trait]
impl Store for Postgres {
    async fn register(&self, model: &str, seed: Publication) -> Result<Registered, StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await?;
        if !insert_model(&transaction, model).await? {
            return Ok(Registered::Present);
        }
        history::insert(&transaction, model, &seed).await?;
        tell(&transaction, model).await?;
        transaction.commit().await?;
        Ok(Registered::Added)
    }

    async fn models(&self) -> Result<Vec<String>, StoreError> {
        let rows = self.query("SELECT name FROM models ORDER BY name", &[]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    async fn head(&self, model: &str) -> Result<Option<Head>, StoreError> {
        let rows = self
            .query(
                "SELECT max(version), (SELECT greatest(sum(pending), 0)::bigint FROM counts WHERE model = $1),
                        (SELECT received FROM deltas WHERE model = $1 AND version IS NULL ORDER BY id LIMIT 1),
                        (SELECT greatest(sum(stored), 0)::bigint FROM counts WHERE model = $1)
                 FROM versions WHERE model = $1 HAVING max(version) IS NOT NULL",
                &[&model],
            )
            .await?;
        Ok(rows.first().map(|row| Head {
            version: number(row, 0),
            pending: number(row, 1),
            oldest: row.get::<_, Option<i64>>(2).map(|received| received as u64),
            stored: number(row, 3),
        }))
    }

    async fn current(&self, model: &str) -> Result<Option<StoredVersion>, StoreError> {
        let query = "SELECT version, etag, created, base FROM versions WHERE model = $1 ORDER BY version DESC LIMIT 1";
        Ok(self.query(query, &[&model]).await?.first().map(stored_version))
    }

    async fn version(&self, model: &str, version: u64) -> Result<Option<StoredVersion>, StoreError> {
        let query = "SELECT version, etag, created, base FROM versions WHERE model = $1 AND version = $2";
        Ok(self.query(query, &[&model, &int(version)]).await?.first().map(stored_version))
    }

    async fn tagged(&self, model: &str, etag: &str) -> Result<Option<u64>, StoreError> {
        let query = "SELECT max(version) FROM versions WHERE model = $1 AND etag = $2 AND base IS NOT NULL";
        let rows = self.query(query, &[&model, &etag]).await?;
        Ok(rows.first().and_then(|row| row.get::<_, Option<i64>>(0)).map(|version| version as u64))
    }

    async fn append(&self, delta: Append) -> Result<Receipt, StoreError> {
        self.writer.append(delta).await
    }

    async fn last_seq(&self, model: &str, client: ClientKey) -> Result<u64, StoreError> {
        let query = "SELECT last_seq FROM clients WHERE model = $1 AND client = $2";
        let rows = self.query(query, &[&model, &client.as_slice()]).await?;
        Ok(rows.first().map_or(0, |row| number(row, 0)))
    }

    async fn waiting(&self, model: &str, limit: Limit) -> Result<Vec<Waiting>, StoreError> {
        let [deltas, of_a_client] =
            [limit.deltas, limit.of_a_client].map(|limit| i64::try_from(limit).unwrap_or(i64::MAX));
        let query = "
            WITH waiting AS (
                SELECT id, client, row_number() OVER (PARTITION BY client ORDER BY id) AS nth
                FROM deltas WHERE model = $1 AND version IS NULL
            )
            SELECT id, client FROM waiting WHERE nth <= $3::bigint ORDER BY nth, id LIMIT $2";
        history::waiting(&self.query(query, &[&model, &deltas, &of_a_client]).await?)
    }

    async fn deltas(&self, model: &str, waiting: Vec<Waiting>) -> Result<Vec<Pending>, StoreError> {
        let ids: Vec<i64> = waiting.iter().map(|delta| delta.id).collect();
        let query = "SELECT id, client, bytes FROM deltas WHERE model = $1 AND version IS NULL AND id = ANY ($2)";
        history::deltas(&self.query(query, &[&model, &ids]).await?)
    }

    async fn aggregate(&self, model: &str, version: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let query = "SELECT aggregate FROM lineage WHERE model = $1 AND version = $2";
        Ok(self.query(query, &[&model, &int(version)]).await?.first().and_then(|row| row.get(0)))
    }

    async fn made(&self, model: &str, version: u64) -> Result<Option<Made>, StoreError> {
        let query = "SELECT made FROM lineage WHERE model = $1 AND version = $2";
        self.query(query, &[&model, &int(version)]).await?.first().map(|row| json(row, 0)).transpose()
    }

    async fn folded(&self, model: &str, version: u64) -> Result<Vec<Pending>, StoreError> {
        let query = "SELECT id, client, bytes FROM deltas WHERE model = $1 AND version = $2 ORDER BY id";
        history::deltas(&self.query(query, &[&model, &int(version)]).await?)
    }

    async fn publish(&self, model: &str, publication: Publication) -> Result<(), StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await?;
        // Whoever else publishes waits here, and finds then that another version is the newest.
        transaction.query("SELECT FROM models WHERE name = $1 FOR UPDATE", &[&model]).await?;
        let newest = transaction.query_one("SELECT max(version) FROM versions WHERE model = $1", &[&model]).await?;
        if newest.get::<_, Option<i64>>(0).map(|newest| newest as u64 + 1) != Some(publication.version) {
            return Err(StoreError::Conflict);
        }
        history::insert(&transaction, model, &publication).await?;
        history::mark(&transaction, model, publication.version, &publication.fold, self.slot).await?;
        tell(&transaction, model).await?;
        Ok(transaction.commit().await?)
    }

    async fn prune(&self, model: &str, versions: RangeInclusive<u64>) -> Result<(), StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await?;
        let day = (now() / DAY) as i32 - KEPT;
        history::prune(&transaction, model, versions, day, self.slot).await?;
        Ok(transaction.commit().await?)
    }

    async fn forget(&self, model: &str, client: ClientKey) -> Result<u64, StoreError> {
        let mut connection = self.client().await?;
        let transaction = connection.transaction().await?;
        let forgotten = history::forget(&transaction, model, &client, self.slot).await?;
        transaction.commit().await?;
        Ok(forgotten)
    }

    async fn settings(&self, model: &str) -> Result<ModelSettings, StoreError> {
        let rows = self.query("SELECT settings FROM models WHERE name = $1", &[&model]).await?;
        rows.first().map_or(Err(StoreError::UnknownModel), |row| json(row, 0))
    }

    async fn set_settings(&self, model: &str, settings: ModelSettings) -> Result<(), StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await?;
        let change = "UPDATE models SET settings = $2 WHERE name = $1";
        transaction.execute(change, &[&model, &text(&settings)?]).await?;
        tell(&transaction, model).await?;
        Ok(transaction.commit().await?)
    }

    async fn propose(&self, model: &str, state: CandidateState, publication: Publication) -> Result<u64, StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await?;
        let id = history::propose(&transaction, model, state, &publication).await?;
        tell(&transaction, model).await?;
        transaction.commit().await?;
        Ok(id)
    }

    async fn candidates(&self, model: &str) -> Result<Vec<CandidateStats>, StoreError> {
        let query = "SELECT told, base IS NOT NULL FROM candidates WHERE model = $1 ORDER BY id DESC LIMIT $2";
        let rows = self.query(query, &[&model, &(Stats::VERSIONS as i64)]).await?;
        rows.iter().map(history::candidate_stats).collect()
    }

    async fn candidate(&self, model: &str, id: u64) -> Result<Option<Candidate>, StoreError> {
        let query =
            "SELECT told, fold, aggregate, base FROM candidates WHERE model = $1 AND id = $2 AND base IS NOT NULL";
        self.query(query, &[&model, &int(id)]).await?.first().map(history::candidate).transpose()
    }

    async fn reject(&self, model: &str, id: u64, trial: Option<Comparison>) -> Result<(), StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await?;
        history::reject(&transaction, model, id, trial).await?;
        tell(&transaction, model).await?;
        Ok(transaction.commit().await?)
    }

    async fn discard(&self, model: &str, id: u64) -> Result<bool, StoreError> {
        let discard = "DELETE FROM candidates WHERE model = $1 AND id = $2";
        Ok(self.execute(discard, &[&model, &int(id)]).await? > 0)
    }

    async fn remove(&self, model: &str) -> Result<bool, StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await?;
        let removed = history::remove(&transaction, model).await?;
        tell(&transaction, model).await?;
        transaction.commit().await?;
        Ok(removed)
    }

    async fn profile(&self, model: &str, id: &str) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
        let query = "SELECT number, bytes FROM profiles WHERE model = $1 AND id = $2";
        Ok(self.query(query, &[&model, &id]).await?.first().map(|row| (number(row, 0), row.get(1))))
    }

    async fn keep_profile(
        &self,
        model: &str,
        id: &str,
        after: u64,
        bytes: Vec<u8>,
        most: u64,
    ) -> Result<bool, StoreError> {
        let day = (now() / DAY) as i32;
        let kept = if after == 0 {
            // At the same time, so many processes may each keep one more.
            let keep = "INSERT INTO profiles (model, id, number, seen, bytes) SELECT $1, $2, 1, $3, $4
                        WHERE (SELECT count(*) FROM profiles WHERE model = $1) < $5 ON CONFLICT DO NOTHING";
            self.execute(keep, &[&model, &id, &day, &bytes, &int(most)]).await?
        } else {
            let keep = "UPDATE profiles SET number = number + 1, seen = $3, bytes = $4
                        WHERE model = $1 AND id = $2 AND number = $5";
            self.execute(keep, &[&model, &id, &day, &bytes, &int(after)]).await?
        };
        Ok(kept > 0)
    }

    async fn forget_profile(&self, model: &str, id: &str) -> Result<bool, StoreError> {
        Ok(self.execute("DELETE FROM profiles WHERE model = $1 AND id = $2", &[&model, &id]).await? > 0)
    }

    async fn secret(&self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        self.execute("INSERT INTO secret (id, bytes) VALUES (1, $1) ON CONFLICT DO NOTHING", &[&fresh.as_slice()])
            .await?;
        let rows = self.query("SELECT bytes FROM secret WHERE id = 1", &[]).await?;
        let secret = rows.first().and_then(|row| row.get::<_, &[u8]>(0).try_into().ok());
        secret.ok_or_else(|| StoreError::Corrupt("the secret has 32 bytes".into()))
    }

    async fn stats(&self, model: &str) -> Result<Option<Stats>, StoreError> {
        let mut client = self.client().await?;
        let snapshot = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
        Ok(stats(&*snapshot.start().await?, model).await?)
    }

    async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        let query = "SELECT id, name, scope, check_with, created FROM tokens ORDER BY created, id";
        Ok(self.query(query, &[]).await?.iter().filter_map(tokens::token).collect())
    }

    async fn bytes(&self) -> Result<u64, StoreError> {
        let rows = self.query("SELECT pg_database_size(current_database())", &[]).await?;
        Ok(rows.first().map_or(0, |row| number(row, 0)))
    }

    async fn check(&self) -> Result<(), StoreError> {
        let rows = self.query("SELECT pg_is_in_recovery()", &[]).await?;
        if rows.first().is_none_or(|row| row.get(0)) {
            return Err(StoreError::Gone("the database is a standby".into()));
        }
        if self.writer.is_failing() {
            // Something that changes nothing, to see whether writing works.
            self.query("UPDATE counts SET pending = pending WHERE slot = $1", &[&self.slot]).await?;
            self.writer.works();
        }
        Ok(())
    }

    async fn lead(&self, model: &str) -> Result<Option<Box<dyn Any + Send>>, StoreError> {
        // A connection of its own: the database lets go of the lock when it ends, however that comes.
        let client = Object::take(self.client().await?);
        let key = xxh3_64(model.as_bytes()) as i64;
        let got: bool = client.query_one("SELECT pg_try_advisory_lock($1)", &[&key]).await?.get(0);
        Ok(got.then(|| Box::new(client) as Box<dyn Any + Send>))
    }

    async fn changed(&self) {
        self.news.next().await;
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.writer.close().await;
        self.pool.close();
        Ok(())
    }
}

/// Whether it was not there.
pub(super) async fn insert_model(transaction: &Transaction<'_>, model: &str) -> Result<bool, StoreError> {
    let insert = "INSERT INTO models (name) VALUES ($1) ON CONFLICT DO NOTHING";
    if transaction.execute(insert, &[&model]).await? == 0 {
        return Ok(false);
    }
    let insert = "INSERT INTO counts SELECT $1, slot, 0, 0, 0 FROM generate_series(0, $2::integer - 1) AS slot";
    transaction.execute(insert, &[&model, &i32::from(SLOTS)]).await?;
    Ok(true)
}

/// Tells all processes, once the transaction is committed.
async fn tell(transaction: &Transaction<'_>, model: &str) -> Result<(), StoreError> {
    transaction.execute("SELECT pg_notify($1, $2)", &[&CHANNEL, &model]).await?;
    Ok(())
}

fn stored_version(row: &Row) -> StoredVersion {
    let base: Option<Vec<u8>> = row.get(3);
    StoredVersion { version: number(row, 0), etag: row.get(1), created: number(row, 2), base: base.map(Bytes::from) }
}

/// The database counts in i64, and nobody has so many.
fn int(number: u64) -> i64 {
    number.min(i64::MAX as u64) as i64
}

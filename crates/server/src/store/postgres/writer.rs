//! The one connection of a process that appends deltas, and its group commit.
//!
//! A batch is one statement, and so one transaction and one round trip, whether it holds one delta or hundreds: what has queued while the last one
//! was under way goes into the next. Two processes that append for the same client at the same time meet at the client's row, and the database lets one of them
//! go first.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::{Object, Pool};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tracing::Instrument;

use super::config::PostgresConfig;
use super::error::is_a_tie;
use super::rows::DAY;
use crate::clock::now;
use crate::metrics::Metrics;
use crate::store::contract::{Append, Receipt};
use crate::store::error::StoreError;

/// How long a commit may take. Whether one that takes longer has happened is not known, and the deltas are sent again.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a statement is made again that had to give way to another.
const TIES: u32 = 3;

/// Deltas of distinct clients: their client rows in one order, whoever writes, so that two processes do not wait for each other.
const APPEND: &str = "
    WITH batch AS (
        SELECT * FROM unnest($1::text[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bigint[])
            AS batch (model, client, seq, events, bytes, upto)
    ), room AS (
        SELECT model, sum(stored) AS stored FROM counts WHERE model = ANY ($1) GROUP BY model
    ), next AS (
        INSERT INTO clients AS known (model, client, last_seq, seen)
        SELECT model, client, seq, $7::integer FROM batch JOIN room USING (model)
        WHERE stored + upto <= $8::bigint
          AND (seq = 1 OR EXISTS (SELECT FROM clients WHERE (clients.model, clients.client) = (batch.model, batch.client)))
        ORDER BY model, client
        ON CONFLICT (model, client) DO UPDATE SET last_seq = excluded.last_seq, seen = excluded.seen
            WHERE known.last_seq = excluded.last_seq - 1
        RETURNING model, client
    ), appended AS (
        INSERT INTO deltas (model, client, events, received, bytes)
        SELECT model, client, events, $9::bigint, bytes FROM batch JOIN next USING (model, client)
        RETURNING model, client
    ), counted AS (
        UPDATE counts SET clients = counts.clients + new.clients, stored = counts.stored + new.stored, pending = counts.pending + new.pending
        FROM (
            SELECT model, count(*) FILTER (WHERE seq = 1) AS clients, sum(octet_length(bytes)) AS stored, count(*) AS pending
            FROM batch JOIN next USING (model, client) GROUP BY model
        ) AS new
        WHERE counts.model = new.model AND counts.slot = $10::smallint
    )
    SELECT model, client FROM appended";

/// The last sequence number of each.
const LAST: &str = "
    SELECT coalesce(last_seq, 0) FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS asked (model, client, n)
    LEFT JOIN clients USING (model, client) ORDER BY n";

/// The writer's end that the rest of the store holds.
#[derive(Debug)]
pub(super) struct Writer {
    /// `None` once closed.
    queue: Mutex<Option<mpsc::Sender<Waiting>>>,
    task: Mutex<Option<JoinHandle<()>>>,
    failing: Arc<AtomicBool>,
}

type Waiting = (Append, oneshot::Sender<Result<Receipt, StoreError>>);

impl Writer {
    pub(super) fn start(pool: Pool, slot: i16, config: &PostgresConfig, metrics: Arc<Metrics>) -> Writer {
        let (queue, jobs) = mpsc::channel(config.queue.max(1));
        let failing = Arc::new(AtomicBool::new(false));
        let (limit, quota) = (config.commit_batch.max(1), config.quota.min(i64::MAX as u64) as i64);
        let work = Work { pool, client: None, slot, limit, quota, metrics, failing: failing.clone() };
        let task = tokio::spawn(work.all(jobs));
        Writer { queue: Mutex::new(Some(queue)), task: Mutex::new(Some(task)), failing }
    }

    /// Returns once the commit that holds the delta is durable.
    pub(super) async fn append(&self, delta: Append) -> Result<Receipt, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.queue()?.try_send((delta, answer)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Whether the last commit failed.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Writing was seen to work.
    pub(super) fn works(&self) {
        self.failing.store(false, Ordering::Relaxed);
    }

    /// Commits what has queued and ends.
    pub(super) async fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            // It has no other way to end than by a panic, and then nothing is left to be committed.
            let _ = task.await;
        }
    }

    fn queue(&self) -> Result<mpsc::Sender<Waiting>, StoreError> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(StoreError::Closed)
    }
}

/// What the task works with.
struct Work {
    pool: Pool,
    /// The connection, as long as it serves.
    client: Option<Object>,
    slot: i16,
    /// Deltas in one commit.
    limit: usize,
    quota: i64,
    metrics: Arc<Metrics>,
    failing: Arc<AtomicBool>,
}

impl Work {
    /// Ends when the last sender is gone and the queue is empty.
    async fn all(mut self, mut jobs: mpsc::Receiver<Waiting>) {
        let mut waiting = VecDeque::new();
        loop {
            if waiting.is_empty() {
                match jobs.recv().await {
                    Some(job) => waiting.push_back(job),
                    None => return,
                }
            }
            while waiting.len() < self.limit
                && let Ok(job) = jobs.try_recv()
            {
                waiting.push_back(job);
            }
            let batch = first_of_each_client(&mut waiting);
            self.commit(batch).await;
        }
    }

    /// One transaction for the batch, then everybody's answer: never the other way around.
    async fn commit(&mut self, batch: Vec<Waiting>) {
        let started = Instant::now();
        let deltas: Vec<&Append> = batch.iter().map(|(delta, _)| delta).collect();
        let span = tracing::debug_span!("commit", deltas = deltas.len());
        let receipts = match timeout(PATIENCE, self.append_all(&deltas).instrument(span)).await {
            Ok(receipts) => receipts,
            Err(_) => Err(StoreError::Gone("it did not answer within 30 seconds".into())),
        };
        self.failing.store(receipts.is_err(), Ordering::Relaxed);
        self.metrics.committed(batch.len(), started.elapsed());
        match receipts {
            Ok(receipts) => {
                for ((_, answer), receipt) in batch.into_iter().zip(receipts) {
                    let _ = answer.send(Ok(receipt));
                }
            }
            Err(error) => {
                // Whatever is the matter with the connection, the next commit has another.
                self.client = None;
                tracing::error!(%error, deltas = batch.len(), "a commit failed; none of its deltas was acknowledged");
                for (_, answer) in batch {
                    let _ = answer.send(Err(StoreError::NotCommitted));
                }
            }
        }
    }

    async fn append_all(&mut self, deltas: &[&Append]) -> Result<Vec<Receipt>, StoreError> {
        // One that the database has closed meanwhile is of no use.
        let client = match self.client.take().filter(|client| !client.is_closed()) {
            Some(client) => client,
            None => self.pool.get().await?,
        };
        let client = self.client.insert(client);
        let mut bytes_of = BTreeMap::new();
        let upto: Vec<i64> = deltas
            .iter()
            .map(|delta| {
                let upto: &mut i64 = bytes_of.entry(delta.model.as_str()).or_default();
                *upto += delta.bytes.len() as i64;
                *upto
            })
            .collect();
        let models: Vec<&str> = deltas.iter().map(|delta| delta.model.as_str()).collect();
        let clients: Vec<&[u8]> = deltas.iter().map(|delta| delta.client.as_slice()).collect();
        let seqs: Vec<i64> = deltas.iter().map(|delta| seq(delta)).collect();
        let events: Vec<i64> = deltas.iter().map(|delta| delta.events.into()).collect();
        let bytes: Vec<&[u8]> = deltas.iter().map(|delta| delta.bytes.as_ref()).collect();
        let received = now();
        let day = (received / DAY) as i32;
        let received = received as i64;
        let append = client.prepare_cached(APPEND).await?;
        let params: [&(dyn ToSql + Sync); 10] =
            [&models, &clients, &seqs, &events, &bytes, &upto, &day, &self.quota, &received, &self.slot];
        let mut ties = 0;
        let rows = loop {
            match client.query(&append, &params).await {
                Err(error) if is_a_tie(&error) && ties < TIES => ties += 1,
                rows => break rows?,
            }
        };
        let accepted: BTreeSet<(&str, &[u8])> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let is_accepted = |delta: &Append| accepted.contains(&(delta.model.as_str(), delta.client.as_slice()));
        if accepted.len() == deltas.len() {
            return Ok(vec![Receipt::Accepted; deltas.len()]);
        }
        let last = client.prepare_cached(LAST).await?;
        let last = client.query(&last, &[&models, &clients]).await?;
        let receipt = |(delta, last): (&&Append, i64)| {
            if is_accepted(delta) {
                Receipt::Accepted
            } else if seq(delta) <= last {
                Receipt::Repeated
            } else if seq(delta) == last + 1 {
                Receipt::NoRoom
            } else {
                Receipt::Gap { expected: last as u64 + 1 }
            }
        };
        Ok(deltas.iter().zip(last.iter().map(|row| row.get(0))).map(receipt).collect())
    }
}

/// The database counts in i64, and nobody has sent so many.
fn seq(delta: &Append) -> i64 {
    delta.seq.min(i64::MAX as u64) as i64
}

/// One delta of each client; what a client has sent behind it waits for the next commit.
fn first_of_each_client(waiting: &mut VecDeque<Waiting>) -> Vec<Waiting> {
    let mut seen = BTreeSet::new();
    let (batch, rest) =
        std::mem::take(waiting).into_iter().partition(|(delta, _)| seen.insert((delta.model.clone(), delta.client)));
    *waiting = rest;
    Vec::from_iter::<VecDeque<Waiting>>(batch)
}

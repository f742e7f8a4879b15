//! The one thread that writes, and its group commit.
//!
//! A commit costs one sync of the log whether it holds one delta or a hundred. So whatever has queued while the last
//! commit was under way goes into the next one together, up to a limit, and everybody is acknowledged after it. Nobody
//! waits for company: a delta that comes alone is committed alone, at once.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use brooklet_core::ClientKey;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use tokio::sync::{mpsc, oneshot};

use super::config::SqliteConfig;
use super::schema::now;
use crate::metrics::Metrics;
use crate::store::contract::{Append, Receipt};
use crate::store::error::StoreError;

/// The writer's end that the rest of the store holds.
#[derive(Debug)]
pub(super) struct Writer {
    /// `None` once closed.
    queue: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<Result<(), StoreError>>>>,
}

enum Job {
    Append(Append, oneshot::Sender<Result<Receipt, StoreError>>),
    /// Anything else; it sends its own answer.
    Run(Box<dyn FnOnce(&mut Connection) + Send>),
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        config: &SqliteConfig,
        metrics: Arc<Metrics>,
    ) -> Result<Writer, StoreError> {
        let (queue, jobs) = mpsc::channel(config.queue.max(1));
        let batch = config.commit_batch.max(1);
        let thread = std::thread::Builder::new()
            .name("brooklet-writer".into())
            .spawn(move || work(connection, jobs, batch, &metrics))?;
        Ok(Writer { queue: Mutex::new(Some(queue)), thread: Mutex::new(Some(thread)) })
    }

    /// Returns once the commit that holds the delta is durable.
    pub(super) async fn append(&self, delta: Append) -> Result<Receipt, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.queue()?.try_send(Job::Append(delta, answer)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Runs something on the writer's thread.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job = Job::Run(Box::new(move |connection| {
            // Whoever asked may have gone away.
            let _ = answer.send(job(connection));
        }));
        self.queue()?.send(job).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Commits what has queued, empties the log into the database and ends the thread.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return Ok(()) };
        let joined = tokio::task::spawn_blocking(|| thread.join()).await;
        joined.ok().and_then(Result::ok).ok_or(StoreError::Closed)?
    }

    fn queue(&self) -> Result<mpsc::Sender<Job>, StoreError> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(StoreError::Closed)
    }
}

/// The thread: ends when the last sender is gone and the queue is empty.
fn work(
    mut connection: Connection,
    mut jobs: mpsc::Receiver<Job>,
    limit: usize,
    metrics: &Metrics,
) -> Result<(), StoreError> {
    let mut batch = Vec::with_capacity(limit);
    while let Some(job) = jobs.blocking_recv() {
        let mut next = Some(job);
        let mut other = None;
        while let Some(job) = next.take() {
            match job {
                Job::Append(delta, answer) => batch.push((delta, answer)),
                Job::Run(job) => other = Some(job),
            }
            if other.is_none() && batch.len() < limit {
                next = jobs.try_recv().ok();
            }
        }
        commit(&mut connection, &mut batch, metrics);
        if let Some(job) = other {
            job(&mut connection);
        }
    }
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(())
}

/// One transaction for the batch, then everybody's answer: never the other way around.
fn commit(
    connection: &mut Connection,
    batch: &mut Vec<(Append, oneshot::Sender<Result<Receipt, StoreError>>)>,
    metrics: &Metrics,
) {
    if batch.is_empty() {
        return;
    }
    let started = Instant::now();
    let result = append_all(connection, batch.iter().map(|(delta, _)| delta));
    metrics.committed(batch.len(), started.elapsed());
    match result {
        Ok(receipts) => {
            for ((_, answer), receipt) in batch.drain(..).zip(receipts) {
                let _ = answer.send(Ok(receipt));
            }
        }
        Err(error) => {
            tracing::error!(%error, deltas = batch.len(), "a commit failed; none of its deltas was acknowledged");
            for (_, answer) in batch.drain(..) {
                // The error itself was told once, above.
                let _ = answer.send(Err(StoreError::NotCommitted));
            }
        }
    }
}

fn append_all<'a>(
    connection: &mut Connection,
    deltas: impl Iterator<Item = &'a Append>,
) -> Result<Vec<Receipt>, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let received = now();
    let receipts = deltas.map(|delta| append(&transaction, delta, received)).collect::<Result<_, _>>()?;
    transaction.commit()?;
    Ok(receipts)
}

fn append(transaction: &Transaction<'_>, delta: &Append, received: u64) -> rusqlite::Result<Receipt> {
    let last = last_seq(transaction, &delta.model, &delta.client)?.unwrap_or(0);
    if delta.seq <= last {
        return Ok(Receipt::Repeated);
    }
    if delta.seq > last + 1 {
        return Ok(Receipt::Gap { expected: last + 1 });
    }
    transaction
        .prepare_cached(
            "INSERT INTO clients (model, client, last_seq) VALUES (?1, ?2, ?3)
             ON CONFLICT (model, client) DO UPDATE SET last_seq = excluded.last_seq",
        )?
        .execute(params![delta.model, delta.client, delta.seq])?;
    transaction
        .prepare_cached(
            "INSERT INTO deltas (model, client, seq, base_version, events, received, bytes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            delta.model,
            delta.client,
            delta.seq,
            delta.base_version,
            delta.events,
            received,
            delta.bytes.as_ref()
        ])?;
    transaction.prepare_cached("INSERT INTO pending (model, id, events) VALUES (?1, ?2, ?3)")?.execute(params![
        delta.model,
        transaction.last_insert_rowid(),
        delta.events
    ])?;
    Ok(Receipt::Accepted)
}

/// `None` if the client is unknown.
pub(super) fn last_seq(connection: &Connection, model: &str, client: &ClientKey) -> rusqlite::Result<Option<u64>> {
    connection
        .prepare_cached("SELECT last_seq FROM clients WHERE model = ?1 AND client = ?2")?
        .query_row(params![model, client], |row| row.get(0))
        .optional()
}

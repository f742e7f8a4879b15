//! The one thread that writes, and its group commit.
//!
//! A commit costs one sync of the log whether it holds one delta or a hundred. So whatever has queued while the last
//! commit was under way goes into the next one together, up to a limit, and everybody is acknowledged after it. Nobody
//! waits for company: a delta that comes alone is committed alone, at once.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use brooklet_core::ClientKey;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use tokio::sync::{mpsc, oneshot};

use super::config::SqliteConfig;
use super::folder::Folder;
use super::{parts, schema};
use crate::clock::now;
use crate::metrics::Metrics;
use crate::store::contract::{Append, Receipt};
use crate::store::error::StoreError;

/// How exactly it is kept when a client was heard of last, in milliseconds.
const DAY: u64 = 86_400_000;

/// The writer's end that the rest of the store holds.
#[derive(Debug)]
pub(super) struct Writer {
    /// `None` once closed.
    queue: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Whether the last commit of deltas failed.
    failing: Arc<AtomicBool>,
}

enum Job {
    Append(Append, oneshot::Sender<Result<Receipt, StoreError>>),
    /// Anything else; it sends its own answer.
    Run(Box<dyn FnOnce(&mut Connection) + Send>),
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        folder: Arc<Folder>,
        config: &SqliteConfig,
        metrics: Arc<Metrics>,
    ) -> Result<Writer, StoreError> {
        let (queue, jobs) = mpsc::channel(config.queue.max(1));
        let limit = config.commit_batch.max(1);
        let failing = Arc::new(AtomicBool::new(false));
        let work = Work { connection, folder, limit, quota: config.quota, metrics, failing: failing.clone() };
        let thread = std::thread::Builder::new().name("brooklet-writer".into()).spawn(move || work.all(jobs))?;
        Ok(Writer { queue: Mutex::new(Some(queue)), thread: Mutex::new(Some(thread)), failing })
    }

    /// If the last commit failed, whether writing works now.
    pub(super) async fn check(&self) -> Result<(), StoreError> {
        if !self.failing.load(Ordering::Relaxed) {
            return self.queue().map(drop);
        }
        self.run(|connection| Ok(schema::touch(connection)?)).await?;
        self.failing.store(false, Ordering::Relaxed);
        Ok(())
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

    /// Commits what has queued, empties the log into the database and ends the thread. A log that cannot be emptied, as on a full disk,
    /// is read when the store is opened again.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return Ok(()) };
        let joined = tokio::task::spawn_blocking(|| thread.join()).await;
        joined.ok().and_then(Result::ok).ok_or(StoreError::Closed)
    }

    fn queue(&self) -> Result<mpsc::Sender<Job>, StoreError> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(StoreError::Closed)
    }
}

/// What the thread works with.
struct Work {
    connection: Connection,
    folder: Arc<Folder>,
    /// Deltas in one commit.
    limit: usize,
    quota: u64,
    metrics: Arc<Metrics>,
    failing: Arc<AtomicBool>,
}

type Waiting = (Append, oneshot::Sender<Result<Receipt, StoreError>>);

impl Work {
    /// Ends when the last sender is gone and the queue is empty. A panic takes what it was at with it, rolled back and not
    /// acknowledged, and nothing else.
    fn all(mut self, mut jobs: mpsc::Receiver<Job>) {
        while catch_unwind(AssertUnwindSafe(|| self.until_closed(&mut jobs))).is_err() {
            tracing::error!("the store's writer panicked; it goes on with what was queued next");
            self.metrics.restarted("writer");
        }
        let emptied = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err(error) = emptied.and_then(|()| self.connection.close().map_err(|(_, error)| error)) {
            tracing::warn!(%error, "the log could not be emptied into the database; it is read at the next start");
        }
    }

    fn until_closed(&mut self, jobs: &mut mpsc::Receiver<Job>) {
        let mut batch = Vec::with_capacity(self.limit);
        while let Some(job) = jobs.blocking_recv() {
            let mut next = Some(job);
            let mut other = None;
            while let Some(job) = next.take() {
                match job {
                    Job::Append(delta, answer) => batch.push((delta, answer)),
                    Job::Run(job) => other = Some(job),
                }
                if other.is_none() && batch.len() < self.limit {
                    next = jobs.try_recv().ok();
                }
            }
            self.commit(&mut batch);
            if let Some(job) = other {
                job(&mut self.connection);
            }
        }
    }

    /// One transaction for the batch, then everybody's answer: never the other way around.
    fn commit(&mut self, batch: &mut Vec<Waiting>) {
        if batch.is_empty() {
            return;
        }
        let _span = tracing::debug_span!("commit", deltas = batch.len()).entered();
        let started = Instant::now();
        let present = self.folder.present();
        let result =
            present.and_then(|()| append_all(&mut self.connection, batch.iter().map(|(delta, _)| delta), self.quota));
        self.failing.store(result.is_err(), Ordering::Relaxed);
        self.metrics.committed(batch.len(), started.elapsed());
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
}

fn append_all<'a>(
    connection: &mut Connection,
    deltas: impl Iterator<Item = &'a Append>,
    quota: u64,
) -> Result<Vec<Receipt>, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let receipts = {
        let mut appending = Appending::new(&transaction, now(), quota)?;
        let receipts = deltas.map(|delta| appending.append(delta)).collect::<Result<_, _>>()?;
        appending.write_counts()?;
        receipts
    };
    transaction.commit()?;
    Ok(receipts)
}

/// The counts of a model, which are written once a commit.
struct Counts {
    /// Bytes of its deltas.
    stored: u64,
    /// New client keys.
    clients: u64,
}

/// A commit under way, with the statements that each of its deltas needs.
struct Appending<'t, 'a> {
    transaction: &'t Transaction<'t>,
    received: u64,
    quota: u64,
    counts: BTreeMap<&'a str, Counts>,
    known: CachedStatement<'t>,
    advance: CachedStatement<'t>,
    deltas: CachedStatement<'t>,
    parts: parts::Put<'t>,
    pending: CachedStatement<'t>,
}

impl<'t, 'a> Appending<'t, 'a> {
    fn new(transaction: &'t Transaction<'t>, received: u64, quota: u64) -> rusqlite::Result<Appending<'t, 'a>> {
        Ok(Appending {
            transaction,
            received,
            quota,
            counts: BTreeMap::new(),
            known: transaction.prepare_cached("SELECT last_seq, seen FROM clients WHERE model = ?1 AND client = ?2")?,
            // Without the index of times, which would be written anew.
            advance: transaction.prepare_cached("UPDATE clients SET last_seq = ?3 WHERE model = ?1 AND client = ?2")?,
            deltas: transaction.prepare_cached("INSERT INTO deltas (client, received) VALUES (?1, ?2)")?,
            parts: parts::Put::new(transaction)?,
            pending: transaction.prepare_cached("INSERT INTO pending (model, id, events) VALUES (?1, ?2, ?3)")?,
        })
    }

    fn append(&mut self, delta: &'a Append) -> rusqlite::Result<Receipt> {
        let known = self.known.query_row(params![delta.model, delta.client], |row| Ok((row.get(0)?, row.get(1)?)));
        let known = known.optional()?;
        let (last, seen): (u64, u64) = known.unwrap_or((0, 0));
        if delta.seq <= last {
            return Ok(Receipt::Repeated);
        }
        if delta.seq > last + 1 {
            return Ok(Receipt::Gap { expected: last + 1 });
        }
        let counted = match self.counts.entry(delta.model.as_str()) {
            Entry::Occupied(counted) => counted.into_mut(),
            Entry::Vacant(none) => {
                let stored = self
                    .transaction
                    .prepare_cached("SELECT stored FROM counts WHERE model = ?1")?
                    .query_row([&delta.model], |row| row.get(0))
                    .optional()?;
                // A model that has just been removed has no room.
                let Some(stored) = stored else { return Ok(Receipt::NoRoom) };
                none.insert(Counts { stored, clients: 0 })
            }
        };
        let bytes = delta.bytes.len() as u64;
        if counted.stored.saturating_add(bytes) > self.quota {
            return Ok(Receipt::NoRoom);
        }
        counted.stored += bytes;
        if known.is_some() && self.received.saturating_sub(seen) < DAY {
            self.advance.execute(params![delta.model, delta.client, delta.seq])?;
        } else {
            counted.clients += u64::from(known.is_none());
            self.transaction
                .prepare_cached(
                    "INSERT INTO clients (model, client, last_seq, seen) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (model, client) DO UPDATE SET last_seq = excluded.last_seq, seen = excluded.seen",
                )?
                .execute(params![delta.model, delta.client, delta.seq, self.received])?;
        }
        self.deltas.execute(params![delta.client, self.received])?;
        let id = self.transaction.last_insert_rowid();
        self.parts.put(id, &delta.bytes)?;
        self.pending.execute(params![delta.model, id, delta.events])?;
        Ok(Receipt::Accepted)
    }

    fn write_counts(&self) -> rusqlite::Result<()> {
        for (model, Counts { stored, clients }) in &self.counts {
            self.transaction
                .prepare_cached("UPDATE counts SET stored = ?2, clients = clients + ?3 WHERE model = ?1")?
                .execute(params![model, stored, clients])?;
        }
        Ok(())
    }
}

/// `None` if the client is unknown.
pub(super) fn last_seq(connection: &Connection, model: &str, client: &ClientKey) -> rusqlite::Result<Option<u64>> {
    connection
        .prepare_cached("SELECT last_seq FROM clients WHERE model = ?1 AND client = ?2")?
        .query_row(params![model, client], |row| row.get(0))
        .optional()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_counted_and_the_writer_goes_on() {
        let place = tempfile::tempdir().unwrap();
        let folder = Arc::new(Folder::lock(place.path()).unwrap().0);
        let metrics = Arc::new(Metrics::default());
        let connection = Connection::open(folder.database()).unwrap();
        let writer = Writer::start(connection, folder, &SqliteConfig::default(), metrics.clone()).unwrap();
        let died = writer.run(|connection| {
            let transaction = connection.transaction()?;
            transaction.execute_batch("CREATE TABLE half_done (x)")?;
            panic!("this panic is the test's");
            #[allow(unreachable_code)]
            Ok(())
        });
        assert!(matches!(died.await, Err(StoreError::Closed)));
        let left = writer.run(|connection| {
            Ok(connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, u64>(0))?)
        });
        assert_eq!(left.await.unwrap(), 0);
        let text = metrics.encode().unwrap();
        assert!(text.contains("brooklet_restarts_total{part=\"writer\"} 1\n"), "{text}");
    }
}

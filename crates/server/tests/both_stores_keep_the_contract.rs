//! Whatever the database, a store does the same: each test runs upon the embedded store and upon PostgreSQL.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "common/cluster.rs"]
mod cluster;
mod common;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Bytes;
use brooklet_server::{
    Append, CandidateState, Comparison, FoldedVersion, Limit, Made, ModelSettings, Pending, Postgres, PostgresConfig,
    Publication, Receipt, Registered, Sqlite, SqliteConfig, Store, StoreError,
};
use cluster::cluster;
use common::{MODEL, Random, client, random_seed};

const EVERYTHING: Limit = Limit { deltas: 1000, of_a_client: 1000 };

/// Both stores, empty.
async fn both<F: Future<Output = ()>>(quota: u64, test: impl Fn(Arc<dyn Store>) -> F) {
    let folder = tempfile::tempdir().unwrap();
    let config = SqliteConfig { quota, ..SqliteConfig::default() };
    test(Arc::new(Sqlite::open(folder.path(), &config, Arc::default()).unwrap())).await;
    let Some(cluster) = cluster() else { return };
    let config = PostgresConfig { quota, ..PostgresConfig::default() };
    test(Arc::new(Postgres::open(&cluster.database(), &config, Arc::default()).await.unwrap())).await;
}

fn publication(version: u64, taken: Vec<i64>, set_aside: Vec<i64>) -> Publication {
    Publication {
        version,
        base: Bytes::from(format!("base {version}")),
        aggregate: format!("aggregate {version}").into(),
        etag: format!("tag-{version}"),
        rows: 3,
        created: 1000 + version,
        fold: FoldedVersion { taken, set_aside, events: 5, changed_rows: 2, digest: 0xabc, made: Made::default() },
    }
}

fn append(client_number: u64, seq: u64) -> Append {
    let bytes = Bytes::from(format!("delta {seq} of {client_number}").repeat(1 + client_number as usize % 400));
    Append { model: MODEL.into(), client: client(client_number), seq, events: seq as u32, bytes }
}

fn names(pending: &[Pending]) -> Vec<(u8, &[u8])> {
    pending.iter().map(|delta| (delta.client[0], delta.bytes.as_slice())).collect()
}

#[tokio::test]
async fn a_model_is_registered_once_and_its_versions_follow_each_other() {
    both(1 << 20, async |store: Arc<dyn Store>| {
        assert!(store.models().await.unwrap().is_empty() && store.head(MODEL).await.unwrap().is_none());
        assert!(store.current(MODEL).await.unwrap().is_none() && store.stats(MODEL).await.unwrap().is_none());
        assert!(matches!(store.settings(MODEL).await, Err(StoreError::UnknownModel)));
        let seed = || publication(1, Vec::new(), Vec::new());
        assert_eq!(store.register(MODEL, seed()).await.unwrap(), Registered::Added);
        assert_eq!(store.register(MODEL, publication(9, Vec::new(), Vec::new())).await.unwrap(), Registered::Present);
        assert_eq!(store.models().await.unwrap(), [MODEL]);

        for wrong in [1, 3] {
            let refused = store.publish(MODEL, publication(wrong, Vec::new(), Vec::new())).await;
            assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
        }
        store.publish(MODEL, publication(2, Vec::new(), Vec::new())).await.unwrap();
        assert!(matches!(store.publish("other", seed()).await, Err(StoreError::Conflict)));
        let current = store.current(MODEL).await.unwrap().unwrap();
        assert_eq!((current.version, current.etag.as_str(), current.created), (2, "tag-2", 1002));
        assert_eq!(current.base.unwrap(), "base 2");
        assert_eq!(store.aggregate(MODEL, 2).await.unwrap().unwrap(), b"aggregate 2");
        assert_eq!(store.version(MODEL, 1).await.unwrap().unwrap().base.unwrap(), "base 1");
        assert!(store.version(MODEL, 3).await.unwrap().is_none());
        assert_eq!(store.tagged(MODEL, "tag-1").await.unwrap(), Some(1));
        store.prune(MODEL, 1..=1).await.unwrap();
        assert_eq!(store.version(MODEL, 1).await.unwrap().unwrap().base, None);
        assert_eq!(store.tagged(MODEL, "tag-1").await.unwrap(), None);
        store.check().await.unwrap();
        store.close().await.unwrap();
        assert!(matches!(store.append(append(1, 1)).await, Err(StoreError::Closed)));
    })
    .await;
}

#[tokio::test]
async fn a_delta_is_taken_in_once_and_in_its_turn() {
    both(1 << 20, async |store: Arc<dyn Store>| {
        store.register(MODEL, publication(1, Vec::new(), Vec::new())).await.unwrap();
        let send = async |client, seq| store.append(append(client, seq)).await.unwrap();
        assert_eq!(send(1, 2).await, Receipt::Gap { expected: 1 });
        assert_eq!(send(1, 1).await, Receipt::Accepted);
        assert_eq!(send(1, 1).await, Receipt::Repeated);
        assert_eq!(send(1, 3).await, Receipt::Gap { expected: 2 });
        assert_eq!(send(1, u64::MAX).await, Receipt::Gap { expected: 2 });
        assert_eq!(send(1, 2).await, Receipt::Accepted);
        assert_eq!(send(1, 1).await, Receipt::Repeated);
        assert_eq!(send(2, 1).await, Receipt::Accepted);
        let last = [1, 2, 3].map(|n| store.last_seq(MODEL, client(n)));
        let [first, second, third] = last;
        assert_eq!((first.await.unwrap(), second.await.unwrap(), third.await.unwrap()), (2, 1, 0));
        let head = store.head(MODEL).await.unwrap().unwrap();
        let stored = [(1, 1), (1, 2), (2, 1)].map(|(client, seq)| append(client, seq).bytes.len() as u64);
        assert_eq!((head.version, head.pending, head.stored), (1, 3, stored.iter().sum()));
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
        assert!(head.oldest.is_some_and(|oldest| oldest <= now && oldest + 60_000 > now));
        assert!(store.bytes().await.unwrap() > 4096);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_each_sent_twice_are_each_counted_once() {
    both(1 << 30, async |store: Arc<dyn Store>| {
        store.register(MODEL, publication(1, Vec::new(), Vec::new())).await.unwrap();
        let mut random = Random(random_seed());
        let mut sending = tokio::task::JoinSet::new();
        for n in 0..100 {
            let (store, twice) = (store.clone(), random.below(2) == 0);
            sending.spawn(async move {
                let mut accepted = 0;
                for seq in 1..=5 {
                    let again = async { if twice { Some(store.append(append(n, seq)).await) } else { None } };
                    let (one, other) = tokio::join!(store.append(append(n, seq)), again);
                    let receipts: Vec<Receipt> = [Some(one), other].into_iter().flatten().map(Result::unwrap).collect();
                    accepted += receipts.iter().filter(|receipt| **receipt == Receipt::Accepted).count();
                    assert!(receipts.iter().all(|receipt| matches!(receipt, Receipt::Accepted | Receipt::Repeated)));
                }
                accepted
            });
        }
        assert_eq!(sending.join_all().await, [5; 100]);
        let stats = store.stats(MODEL).await.unwrap().unwrap();
        assert_eq!((stats.pending_deltas, stats.deltas_total, stats.clients), (500, 500, 100));
        assert_eq!((stats.pending_events, stats.events_total), (1500, 1505));
        let pending = store.waiting(MODEL, EVERYTHING).await.unwrap();
        assert_eq!(pending.iter().map(|delta| delta.id).collect::<BTreeSet<_>>().len(), 500);
    })
    .await;
}

#[tokio::test]
async fn a_fold_takes_of_everybody_first_and_marks_what_it_took() {
    both(1 << 20, async |store: Arc<dyn Store>| {
        store.register(MODEL, publication(1, Vec::new(), Vec::new())).await.unwrap();
        for (client, seq) in [(1, 1), (1, 2), (1, 3), (2, 1), (3, 1), (2, 2)] {
            store.append(append(client, seq)).await.unwrap();
        }
        let bytes = |client, seq| append(client, seq).bytes;
        let expected = |all: &[(u64, u64)]| -> Vec<(u8, Bytes)> {
            all.iter().map(|(client, seq)| (*client as u8, bytes(*client, *seq))).collect()
        };
        let found = async |limit: Limit| -> Vec<(u8, Bytes)> {
            let waiting = store.waiting(MODEL, limit).await.unwrap();
            let mut deltas = store.deltas(MODEL, waiting.clone()).await.unwrap();
            deltas.sort_by_key(|delta| waiting.iter().position(|waiting| waiting.id == delta.id));
            assert!(deltas.iter().map(|delta| (delta.id, delta.client)).eq(waiting.iter().map(|w| (w.id, w.client))));
            names(&deltas).into_iter().map(|(client, bytes)| (client, Bytes::copy_from_slice(bytes))).collect()
        };
        assert_eq!(found(EVERYTHING).await, expected(&[(1, 1), (2, 1), (3, 1), (1, 2), (2, 2), (1, 3)]));
        assert_eq!(found(Limit { deltas: 4, ..EVERYTHING }).await, expected(&[(1, 1), (2, 1), (3, 1), (1, 2)]));
        assert_eq!(found(Limit { of_a_client: 1, ..EVERYTHING }).await, expected(&[(1, 1), (2, 1), (3, 1)]));

        let pending = store.waiting(MODEL, EVERYTHING).await.unwrap();
        let ids: Vec<i64> = pending.iter().map(|delta| delta.id).collect();
        store.publish(MODEL, publication(2, ids[..2].into(), ids[2..3].into())).await.unwrap();
        let again = store.publish(MODEL, publication(3, ids[1..4].into(), Vec::new())).await;
        assert!(matches!(again, Err(StoreError::Conflict)), "one of them is in version 2: {again:?}");
        let stats = store.stats(MODEL).await.unwrap().unwrap();
        assert_eq!((stats.version, stats.versions.len()), (2, 2), "nothing of version 3 is there");
        assert_eq!((stats.pending_deltas, stats.set_aside_deltas, stats.versions[0].deltas), (3, 1, 2));
        assert_eq!((stats.digest.as_str(), stats.versions[0].changed_rows), ("0000000000000abc", 2));
        assert_eq!(store.head(MODEL).await.unwrap().unwrap().pending, 3);

        // What was folded is forgotten; what waits and what was set aside is not.
        store.prune(MODEL, 1..=2).await.unwrap();
        let stats = store.stats(MODEL).await.unwrap().unwrap();
        assert_eq!((stats.pending_deltas, stats.set_aside_deltas, stats.clients), (3, 1, 3));
        assert_eq!(store.append(append(1, 1)).await.unwrap(), Receipt::Repeated);
    })
    .await;
}

#[tokio::test]
async fn a_models_deltas_have_so_much_room_and_there_is_more_when_some_are_forgotten() {
    let room = append(1, 1).bytes.len() as u64 * 2;
    both(room, async |store: Arc<dyn Store>| {
        store.register(MODEL, publication(1, Vec::new(), Vec::new())).await.unwrap();
        assert_eq!(store.append(append(1, 1)).await.unwrap(), Receipt::Accepted);
        assert_eq!(store.append(append(1, 2)).await.unwrap(), Receipt::Accepted);
        for _ in 0..2 {
            assert_eq!(store.append(append(1, 3)).await.unwrap(), Receipt::NoRoom);
            assert_eq!(store.append(append(0, 1)).await.unwrap(), Receipt::NoRoom);
        }
        assert_eq!(store.append(append(1, 2)).await.unwrap(), Receipt::Repeated);
        let ids = store.waiting(MODEL, EVERYTHING).await.unwrap().iter().map(|delta| delta.id).collect();
        store.publish(MODEL, publication(2, ids, Vec::new())).await.unwrap();
        store.prune(MODEL, 1..=2).await.unwrap();
        assert_eq!(store.append(append(1, 3)).await.unwrap(), Receipt::Accepted);
    })
    .await;
}

#[tokio::test]
async fn candidates_wait_beside_the_versions_until_one_is_published() {
    both(1 << 20, async |store: Arc<dyn Store>| {
        store.register(MODEL, publication(1, Vec::new(), Vec::new())).await.unwrap();
        store.append(append(1, 1)).await.unwrap();
        let id = store.waiting(MODEL, EVERYTHING).await.unwrap()[0].id;
        let candidate = || publication(2, vec![id], Vec::new());
        assert_eq!(store.propose(MODEL, CandidateState::Canary, candidate()).await.unwrap(), 1);
        assert_eq!(store.propose(MODEL, CandidateState::Canary, candidate()).await.unwrap(), 2);
        assert!(store.candidate(MODEL, 1).await.unwrap().is_none(), "another has taken its place");
        let kept = store.candidate(MODEL, 2).await.unwrap().unwrap();
        assert_eq!((kept.publication.base, kept.publication.fold.taken), (Bytes::from("base 2"), vec![id]));
        let trial = Comparison { reports: 7, ..Comparison::default() };
        store.reject(MODEL, 2, Some(trial)).await.unwrap();
        let told = store.candidates(MODEL).await.unwrap();
        let states: Vec<_> = told.iter().map(|told| (told.id, told.state, told.retained)).collect();
        assert_eq!(states, [(2, CandidateState::Rejected, true), (1, CandidateState::Canary, false)]);
        assert_eq!(told[0].made.trial, Some(trial));
        store.publish(MODEL, candidate()).await.unwrap();
        assert!(store.candidate(MODEL, 2).await.unwrap().is_none(), "it is of another time");
        assert!(store.discard(MODEL, 1).await.unwrap() && !store.discard(MODEL, 1).await.unwrap());
        assert_eq!(store.made(MODEL, 2).await.unwrap(), Some(Made::default()));
        assert_eq!(store.folded(MODEL, 2).await.unwrap()[0].bytes, append(1, 1).bytes);
    })
    .await;
}

#[tokio::test]
async fn what_is_forgotten_is_gone_and_the_rest_is_not() {
    let room = append(1, 1).bytes.len() as u64 * 4;
    both(room, async |store: Arc<dyn Store>| {
        store.register(MODEL, publication(1, Vec::new(), Vec::new())).await.unwrap();
        store.register("other", publication(1, Vec::new(), Vec::new())).await.unwrap();
        for (client, seq) in [(1, 1), (2, 1), (1, 2)] {
            store.append(append(client, seq)).await.unwrap();
        }
        let first = store.waiting(MODEL, EVERYTHING).await.unwrap()[0].id;
        store.publish(MODEL, publication(2, vec![first], Vec::new())).await.unwrap();
        assert_eq!(store.forget(MODEL, client(1)).await.unwrap(), 2);
        assert_eq!(store.head(MODEL).await.unwrap().unwrap().pending, 1);
        assert!(store.folded(MODEL, 2).await.unwrap().is_empty());
        assert_eq!(store.append(append(1, 2)).await.unwrap(), Receipt::Repeated, "its last number stays");
        for seq in 3..=4 {
            assert_eq!(store.append(append(1, seq)).await.unwrap(), Receipt::Accepted, "there is room again");
        }

        let settings = ModelSettings { pinned: true, challenger: None };
        store.set_settings(MODEL, settings.clone()).await.unwrap();
        assert_eq!(store.settings(MODEL).await.unwrap(), settings);
        let keep =
            async |after, bytes: &[u8]| store.keep_profile(MODEL, "anna", after, bytes.into(), 10).await.unwrap();
        assert!(
            keep(0, b"one").await && !keep(0, b"another").await && keep(1, b"two").await && !keep(1, b"three").await
        );
        assert_eq!(store.profile(MODEL, "anna").await.unwrap(), Some((2, b"two".to_vec())));
        assert!(store.forget_profile(MODEL, "anna").await.unwrap());
        assert_eq!(store.profile(MODEL, "anna").await.unwrap(), None);
        assert_eq!(store.secret([7; 32]).await.unwrap(), [7; 32]);
        assert_eq!(store.secret([8; 32]).await.unwrap(), [7; 32]);

        assert!(store.remove(MODEL).await.unwrap() && !store.remove(MODEL).await.unwrap());
        assert_eq!(store.models().await.unwrap(), ["other"]);
        assert!(store.stats(MODEL).await.unwrap().is_none() && store.head(MODEL).await.unwrap().is_none());
        store.register(MODEL, publication(1, Vec::new(), Vec::new())).await.unwrap();
        assert_eq!(store.append(append(1, 1)).await.unwrap(), Receipt::Accepted);
    })
    .await;
}

#[tokio::test]
async fn one_at_a_time_folds_a_model() {
    let Some(cluster) = cluster() else { return };
    let url = cluster.database();
    let open = async || Postgres::open(&url, &PostgresConfig::default(), Arc::default()).await.unwrap();
    let (one, other) = (open().await, open().await);
    let lead = one.lead(MODEL).await.unwrap();
    assert!(lead.is_some() && other.lead(MODEL).await.unwrap().is_none());
    assert!(other.lead("another model").await.unwrap().is_some());
    drop(lead);
    // The database hears of it a moment later.
    for _ in 0..1000 {
        if other.lead(MODEL).await.unwrap().is_some() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("nobody can fold any more");
}

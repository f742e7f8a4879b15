//! No version is one client's, none follows another at once, and nothing grows by what one client made up.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::fmt::Write as _;
use std::time::Duration;

use brooklet_core::{Base, Delta, Evidence, FeatureId};
use brooklet_server::{AppState, Folded, Limit, Server, app, fold_now};
use common::{Bench, FACTORS, ITEMS, MODEL, client, config, delta, get, post};

/// A delta that pushes the weights of named features.
fn of(client_number: u64, seq: u64, names: &[String]) -> Delta {
    let mut ids: Vec<FeatureId> = names.iter().map(|name| FeatureId::named(name)).collect();
    ids.sort_unstable();
    let mut columns = vec![0; ids.len() * (1 + FACTORS)];
    columns[..ids.len()].fill(100);
    let mut scales = vec![0.0; 1 + FACTORS];
    scales[0] = 0.01;
    let evidence = ids.iter().map(|_| [Evidence::of(0.25), Evidence(0)]).collect();
    Delta { client: client(client_number), seq, ids, columns, scales, evidence, events: 1, ..delta(1, 1, 1) }
}

fn names(prefix: &str, count: u64) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}={n}")).collect()
}

async fn base(bench: &Bench) -> Base {
    Base::decode(get(&bench.router, "/v1/models/films").await.body.to_vec()).unwrap()
}

#[tokio::test]
async fn fewer_clients_than_a_version_needs_publish_none_however_much_they_send() {
    let bench = Bench::new(|config| config.version_clients = 3).await;
    for seq in 1..=100 {
        post(&bench.router, &delta(1, seq, 1)).await;
        post(&bench.router, &delta(2, seq, 1)).await;
    }
    assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::TooFew);
    assert_eq!(bench.stats().await.pending_deltas, 200);
    post(&bench.router, &delta(3, 1, 1)).await;
    // A fold that takes ten takes of all three.
    let limit = Limit { deltas: 10, of_a_client: 4 };
    let waiting = bench.state.store().waiting(MODEL, limit).await.unwrap();
    let of = |n| waiting.iter().filter(|delta| delta.client == client(n)).count();
    assert_eq!([of(1), of(2), of(3)], [4, 4, 1]);
    assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::Published(2));
    let stats = bench.stats().await;
    assert_eq!((stats.versions[0].deltas, stats.pending_deltas), (201, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_are_apart_whatever_comes_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.listen = "127.0.0.1:0".parse().unwrap();
    config.fold_deltas = 1;
    config.version_seconds = 1;
    let server = Server::bind(config).await.unwrap();
    let (state, router) = (server.state().clone(), app(server.state().clone()));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async {
        let _ = stopped.await;
    }));
    let stats = |state: AppState| async move { state.store().stats(MODEL).await.unwrap().unwrap() };
    let patience = tokio::time::Instant::now() + Duration::from_secs(120);
    for n in 1.. {
        post(&router, &delta(n, 1, 1)).await;
        if stats(state.clone()).await.version >= 4 {
            break;
        }
        assert!(tokio::time::Instant::now() < patience, "no version follows");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    let versions = bench_versions(folder.path()).await;
    assert!(versions.windows(2).all(|pair| pair[0] >= pair[1] + 1000), "{versions:?}");
}

/// When the versions of a store were published, the newest first.
async fn bench_versions(folder: &std::path::Path) -> Vec<u64> {
    let store = rusqlite::Connection::open(folder.join("store/brooklet.sqlite")).unwrap();
    let mut query = store.prepare("SELECT created FROM versions ORDER BY version DESC").unwrap();
    query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn a_new_feature_has_a_row_once_a_quorum_met_it() {
    let bench = Bench::new(|config| config.quorum = 5).await;
    let invented = names("invented", 300);
    let new = vec!["item=new".to_owned()];
    for n in 1..=4 {
        post(&bench.router, &of(n, 1, &new)).await;
        // One key counts once, in whatever many deltas and versions.
        post(&bench.router, &of(n, 2, &new)).await;
    }
    post(&bench.router, &of(9, 1, &invented)).await;
    assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::Published(2));
    assert_eq!(base(&bench).await.len() as u64, ITEMS);
    let metrics = String::from_utf8(get(&bench.router, "/metrics").await.body.to_vec()).unwrap();
    // A client makes 256 new rows wait in a version at most.
    for line in ["brooklet_waiting_rows{model=\"films\"} 257\n", "brooklet_left_out_rows_total{model=\"films\"} 44\n"] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    post(&bench.router, &of(4, 3, &new)).await;
    assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::Published(3));
    assert!(base(&bench).await.find(FeatureId::named("item=new")).is_none());
    post(&bench.router, &of(5, 1, &new)).await;
    assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::Published(4));
    let published = base(&bench).await;
    assert_eq!(published.len() as u64, ITEMS + 1);
    let mut row = [0.0; 1 + FACTORS];
    published.row_into(published.find(FeatureId::named("item=new")).unwrap(), &mut row);
    assert!(row[0] > 0.1, "what was learnt while it waited is lost: {row:?}");
}

#[tokio::test]
async fn a_list_of_items_closes_the_world() {
    let bench = Bench::new(|config| {
        let mut list = String::new();
        writeln!(list, "item=listed\n\ngenre=listed").unwrap();
        let path = config.data.parent().unwrap().join("items");
        std::fs::write(&path, list).unwrap();
        config.items = Some(path);
        config.quorum = 2;
    })
    .await;
    for n in 1..=10 {
        post(&bench.router, &of(n, 1, &["item=unlisted".into()])).await;
    }
    post(&bench.router, &of(11, 1, &["item=listed".into()])).await;
    fold_now(&bench.state, MODEL).await.unwrap();
    let published = base(&bench).await;
    let has = |name| published.find(FeatureId::named(name)).is_some();
    assert_eq!([has("item=listed"), has("item=unlisted"), has("genre=listed")], [true, false, false]);
}

#[tokio::test]
async fn a_list_that_is_no_list_is_an_error_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    for (text, said) in [(Some("item=1\n42\n"), "`42` is no feature"), (None, "No such file")] {
        let path = folder.path().join("items");
        match text {
            Some(text) => std::fs::write(&path, text).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let mut config = config(folder.path());
        config.items = Some(path);
        let error = AppState::open(config).await.err().expect("the server must not start");
        assert_eq!(error.code(), "unreadable_items");
        assert!(error.to_string().contains(said), "{error}");
    }
}

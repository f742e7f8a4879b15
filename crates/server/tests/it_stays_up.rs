//! What happens to a server's surroundings does not end its service, and monitoring hears of it.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used)]

mod common;
#[path = "common/faulty.rs"]
mod faulty;
#[path = "common/process.rs"]
mod process;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use brooklet_server::{AppState, Metrics, Server, Sqlite, SqliteConfig, StoreError, app};
use common::{Bench, MODEL, config, delta, get, post};
use faulty::Faulty;
use process::Process;

#[test]
fn the_server_itself() {
    process::serve_if_asked();
}

#[tokio::test]
async fn the_process_lives_while_its_store_is_lost() {
    let bench = Bench::new(|_| {}).await;
    for path in ["/livez", "/readyz", "/healthz"] {
        assert_eq!(get(&bench.router, path).await.json()["status"], "ok", "{path}");
    }
    assert_eq!(post(&bench.router, &delta(1, 1, 1)).await.status, 200);
    fs::remove_dir_all(bench.folder.path().join("store")).unwrap();
    post(&bench.router, &delta(2, 1, 1)).await.problem(503, "store_unavailable");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    get(&bench.router, "/readyz").await.problem(503, "store_unavailable");
    assert_eq!(get(&bench.router, "/livez").await.status, 200);
    assert_eq!(get(&bench.router, "/v1/models/films").await.status, 200);
}

#[tokio::test]
async fn a_server_starts_from_its_store_when_the_seed_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let settings = config(folder.path());
    let seed = settings.seed.clone().unwrap();
    let state = AppState::open(settings.clone()).await.unwrap();
    let served = get(&app(state.clone()), "/v1/models/films").await.body;
    state.store().close().await.unwrap();
    drop(state);
    for broken in [false, true] {
        if broken {
            fs::write(&seed, "no seed").unwrap();
        } else {
            fs::remove_file(&seed).unwrap();
        }
        let state = AppState::open(settings.clone()).await.unwrap();
        assert_eq!(get(&app(state.clone()), "/v1/models/films").await.body, served);
        state.store().close().await.unwrap();
    }
}

#[tokio::test]
async fn a_second_server_is_refused_whatever_file_was_tidied_away() {
    let bench = Bench::new(|_| {}).await;
    let store = bench.folder.path().join("store");
    for entry in fs::read_dir(&store).unwrap() {
        let path = entry.unwrap().path();
        if !path.to_string_lossy().contains("sqlite") {
            fs::remove_file(path).unwrap();
        }
    }
    let error = Sqlite::open(&store, &SqliteConfig::default(), Arc::default()).unwrap_err();
    assert!(matches!(error, StoreError::InUse(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_panics_begins_anew_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.listen = "127.0.0.1:0".parse().unwrap();
    config.fold_deltas = 1;
    let metrics = Arc::new(Metrics::default());
    let store = Sqlite::open(&config.data, &SqliteConfig::default(), metrics.clone()).unwrap();
    // Its reader of pending deltas panics once.
    let once = AtomicBool::new(true);
    let store = Arc::new(Faulty(store, move |method: &str| {
        assert!(method != "waiting" || !once.swap(false, Ordering::Relaxed), "this panic is the test's");
        Ok(())
    }));
    let server = Server::with_store(config, store, metrics).await.unwrap();
    let (state, router) = (server.state().clone(), app(server.state().clone()));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async {
        let _ = stopped.await;
    }));
    assert_eq!(post(&router, &delta(1, 1, 1)).await.status, 200);
    let patience = tokio::time::Instant::now() + Duration::from_secs(60);
    while state.store().stats(MODEL).await.unwrap().unwrap().version == 1 {
        assert!(tokio::time::Instant::now() < patience, "no version follows the panic");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let metrics = String::from_utf8(get(&router, "/metrics").await.body.to_vec()).unwrap();
    assert!(metrics.contains("brooklet_restarts_total{part=\"folder\"} 1\n"), "{metrics}");
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
}

#[test]
fn a_log_that_nobody_takes_does_not_stop_it() {
    let folder = tempfile::tempdir().unwrap();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut process = Process::start_with_log(folder.path(), 1, full);
    let address = process.wait_until_ready();
    let agent = ureq::Agent::new_with_defaults();
    for version in 1..4 {
        let url = format!("http://{address}/v1/models/films");
        let posted = agent.post(format!("{url}/deltas")).content_type("application/cbor");
        assert_eq!(posted.send(&delta(version, 1, version).encode()[..]).unwrap().status(), 200);
        let patience = std::time::Instant::now() + Duration::from_secs(60);
        let current = || agent.head(&url).call().unwrap().headers()["brooklet-version"].to_str().unwrap().to_owned();
        while current() != (version + 1).to_string() {
            assert!(std::time::Instant::now() < patience, "version {} does not appear", version + 1);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    let metrics = agent.get(format!("http://{address}/metrics")).call().unwrap().into_body().read_to_string().unwrap();
    let lost = metrics.lines().find_map(|line| line.strip_prefix("brooklet_lost_log_lines_total ")).unwrap();
    assert!(lost.parse::<u64>().unwrap() >= 3, "{lost}");
    process.terminate();
    assert_eq!(process.wait().code(), Some(0));
}

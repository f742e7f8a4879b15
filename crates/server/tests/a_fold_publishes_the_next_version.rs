//! What browsers learnt becomes the next base: all of it, once, in whatever order it came.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::time::{Duration, Instant};

use brooklet_core::{Aggregate, Base, Delta, FeatureId, Fold, FoldConfig, Precision, Report};
use brooklet_server::{AppState, Config, Folded, Server, app, fold_now};
use common::{Bench, FACTORS, MODEL, append, config, delta, get, metadata, post, seed};

#[tokio::test]
async fn the_next_version_is_the_seed_and_the_fold() {
    let bench = Bench::new(|_| {}).await;
    let mut fold = Fold::new(&FoldConfig::default(), 1, FACTORS);
    for client in 1..=30 {
        post(&bench.router, &delta(client, 1, 1)).await;
        fold.add(&delta(client, 1, 1)).unwrap();
    }
    assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::Published(2));

    let mut aggregate = Aggregate::from_base(&Base::decode(seed()).unwrap());
    let expected = aggregate.publish(&fold, 1.0, Precision::F16).unwrap();
    let current = get(&bench.router, "/v1/models/films").await;
    assert_eq!(current.body, expected);

    let stats = get(&bench.router, "/v1/models/films/stats").await.json();
    assert_eq!(stats["version"], 2);
    assert_eq!(stats["digest"], format!("{:016x}", fold.digest()));
    assert_eq!((&stats["pending_deltas"], &stats["deltas_total"]), (&0.into(), &30.into()));
    assert_eq!(stats["events_total"], fold.events());
    let newest = &stats["versions"][0];
    assert_eq!(newest["etag"].as_str().unwrap(), current.header("etag").trim_matches('"'));
    assert_eq!((&newest["version"], &newest["deltas"]), (&2.into(), &30.into()));
    assert_eq!((&newest["events"], &newest["changed_rows"]), (&fold.events().into(), &fold.rows().into()));
    assert_eq!(newest["bytes"], expected.len());
    assert_eq!(newest["rows"], Base::decode(expected).unwrap().len());
    assert!(newest["created"].as_u64().unwrap() > 1_600_000_000_000);
    assert_eq!((&stats["versions"][1]["version"], &stats["versions"][1]["deltas"]), (&1.into(), &0.into()));
}

#[tokio::test]
async fn stats_and_metrics_tell_how_clients_are_served_and_who_pushes_beyond_a_bound() {
    let bench = Bench::new(|_| {}).await;
    let metric = async |name: &str| -> f64 {
        let text = String::from_utf8(get(&bench.router, "/metrics").await.body.to_vec()).unwrap();
        let line =
            text.lines().find_map(|line| line.strip_prefix(&format!("{name}{{model=\"films\"}} "))).unwrap_or("0");
        line.parse().unwrap()
    };
    let reporting = |client, learner_loss| {
        let report = Report { events: 9, base_loss: 0.7, learner_loss };
        Delta { report, ..delta(client, 1, 1) }
    };
    for client in 1..=120 {
        post(&bench.router, &reporting(client, [0.55, 0.65][client as usize % 2])).await;
    }
    let served = get(&bench.router, "/v1/models/films/stats").await.json()["served"].clone();
    assert_eq!((&served["deltas"], &served["drift_alarms"]), (&120.into(), &0.into()));
    assert!((served["gain"].as_f64().unwrap() - 0.1).abs() < 1e-6, "{served}");
    assert!((served["half_width"].as_f64().unwrap() - 1.96 * 0.05 / 119f64.sqrt()).abs() < 1e-6, "{served}");
    for client in 121..=240 {
        post(&bench.router, &reporting(client, 1.6)).await;
    }
    let alarms = get(&bench.router, "/v1/models/films/stats").await.json()["served"]["drift_alarms"].clone();
    assert!(
        alarms.as_f64() >= Some(1.0) && alarms.as_f64() == Some(metric("brooklet_drift_alarms_total").await),
        "{alarms}"
    );

    // One who claims the largest change that there is, in every number of a row.
    let row = delta(300, 1, 1);
    let pushing = Delta {
        scales: vec![Delta::MAX_SCALE; 1 + FACTORS],
        columns: vec![127; 1 + FACTORS],
        ids: vec![FeatureId::named("item=1")],
        evidence: vec![row.evidence[0]],
        ..row
    };
    post(&bench.router, &pushing).await;
    assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::Published(2));
    let stats = get(&bench.router, "/v1/models/films/stats").await.json();
    let made = &stats["versions"][0]["made"];
    let share = made["cut_short_share"].as_f64().unwrap();
    assert!(made["cut_short_clients"].as_u64() >= Some(1) && share > 0.0 && share < 1.0, "{made}");
    assert_eq!(metric("brooklet_cut_short_share").await, share);
    assert_eq!(stats["served"]["deltas"], 0, "the new version has served nobody yet");
}

#[tokio::test]
async fn every_next_base_keeps_the_thresholds_of_the_seed() {
    let bench = Bench::new(|_| {}).await;
    for version in 1..=3 {
        post(&bench.router, &delta(version, 1, version)).await;
        assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::Published(version + 1));
        let next = Base::decode(get(&bench.router, "/v1/models/films").await.body.to_vec()).unwrap();
        assert_eq!((next.metadata().version, next.metadata().thresholds), (version + 1, metadata().thresholds));
    }
}

#[tokio::test]
async fn nothing_pending_publishes_nothing() {
    let bench = Bench::new(|_| {}).await;
    assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::Nothing);
    assert_eq!(bench.stats().await.version, 1);
}

#[tokio::test]
async fn enough_deltas_publish_by_themselves() {
    let serving = Serving::start(|config| config.fold_deltas = 5).await;
    for client in 1..=12 {
        post(&serving.bench.router, &delta(client, 1, 1)).await;
    }
    // 12 deltas are two folds of at least 5, or one of more; what is left is less than 5.
    serving.wait(|stats| stats.pending_deltas < 5).await;
    serving.stop().await;
}

#[tokio::test]
async fn time_publishes_too() {
    let serving = Serving::start(|config| config.fold_seconds = 1).await;
    let started = Instant::now();
    post(&serving.bench.router, &delta(1, 1, 1)).await;
    assert_eq!(serving.bench.stats().await.version, 1);
    serving.wait(|stats| stats.version == 2).await;
    assert!(started.elapsed() >= Duration::from_millis(900), "a lone delta is published only when the time is up");
    serving.stop().await;
}

#[tokio::test]
async fn who_was_acknowledged_is_folded_however_old_the_base_has_become() {
    let bench = Bench::new(|config| config.horizon = 0).await;
    post(&bench.router, &delta(1, 1, 1)).await;
    fold_now(&bench.state, MODEL).await.unwrap();
    // Checked before the fold and queued behind it: this is how such a delta comes to the store.
    bench.state.store().append(append(&delta(2, 1, 1))).await.unwrap();
    assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::Published(3));
    let stats = bench.stats().await;
    assert_eq!((stats.pending_deltas, stats.set_aside_deltas, stats.deltas_total), (0, 0, 2));
    assert_eq!(stats.versions[0].deltas, 1);
}

#[tokio::test]
async fn a_broken_row_does_not_keep_the_others_waiting() {
    let bench = Bench::new(|_| {}).await;
    post(&bench.router, &delta(1, 1, 1)).await;
    let mut broken = append(&delta(2, 1, 1));
    broken.bytes = vec![0xff; 10].into();
    bench.state.store().append(broken).await.unwrap();
    post(&bench.router, &delta(3, 1, 1)).await;
    assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::Published(2));
    let stats = bench.stats().await;
    assert_eq!((stats.pending_deltas, stats.set_aside_deltas, stats.deltas_total), (0, 1, 3));
    assert_eq!(stats.versions[0].deltas, 2);
}

#[tokio::test]
async fn a_restart_goes_on_where_the_last_one_ended() {
    let folder = tempfile::tempdir().unwrap();
    let state = AppState::open(config(folder.path())).await.unwrap();
    let router = app(state.clone());
    post(&router, &delta(1, 1, 1)).await;
    fold_now(&state, MODEL).await.unwrap();
    post(&router, &delta(1, 2, 2)).await;
    let before = get(&router, "/v1/models/films").await;
    state.store().close().await.unwrap();
    drop((state, router));

    let state = AppState::open(config(folder.path())).await.unwrap();
    let router = app(state.clone());
    let after = get(&router, "/v1/models/films").await;
    assert_eq!((after.body, after.headers), (before.body, before.headers));
    assert_eq!(post(&router, &delta(1, 2, 2)).await.json()["repeat"], true);
    assert_eq!(fold_now(&state, MODEL).await.unwrap(), Folded::Published(3));
    // Both folds went through one aggregate, across the restart.
    let mut aggregate = Aggregate::from_base(&Base::decode(seed()).unwrap());
    for (seq, version) in [(1, 1), (2, 2)] {
        let mut fold = Fold::new(&FoldConfig::default(), version, FACTORS);
        fold.add(&delta(1, seq, version)).unwrap();
        let expected = aggregate.publish(&fold, 1.0, Precision::F16).unwrap();
        let path = format!("/v1/models/films/versions/{}", version + 1);
        assert_eq!(get(&router, &path).await.body, expected);
    }
}

#[tokio::test]
async fn old_versions_are_forgotten_and_their_numbers_stay() {
    let bench = Bench::new(|config| config.retain_versions = 2).await;
    for seq in 1..=4 {
        post(&bench.router, &delta(1, seq, seq)).await;
        fold_now(&bench.state, MODEL).await.unwrap();
    }
    for (version, retained) in [(1, false), (2, false), (3, false), (4, true), (5, true)] {
        let answer = get(&bench.router, &format!("/v1/models/films/versions/{version}")).await;
        match retained {
            true => assert_eq!(answer.status, 200),
            false => assert_eq!(answer.problem(410, "pruned_version")["version"], 5),
        }
    }
    let stats = bench.stats().await;
    assert_eq!((stats.deltas_total, stats.versions.len()), (4, 5));
    assert!(stats.versions.iter().all(|version| version.retained == (version.version >= 4)));
    let database = bench.folder.path().join("store/brooklet.sqlite");
    let connection = rusqlite::Connection::open(database).unwrap();
    for table in ["deltas", "folded"] {
        let left: u64 = connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert_eq!(left, 2, "{table}");
    }
    // Who was forgotten is still known: a late repeat is not counted.
    assert_eq!(post(&bench.router, &delta(1, 1, 1)).await.json()["repeat"], true);
}

/// A server with its folders running; requests still go without a socket.
struct Serving {
    bench: Bench,
    stop: tokio::sync::oneshot::Sender<()>,
    server: tokio::task::JoinHandle<()>,
}

impl Serving {
    async fn start(adjust: impl FnOnce(&mut Config)) -> Serving {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path());
        config.listen = "127.0.0.1:0".parse().unwrap();
        adjust(&mut config);
        let server = Server::bind(config).await.unwrap();
        let state = server.state().clone();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let server = tokio::spawn(async {
            let stopped = async {
                let _ = stopped.await;
            };
            server.run(stopped).await.unwrap();
        });
        Serving { bench: Bench { folder, router: app(state.clone()), state }, stop, server }
    }

    async fn wait(&self, done: impl Fn(&brooklet_server::Stats) -> bool) {
        let patience = Instant::now() + Duration::from_secs(20);
        while !done(&self.bench.stats().await) {
            assert!(Instant::now() < patience, "{:?}", self.bench.stats().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.server.await.unwrap();
    }
}

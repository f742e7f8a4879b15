//! How many deltas a second become durable over sockets, beside a POST of the same server and body that does nothing, in one run; how long an answer takes at
//! half of that, also while a fold runs; how long a fold of a large model takes.
//!
//! `cargo bench -p brooklet-server`, with `BROOKLET_BENCH_DIR` for a folder on the disk that is meant. A name as an argument runs what has it in its name.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../../tests/common/cluster.rs"]
mod cluster;
#[path = "../../tests/common/mod.rs"]
mod common;
mod wire;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use brooklet_core::{Delta, Evidence, FeatureId};
use brooklet_server::{AppState, Config, app, fold_now};
use cluster::Cluster;
use common::{MODEL, client, config, metadata};
use tokio::net::TcpListener;
use wire::{Bodies, latencies, rate};

const ROUNDS: usize = 3;
/// Rows of a delta: about 2 KB, as browsers send them.
const ROWS: u64 = 120;
const DELTAS: &str = "/v1/models/films/deltas";
const NOTHING: &str = "/nothing";

fn main() {
    // `cargo test` runs this too, and then it is only to compile.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with("--")).unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!("deltas of {} bytes ({ROWS} rows), medians of {ROUNDS} rounds", wide_delta(1, 1).encode().len());
    runtime.block_on(async {
        if "sqlite".contains(&wanted) {
            for connections in [16, 256] {
                beside_nothing(connections).await;
            }
        }
        if "latency".contains(&wanted) {
            at_half_load().await;
        }
        if "postgres".contains(&wanted) {
            upon_postgres().await;
        }
        if "fold".contains(&wanted) {
            large_fold().await;
        }
    });
}

/// The endpoint beside a route that reads the body and does nothing, in one server.
async fn serve(config: Config) -> (AppState, SocketAddr) {
    let state = AppState::open(config).await.unwrap();
    let nothing = post(|_: Bytes| async { r#"{"acknowledged":1,"repeat":false,"version":1}"# });
    let router: Router = app(state.clone()).route(NOTHING, nothing);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, router).await });
    (state, address)
}

/// What so many connections post, from this number of each on.
fn bodies(connections: u64, from: u64, each: u64) -> Bodies {
    let of = |client| (from..from + each).map(|seq| wide_delta(client, seq).encode()).collect();
    Arc::new((1..=connections).map(of).collect())
}

async fn beside_nothing(connections: u64) {
    let folder = folder();
    let (state, address) = serve(config(folder.path())).await;
    let each = 20_000 / connections;
    let mut rates: [Vec<f64>; 2] = Default::default();
    for round in 0..ROUNDS as u64 {
        let bodies = bodies(connections, 1 + round * each, each);
        rates[0].push(rate(&[address], NOTHING, &bodies).await);
        rates[1].push(rate(&[address], DELTAS, &bodies).await);
    }
    let [nothing, durable] = rates.map(median);
    println!(
        "SQLite, {connections:>3} connections: {durable:>6.0} durable deltas/s, {nothing:>6.0} no-op POSTs/s: {:.2}",
        durable / nothing
    );
    state.store().close().await.unwrap();
}

async fn at_half_load() {
    const CONNECTIONS: u64 = 64;
    const SECONDS: u64 = 6;
    let folder = folder();
    let (state, address) = serve(config(folder.path())).await;
    let most = rate(&[address], DELTAS, &bodies(CONNECTIONS, 1, 200)).await;
    let half = most / 2.0;
    let each = (half * SECONDS as f64) as u64 / CONNECTIONS;
    let quiet = latencies(address, DELTAS, &bodies(CONNECTIONS, 201, each), half).await;
    let folding = tokio::spawn({
        let state = state.clone();
        async move {
            let started = Instant::now();
            let mut folds = 0;
            while started.elapsed() < Duration::from_secs(SECONDS) {
                fold_now(&state, MODEL).await.unwrap();
                folds += 1;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            folds
        }
    });
    let folded = latencies(address, DELTAS, &bodies(CONNECTIONS, 201 + each, each), half).await;
    let folds = folding.await.unwrap();
    let at = |sorted: &[Duration], share: f64| sorted[(sorted.len() as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "SQLite at half load ({half:.0}/s of {most:.0}/s, {CONNECTIONS} connections): p50 {:.1} ms, p99 {:.1} ms; during {folds} folds p50 {:.1} ms, p99 {:.1} ms",
        at(&quiet, 0.5),
        at(&quiet, 0.99),
        at(&folded, 0.5),
        at(&folded, 0.99),
    );
    state.store().close().await.unwrap();
}

/// Two servers, a primary and its synchronous standby, syncs and all.
async fn upon_postgres() {
    let Some(programs) = cluster::programs() else { return };
    let primary = Cluster::start(programs, &[]);
    primary.run("CREATE DATABASE bench", "postgres");
    let standby = Cluster::standby(&primary, "standby", &[]);
    primary.run("ALTER SYSTEM SET synchronous_standby_names = 'standby'", "postgres");
    primary.run("SELECT pg_reload_conf()", "postgres");
    let folder = folder();
    let upon = |folder: &Path| {
        let mut config = config(folder);
        config.store = Some(primary.url("bench").parse().unwrap());
        config
    };
    let (one, at_one) = serve(upon(folder.path())).await;
    let (other, at_other) = serve(upon(folder.path())).await;
    let mut from = 1;
    for connections in [16, 256, 512] {
        let each = 20_000 / connections;
        let mut rates: [Vec<f64>; 2] = Default::default();
        for _ in 0..ROUNDS {
            let bodies = bodies(connections, from, each);
            rates[0].push(rate(&[at_one, at_other], NOTHING, &bodies).await);
            // Clients of their own, for each has sent as many as the others.
            let bodies = Arc::new(
                (0..connections)
                    .map(|n| (1..=each).map(|seq| wide_delta(from * 1000 + n, seq).encode()).collect())
                    .collect(),
            );
            rates[1].push(rate(&[at_one, at_other], DELTAS, &bodies).await);
            from += 1;
        }
        let [nothing, durable] = rates.map(median);
        println!(
            "PostgreSQL, two servers, synchronous standby, {connections:>3} connections: {durable:>6.0} durable deltas/s, {nothing:>6.0} no-op POSTs/s: {:.2}",
            durable / nothing
        );
    }
    one.store().close().await.unwrap();
    other.store().close().await.unwrap();
    drop((primary, standby));
}

/// A version of a model of 100,000 rows and 16 factors, of 1,000 clients' deltas, from reading them to its publication.
async fn large_fold() {
    const ITEMS: u64 = 100_000;
    const CLIENTS: u64 = 1000;
    let folder = folder();
    let width = 17;
    let metadata = {
        let mut metadata = metadata();
        metadata.factors = width - 1;
        metadata.prior.mean = vec![0.0; width];
        metadata.prior.covariance = vec![0.0; width * width];
        metadata
    };
    std::fs::write(folder.path().join("seed.safetensors"), common::seed_of(&metadata, ITEMS)).unwrap();
    let mut config = config(folder.path());
    config.precision = brooklet_core::Precision::Steps;
    let state = AppState::open(config).await.unwrap();
    let mut took = Vec::new();
    for seq in 1..=ROUNDS as u64 {
        let mut appending = tokio::task::JoinSet::new();
        for n in 0..CLIENTS {
            let mut delta = wide_delta(n, seq);
            delta.ids = (0..ROWS).map(|row| FeatureId::named(&format!("item={}", (n * ROWS + row) % ITEMS))).collect();
            delta.ids.sort_unstable();
            delta.scales = vec![0.001; width];
            delta.columns = (0..delta.ids.len() * width).map(|i| (i * 7) as i8).collect();
            let (state, append) = (state.clone(), common::append(&delta));
            appending.spawn(async move { state.store().append(append).await.unwrap() });
        }
        appending.join_all().await;
        let started = Instant::now();
        fold_now(&state, MODEL).await.unwrap();
        took.push(started.elapsed().as_secs_f64() * 1e3);
    }
    println!("fold of {CLIENTS} deltas into {ITEMS} rows of 16 factors: {:.0} ms", median(took));
    state.store().close().await.unwrap();
}

/// Made from one template, so that making it costs little beside storing it.
fn wide_delta(client_number: u64, seq: u64) -> Delta {
    static TEMPLATE: LazyLock<Delta> = LazyLock::new(|| {
        let mut delta = common::delta(1, 1, 1);
        delta.ids = (0..ROWS).map(|row| FeatureId::named(&format!("item={row}"))).collect();
        delta.ids.sort_unstable();
        delta.columns = (0..delta.ids.len() * delta.scales.len()).map(|i| (i * 7) as i8).collect();
        delta.evidence = delta.ids.iter().map(|_| [Evidence(60), Evidence(0)]).collect();
        delta
    });
    Delta { client: client(client_number), seq, ..TEMPLATE.clone() }
}

fn folder() -> tempfile::TempDir {
    let base = std::env::var_os("BROOKLET_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    tempfile::tempdir_in(base).unwrap()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_unstable_by(f64::total_cmp);
    rates[rates.len() / 2]
}

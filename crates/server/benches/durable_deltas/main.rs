//! How many deltas a second become durable over sockets, beside a POST of the same server and body that does nothing; how long an answer takes at half of
//! that, also while folds run, and how much memory the server has afterwards; how long a fold of a large model takes.
//!
//! `cargo bench -p brooklet-server`, with `BROOKLET_BENCH_DIR` for a folder on the disk that is meant. A name as an argument runs what has it in its name.
//! The servers are processes of their own; what is put beside each other is measured in turn, a second each, so that whatever else the machine does
//! meets both.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../../tests/common/cluster.rs"]
mod cluster;
#[path = "../../tests/common/mod.rs"]
mod common;
mod server;
mod wire;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use brooklet_core::{Aggregate, Delta, Evidence, FeatureId, FoldConfig, Precision, Taking};
use brooklet_server::{AppState, fold_now};
use cluster::Cluster;
use common::{MODEL, client, config, metadata};
use server::{NOTHING, Server, serve_if_asked};
use wire::{Bodies, Clients};

/// Pairs of a second each.
const ROUNDS: usize = 7;
const SECOND: Duration = Duration::from_secs(1);
/// The demo's model has so many rows, of so many factors.
const ITEMS: u64 = 9066;
const FACTORS: usize = 16;
/// Rows of a delta: about 2 KB, as browsers send them.
const ROWS: u64 = 64;
const DELTAS: &str = "/v1/models/films/deltas";
const FOLD: &str = "/v1/models/films/fold";

fn main() {
    serve_if_asked();
    // `cargo test` runs this too, and then it is only to compile.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with("--")).unwrap_or_default();
    println!("deltas of {} bytes ({ROWS} rows), medians of {ROUNDS} rounds", wide_delta(1, 1).encode().len());
    // The load has one thread: what is measured are the servers.
    let load = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if "sqlite".contains(&wanted) {
        load.block_on(upon_sqlite());
    }
    if "postgres".contains(&wanted) {
        load.block_on(upon_postgres());
    }
    if "fold".contains(&wanted) {
        tokio::runtime::Runtime::new().unwrap().block_on(large_fold());
    }
}

async fn upon_sqlite() {
    let folder = folder(ITEMS);
    let servers = [Server::start(folder.path(), None)];
    for connections in [16, 256] {
        beside_nothing("SQLite", &servers, connections).await;
    }
    let [loaded, _] = servers[0].memory();
    at_half_load("SQLite", &servers).await;
    let [folded, most] = servers[0].memory();
    println!(
        "SQLite, a model of {ITEMS} rows of {FACTORS} factors: {loaded:.0} MB after 256 connections, {folded:.0} MB after the folds, {most:.0} MB at most"
    );
}

/// Two servers, a primary and its synchronous standby, syncs and all.
async fn upon_postgres() {
    let Some(programs) = cluster::programs() else { return };
    let primary = Cluster::start(programs, &[]);
    primary.run("CREATE DATABASE bench", "postgres");
    let _standby = Cluster::standby(&primary, "standby", &[]);
    primary.run("ALTER SYSTEM SET synchronous_standby_names = 'standby'", "postgres");
    primary.run("SELECT pg_reload_conf()", "postgres");
    let folder = folder(ITEMS);
    let url = primary.url("bench");
    let servers = [(); 2].map(|()| Server::start(folder.path(), Some(&url)));
    const NAME: &str = "PostgreSQL, two servers, synchronous standby";
    for connections in [16, 256, 512] {
        beside_nothing(NAME, &servers, connections).await;
    }
    at_half_load(NAME, &servers).await;
}

async fn beside_nothing(name: &str, servers: &[Server], connections: usize) {
    let nothing: Vec<SocketAddr> = servers.iter().map(|server| server.nothing).collect();
    let mut clients = [
        Clients::connect(&nothing, NOTHING, connections, bodies()).await,
        Clients::connect(&addresses(servers), DELTAS, connections, bodies()).await,
    ];
    let mut rates = Vec::new();
    // The first round warms up.
    for round in 0..=ROUNDS {
        let mut rate = [0.0; 2];
        for turn in [round % 2, (round + 1) % 2] {
            rate[turn] = clients[turn].rate(SECOND).await;
        }
        rates.push(rate);
    }
    rates.remove(0);
    let [durable, nothing] = [1, 0].map(|which| spread(rates.iter().map(|rate| rate[which])));
    let ratio = spread(rates.iter().map(|rate| rate[1] / rate[0]));
    println!(
        "{name}, {connections:>3} connections: {:.0} durable deltas/s ({:.0}-{:.0}), {:.0} no-op POSTs/s ({:.0}-{:.0}), ratio {:.2} ({:.2}-{:.2})",
        durable[1], durable[0], durable[2], nothing[1], nothing[0], nothing[2], ratio[1], ratio[0], ratio[2]
    );
}

fn addresses(servers: &[Server]) -> Vec<SocketAddr> {
    servers.iter().map(|server| server.address).collect()
}

async fn at_half_load(name: &str, servers: &[Server]) {
    const CONNECTIONS: usize = 64;
    let at = addresses(servers);
    let mut clients = Clients::connect(&at, DELTAS, CONNECTIONS, bodies()).await;
    let most = clients.rate(3 * SECOND).await;
    let half = most / 2.0;
    let quiet = clients.latencies(half, 5 * SECOND).await;
    let done = Arc::new(AtomicBool::new(false));
    let folding = tokio::spawn({
        let done = done.clone();
        async move {
            let mut operator = Clients::connect(&at[..1], FOLD, 1, Arc::new(|_| Vec::new())).await;
            let mut folds = 0;
            while !done.load(Ordering::Relaxed) {
                operator.rate(Duration::ZERO).await;
                folds += 1;
            }
            folds
        }
    });
    let folded = clients.latencies(half, 5 * SECOND).await;
    done.store(true, Ordering::Relaxed);
    let folds: u32 = folding.await.unwrap();
    let at = |sorted: &[Duration], share: f64| sorted[(sorted.len() as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{name} at half load ({half:.0}/s of {most:.0}/s, {CONNECTIONS} connections): p50 {:.1} ms, p99 {:.1} ms; during {folds} folds p50 {:.1} ms, p99 {:.1} ms",
        at(&quiet, 0.5),
        at(&quiet, 0.99),
        at(&folded, 0.5),
        at(&folded, 0.99),
    );
}

/// A version of a model of 100,000 rows and 16 factors, of 1,000 clients' deltas, from reading them to its publication.
async fn large_fold() {
    const ITEMS: u64 = 100_000;
    const CLIENTS: u64 = 1000;
    let folder = folder(ITEMS);
    let mut config = config(folder.path());
    config.precision = Precision::Steps;
    let state = AppState::open(config).await.unwrap();
    let delta = |n: u64, seq: u64| {
        let mut delta = wide_delta(n, seq);
        delta.ids = (0..ROWS).map(|row| FeatureId::named(&format!("item={}", (n * ROWS + row) % ITEMS))).collect();
        delta.ids.sort_unstable();
        delta
    };
    let mut took: [Vec<f64>; 3] = Default::default();
    let since = |started: Instant| started.elapsed().as_secs_f64() * 1e3;
    for seq in 1..=ROUNDS as u64 {
        let mut appending = tokio::task::JoinSet::new();
        for n in 0..CLIENTS {
            let (state, append) = (state.clone(), common::append(&delta(n, seq)));
            appending.spawn(async move { state.store().append(append).await.unwrap() });
        }
        appending.join_all().await;
        let aggregate = state.store().aggregate(MODEL, seq).await.unwrap().unwrap();
        let started = Instant::now();
        fold_now(&state, MODEL).await.unwrap();
        took[0].push(since(started));

        // The same without the store and what is made for browsers.
        let mut deltas: Vec<Delta> = (0..CLIENTS).map(|n| delta(n, seq)).collect();
        deltas.sort_unstable_by_key(|delta| delta.client);
        let fold = FoldConfig { horizon: u64::MAX, ..FoldConfig::default() };
        let mut taking = Taking::new(Aggregate::decode(&aggregate).unwrap(), &fold);
        let started = Instant::now();
        deltas.iter().for_each(|delta| taking.add(delta).unwrap());
        taking.summary();
        took[1].push(since(started));
        let started = Instant::now();
        taking.publish(1.0, Precision::Steps).unwrap();
        took[2].push(since(started));
    }
    let [whole, sums, step] = took.map(|took| {
        let [least, median, most] = spread(took.into_iter());
        format!("{median:.0} ms ({least:.0}-{most:.0})")
    });
    println!(
        "fold of {CLIENTS} deltas into {ITEMS} rows of {FACTORS} factors: {whole} from the store to the store; of it sums {sums}, step and base {step}"
    );
    state.store().close().await.unwrap();
}

/// A seed of so many items.
fn seed(items: u64) -> Vec<u8> {
    let mut metadata = metadata();
    let width = 1 + FACTORS;
    metadata.factors = FACTORS;
    metadata.prior.mean = vec![0.0; width];
    metadata.prior.covariance = vec![0.0; width * width];
    common::seed_of(&metadata, items)
}

/// Deltas of clients whom nobody has heard of, each numbered by itself.
fn bodies() -> Bodies {
    static CLIENTS: AtomicU64 = AtomicU64::new(0);
    const MOST: usize = 1024;
    let first = CLIENTS.fetch_add(MOST as u64, Ordering::Relaxed);
    let numbers: Vec<AtomicU64> = (0..MOST).map(|_| AtomicU64::new(1)).collect();
    Arc::new(move |n| wide_delta(first + n as u64, numbers[n].fetch_add(1, Ordering::Relaxed)).encode())
}

/// Made from one template, so that making it costs little beside storing it.
fn wide_delta(client_number: u64, seq: u64) -> Delta {
    static TEMPLATE: LazyLock<Delta> = LazyLock::new(|| {
        let mut delta = common::delta(1, 1, 1);
        delta.ids = (0..ROWS).map(|row| FeatureId::named(&format!("item={row}"))).collect();
        delta.ids.sort_unstable();
        delta.scales = vec![0.001; 1 + FACTORS];
        delta.columns = (0..delta.ids.len() * delta.scales.len()).map(|i| (i * 7) as i8).collect();
        delta.evidence = delta.ids.iter().map(|_| [Evidence(60), Evidence(0)]).collect();
        delta
    });
    Delta { client: client(client_number), seq, ..TEMPLATE.clone() }
}

/// Where a server has a seed of so many items, and its store.
fn folder(items: u64) -> tempfile::TempDir {
    let base = std::env::var_os("BROOKLET_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(base).unwrap();
    std::fs::write(folder.path().join("seed.safetensors"), seed(items)).unwrap();
    folder
}

/// The least, the median and the most.
fn spread(numbers: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut sorted: Vec<f64> = numbers.collect();
    sorted.sort_unstable_by(f64::total_cmp);
    [sorted[0], sorted[sorted.len() / 2], sorted[sorted.len() - 1]]
}

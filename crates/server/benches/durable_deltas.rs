//! How many deltas a second become durable, one a commit and a hundred a commit, side by side in one run; the same
//! through the whole HTTP side; and how long a fold takes.
//!
//! `cargo bench -p brooklet-server`, with `BROOKLET_BENCH_DIR` for a folder on the disk that is meant.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use brooklet_core::{Delta, Evidence, FeatureId};
use brooklet_server::{AppState, Sqlite, SqliteConfig, Store, app, fold_now};
use common::{MODEL, append, client, config, post};

const ROUNDS: usize = 3;
const TIME: Duration = Duration::from_secs(3);
/// Browsers that post at the same time.
const CLIENTS: u64 = 200;
const ROWS: u64 = 200;
const FOLDED: u64 = 8000;

fn main() {
    // `cargo test` runs this too, and then it is only to compile.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let bytes = wide_delta(1, 1).encode().len();
    println!("deltas of {bytes} bytes ({ROWS} rows), {CLIENTS} clients at once, medians of {ROUNDS} x {TIME:?}");
    let mut rates: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        rates[0].push(runtime.block_on(through_the_store(1)));
        rates[1].push(runtime.block_on(through_the_store(100)));
        rates[2].push(runtime.block_on(through_http()));
    }
    let [one, hundred, http] = rates.map(median);
    println!("store, 1 a commit        {one:>9.0} deltas/s");
    println!("store, up to 100         {hundred:>9.0} deltas/s   {:.1} x", hundred / one);
    println!("HTTP side, up to 100     {http:>9.0} deltas/s   {:.1} x", http / one);
    let (rate, longest) = runtime.block_on(fold());
    println!("fold of {FOLDED}             {rate:>9.0} deltas/s; the slowest acknowledgement meanwhile: {longest:?}");
}

async fn through_the_store(commit_batch: usize) -> f64 {
    let folder = folder();
    let sqlite = SqliteConfig { commit_batch, ..SqliteConfig::default() };
    let store = Arc::new(Sqlite::open(folder.path(), &sqlite, Arc::default()).unwrap());
    let shared = store.clone();
    let rate = rate(move |client, seq| {
        let store = shared.clone();
        async move {
            store.append(append(&wide_delta(client, seq))).await.unwrap();
        }
    })
    .await;
    store.close().await.unwrap();
    rate
}

async fn through_http() -> f64 {
    let folder = folder();
    let state = AppState::open(config(folder.path())).await.unwrap();
    let router = app(state.clone());
    let rate = rate(move |client, seq| {
        let router = router.clone();
        async move { assert_eq!(post(&router, &wide_delta(client, seq)).await.status, 200) }
    })
    .await;
    state.store().close().await.unwrap();
    rate
}

/// How long a fold takes, and the longest that a browser waits for an acknowledgement meanwhile.
async fn fold() -> (f64, Duration) {
    let folder = folder();
    let state = AppState::open(config(folder.path())).await.unwrap();
    let store = state.store();
    for seq in 1..=FOLDED / CLIENTS {
        let deltas: Vec<Delta> = (1..=CLIENTS).map(|client| wide_delta(client, seq)).collect();
        let appends = deltas.iter().map(|delta| store.append(append(delta)));
        for appended in all(appends).await {
            appended.unwrap();
        }
    }
    let started = Instant::now();
    let folding = tokio::spawn({
        let state = state.clone();
        async move { fold_now(&state, MODEL).await.unwrap() }
    });
    let mut longest = Duration::ZERO;
    for seq in 1.. {
        if folding.is_finished() {
            break;
        }
        let posted = Instant::now();
        store.append(append(&wide_delta(CLIENTS + 1, seq))).await.unwrap();
        longest = longest.max(posted.elapsed());
    }
    (FOLDED as f64 / started.elapsed().as_secs_f64(), longest)
}

/// Acknowledgements a second of clients that post one delta after the other.
async fn rate<F: Future<Output = ()> + Send + 'static>(post: impl Fn(u64, u64) -> F + Clone + Send + 'static) -> f64 {
    let count = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let clients: Vec<_> = (1..=CLIENTS)
        .map(|client| {
            let (post, count) = (post.clone(), count.clone());
            let posting = async move {
                for seq in 1.. {
                    post(client, seq).await;
                    count.fetch_add(1, Ordering::Relaxed);
                    if started.elapsed() > TIME {
                        break;
                    }
                }
            };
            tokio::spawn(posting)
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    count.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64()
}

/// Waits for all of them at once.
async fn all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut pinned: Vec<_> = futures.map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = pinned.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, output) in pinned.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let std::task::Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *output = Some(ready);
            }
        }
        if outputs.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    outputs.into_iter().flatten().collect()
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

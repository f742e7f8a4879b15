//! However much waits when a fold begins, it is one version, and the one that all of it taken at once would be.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use brooklet_core::{Aggregate, Base, Delta, Fold, FoldConfig, Precision};
use brooklet_server::{Folded, fold_now};
use common::{Bench, FACTORS, MODEL, append, ask, delta, get, post, seed};
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_deltas_are_one_version_bit_for_bit() {
    const DELTAS: u64 = 20_000;
    let bench = Bench::new(|config| config.version_clients = 50).await;
    // Two of each client.
    let deltas: Vec<Delta> = (0..DELTAS).map(|n| delta(n / 2, 1 + n % 2, 1)).collect();
    let mut appending = JoinSet::new();
    for of_a_client in deltas.chunks(2) {
        let (state, both) = (bench.state.clone(), [append(&of_a_client[0]), append(&of_a_client[1])]);
        appending.spawn(async move {
            for append in both {
                state.store().append(append).await.unwrap();
            }
        });
        if appending.len() > 1000 {
            appending.join_next().await.unwrap().unwrap();
        }
    }
    appending.join_all().await;
    assert_eq!(bench.stats().await.pending_deltas, DELTAS);

    assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::Published(2));
    let stats = bench.stats().await;
    assert_eq!((stats.versions[0].deltas, stats.pending_deltas, stats.set_aside_deltas), (DELTAS, 0, 0));

    let mut fold = Fold::new(&FoldConfig { horizon: u64::MAX, ..FoldConfig::default() }, 1, FACTORS);
    deltas.iter().for_each(|delta| fold.add(delta).unwrap());
    assert_eq!(stats.versions[0].events, fold.events());
    assert_eq!(stats.versions[0].changed_rows, fold.rows() as u64);
    assert_eq!(stats.digest, format!("{:016x}", fold.digest()));
    let mut aggregate = Aggregate::from_base(&Base::decode(seed()).unwrap());
    let expected = aggregate.publish(&fold, 1.0, Precision::F16).unwrap();
    let published = get(&bench.router, "/v1/models/films/versions/2").await;
    assert!(published.body == expected, "the version is not what its deltas come to at once");
    let rebuilt = ask(&bench.router, "GET", "/v1/models/films/versions/2/rebuilt?from=1", None).await;
    assert!(rebuilt.body == expected, "the version made again is another: {:?}", rebuilt.status);

    // What comes later is the next one's.
    for n in 0..50 {
        post(&bench.router, &delta(n, 3, 2)).await;
    }
    assert_eq!(fold_now(&bench.state, MODEL).await.unwrap(), Folded::Published(3));
    assert_eq!(bench.stats().await.versions[0].deltas, 50);
}

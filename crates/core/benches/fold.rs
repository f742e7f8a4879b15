//! What an endpoint's work costs: `cargo bench -p brooklet-core --bench fold`. A thousand clients of 20 rows each upon 8 factors, and sixty of 100 rows
//! upon 256.
#![allow(missing_docs, clippy::unwrap_used)]

use brooklet_core::{
    Aggregate, Base, ClientKey, Delta, Evidence, FeatureId, Fold, FoldConfig, Metadata, Precision, Prior, Rates,
    Report, Rows, Schema, encode_base,
};
use criterion::{Criterion, criterion_group, criterion_main};

/// Rows of the base.
const ITEMS: usize = 6_000;

/// The fractional parts of multiples of the golden ratio, about zero: as good as random, and the same everywhere.
fn number(at: usize) -> f32 {
    (at as f32 * 0.618_034).fract() - 0.5
}

fn item(n: usize) -> FeatureId {
    FeatureId::named(&format!("item={n}"))
}

fn base(factors: usize) -> Base {
    let width = 1 + factors;
    let prior = Prior {
        mean: (0..width).map(number).collect(),
        covariance: (0..width * width).map(|at| if at % (width + 1) == 0 { 0.1 } else { 0.0 }).collect(),
        scale: 8.0,
    };
    let rates = Rates { private: 0.3, shared: 0.01, delta: 0.05 };
    let metadata = Metadata::new("bench", Schema::new("user", "item"), rates, prior);
    let rows = (0..ITEMS * width).map(|at| 0.3 * number(at)).collect();
    let rows = Rows { ids: (0..ITEMS).map(item).collect(), rows, ..Rows::default() };
    Base::decode(encode_base(&metadata, &rows, Precision::F16).unwrap()).unwrap()
}

fn delta(base: &Base, client: usize, rows: usize) -> Delta {
    let mut key = ClientKey::default();
    key[..8].copy_from_slice(&client.to_le_bytes());
    let mut ids: Vec<FeatureId> = (0..rows).map(|row| item((client * 389 + row * 97) % ITEMS)).collect();
    ids.sort_unstable();
    let amount = |at: usize| Evidence::of(f64::from(10.0 * (0.5 + number(client * 31 + at))));
    Delta {
        base_version: base.metadata().version,
        client: key,
        seq: 1,
        events: rows as u32,
        scales: vec![0.01; base.width()],
        columns: (0..rows * base.width()).map(|at| (255.0 * number(client + at)) as i8).collect(),
        evidence: (0..rows).map(|row| [amount(row), amount(row + 7)]).collect(),
        ids,
        report: Report::default(),
    }
}

fn fold(criterion: &mut Criterion) {
    for (clients, rows, factors) in [(1000, 20, 8), (60, 100, 256)] {
        let base = base(factors);
        let deltas: Vec<Delta> = (0..clients).map(|client| delta(&base, client, rows)).collect();
        let mut group = criterion.benchmark_group(format!("{clients} deltas of {rows} rows, {factors} factors"));
        group.sample_size(10);
        let config = FoldConfig::default();
        let add = || {
            let mut fold = Fold::new(&config, base.metadata().version, factors);
            deltas.iter().for_each(|delta| fold.add(delta).unwrap());
            fold
        };
        group.bench_function("add", |b| b.iter(add));
        let (fold, aggregate) = (add(), Aggregate::from_base(&base));
        group.bench_function("publish", |b| {
            b.iter_batched(
                || aggregate.clone(),
                |mut aggregate| aggregate.publish(&fold, 1.0, Precision::F16).unwrap(),
                criterion::BatchSize::LargeInput,
            );
        });
    }
}

criterion_group!(benches, fold);
criterion_main!(benches);

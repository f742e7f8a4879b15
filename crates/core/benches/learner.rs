//! What an event and a ranking cost natively: `cargo bench -p brooklet-core`. The same shapes as benches/js/run.mjs, which
//! measures them through the package: 10 active features of 8 factors; 10,000 items of 16.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use brooklet_core::{
    Base, Config, FeatureId, Features, Learner, Metadata, Precision, Prior, Query, Rates, Rows, Schema, Value,
    encode_base,
};
use criterion::{Criterion, criterion_group, criterion_main};

const ITEMS: usize = 10_000;
/// Distinct inputs in turn, so that no branch or cache line is that of one input alone.
const INPUTS: usize = 512;

/// A seed that knows `ITEMS` items and 18 genres.
fn base(factors: usize) -> Base {
    let width = 1 + factors;
    let prior = Prior {
        mean: vec![0.0; width],
        covariance: (0..width * width).map(|at| if at % (width + 1) == 0 { 0.1 } else { 0.0 }).collect(),
        scale: 8.0,
    };
    let rates = Rates { private: 0.3, shared: 0.01, delta: 0.05 };
    let metadata = Metadata::new("bench", Schema::new("user", "item"), rates, prior);
    let items = (0..ITEMS).map(|item| FeatureId::named(&format!("item={item}")));
    let ids: Vec<_> = items.chain((0..18).map(|genre| FeatureId::named(&format!("genres=g{genre}")))).collect();
    // The fractional parts of multiples of the golden ratio: as good as random, and the same everywhere.
    let rows = (0..ids.len() * width).map(|at| 0.3 * ((at as f32 * 0.618_034).fract() - 0.5)).collect();
    Base::decode(encode_base(&metadata, &Rows { ids, rows, ..Rows::default() }, Precision::F16).unwrap()).unwrap()
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Object(fields.map(|(key, value)| (key.into(), value)).into())
}

/// An input of 10 features, nested.
fn input(n: usize) -> Value {
    let genres = [0, 5, 11].map(|off| Value::from(&*format!("g{}", (n + off) % 18)));
    object([
        ("item", Value::from(&*(n * 37 % ITEMS).to_string())),
        ("genres", Value::Array(genres.into())),
        (
            "device",
            object([("kind", Value::from(["phone", "desk"][n % 2])), ("os", Value::from(["a", "b", "c"][n % 3]))]),
        ),
        ("page", object([("kind", Value::from(["shop", "search"][n / 2 % 2])), ("place", Value::from("top"))])),
        ("hour", Value::from(&*(n % 24).to_string())),
        ("weekend", Value::Bool(true)),
    ])
}

fn one_sample(criterion: &mut Criterion) {
    let mut learner = Learner::new(base(8), Config::default()).unwrap();
    let values: Vec<Value> = (0..INPUTS).map(input).collect();
    let named = |value: &Value| Features::from_value(learner.schema(), value).unwrap();
    let inputs: Vec<Features> = values.iter().map(named).collect();
    assert!(inputs.iter().all(|input| input.len() == 10));
    let mut group = criterion.benchmark_group("10 features of 8 factors");
    // Learnt once, so that every row is there when predictions are timed.
    let before = learner.predict_one(&inputs[0]).score;
    for (n, input) in inputs.iter().enumerate() {
        learner.learn_one(input, (n % 2) as f32, 1.0).unwrap();
    }
    assert_ne!(learner.predict_one(&inputs[0]).score, before, "learning must move the score");

    let mut n = 0;
    let mut next = || {
        n = (n + 1) % INPUTS;
        n
    };
    group.bench_function("predict, named before", |b| b.iter(|| learner.predict_one(black_box(&inputs[next()]))));
    group.bench_function("name a nested object", |b| {
        b.iter(|| Features::from_value(learner.schema(), black_box(&values[next()])));
    });
    group.bench_function("name and predict", |b| {
        b.iter(|| {
            let features = Features::from_value(learner.schema(), black_box(&values[next()])).unwrap();
            learner.predict_one(&features)
        });
    });
    group.bench_function("learn, named before", |b| {
        b.iter(|| {
            let n = next();
            learner.learn_one(black_box(&inputs[n]), (n % 2) as f32, 1.0)
        });
    });
    group.finish();
}

fn ranking(criterion: &mut Criterion) {
    let mut learner = Learner::new(base(16), Config::default()).unwrap();
    for item in 0..ITEMS {
        let genre = object([("genres", Value::from(&*format!("g{}", item % 18)))]);
        let features = Features::from_value(learner.schema(), &genre).unwrap();
        learner.set_item(&item.to_string(), &features).unwrap();
    }
    let context = Features::from_value(learner.schema(), &object([("hour", Value::from("9"))])).unwrap();
    let query = Query { context, k: 12, ..Query::default() };
    let first = learner.recommend(&query);
    assert_eq!(first.items.len(), 12);
    learner.skip(first.id, &first.items[0].item).unwrap();
    assert_ne!(learner.recommend(&query).items[0].score, first.items[0].score, "learning must move the ranking");

    let mut group = criterion.benchmark_group("10,000 items of 16 factors, best 12");
    group.bench_function("recommend", |b| b.iter(|| learner.recommend(black_box(&query))));
    group.bench_function("recommend after a skip", |b| {
        // A skip moves the rows of a genre, which every 18th item has: their sums are made anew.
        let mut slate = learner.recommend(&query);
        b.iter(|| {
            learner.skip(slate.id, &slate.items[0].item).unwrap();
            slate = learner.recommend(black_box(&query));
        });
    });
    group.finish();
}

criterion_group!(benches, one_sample, ranking);
criterion_main!(benches);

//! The whole loop without a browser: a seed, visitors who learn upon it, their deltas, the fold, and the next base, of which a
//! newcomer is better served. `cargo run -p brooklet-core --example loop`

use brooklet_core::{
    Aggregate, Base, Config, Delta, Error, FeatureId, Features, Fold, FoldConfig, Learner, Metadata, Precision, Prior,
    Query, Rates, Rows, Schema, Subject, Value, encode_base,
};

const ITEMS: usize = 6;
/// What everybody clicks, and the seed does not know of.
const LIKED: usize = 4;

/// A model of one factor that finds all items alike.
fn seed() -> Result<Base, Error> {
    let prior = Prior { mean: vec![0.0, 1.0], covariance: vec![0.5, 0.0, 0.0, 0.5], scale: 1.0 };
    let rates = Rates { private: 0.3, shared: 0.005, delta: 0.2 };
    let metadata = Metadata::new("films", Schema::new("user", "item"), rates, prior);
    let ids = (0..ITEMS).map(|item| FeatureId::named(&format!("item={item}"))).collect();
    let rows = Rows { ids, rows: [0.0, 0.1].repeat(ITEMS), ..Rows::default() };
    Base::decode(encode_base(&metadata, &rows, Precision::F16)?)
}

/// What one browser does: it ranks, learns from what is clicked and passed over, and makes a delta of it.
fn visit(base: &Base, visitor: u8) -> Result<Delta, Error> {
    let mut learner = Learner::new(base.clone(), Config { seed: visitor.into(), ..Config::default() })?;
    for item in 0..ITEMS {
        learner.set_item(&item.to_string(), &Features::default())?;
    }
    for _ in 0..5 {
        let slate = learner.recommend(&Query { k: ITEMS, ..Query::default() });
        for shown in slate.items {
            let clicked = shown.item == LIKED.to_string();
            let subject = Subject::Item { slate: slate.id, item: shown.item };
            learner.label(&subject, f32::from(u8::from(clicked)), 1.0)?;
        }
    }
    // The key names a run of deltas; a browser draws it at random.
    let pending = learner.prepare_delta([visitor; 16]).expect("something was learnt");
    Delta::decode(&pending.bytes)
}

/// The probability that a newcomer clicks an item.
fn probability(base: &Base, item: usize) -> Result<f32, Error> {
    let learner = Learner::new(base.clone(), Config::default())?;
    let item = Value::Object([("item".into(), Value::from(&*item.to_string()))].into());
    Ok(learner.predict_one(&Features::from_value(learner.schema(), &item)?).probability)
}

fn main() -> Result<(), Error> {
    let seed = seed()?;
    let mut aggregate = Aggregate::from_base(&seed);
    let mut fold = Fold::new(&FoldConfig::default(), aggregate.version(), seed.metadata().factors);
    for visitor in 0..20 {
        fold.add(&visit(&seed, visitor)?)?;
    }
    let next = Base::decode(aggregate.publish(&fold, 1.0, Precision::F16)?)?;

    assert_eq!((seed.metadata().version, next.metadata().version), (1, 2));
    for item in 0..ITEMS {
        let (before, after) = (probability(&seed, item)?, probability(&next, item)?);
        println!("item {item}: {before:.3} before, {after:.3} after {} deltas", fold.deltas());
        assert_eq!(after > before, item == LIKED);
    }
    Ok(())
}

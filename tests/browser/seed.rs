//! A seed that knows two genres and four films: science fiction and romance, opposite in every factor.

use brooklet_core::{
    FeatureId, FieldKind, Kind, Metadata, Precision, Prior, Rates, Rows, Scale, Schema, Thresholds, encode_base,
};

const FACTORS: usize = 2;

/// The bytes of the seed, as this version.
pub(crate) fn seed(version: u64) -> Vec<u8> {
    seed_of("films", version)
}

/// The bytes of a seed of another model's name.
pub(crate) fn seed_of(model: &str, version: u64) -> Vec<u8> {
    seed_with(model, version, Thresholds::default())
}

/// The bytes of the seed with thresholds that every event comes near.
pub(crate) fn keen_seed() -> Vec<u8> {
    let (page_hinkley_tolerance, page_hinkley_threshold) = (0.0, 0.25);
    let keen = Thresholds { gate: 0.0, adwin_delta: 1.0, page_hinkley_tolerance, page_hinkley_threshold };
    seed_with("films", 1, keen)
}

fn seed_with(model: &str, version: u64, thresholds: Thresholds) -> Vec<u8> {
    let rows = [
        ("genres=Sci-Fi", [0.0, 1.0, 0.2]),
        ("genres=Romance", [0.0, -1.0, 0.2]),
        ("item=1", [0.1, 0.1, 0.0]),
        ("item=2", [0.0, 0.1, 0.1]),
        ("item=3", [0.1, -0.1, 0.0]),
        ("item=4", [0.0, -0.1, 0.1]),
    ];
    let mut covariance = vec![0.0; (1 + FACTORS) * (1 + FACTORS)];
    covariance.iter_mut().step_by(2 + FACTORS).for_each(|variance| *variance = 0.5);
    let schema = Schema {
        private: vec!["age".into()],
        fields: vec!["item".into(), "genres".into()],
        kinds: vec![
            FieldKind { field: "made.year".into(), kind: Kind::Categorical },
            FieldKind { field: "labels".into(), kind: Kind::MultiHot },
            FieldKind { field: "weight".into(), kind: Kind::Numeric(Scale { mean: 100.0, deviation: 50.0 }) },
        ],
        ..Schema::new("user", "item")
    };
    let rates = Rates { private: 0.3, shared: 0.05, delta: 0.05 };
    let prior = Prior { mean: vec![0.0; 1 + FACTORS], covariance, scale: 1.0 };
    let metadata = Metadata { version, thresholds, ..Metadata::new(model, schema, rates, prior) };
    let rows = Rows {
        ids: rows.iter().map(|(name, _)| FeatureId::named(name)).collect(),
        names: Some(rows.iter().map(|(name, _)| (*name).into()).collect()),
        rows: rows.iter().flat_map(|(_, row)| *row).collect(),
        ..Rows::default()
    };
    encode_base(&metadata, &rows, Precision::F16).unwrap()
}

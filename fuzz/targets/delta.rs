//! A delta that is read is written as the same bytes, and folding it moves no weight to where there is no number.
#![no_main]

use std::sync::LazyLock;

use brooklet_core::{Aggregate, Base, Delta, Fold, FoldConfig, Precision};

static BASE: LazyLock<Base> = LazyLock::new(|| {
    Base::decode(include_bytes!("../../crates/core/tests/fixtures/base-v1-f16.safetensors").to_vec()).unwrap()
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(delta) = Delta::decode(bytes) else { return };
    assert!(delta.encode() == bytes, "one delta has two encodings");
    let metadata = BASE.metadata();
    let config = FoldConfig { quorum: 1, horizon: u64::MAX, ..FoldConfig::default() };
    let mut fold = Fold::new(&config, metadata.version, metadata.factors);
    if fold.add(&delta).is_err() {
        return;
    }
    let mut aggregate = Aggregate::from_base(&BASE);
    let next = aggregate.publish(&fold, 1.0, Precision::F16).unwrap();
    Base::decode(next).expect("what is published can be read");
});

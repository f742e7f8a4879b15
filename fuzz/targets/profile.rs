//! A profile that is read makes a learner whose profile is read as the same learner.
#![no_main]

use std::sync::LazyLock;

use brooklet_core::{Base, Config, Learner};

static BASE: LazyLock<Base> = LazyLock::new(|| {
    Base::decode(include_bytes!("../../crates/core/tests/fixtures/base-v1-f16.safetensors").to_vec()).unwrap()
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(learner) = Learner::restore(BASE.clone(), Config::default(), bytes) else { return };
    let again = Learner::restore(BASE.clone(), Config::default(), &learner.profile()).expect("a profile can be read");
    assert_eq!(learner.digest(), again.digest());
});

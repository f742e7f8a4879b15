//! A profile that is read makes a learner whose profile is read as the same learner, whole or in pieces; and so do rows that are read.
#![no_main]

use std::sync::LazyLock;

use brooklet_core::{Base, Config, Learner};

static BASE: LazyLock<Base> = LazyLock::new(|| {
    Base::decode(include_bytes!("../../crates/core/tests/fixtures/base-v1-f16.safetensors").to_vec()).unwrap()
});

static HEAD: LazyLock<Vec<u8>> =
    LazyLock::new(|| Learner::new(BASE.clone(), Config::default()).unwrap().profile_head());

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let of_pieces =
        |head: &[u8], rows| Learner::restore_pieces(BASE.clone(), Config::default(), head, &[Vec::new(), rows]);
    let learner = of_pieces(bytes, Vec::new()).or_else(|_| of_pieces(&HEAD, vec![bytes.to_vec()]));
    let Ok(mut learner) = learner else { return };
    let rows = learner.changed_rows(0).0.into_iter().filter(|piece| piece.list == 1).map(|piece| piece.bytes).collect();
    let pieces = of_pieces(&learner.profile_head(), rows).expect("its pieces can be read");
    // Of the rows of one piece that was read none has changed, and what was told is in another list.
    if pieces.row_pieces() == learner.row_pieces() {
        assert_eq!(learner.digest(), pieces.digest());
    }
    let again = Learner::restore(BASE.clone(), Config::default(), &learner.profile()).expect("a profile can be read");
    assert_eq!(learner.digest(), again.digest());
});

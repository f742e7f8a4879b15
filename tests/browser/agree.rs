//! Native and wasm give the same bits.

use wasm_bindgen_test::wasm_bindgen_test;

#[path = "../../crates/core/tests/scenario/mod.rs"]
mod scenario;

#[wasm_bindgen_test]
fn a_lived_learner_has_the_digest_that_it_has_everywhere() {
    let digest = scenario::lived().digest();
    assert_eq!(digest, scenario::LIVED_DIGEST, "{digest:#018x}");
}

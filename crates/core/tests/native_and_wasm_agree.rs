//! Native and wasm give the same bits: `tests/browser/agree.rs` of the root package holds the browser against the same number.

mod scenario;

#[test]
fn a_lived_learner_has_the_digest_that_it_has_everywhere() {
    let digest = scenario::lived().digest();
    assert_eq!(digest, scenario::LIVED_DIGEST, "{digest:#018x}");
    assert_eq!(digest, scenario::lived().digest());
}

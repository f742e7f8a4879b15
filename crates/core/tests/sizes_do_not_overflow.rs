//! Sizes and ids that a caller gives may be as large as their types allow: sums and products of them do not overflow, and
//! nothing as large is allocated.

mod scenario;

use brooklet_core::*;
use scenario::*;

/// 4 times these is 0, 4 or overflows.
const LARGE: [usize; 3] = [1 << (usize::BITS - 2), (1 << (usize::BITS - 2)) + 1, usize::MAX];

#[test]
fn a_slate_of_more_than_there_is_has_all_there_is() {
    // With exploration, the places are drawn from 4 k items: that product was 0, and 32 of 40 items were shown.
    for exploration in [Exploration::None, Exploration::EpsilonGreedy { epsilon: 0.5 }, Exploration::Thompson] {
        for k in LARGE {
            let mut learner = stocked(Config { exploration, ..Config::default() });
            let slate = learner.recommend(&shop(&learner, k));
            let mut items: Vec<u64> = slate.items.iter().map(|item| item.item.parse().expect("a number")).collect();
            items.sort_unstable();
            assert_eq!(items, (0..ITEMS).collect::<Vec<_>>(), "{exploration:?} {k}");
        }
    }
}

#[test]
fn so_has_what_is_uncertain_and_a_taste() {
    for k in LARGE {
        let learner = stocked(Config::default());
        assert_eq!(learner.uncertain(&shop(&learner, k)).len(), ITEMS as usize);
        assert_eq!(learner.taste("genres", &[], k).len(), GENRES.len());
    }
}

#[test]
fn settings_may_be_as_large_as_their_bounds() {
    let model = ModelConfig { max_rows: MAX_ROWS, ..ModelConfig::default() };
    let boost = DriftPolicy::Boost { forgetting: 0.5, events: u32::MAX };
    let drift = Some((Detector::PageHinkley { tolerance: Some(0.0), threshold: Some(0.0) }, boost));
    let mut learner = stocked(Config { model, drift, max_pending_slates: MAX_PENDING, ..Config::default() });
    let mut random = Random(3);
    for _ in 0..50 {
        let features = named(&learner, &input(&mut random));
        learner.learn_one(&features, random.below(2) as f32, 1.0).expect("a label");
        learner.recommend(&shop(&learner, usize::MAX));
    }
    assert!(learner.drifts() > 0 && learner.evicted_slates() > 0);
}

#[test]
fn the_last_id_there_is_can_be_given() {
    let mut learner = stocked(Config { log: true, ..Config::default() });
    learner.number_slates_from(u64::MAX);
    let slate = learner.recommend(&shop(&learner, 2));
    let features = named(&learner, &object(&[("genres", Value::from("War"))]));
    let (held, _) = learner.hold(&features);
    assert_eq!((slate.id, held), (u64::MAX, u64::MAX));
    let mut other = stocked(Config::default());
    for record in learner.take_log() {
        other.replay(&record).expect("it happened");
    }
}

#[test]
fn a_metadata_of_more_factors_than_there_may_be_is_refused_before_they_are_counted() {
    for factors in LARGE.into_iter().chain([MAX_FACTORS + 1]) {
        let metadata = Metadata { factors, ..metadata(4, Loss::Logistic) };
        let error = encode_base(&metadata, &rows(4), Precision::F16).expect_err("too many").to_string();
        assert!(error.contains("factors: expected a whole number from 0 to 256"), "{error}");
    }
}

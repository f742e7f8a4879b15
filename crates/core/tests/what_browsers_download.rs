//! Compact bases and patches: whatever is folded, every way to a version ends at its bytes.

mod scenario;

use brooklet_core::*;
use proptest::prelude::*;
use scenario::*;

/// A delta of rows (number of the feature, how far it is pushed), some of which no seed knows.
fn delta(version: u64, client: u8, rows: &[(u16, i8)]) -> Delta {
    let mut rows: Vec<(FeatureId, i8)> =
        rows.iter().map(|(n, by)| (FeatureId::named(&format!("item={}", n % 400)), *by)).collect();
    rows.sort_unstable();
    rows.dedup_by_key(|(id, _)| *id);
    let n = rows.len();
    let columns = (0..9).flat_map(|c| rows.iter().map(move |(_, by)| by.wrapping_mul(c + 1).max(-127))).collect();
    Delta {
        base_version: version,
        client: [client; 16],
        seq: 1,
        events: n as u32,
        ids: rows.iter().map(|(id, _)| *id).collect(),
        scales: vec![0.02; 9],
        columns,
        evidence: vec![[Evidence::of(0.2), Evidence::of(0.1)]; n],
        report: Report::default(),
    }
}

fn small(base: &Base) -> Base {
    Base::decode(compact(base).expect("it is written")).expect("it is a base")
}

type Round = Vec<(u8, Vec<(u16, i8)>)>;

fn rounds() -> impl Strategy<Value = Vec<Round>> {
    let rows = prop::collection::vec((any::<u16>(), any::<i8>()), 1..12);
    prop::collection::vec(prop::collection::vec((any::<u8>(), rows), 1..6), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn every_way_to_a_version_ends_at_its_bytes(rounds in rounds(), from in any::<prop::sample::Index>()) {
        let config = FoldConfig { quorum: 1, ..FoldConfig::default() };
        let seed = base(8);
        let mut aggregate = Aggregate::from_base(&seed);
        let mut whole = vec![small(&seed)];
        for round in rounds {
            let mut fold = Fold::new(&config, aggregate.version(), 8);
            for (client, rows) in round {
                fold.add(&delta(aggregate.version(), client, &rows)).expect("it is of this version");
            }
            let blob = aggregate.publish(&fold, 1.0, Precision::Steps).expect("it is written");
            whole.push(small(&Base::decode(blob).expect("it is a base")));
        }
        // From any version in one step, and by all versions between.
        let first = from.index(whole.len());
        let last = whole.last().expect("one");
        let mut walked = whole[first].clone();
        for next in &whole[first + 1..] {
            walked = match patch(&walked, next) {
                Some(patch) => patched(&walked, &patch).expect("it is of this base"),
                None => next.clone(),
            };
            prop_assert_eq!(walked.bytes(), next.bytes());
        }
        if let Some(patch) = patch(&whole[first], last) {
            let at_once = patched(&whole[first], &patch).expect("it is of this base");
            prop_assert_eq!(at_once.bytes(), last.bytes());
        }
    }

    #[test]
    fn broken_bytes_are_an_error_and_never_a_panic(at in any::<prop::sample::Index>(), byte in 1..=u8::MAX, cut in any::<prop::sample::Index>()) {
        let (old, new) = steps();
        let good = patch(&old, &new).expect("rows moved");
        let mut bytes = good.clone();
        bytes[at.index(good.len())] ^= byte;
        // What makes no other bytes is no fault.
        prop_assert!(patched(&old, &bytes).map_or(true, |base| base.bytes() == new.bytes()));
        prop_assert!(patched(&old, &good[..cut.index(good.len())]).is_err());
        prop_assert!(patched(&new, &good).is_err(), "another base");
        let mut blob = old.bytes().to_vec();
        prop_assert!(Base::decode(&blob[..cut.index(blob.len())]).is_err());
        let at = at.index(blob.len());
        blob[at] ^= byte;
        // Another number may be as good; another id may not be.
        let _ = Base::decode(blob);
    }
}

/// A version and the next, in which a row moved and one came.
fn steps() -> (Base, Base) {
    let config = FoldConfig { quorum: 1, ..FoldConfig::default() };
    let seed = base(8);
    let mut aggregate = Aggregate::from_base(&seed);
    let mut fold = Fold::new(&config, 1, 8);
    fold.add(&delta(1, 1, &[(3, 100), (399, 100)])).expect("it is of this version");
    let next = Base::decode(aggregate.publish(&fold, 1.0, Precision::Steps).expect("it is written"));
    (small(&seed), small(&next.expect("it is a base")))
}

#[test]
fn a_patch_is_small_and_tells_of_new_rows() {
    let (old, new) = steps();
    let patch = patch(&old, &new).expect("rows moved");
    assert!(patch.len() < old.bytes().len() / 4, "{} of {}", patch.len(), old.bytes().len());
    let id = FeatureId::named("item=399");
    assert!(old.find(id).is_none() && new.find(id).is_some());
    assert_eq!(new.metadata().version, 2);
}

#[test]
fn what_is_downloaded_is_what_was_published() {
    let (_, new) = steps();
    let seed = base(8);
    let mut fold = Fold::new(&FoldConfig::default(), 1, 8);
    fold.add(&delta(1, 1, &[(3, 100)])).expect("it is of this version");
    let blob = Aggregate::from_base(&seed).publish(&fold, 1.0, Precision::Steps).expect("it is written");
    let published = Base::decode(blob).expect("it is a base");
    let small = small(&published);
    assert_eq!((small.precision(), published.precision()), (Precision::Steps, Precision::Steps));
    assert!(small.is_compact() && !published.is_compact());
    let steps = &published.metadata().steps.as_ref().expect("it has steps").rows;
    let (mut a, mut b) = (vec![0.0; small.width()], vec![0.0; small.width()]);
    for i in 0..published.len() {
        published.row_into(i, &mut a);
        small.row_into(small.find(published.id(i)).expect("it has each row"), &mut b);
        // f16 of a whole multiple is not quite one.
        for ((a, b), step) in a.iter().zip(&b).zip(steps) {
            assert!((a - b).abs() <= 0.001 * a.abs(), "{a} {b}");
            assert!((b / step - (b / step).round()).abs() < 1e-3, "{b} {step}");
        }
    }
    // One in a million names is taken for a row that the base has; of those below none is.
    assert!((0..20_000).all(|n| small.find(FeatureId::named(&format!("stranger={n}"))).is_none()));
    assert_eq!(small.name(0), None);
    assert_eq!(small.metadata().training, Value::Null);
    assert!(new.len() > small.len());
}

#[test]
fn a_learner_on_either_is_the_same_but_for_rounding() {
    let seed = base(8);
    let mut learners =
        [seed.clone(), small(&seed)].map(|base| Learner::new(base, Config::default()).expect("a learner"));
    let mut random = Random(5);
    for n in 0..50 {
        let features = Features::from_value(&seed.metadata().schema, &input(&mut random)).expect("an input");
        let [a, b] =
            learners.each_mut().map(|learner| learner.learn_one(&features, (n % 2) as f32, 1.0).expect("a label"));
        assert!((a.probability - b.probability).abs() < 0.03, "{a:?} {b:?}");
    }
    // From the one to the other, as a page does whose endpoint begins to serve compact ones.
    let [first, _] = &mut learners;
    first.swap_base(small(&seed)).expect("it is of the same shape");
}

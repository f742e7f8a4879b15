//! What holds for any input. A failure prints the input that it shrank to and the seed that leads there.

mod scenario;

use brooklet_core::*;
use proptest::prelude::*;
use scenario::*;

/// Nested input as a site might hand it over: any keys, any finite numbers in range, any nesting.
fn any_value() -> impl Strategy<Value = Value> {
    let number = prop_oneof![-1e6..1e6f64, Just(0.0), Just(1e6), Just(-1e6), -1.0..1.0f64];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number.prop_map(Value::Number),
        "\\PC{0,8}".prop_map(Value::String),
        prop::collection::vec(
            prop_oneof!["[a-d]".prop_map(Value::String), (-9..9i32).prop_map(|n| Value::Number(n.into()))],
            0..4
        )
        .prop_map(Value::Array),
    ];
    let nested = leaf.prop_recursive(3, 16, 4, |inner| fields(inner).prop_map(Value::Object));
    fields(nested).prop_map(Value::Object)
}

fn fields(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Vec<(String, Value)>> {
    let key = prop_oneof!["user", "item", "genres", "age", "home", "[a-z.]{1,3}"];
    prop::collection::hash_map(key, value, 0..6).prop_map(|map| map.into_iter().collect())
}

fn features(value: &Value) -> Features {
    Features::from_value(&metadata(4, Loss::Logistic).schema, value).expect("the strategy makes accepted input")
}

fn any_delta() -> impl Strategy<Value = Delta> {
    (prop::collection::btree_set(any::<u64>(), 1..20), prop::collection::vec(0.0..1000f32, 1..10)).prop_flat_map(
        |(ids, scales)| {
            let numbers = prop::collection::vec(any::<i8>(), ids.len() * scales.len());
            let evidence = prop::collection::vec(any::<[u8; 2]>(), ids.len());
            let report = (any::<u32>(), 0.0..1e6f32, 0.0..1e6f32);
            (numbers, evidence, 1..1000u64, 1..1000u64, any::<[u8; 16]>(), 1..u32::MAX, report).prop_map(
                move |(columns, evidence, base_version, seq, client, events, report)| Delta {
                    base_version,
                    client,
                    seq,
                    events,
                    ids: ids.iter().map(|id| FeatureId(*id)).collect(),
                    scales: scales.clone(),
                    columns,
                    evidence: evidence.into_iter().map(|codes| codes.map(Evidence)).collect(),
                    report: Report { events: report.0, base_loss: report.1, learner_loss: report.2 },
                },
            )
        },
    )
}

fn with(loss: Loss, rate: f32, visitor: VisitorStep) -> Learner {
    let base = Base::decode(seed(4, loss, Precision::F16)).expect("it was written");
    let rates = Some(Rates { private: rate, shared: rate, delta: rate });
    let rate_factor = if visitor == VisitorStep::Rate { 1.0 } else { rate };
    let model = |visitor, feedback| ModelConfig { visitor, feedback, rates, rate_factor, ..ModelConfig::default() };
    let shadows = vec![model(VisitorStep::Diagonal, Feedback::Pairwise)];
    Learner::new(base, Config { model: model(visitor, Feedback::Pointwise), shadows, ..Config::default() })
        .expect("the settings are fine")
}

fn shuffle(value: &Value, random: &mut Random) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().map(|(k, v)| (k.clone(), shuffle(v, random))).collect();
            for i in (1..fields.len()).rev() {
                fields.swap(i, random.below(i as u64 + 1) as usize);
            }
            Value::Object(fields)
        }
        Value::Array(elements) => Value::Array(elements.iter().rev().cloned().collect()),
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn the_order_of_keys_is_irrelevant(value in any_value(), seed in 1..u64::MAX) {
        prop_assert_eq!(features(&value), features(&shuffle(&value, &mut Random(seed))));
    }

    #[test]
    fn new_and_missing_features_are_fine(value in any_value()) {
        let mut learner = Learner::new(base(4), Config::default()).expect("the settings are fine");
        let features = features(&value);
        let nothing = learner.predict_one(&Features::default());
        prop_assert!(learner.predict_one(&features).score.is_finite());
        let before = learner.learn_one(&features, 1.0, 1.0).expect("a click");
        let after = learner.predict_one(&features);
        prop_assert!(after.score >= before.score);
        prop_assert_eq!(after.probability, learner.probability(&features));
        prop_assert_eq!(nothing.base_score, learner.predict_one(&Features::default()).base_score);
    }

    #[test]
    fn predict_changes_nothing(value in any_value(), steps in 0..20u64) {
        let mut learner = Learner::new(base(4), Config::default()).expect("the settings are fine");
        let mut random = Random(steps + 1);
        for _ in 0..steps {
            learner.learn_one(&features(&input(&mut random)), 1.0, 1.0).expect("a click");
        }
        let before = learner.digest();
        let first = learner.predict_one(&features(&value));
        prop_assert_eq!(first, learner.predict_one(&features(&value)));
        prop_assert_eq!(before, learner.digest());
    }

    #[test]
    fn no_rate_and_no_input_gives_a_weight_that_is_not_finite(
        values in prop::collection::vec((any_value(), 0.0..=1.0f32, prop_oneof![Just(1.0f32), 0.0..1e6f32]), 1..30),
        rate in prop_oneof![Just(0.0f32), Just(1000.0f32), 0.0..1000f32, 0.0..1f32],
        closed_form in any::<bool>(),
        squared in any::<bool>(),
    ) {
        let loss = if squared { Loss::Squared } else { Loss::Logistic };
        let mut learner = with(loss, rate, if closed_form { VisitorStep::ClosedForm } else { VisitorStep::Rate });
        for (value, target, weight) in &values {
            let target = if squared { (target - 0.5) * 2e6 } else { *target };
            let features = features(value);
            let prediction = learner.learn_one(&features, target, *weight).expect("an accepted label");
            prop_assert!(prediction.score.is_finite() && prediction.probability.is_finite());
            learner.learn_pair(&features, &Features::default(), *weight).expect("an accepted weight");
        }
        let delta = learner.prepare_delta([1; 16]);
        for (value, _, _) in &values {
            prop_assert!(learner.predict_one(&features(value)).score.is_finite());
        }
        if let Some(delta) = delta {
            prop_assert!(Delta::decode(&delta.bytes).is_ok());
        }
        // The profile's reader refuses what is not finite or out of bounds.
        let again = Learner::restore(learner.base().clone(), learner.config().clone(), &learner.profile());
        prop_assert_eq!(again.map(|l| l.digest()), Ok(learner.digest()));
    }

    #[test]
    fn an_event_is_learnt_in_its_direction(values in prop::collection::vec(any_value(), 1..5), rate in 0.0..1000f32) {
        let mut learner = with(Loss::Logistic, rate, VisitorStep::ClosedForm);
        for value in &values {
            let features = features(value);
            let click = learner.learn_one(&features, 1.0, 1.0).expect("a click").score;
            prop_assert!(learner.predict_one(&features).score >= click - 1e-3 * click.abs());
        }
    }

    #[test]
    fn an_explanation_sums_to_the_score(value in any_value(), steps in 0..30u64) {
        let mut learner = Learner::new(base(4), Config::default()).expect("the settings are fine");
        let mut random = Random(steps + 1);
        for n in 0..steps {
            learner.learn_one(&features(&input(&mut random)), (n % 2) as f32, 1.0).expect("a label");
        }
        let explanation = learner.explain(&features(&value));
        let largest = explanation.terms.iter().fold(1.0, |max: f64, term| max.max(term.share.abs()));
        let off = explanation.sum - f64::from(explanation.prediction.score);
        prop_assert!(off.abs() <= 1e-4 * largest, "{off} of {largest}");
        prop_assert_eq!(explanation.terms.iter().rev().map(|term| term.share).sum::<f64>(), explanation.sum);
    }

    #[test]
    fn same_events_same_bits(seed in 1..u64::MAX) {
        let run = || {
            let mut learner = Learner::new(base(4), Config::default()).expect("the settings are fine");
            let mut random = Random(seed);
            for _ in 0..30 {
                let features = features(&input(&mut random));
                learner.learn_one(&features, random.below(2) as f32, 1.0).expect("a label");
            }
            learner.digest()
        };
        prop_assert_eq!(run(), run());
    }

    #[test]
    fn a_delta_reads_back(delta in any_delta()) {
        prop_assert_eq!(Delta::decode(&delta.encode()), Ok(delta));
    }

    #[test]
    fn broken_bytes_are_an_error_and_never_a_panic(
        delta in any_delta(),
        cut in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        noise in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut bytes = delta.encode();
        let at = cut.index(bytes.len());
        prop_assert!(Delta::decode(&bytes[..at]).is_err());
        bytes[at] ^= byte;
        let _ = Delta::decode(&bytes);
        static PROFILE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| lived().profile());
        let profile = &*PROFILE;
        let _ = Delta::decode(&noise);
        prop_assert!(Base::decode(noise.clone()).is_err());
        prop_assert!(Learner::restore(base(4), Config::default(), &noise).is_err());
        let mut blob = seed(4, Loss::Logistic, Precision::Int8);
        let at = cut.index(blob.len());
        prop_assert!(Base::decode(blob[..at].to_vec()).is_err());
        blob[at] ^= byte;
        // What is read in spite of a changed byte is a base like any other.
        if let Ok(base) = Base::decode(blob) {
            let mut row = vec![0.0; base.width()];
            for i in 0..base.len() {
                base.row_into(i, &mut row);
                prop_assert!(row.iter().all(|x| x.is_finite()));
            }
        }
        let mut profile = profile.clone();
        let at = cut.index(profile.len());
        prop_assert!(Learner::restore(base(8), everything(), &profile[..at]).is_err());
        profile[at] ^= byte;
        if let Ok(mut learner) = Learner::restore(base(8), everything(), &profile) {
            let prediction = learner.learn_one(&Features::default(), 1.0, 1.0).expect("a click");
            prop_assert!(prediction.score.is_finite());
            learner.recommend(&shop(&learner, 3));
        }
    }

    #[test]
    fn a_fold_is_the_same_in_any_order_and_in_parts(deltas in prop::collection::vec(any_delta(), 1..8), seed in 1..u64::MAX) {
        let width = deltas[0].scales.len();
        let version = 1000;
        let config = FoldConfig { horizon: 1000, ..FoldConfig::default() };
        let fit = |delta: &Delta| {
            let n = delta.ids.len();
            let scales: Vec<f32> = (0..width).map(|i| delta.scales[i % delta.scales.len()]).collect();
            let columns = (0..n * width).map(|i| delta.columns[i % delta.columns.len()]).collect();
            Delta { scales, columns, ..delta.clone() }
        };
        let mut deltas: Vec<Delta> = deltas.iter().map(fit).collect();
        let mut whole = Fold::new(&config, version, width - 1);
        deltas.iter().for_each(|delta| whole.add(delta).expect("it fits"));
        let mut random = Random(seed);
        for i in (1..deltas.len()).rev() {
            deltas.swap(i, random.below(i as u64 + 1) as usize);
        }
        let (left, right) = deltas.split_at(random.below(deltas.len() as u64) as usize);
        let [mut merged, mut part] = [(); 2].map(|()| Fold::new(&config, version, width - 1));
        left.iter().for_each(|delta| merged.add(delta).expect("it fits"));
        right.iter().for_each(|delta| part.add(delta).expect("it fits"));
        merged.merge(&part).expect("they fit");
        prop_assert_eq!(merged.digest(), whole.digest());
        prop_assert_eq!((merged.deltas(), merged.events()), (whole.deltas(), whole.events()));
    }

    #[test]
    fn base_metadata_reads_back(w0 in -1e4..1e4f32, factors in 0..9usize, rates in [0.0..1000f32, 0.0..1000f32, 0.0..1000f32]) {
        let [private, shared, delta] = rates;
        let metadata = Metadata { w0, rates: Rates { private, shared, delta }, ..metadata(factors, Loss::Logistic) };
        let blob = encode_base(&metadata, &rows(factors), Precision::F16).expect("the rows are fine");
        let base = Base::decode(blob).expect("it was written");
        prop_assert_eq!(base.metadata(), &metadata);
    }
}

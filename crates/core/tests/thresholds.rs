//! The thresholds of the gate and of the drift detectors: the seed says them, a page may say others, and they stay with every
//! base that comes of the seed.

mod scenario;

use brooklet_core::*;
use scenario::*;

const KEEN: Thresholds =
    Thresholds { gate: 0.0, adwin_delta: 1.0, page_hinkley_tolerance: 0.0, page_hinkley_threshold: 0.25 };
const CALM: Thresholds =
    Thresholds { gate: f64::INFINITY, adwin_delta: 1e-12, page_hinkley_tolerance: 0.5, page_hinkley_threshold: 1000.0 };
const ADWIN: Detector = Detector::Adwin { delta: None };
const PAGE_HINKLEY: Detector = Detector::PageHinkley { tolerance: None, threshold: None };

fn seed_with(version: u64, thresholds: Thresholds) -> Base {
    let metadata = Metadata { version, thresholds, ..metadata(4, Loss::Logistic) };
    Base::decode(encode_base(&metadata, &rows(4), Precision::F16).expect("it is written")).expect("it is a base")
}

fn watching(thresholds: Thresholds, detector: Detector) -> Learner {
    let drift = Some((detector, DriftPolicy::Notify));
    Learner::new(seed_with(1, thresholds), Config { drift, ..Config::default() }).expect("the settings are fine")
}

/// A learner that takes every click for a revelation.
fn reckless(thresholds: Thresholds, gate: Option<f64>) -> Learner {
    let model = ModelConfig { rate_factor: 300.0, calibrate: false, ..ModelConfig::default() };
    let drift = Some((PAGE_HINKLEY, DriftPolicy::Notify));
    Learner::new(seed_with(1, thresholds), Config { model, gate, drift, ..Config::default() })
        .expect("the settings are fine")
}

/// A visitor who clicks at random; after how many of the events the base served.
fn random_clicks(learner: &mut Learner) -> usize {
    let mut random = Random(11);
    let mut served = 0;
    for _ in 0..300 {
        let features = named(learner, &input(&mut random));
        learner.learn_one(&features, random.below(2) as f32, 1.0).expect("a label");
        served += usize::from(learner.serving() == Serving::Base);
    }
    served
}

/// What a visitor does and how often that was an alarm: clicks, and from the middle on none.
fn alarms_of_a_change_of_mind(learner: &mut Learner) -> u64 {
    let features = named(learner, &object(&[("genres", Value::from("War"))]));
    for n in 0..200 {
        learner.learn_one(&features, f32::from(u8::from(n < 100)), 1.0).expect("a label");
    }
    learner.drifts()
}

#[test]
fn a_page_that_says_nothing_goes_by_the_seed() {
    for thresholds in [KEEN, CALM] {
        assert_eq!(
            Learner::new(seed_with(1, thresholds), Config::default()).expect("the settings are fine").thresholds(),
            thresholds
        );
        for detector in [ADWIN, PAGE_HINKLEY] {
            let mut learner = watching(thresholds, detector);
            assert_eq!(learner.thresholds(), thresholds);
            let alarms = alarms_of_a_change_of_mind(&mut learner);
            assert_eq!(alarms > 0, thresholds == KEEN, "{detector:?} at {thresholds:?}: {alarms} alarms");
        }
        let served = random_clicks(&mut reckless(thresholds, None));
        assert_eq!(served > 100, thresholds == KEEN, "{thresholds:?}: the base served {served} of 300");
    }
}

#[test]
fn what_a_page_says_wins_over_the_seed() {
    let (delta, tolerance, threshold) = (Some(1e-12), Some(0.5), Some(1000.0));
    for (calm, counts) in [
        (Detector::Adwin { delta }, [0, 0]),
        (Detector::PageHinkley { tolerance, threshold }, [0, 0]),
        // The other one is still the seed's.
        (Detector::PageHinkley { tolerance: None, threshold }, [0, 0]),
        (Detector::PageHinkley { tolerance: Some(0.0), threshold: None }, [1, 0]),
    ] {
        let found = [KEEN, CALM].map(|seed| alarms_of_a_change_of_mind(&mut watching(seed, calm)).min(1));
        assert_eq!(found, counts, "{calm:?}");
    }
    assert_eq!(random_clicks(&mut reckless(KEEN, Some(f64::INFINITY))), 0);
    assert!(random_clicks(&mut reckless(CALM, Some(2.0))) > 100);
    let learner = watching(CALM, Detector::PageHinkley { tolerance: None, threshold: Some(7.0) });
    assert_eq!(learner.thresholds(), Thresholds { page_hinkley_threshold: 7.0, ..CALM });
}

#[test]
fn a_new_base_brings_its_own() {
    let mut learner = reckless(KEEN, None);
    random_clicks(&mut learner);
    assert_eq!(learner.serving(), Serving::Base);
    learner.swap_base(seed_with(2, CALM)).expect("it is of the same shape");
    assert_eq!(
        (learner.thresholds(), learner.serving()),
        (CALM, Serving::Model(0)),
        "without a gate nothing is closed"
    );
    let before = learner.drifts();
    assert_eq!(alarms_of_a_change_of_mind(&mut learner), before);
    learner.swap_base(seed_with(3, KEEN)).expect("it is of the same shape");
    assert!(alarms_of_a_change_of_mind(&mut learner) > before);

    let restored = Learner::restore(seed_with(4, CALM), learner.config().clone(), &learner.profile());
    assert_eq!(restored.expect("it is a profile").thresholds(), CALM, "a profile holds none");
}

#[test]
fn a_fold_carries_them_into_the_next_base() {
    let mut aggregate = Aggregate::from_base(&seed_with(1, CALM));
    for version in 1..4 {
        let stored = aggregate.encode().expect("it is written");
        aggregate = Aggregate::decode(&stored).expect("it is what was written");
        let fold = Fold::new(&FoldConfig::default(), version, 4);
        let next =
            Base::decode(aggregate.publish(&fold, 1.0, Precision::Int8).expect("it publishes")).expect("it is a base");
        assert_eq!((next.metadata().version, next.metadata().thresholds), (version + 1, CALM));
    }
}

#[test]
fn a_seed_that_says_none_has_the_usual_ones() {
    let said = metadata(4, Loss::Logistic);
    let text = said.to_json();
    let (section, usual) = (said.thresholds.to_value().to_json(), Thresholds::default());
    let with = |other: &str| Metadata::parse(&text.replace(&section, other)).map(|read| read.thresholds);
    assert_eq!(with(&section), Ok(said.thresholds));
    assert_eq!(with("{}"), Ok(usual));
    assert_eq!(with(r#"{"gate":null}"#), Ok(Thresholds { gate: f64::INFINITY, ..usual }));
    assert_eq!(with(r#"{"adwin_delta":0.5}"#), Ok(Thresholds { adwin_delta: 0.5, ..usual }));
    let without = text.replace(&format!("\"thresholds\":{section},"), "");
    assert!(without.len() < text.len());
    assert_eq!(Metadata::parse(&without).expect("they are optional").thresholds, usual);
}

#[test]
fn a_bad_one_is_refused_by_name() {
    let good = metadata(4, Loss::Logistic);
    let (text, section) = (good.to_json(), good.thresholds.to_value().to_json());
    for (key, values) in [
        ("gate", &["-1", "\"2\"", "true"][..]),
        ("adwin_delta", &["0", "1.5", "null", "\"0.1\""]),
        ("page_hinkley_tolerance", &["-0.1", "null", "[]"]),
        ("page_hinkley_threshold", &["-5", "null", "{}"]),
    ] {
        for value in values {
            let error = Metadata::parse(&text.replace(&section, &format!("{{\"{key}\":{value}}}"))).expect_err(value);
            assert_eq!(error.code(), "bad_base");
            assert!(error.to_string().contains(&format!("thresholds.{key}: expected a number")), "{value}: {error}");
        }
    }
    for section_of in ["null", "[1]", "2"] {
        let error = Metadata::parse(&text.replace(&section, section_of)).expect_err(section_of);
        let told = error.to_string().contains("thresholds: expected an object, found ");
        assert_eq!((error.code(), told), ("bad_base", true), "{error}");
    }
    // None can be written either.
    for bad in [
        Thresholds { gate: f64::NAN, ..KEEN },
        Thresholds { adwin_delta: 0.0, ..KEEN },
        Thresholds { page_hinkley_tolerance: f64::INFINITY, ..KEEN },
        Thresholds { page_hinkley_threshold: f64::NAN, ..KEEN },
    ] {
        let metadata = Metadata { thresholds: bad, ..metadata(4, Loss::Logistic) };
        assert!(encode_base(&metadata, &rows(4), Precision::F16).is_err(), "{bad:?}");
    }
}

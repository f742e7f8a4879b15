//! The settings of a learner: each has its bounds, which an error tells by its name, and a form as values that a page, the
//! command and an event log share.

mod scenario;

use brooklet_core::*;

fn read(json: &str) -> Result<Config, Error> {
    Config::from_value(&Value::parse(json).expect("JSON"))
}

#[test]
fn what_is_not_said_is_as_by_default() {
    assert_eq!(read("{}"), Ok(Config::default()));
    let null = r#"{"model":null,"shadows":null,"exploration":null,"drift":null,"maxPending":null}"#;
    assert_eq!(read(null), Ok(Config::default()));
    assert_eq!(read(r#"{"model":{"visitor":null,"rates":null}}"#), Ok(Config::default()));
    assert_eq!(read(r#"{"gate":null}"#), Ok(Config { gate: Some(f64::INFINITY), ..Config::default() }));
    let adwin = Some((Detector::Adwin { delta: None }, DriftPolicy::Notify));
    assert_eq!(read(r#"{"drift":{}}"#), Ok(Config { drift: adwin, ..Config::default() }));
}

#[test]
fn settings_read_back_as_they_were() {
    let rates = Some(Rates { private: 0.3, shared: 1e-7, delta: 1000.0 });
    let model = ModelConfig {
        visitor: VisitorStep::Rate,
        feedback: Feedback::Pairwise,
        rates,
        rate_factor: 0.1,
        forgetting: 0.7,
        calibrate: false,
        max_rows: 77,
    };
    let detectors = [
        Detector::Adwin { delta: Some(0.1) },
        Detector::Adwin { delta: None },
        Detector::PageHinkley { tolerance: Some(0.0), threshold: None },
        Detector::PageHinkley { tolerance: None, threshold: Some(1e300) },
    ];
    let policies = [
        DriftPolicy::Notify,
        DriftPolicy::Boost { forgetting: 0.3, events: u32::MAX },
        DriftPolicy::PullToBase { share: 0.9 },
    ];
    let explorations = [Exploration::None, Exploration::Thompson, Exploration::EpsilonGreedy { epsilon: 0.1 }];
    for detector in detectors {
        for policy in policies {
            for exploration in explorations {
                for gate in [None, Some(f64::INFINITY), Some(0.1)] {
                    let drift = Some((detector, policy));
                    let (model, shadows) = (model.clone(), vec![ModelConfig::default(), model.clone()]);
                    let privacy = Privacy { noise: 0.3, padding: 7, unlinkable: true };
                    let max_pending_slates = 9;
                    let config = Config {
                        model,
                        shadows,
                        exploration,
                        gate,
                        drift,
                        max_pending_slates,
                        privacy,
                        ..Config::default()
                    };
                    assert_eq!(config.check(), Ok(()));
                    assert_eq!(read(&config.to_value().to_json()), Ok(config));
                }
            }
        }
    }
    for config in [Config::default(), Config { seed: 0, ..scenario::everything() }] {
        assert_eq!(read(&config.to_value().to_json()), Ok(config));
    }
}

#[test]
fn a_name_stands_once() {
    for step in VisitorStep::ALL {
        assert_eq!(step.as_str().parse(), Ok(*step));
    }
    for feedback in Feedback::ALL {
        assert_eq!(feedback.as_str().parse(), Ok(*feedback));
    }
    for loss in Loss::ALL {
        assert_eq!(loss.as_str().parse(), Ok(*loss));
    }
    for precision in Precision::ALL {
        assert_eq!(precision.as_str().parse(), Ok(*precision));
    }
    for name in ["adwin", "page-hinkley"] {
        assert_eq!(name.parse::<Detector>().map(Detector::as_str), Ok(name));
    }
    let fault = "Rate".parse::<VisitorStep>().expect_err("names are lower case");
    assert_eq!(fault.to_string(), "visitor: expected one of closed-form, diagonal, rate, found \"Rate\"");
}

#[test]
fn a_setting_out_of_bounds_is_told_with_them() {
    let models = format!("{{\"shadows\":[{}]}}", ["{}"; 17].join(","));
    for (json, told) in [
        ("3", "settings: expected an object, found 3"),
        (r#"{"modell":{}}"#, "modell: expected no setting of this name, found an object"),
        (r#"{"model":{"rate":1}}"#, "model.rate: expected no setting of this name, found 1"),
        (r#"{"model":[]}"#, "model: expected an object, found []"),
        (
            r#"{"model":{"visitor":"fast"}}"#,
            "model.visitor: expected one of closed-form, diagonal, rate, found \"fast\"",
        ),
        (r#"{"model":{"feedback":1}}"#, "model.feedback: expected one of pointwise, pairwise, found 1"),
        (r#"{"model":{"rates":{"private":1}}}"#, "model.rates.shared: a number from 0 to 1000 is missing"),
        (
            r#"{"model":{"rates":{"private":1,"shared":-1,"delta":0}}}"#,
            "model.rates.shared: expected a number from 0 to 1000, found -1",
        ),
        (r#"{"model":{"rates":{"privat":1}}}"#, "model.rates.privat: expected no setting of this name, found 1"),
        (r#"{"model":{"rateFactor":1001}}"#, "model.rateFactor: expected a number from 0 to 1000, found 1001"),
        (r#"{"model":{"forgetting":1.5}}"#, "model.forgetting: expected a number from 0 to 1, found 1.5"),
        (r#"{"model":{"calibrate":1}}"#, "model.calibrate: expected true or false, found 1"),
        (r#"{"model":{"maxRows":0}}"#, "model.maxRows: expected a whole number from 1 to 16777216, found 0"),
        (r#"{"model":{"maxRows":1.5}}"#, "model.maxRows: expected a whole number from 1 to 16777216, found 1.5"),
        (r#"{"shadows":{}}"#, "shadows: expected an array of at most 16 models, found an object"),
        (&models, "shadows: expected an array of at most 16 models, found an array of 17"),
        (r#"{"shadows":[{},{"forgetting":-1}]}"#, "shadows[1].forgetting: expected a number from 0 to 1, found -1"),
        (r#"{"exploration":"some"}"#, "exploration: expected none, thompson or an object with epsilon, found \"some\""),
        (r#"{"exploration":{"epsilon":5}}"#, "exploration.epsilon: expected a number from 0 to 1, found 5"),
        (r#"{"exploration":{}}"#, "exploration.epsilon: a number from 0 to 1 is missing"),
        (r#"{"gate":-1}"#, "gate: expected a number of 0 or more, or null, found -1"),
        (r#"{"drift":"adwin"}"#, "drift: expected an object, found \"adwin\""),
        (r#"{"drift":{"detector":"cusum"}}"#, "drift.detector: expected one of adwin, page-hinkley, found \"cusum\""),
        (r#"{"drift":{"delta":0}}"#, "drift.delta: expected a number above 0 and at most 1, found 0"),
        (r#"{"drift":{"threshold":1}}"#, "drift.threshold: expected no setting of this name, found 1"),
        (
            r#"{"drift":{"detector":"page-hinkley","threshold":-5}}"#,
            "drift.threshold: expected a number of 0 or more, found -5",
        ),
        (
            r#"{"drift":{"policy":"panic"}}"#,
            "drift.policy: expected notify, or an object with boost and events, or with pull, found \"panic\"",
        ),
        (r#"{"drift":{"policy":{"boost":0.1}}}"#, "drift.policy.events: a whole number of at least 1 is missing"),
        (
            r#"{"drift":{"policy":{"pull":0.5,"boost":0.1}}}"#,
            "drift.policy.boost: expected no setting of this name, found 0.1",
        ),
        (r#"{"maxPending":1025}"#, "maxPending: expected a whole number from 1 to 1024, found 1025"),
    ] {
        let error = read(json).expect_err(json);
        assert_eq!((error.code(), error.to_string().as_str()), ("bad_setting", told));
    }
}

#[test]
fn settings_that_are_made_are_checked_alike() {
    let default = Config::default();
    let model = |model| Config { model, ..Config::default() };
    let factor = |rate_factor| model(ModelConfig { rate_factor, ..ModelConfig::default() });
    let rates = Rates { private: 0.1, shared: f32::NAN, delta: 0.1 };
    let epsilon = |epsilon| Config { exploration: Exploration::EpsilonGreedy { epsilon }, ..Config::default() };
    let drift = |detector, policy| Config { drift: Some((detector, policy)), ..Config::default() };
    let boost = DriftPolicy::Boost { forgetting: f32::NAN, events: 1 };
    for (config, told) in [
        (factor(f32::NAN), "model.rateFactor: expected a number from 0 to 1000, found NaN"),
        (factor(-1.0), "model.rateFactor: expected a number from 0 to 1000, found -1"),
        (
            model(ModelConfig { rates: Some(rates), ..ModelConfig::default() }),
            "model.rates.shared: expected a number from 0 to 1000, found NaN",
        ),
        (
            model(ModelConfig { max_rows: usize::MAX, ..ModelConfig::default() }),
            "model.maxRows: expected a whole number from 1 to 16777216, found 18446744073709552000",
        ),
        (epsilon(5.0), "exploration.epsilon: expected a number from 0 to 1, found 5"),
        (epsilon(f32::NAN), "exploration.epsilon: expected a number from 0 to 1, found NaN"),
        (
            Config { shadows: vec![ModelConfig::default(); 17], ..default.clone() },
            "shadows: expected an array of at most 16 models, found an array of 17",
        ),
        (
            Config { gate: Some(f64::NAN), ..default.clone() },
            "gate: expected a number of 0 or more, or null, found NaN",
        ),
        (
            Config { max_pending_slates: 0, ..default.clone() },
            "maxPending: expected a whole number from 1 to 1024, found 0",
        ),
        (
            drift(Detector::Adwin { delta: Some(0.0) }, DriftPolicy::Notify),
            "drift.delta: expected a number above 0 and at most 1, found 0",
        ),
        (drift(Detector::Adwin { delta: None }, boost), "drift.policy.boost: expected a number from 0 to 1, found NaN"),
    ] {
        assert_eq!(config.check().expect_err(told).to_string(), told);
    }
    assert_eq!(Config { seed: u64::MAX, ..default }.check(), Ok(()), "any seed is good");
}

#[test]
fn settings_of_a_fold_are_checked() {
    let clip = |clip| FoldConfig { clip, ..FoldConfig::default() };
    let reach = |reach| FoldConfig { reach, ..FoldConfig::default() };
    for (config, told) in [
        (clip(0.0), "clip: expected a number above 0 and at most 1024, found 0"),
        (clip(1025.0), "clip: expected a number above 0 and at most 1024, found 1025"),
        (clip(f32::NAN), "clip: expected a number above 0 and at most 1024, found NaN"),
        (reach(-1.5), "reach: expected a number above 0 and at most 1000, found -1.5"),
        (reach(f32::INFINITY), "reach: expected a number above 0 and at most 1000, found inf"),
    ] {
        let error = config.check().expect_err(told);
        assert_eq!((error.code(), error.to_string().as_str()), ("bad_setting", told));
    }
    let widest = FoldConfig {
        clip: 1024.0,
        influence: 1_048_576.0,
        reach: 1000.0,
        horizon: u64::MAX,
        max_rows: usize::MAX,
        quorum: usize::MAX,
        items: None,
    };
    assert_eq!([FoldConfig::default().check(), widest.check()], [Ok(()), Ok(())]);
}

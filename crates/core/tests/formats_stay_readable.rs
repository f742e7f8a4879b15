//! Golden fixtures of the formats. A change of format is a new number, a new fixture and a line in the changelog; the old
//! fixtures stay and are still read. `BROOKLET_WRITE_FIXTURES=1` writes those that are missing.

mod scenario;

use brooklet_core::*;
use std::path::PathBuf;

fn golden(name: &str, bytes: &[u8]) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    if !path.exists() && std::env::var_os("BROOKLET_WRITE_FIXTURES").is_some() {
        std::fs::write(&path, bytes).expect("the fixture is written");
    }
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn base_version_1_f16() {
    let bytes = scenario::seed(4, Loss::Logistic, Precision::F16);
    let golden = golden("base-v1-f16.safetensors", &bytes);
    assert!(golden == bytes, "the writer's bytes changed");
    check_base(golden, 0.0003);
}

#[test]
fn base_version_1_int8() {
    let bytes = scenario::seed(4, Loss::Squared, Precision::Int8);
    let golden = golden("base-v1-int8.safetensors", &bytes);
    assert!(golden == bytes, "the writer's bytes changed");
    check_base(golden, 0.004);
}

fn check_base(bytes: Vec<u8>, tolerance: f32) {
    // The reader is ours; the reference is the safetensors crate.
    let reference = safetensors::SafeTensors::deserialize(&bytes).expect("it is a safetensors file");
    let base = Base::read(bytes.clone()).expect("it is a base");
    assert_eq!(reference.tensor("ids").expect("it has ids").shape(), [base.len()]);
    assert_eq!(*base.metadata(), Metadata { loss: base.metadata().loss, ..scenario::metadata(4, Loss::Logistic) });
    let rows = scenario::rows(4);
    let mut read = [0.0; 5];
    for ((id, row), name) in rows.ids.iter().zip(rows.rows.chunks(5)).zip(rows.names.expect("it has names")) {
        let i = base.find(*id).expect("the row is there");
        assert_eq!(base.name(i), Some(name.as_str()));
        base.row_into(i, &mut read);
        assert!(read.iter().zip(row).all(|(a, b)| (a - b).abs() <= tolerance), "{name}: {read:?} {row:?}");
    }
    assert_eq!(base.find(FeatureId::named("item=never")), None);
}

#[test]
fn delta_version_1() {
    let delta = Delta {
        base_version: 300,
        client: *b"0123456789abcdef",
        seq: 7,
        events: 41,
        ids: vec![FeatureId(0x0102), FeatureId(0xff00_0000_0000_0001)],
        scales: vec![0.5, 0.0, 0.015625],
        columns: vec![127, -127, 0, 0, 1, -2],
    };
    #[rustfmt::skip]
    let bytes = [
        &[0xa8][..],                                    // a map of 8
        &[0x00, 0x01],                                  // 0: format 1
        &[0x01, 0x19, 0x01, 0x2c],                      // 1: base version 300
        &[0x02, 0x50], b"0123456789abcdef",             // 2: client key, 16 bytes
        &[0x03, 0x07],                                  // 3: sequence number 7
        &[0x04, 0x18, 0x29],                            // 4: 41 events
        &[0x05, 0x50],                                  // 5: ids, 16 bytes
        &[0x02, 0x01, 0, 0, 0, 0, 0, 0],                //    little-endian
        &[0x01, 0, 0, 0, 0, 0, 0, 0xff],
        &[0x06, 0x83],                                  // 6: three scales
        &[0xfa, 0x3f, 0x00, 0x00, 0x00],                //    0.5
        &[0xfa, 0x00, 0x00, 0x00, 0x00],                //    0
        &[0xfa, 0x3c, 0x80, 0x00, 0x00],                //    1/64
        &[0x07, 0x46],                                  // 7: six numbers
        &[127, 0x81, 0, 0, 1, 0xfe],                    //    column by column
    ]
    .concat();
    assert_eq!(delta.encode(), bytes);
    assert_eq!(golden("delta-v1.cbor", &bytes), bytes);
    assert_eq!(Delta::decode(&bytes), Ok(delta));
}

#[test]
fn profile_version_1() {
    // What a learner learns may change; what it once learnt is still read, and written as it was.
    let golden = golden("profile-v1.cbor", &scenario::lived().profile());
    let restored = Learner::restore(scenario::base(8), scenario::everything(), &golden).expect("it is a profile");
    assert!(golden == restored.profile(), "the writer's bytes changed");
    let lived = scenario::lived();
    let again = Learner::restore(scenario::base(8), scenario::everything(), &lived.profile()).expect("it is a profile");
    assert_eq!(again.digest(), lived.digest());
}

/// Replays lines over the base that they were logged with; every score comes out as it was logged.
fn check_log(lines: &str, old: &Config) {
    let mut replayed = None;
    let mut predictions = 0;
    for line in lines.lines() {
        let record = Record::from_value(&Value::parse(line).expect("it is JSON")).expect("it is a record");
        if let Record::Opened { base, profile, config, .. } = &record {
            assert_eq!(*base, scenario::base(4).digest());
            let config = config.as_ref().unwrap_or(old).clone();
            replayed = Some(Learner::restore(scenario::base(4), config, profile).expect("it is a profile"));
        }
        let learner = replayed.as_mut().expect("a log begins with `opened`");
        let scores = learner.replay(&record).expect("it happened");
        let logged: Vec<f32> = match &record {
            Record::Shown { items, .. } => items.iter().map(|item| item.score).collect(),
            Record::Held { scored, .. } | Record::Learnt { scored, .. } => vec![scored.score],
            _ => Vec::new(),
        };
        assert_eq!(scores, logged, "{line}");
        predictions += scores.len();
    }
    assert_eq!(predictions, 6);
}

#[test]
fn log_version_1() {
    // It does not tell the settings.
    let log = golden("log-v1.jsonl", &[]);
    let config = Config { exploration: Exploration::Thompson, seed: 5, ..Config::default() };
    check_log(std::str::from_utf8(&log).expect("UTF-8"), &config);
}

#[test]
fn log_version_2() {
    let config = Config { log: true, gate: None, ..scenario::everything() };
    let mut learner = Learner::new(scenario::base(4), config);
    for item in 0..6 {
        let features = scenario::named(&learner, &scenario::object(&[("genres", scenario::genres(item))]));
        learner.set_item(&item.to_string(), &features).expect("an item");
    }
    learner.open_log();
    let mut random = scenario::Random(7);
    let mut input = |learner: &Learner| scenario::named(learner, &scenario::input(&mut random));
    let features = input(&learner);
    learner.learn_one(&features, 1.0, 1.0).expect("a label");
    let slate = learner.recommend(&scenario::shop(&learner, 2));
    let (held, _) = learner.hold(&input(&learner));
    learner.click(slate.id, &slate.items[0].item).expect("it is pending");
    learner.label_held(held, 0.5, 2.0).expect("it is pending");
    let (preferred, other) = (input(&learner), input(&learner));
    learner.learn_pair(&preferred, &other, 1.0).expect("a weight");
    learner.skip(slate.id, &slate.items[1].item).expect("it is pending");
    learner.recommend(&scenario::shop(&learner, 2));
    let lines: Vec<String> = learner.take_log().iter().map(|record| record.to_value().to_json() + "\n").collect();
    let golden = golden("log-v2.jsonl", lines.concat().as_bytes());
    let golden = std::str::from_utf8(&golden).expect("UTF-8");
    check_log(golden, &Config::default());
    for line in golden.lines() {
        let record = Record::from_value(&Value::parse(line).expect("it is JSON")).expect("it is a record");
        assert_eq!(record.to_value().to_json(), line);
    }
}

#[test]
fn a_log_of_another_format_is_refused() {
    let opened = Record::opened(&scenario::base(4), vec![1, 2], &Config::default()).to_value().to_json();
    for (from, to) in
        [("\"format\":2", "\"format\":3"), ("\"config\"", "\"conf\""), ("\"maxPending\":", "\"maxPendin\":")]
    {
        let changed = opened.replace(from, to);
        assert_ne!(changed, opened);
        let error = Record::from_value(&Value::parse(&changed).expect("it is JSON")).expect_err(to);
        assert!(["bad_json", "bad_setting"].contains(&error.code()), "{error}");
    }
}

#[test]
fn ids_are_the_xxh3_of_names() {
    // Written down, because every file and delta relies on them.
    assert_eq!(FeatureId::named("genres=Drama").0, 0x279a_8258_afc2_fd73);
    assert_eq!(FeatureId::named("").0, 0x2d06_8005_38d3_94c2);
}

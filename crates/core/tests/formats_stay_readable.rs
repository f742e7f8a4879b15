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
    let base = Base::decode(bytes.clone()).expect("it is a base");
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
fn delta_version_1_is_refused_by_code() {
    let error = Delta::decode(&golden("delta-v1.cbor", &[])).expect_err("it is of a former format");
    assert_eq!(error, Error::DeltaFormat { found: 1, read: 2 });
    assert_eq!(error.code(), "delta_format");
}

#[test]
fn delta_version_2() {
    let delta = Delta {
        base_version: 300,
        client: *b"0123456789abcdef",
        seq: 7,
        events: 41,
        ids: vec![FeatureId(0x0102), FeatureId(0xff00_0000_0000_0001)],
        scales: vec![0.5, 0.0, 0.015625],
        columns: vec![127, -127, 0, 0, 1, -2],
        evidence: vec![[Evidence(64), Evidence(0)], [Evidence(0), Evidence(72)]],
        report: Report { events: 40, base_loss: 0.5, learner_loss: 0.25 },
    };
    #[rustfmt::skip]
    let bytes = [
        &[0xaa][..],                                    // a map of 10
        &[0x00, 0x02],                                  // 0: format 2
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
        &[0x08, 0x44],                                  // 8: evidence, twice two bytes
        &[64, 0],                                       //    a: 1, none
        &[0, 72],                                       //    b: none, 2
        &[0x09, 0x83, 0x18, 0x28],                      // 9: a report of 40 events
        &[0xfa, 0x3f, 0x00, 0x00, 0x00],                //    0.5 by the base
        &[0xfa, 0x3e, 0x80, 0x00, 0x00],                //    0.25 by the learner
    ]
    .concat();
    assert_eq!(delta.encode(), bytes);
    assert_eq!(golden("delta-v2.cbor", &bytes), bytes);
    assert_eq!(Delta::decode(&bytes), Ok(delta.clone()));
    // Where no row met another there is one byte of evidence a row.
    let alone = Delta { evidence: vec![[Evidence(64), Evidence(0)]; 2], ..delta };
    assert_eq!(alone.encode().len(), bytes.len() - 2);
    assert_eq!(Delta::decode(&alone.encode()), Ok(alone));
}

#[test]
fn a_delta_that_could_be_written_shorter_is_refused() {
    let bytes = golden("delta-v2.cbor", &[]);
    let at = |part: &[u8]| bytes.windows(part.len()).position(|window| window == part).expect("it is there");
    let longer = |at: usize, by: &[u8]| [&bytes[..at], by, &bytes[at + 1..]].concat();
    // The key 3, its number 7, and the length of the scales, each with a byte more than it needs.
    let (seq, scales) = (at(&[0x03, 0x07, 0x04]), at(&[0x06, 0x83]) + 1);
    for long in [longer(seq, &[0x18, 3]), longer(seq + 1, &[0x18, 7]), longer(scales, &[0x98, 3])] {
        assert_eq!(Delta::decode(&long).map_err(|error| error.code()), Err("bad_delta"), "{long:x?}");
    }
    // Evidence of other rows that is none takes no byte.
    let evidence = at(&[0x08, 0x44]) + 2;
    let mut none = bytes.clone();
    none[evidence + 2..evidence + 4].fill(0);
    assert!(Delta::decode(&none).is_err(), "{none:x?}");
}

#[test]
fn evidence_is_told_within_a_twentieth() {
    for amount in [0.01, 0.15, 1.0, 3.3, 500.0, 1e6] {
        let told = Evidence::of(amount).amount();
        assert!((told / amount - 1.0).abs() < 0.05, "{amount}: {told}");
    }
    for none in [0.0, -1.0, f64::NAN] {
        assert_eq!(Evidence::of(none), Evidence(0));
    }
    assert_eq!(Evidence(0).amount(), 0.0);
}

#[test]
fn profile_version_1() {
    // Its pending delta is of a format that no endpoint takes; all else is what it was.
    let golden = golden("profile-v1.cbor", &[]);
    let mut restored = Learner::restore(scenario::base(8), scenario::everything(), &golden).expect("it is a profile");
    assert!(restored.unsent_events() > 0, "what waited for a delta waits");
    let delta = restored.prepare_delta([7; 16]).expect("its events are taught");
    assert!(Delta::decode(&delta.bytes).is_ok());
}

#[test]
fn profile_version_2() {
    // What a learner learns may change; what it once learnt is still read, and written as it was.
    let golden = golden("profile-v2.cbor", &scenario::lived().profile());
    let restored = Learner::restore(scenario::base(8), scenario::everything(), &golden).expect("it is a profile");
    assert!(golden == restored.profile(), "the writer's bytes changed");
    let lived = scenario::lived();
    let again = Learner::restore(scenario::base(8), scenario::everything(), &lived.profile()).expect("it is a profile");
    assert_eq!(again.digest(), lived.digest());
}

#[test]
fn ids_are_the_xxh3_of_names() {
    // Written down, because every file and delta relies on them.
    assert_eq!(FeatureId::named("genres=Drama").0, 0x279a_8258_afc2_fd73);
    assert_eq!(FeatureId::named("").0, 0x2d06_8005_38d3_94c2);
}

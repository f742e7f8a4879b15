//! A base that is read, in whichever of its formats or by a patch, makes a learner that predicts numbers, an aggregate that is read back as it was,
//! and a compact base that is read again.
#![no_main]

use std::sync::LazyLock;

use brooklet_core::{
    Aggregate, Base, Config, FeatureId, Features, Learner, Metadata, Precision, Rows, Steps, Value, compact,
    encode_base, patch, patched,
};

/// A seed as it is trained.
const F16: &[u8] = include_bytes!("../../crates/core/tests/fixtures/base-v1-f16.safetensors");

static BASE: LazyLock<Base> = LazyLock::new(|| Base::decode(F16.to_vec()).unwrap());

/// One good blob of each kind; the last three are a compact base, the one after it, and the patch between them.
static BLOBS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut blobs: Vec<_> = [Precision::F16, Precision::Int8].map(|precision| version(1, None, precision)).into();
    let old = version(1, None, Precision::Steps);
    let steps = Base::decode(old.clone()).unwrap().metadata().steps.clone();
    let compact = [compact_of(&old), compact_of(&version(2, steps, Precision::Steps))];
    let [before, after] = compact.clone().map(|bytes| Base::decode(bytes).unwrap());
    let patch = patch(&before, &after).unwrap();
    blobs.extend([vec![old], compact.into(), vec![patch]].concat());
    blobs
});

/// The seed, or what has become of it: other numbers, and a row more.
fn version(version: u64, steps: Option<Steps>, precision: Precision) -> Vec<u8> {
    let mut row = vec![0.0; BASE.width()];
    let mut rows = Rows::default();
    for i in 0..BASE.len() {
        BASE.row_into(i, &mut row);
        rows.ids.push(BASE.id(i));
        rows.rows.extend(row.iter().map(|x| x / version as f32));
    }
    if version > 1 {
        rows.ids.push(FeatureId(7));
        rows.rows.extend(&row);
    }
    encode_base(&Metadata { version, steps, ..BASE.metadata().clone() }, &rows, precision).unwrap()
}

fn compact_of(bytes: &[u8]) -> Vec<u8> {
    compact(&Base::decode(bytes.to_vec()).unwrap()).unwrap()
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((kind, rest)) = input.split_first() else { return };
    let kind = usize::from(*kind);
    // Bytes as they are, or a good blob in which some are others.
    let Some(good) = BLOBS.get(kind) else {
        return read(if kind == usize::from(b'{') { rest } else { input });
    };
    let mut blob = good.clone();
    for edit in rest.as_chunks::<3>().0 {
        let at = usize::from(u16::from_le_bytes([edit[0], edit[1]]));
        match blob.get_mut(at) {
            Some(byte) => *byte = edit[2],
            None => blob.truncate(at - blob.len()),
        }
    }
    if kind + 1 < BLOBS.len() {
        return read(&blob);
    }
    if let Ok(base) = patched(&Base::decode(BLOBS[kind - 2].clone()).unwrap(), &blob) {
        assert!(base.bytes() == &BLOBS[kind - 1], "a patch made another base than it was made of");
    }
});

fn read(bytes: &[u8]) {
    let Ok(base) = Base::decode(bytes.to_vec()) else { return };
    if !base.is_compact() {
        let aggregate = Aggregate::from_base(&base);
        if let Ok(stored) = aggregate.encode() {
            assert!(Aggregate::decode(&stored).is_ok_and(|read| read == aggregate), "an aggregate is read as another");
        }
        if let Ok(compact) = compact(&base) {
            assert!(
                Base::decode(compact).is_ok_and(|compact| compact.len() == base.len()),
                "a compact base cannot be read"
            );
        }
    }
    let Ok(mut learner) = Learner::new(base, Config::default()) else { return };
    let input = Value::parse(r#"{"item": "1", "genres": ["Drama", "Sci-Fi"], "age": 3}"#).unwrap();
    let Ok(input) = Features::from_value(learner.schema(), &input) else { return };
    let before = learner.predict_one(&input);
    assert!(before.score.is_finite() && before.base_score.is_finite());
    let _ = learner.learn_one(&input, 1.0, 1.0);
    assert!(learner.predict_one(&input).score.is_finite(), "learning diverged");
}

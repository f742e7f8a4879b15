//! What a page says of a field is read as what the seed knows it as.

mod scenario;

use brooklet_core::{
    Base, Config, Error, FeatureId, Features, FieldKind, Kind, Learner, Metadata, Precision, Query, Rows, Scale,
    Schema, Value, encode_base,
};
use scenario::{metadata, object};

fn kind(field: &str, kind: Kind) -> FieldKind {
    FieldKind { field: field.into(), kind }
}

fn schema() -> Schema {
    let kinds = vec![
        kind("year", Kind::Categorical),
        kind("tags", Kind::MultiHot),
        kind("price", Kind::Numeric(Scale { mean: 100.0, deviation: 50.0 })),
        kind("home.size", Kind::Numeric(Scale { mean: 3.0, deviation: 2.0 })),
    ];
    Schema { kinds, private: vec!["home".into()], ..Schema::new("user", "item") }
}

fn read(json: &str) -> Result<Features, Error> {
    Features::from_value(&schema(), &Value::parse(json).expect("it is JSON"))
}

/// A learner whose seed knows the price, of weight 2, and the year 1990, of weight 1, and no factors.
fn learner() -> Learner {
    let prior = brooklet_core::Prior { mean: vec![0.0], covariance: vec![0.25], scale: 1.0 };
    let of = metadata(0, brooklet_core::Loss::Logistic);
    let metadata = Metadata { schema: schema(), w0: 0.0, ..Metadata::new("films", schema(), of.rates, prior) };
    let names = ["price", "year=1990"];
    let rows = Rows {
        ids: names.map(FeatureId::named).to_vec(),
        rows: vec![2.0, 1.0],
        names: Some(names.map(String::from).to_vec()),
        ..Rows::default()
    };
    let base = encode_base(&metadata, &rows, Precision::F16).and_then(Base::decode).expect("the seed is fine");
    assert_eq!(base.metadata().schema, schema(), "the kinds travel in the seed");
    Learner::new(base, Config::default()).expect("the settings are fine")
}

#[test]
fn values_are_read_by_the_kind_of_their_field() {
    for (said, as_if) in [
        (r#"{"year": 1990}"#, r#"{"year": "1990"}"#),
        (r#"{"year": -0.5}"#, r#"{"year": "-0.5"}"#),
        (r#"{"year": true}"#, r#"{"year": "true"}"#),
        (r#"{"year": [null, 1990]}"#, r#"{"year": "1990"}"#),
        (r#"{"tags": 4.25}"#, r#"{"tags": ["4.25"]}"#),
        (r#"{"tags": [1, "x", 2.5]}"#, r#"{"tags": ["2.5", "x", "1"]}"#),
        (r#"{"tags": false}"#, r#"{"tags": ["false"]}"#),
        (r#"{"price": "125"}"#, r#"{"price": 125}"#),
        (r#"{"price": " -1.5e2 "}"#, r#"{"price": -150}"#),
        (r#"{"home": {"size": "4"}}"#, r#"{"home.size": 4}"#),
    ] {
        assert_eq!(read(said).expect(said), read(as_if).expect(as_if), "{said}");
    }
    let value = |json| read(json).expect(json).shared()[0].value;
    assert_eq!(value(r#"{"price": 125}"#), 0.5);
    assert_eq!(value(r#"{"price": 1000000}"#), 10.0, "at most ten deviations");
    let private = read(r#"{"home": {"size": 4}}"#).expect("a number");
    assert_eq!((private.shared().len(), private.private()[0].value), (0, 0.5));
}

#[test]
fn what_cannot_be_of_the_kind_is_an_error_that_names_the_field() {
    for (said, field) in [
        (r#"{"price": "dear"}"#, "price"),
        (r#"{"price": ""}"#, "price"),
        (r#"{"price": true}"#, "price"),
        (r#"{"price": [100]}"#, "price"),
        (r#"{"price": {"net": 100}}"#, "price"),
        (r#"{"price": 1000001}"#, "price"),
        (r#"{"price": "1e7"}"#, "price"),
        (r#"{"year": [1990, 1991]}"#, "year"),
        (r#"{"year": {"from": 1990}}"#, "year"),
        (r#"{"year": 0.30000000000000004}"#, "year"),
        (r#"{"tags": [["x"]]}"#, "tags"),
        (r#"{"home": {"size": "large"}}"#, "home.size"),
    ] {
        match read(said) {
            Err(Error::BadValue { path, .. }) => assert_eq!(path, field, "{said}"),
            other => panic!("{said}: {other:?}"),
        }
    }
}

#[test]
fn a_number_and_its_category_meet() {
    let learner = learner();
    let score = |json| learner.predict_one(&read(json).expect(json)).score;
    assert_eq!([score(r#"{"year": 1990}"#), score(r#"{"year": "1990"}"#), score(r#"{"year": 1991}"#)], [1.0, 1.0, 0.0]);
    assert_eq!([score(r#"{"price": 150}"#), score(r#"{"price": "150"}"#), score(r#"{"price": 100}"#)], [2.0, 2.0, 0.0]);
}

/// The scores of items of these prices in the order in which they are added, after learning and with learning in between.
fn scores(mut learner: Learner, field: &str, order: &[usize]) -> Vec<(String, f32)> {
    let schema = learner.schema().clone();
    let number = |x: f64| Features::from_value(&schema, &object(&[(field, Value::Number(x))])).expect("a number");
    for n in 0..40 {
        learner.learn_one(&number(f64::from(10 + n % 7 * 20)), (n % 7 < 3).into(), 1.0).expect("a label");
    }
    for &at in order {
        learner.set_item(&at.to_string(), &number([20.0, 100.0, 20.0, 1000.0, 20.0][at])).expect("an item");
    }
    // Numbers that are learnt once items are there move them all alike.
    learner.learn_one(&number(500.0), 0.0, 1.0).expect("a label");
    let slate = learner.recommend(&Query { k: 5, ..Query::default() });
    learner.click(slate.id, "1").expect("it is in the slate");
    let slate = learner.recommend(&Query { k: 5, ..Query::default() });
    let mut scores: Vec<_> = slate.items.into_iter().map(|item| (item.item, item.score)).collect();
    scores.sort_by(|a, b| a.0.cmp(&b.0));
    scores
}

#[test]
fn a_number_scores_the_same_whenever_and_however_often_it_was_added() {
    for field in ["price", "weight"] {
        let listed = scores(learner(), field, &[0, 1, 2, 3, 4]);
        // Items alike differ by their own rows alone, which nobody taught.
        assert_eq!([listed[2].1, listed[4].1], [listed[0].1; 2], "{field}");
        assert_ne!(listed[0].1, listed[3].1, "{field}");
        assert_eq!(scores(learner(), field, &[4, 3, 2, 1, 0]), listed, "{field}");
        assert_eq!(scores(learner(), field, &[3, 1, 0, 1, 2, 3, 3, 4, 0, 0]), listed, "{field}");
    }
}

#[test]
fn a_wrong_kind_in_a_seed_is_told_where() {
    let good = Metadata { schema: schema(), ..metadata(2, brooklet_core::Loss::Logistic) }.to_json();
    assert!(Metadata::parse(&good).is_ok());
    for (from, to, told) in [
        ("multi-hot", "multihot", "schema.kinds[1].kind"),
        (r#""deviation":50"#, r#""deviation":0"#, "schema.kinds[2].deviation"),
        (r#""mean":100,"#, "", "schema.kinds[2].mean"),
        (r#""field":"tags""#, r#""field":"year""#, "schema.kinds[1].field"),
    ] {
        assert!(good.contains(from), "{from}");
        match Metadata::parse(&good.replace(from, to)) {
            Err(Error::BadBase(fault)) => assert_eq!(fault.path, told),
            other => panic!("{told}: {other:?}"),
        }
    }
}

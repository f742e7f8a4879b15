//! What is like an item, and what is popular: by the base alone, whoever asks.

mod scenario;

use brooklet_core::{
    Base, Config, Error, FeatureId, Features, Learner, Loss, Metadata, Precision, Prior, Query, Rows, Value,
    encode_base,
};
use scenario::{metadata, object};

/// Two factors: action pulls one way, romance the other. Film 1 is loved, 3 is disliked; 9 is in no catalogue.
fn learner() -> Learner {
    let rows: &[(&str, [f32; 3])] = &[
        ("item=1", [1.5, 1.0, 0.0]),
        ("item=2", [0.0, 0.75, 0.25]),
        ("item=3", [-1.0, 0.0, 1.0]),
        ("item=9", [0.5, -1.0, 0.0]),
        ("genres=Action", [0.25, 0.5, 0.0]),
        ("genres=Romance", [0.0, 0.0, 0.5]),
        ("device=phone", [0.0, 0.0, 4.0]),
    ];
    let (mean, covariance) = (vec![0.0, 0.5, 0.0], vec![0.5, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.5]);
    let of = metadata(2, Loss::Logistic);
    let prior = Prior { mean, covariance, scale: 1.0 };
    let metadata = Metadata { prior, w0: -1.0, ..of };
    let rows = Rows {
        ids: rows.iter().map(|(name, _)| FeatureId::named(name)).collect(),
        rows: rows.iter().flat_map(|(_, row)| *row).collect(),
        ..Rows::default()
    };
    let base = encode_base(&metadata, &rows, Precision::F16).and_then(Base::decode).expect("the seed is fine");
    let mut learner = Learner::new(base, Config::default()).expect("the settings are fine");
    for (id, genre) in [("1", "Action"), ("2", "Action"), ("3", "Romance"), ("new", "Romance"), ("odd", "Noir")] {
        let features = read(&learner, &object(&[("genres", Value::from(genre))]));
        learner.set_item(id, &features).expect("an item");
    }
    learner
}

fn read(learner: &Learner, value: &Value) -> Features {
    Features::from_value(learner.schema(), value).expect("features")
}

fn similar(learner: &Learner, item: &str, k: usize) -> Vec<(String, f32)> {
    learner.similar(item, k).expect(item).into_iter().map(|like| (like.item, like.similarity)).collect()
}

#[test]
fn items_are_alike_by_the_cosine_of_their_summed_factors() {
    let learner = learner();
    // 1 is (1.5, 0), 2 is (1.25, .25), 3 is (0, 1.5), the new one (0, .5).
    let cosine = 1.25 / 1.625f32.sqrt();
    let expected: &[(&str, f32)] = &[("2", cosine), ("3", 0.0), ("new", 0.0)];
    for ((item, similarity), (id, cosine)) in similar(&learner, "1", 10).iter().zip(expected) {
        assert_eq!(item, id);
        assert!((similarity - cosine).abs() < 1e-6, "{item}: {similarity}");
    }
    assert_eq!(similar(&learner, "1", 10).len(), 3, "neither itself nor what nothing is known of");
    assert_eq!(similar(&learner, "1", 1).len(), 1);
    assert_eq!(similar(&learner, "1", 0), []);
}

#[test]
fn an_item_that_the_seed_has_never_seen_is_similar_by_its_features() {
    let learner = learner();
    let like = similar(&learner, "new", 2);
    assert_eq!(like[0], ("3".to_owned(), 1.0));
    assert_eq!(like[1].0, "2");
    assert_eq!(similar(&learner, "odd", 5), [], "nothing is known of it");
    // One that the seed knows need not be in the catalogue: it is its own row then.
    assert_eq!(similar(&learner, "9", 4).last().map(|like| like.0.as_str()), Some("1"));
    assert_eq!(learner.similar("unheard of", 5), Err(Error::UnknownItem));
    assert_eq!(Error::UnknownItem.code(), "unknown_item");
}

#[test]
fn what_is_popular_is_what_a_stranger_is_shown_whoever_asks() {
    let mut learner = learner();
    for context in [object(&[]), object(&[("device", Value::from("phone"))])] {
        let context = read(&learner, &context);
        let query = Query { context, k: 4, exclude: &["odd"], ..Query::default() };
        let popular = learner.popular(&query);
        let mut stranger = Learner::new(learner.base().clone(), Config::default()).expect("the settings are fine");
        for id in ["1", "2", "3", "new"] {
            stranger.set_item(id, learner.item(id).expect("it is there")).expect("an item");
        }
        let slate = stranger.recommend(&query);
        assert_eq!(popular.len(), 4);
        for (popular, shown) in popular.iter().zip(&slate.items) {
            assert_eq!(popular.item, shown.item);
            assert!((popular.score - shown.score).abs() < 1e-5, "{popular:?} {shown:?}");
            let prediction =
                stranger.predict_one(&query.context.union(stranger.item(&shown.item).expect("it is there")));
            assert!((popular.probability - prediction.base_probability).abs() < 1e-6, "{popular:?} {prediction:?}");
        }
        // What this visitor taught changes nothing.
        let before = learner.popular(&query);
        let like = learner.similar("1", 4);
        for _ in 0..30 {
            let slate = learner.recommend(&query);
            learner.skip(slate.id, &before[0].item).expect("it is in the slate");
        }
        assert_eq!((learner.popular(&query), learner.similar("1", 4)), (before, like));
    }
    assert_eq!(learner.popular(&Query { k: 3, include: Some(&["3", "2"]), ..Query::default() }).len(), 2);
}

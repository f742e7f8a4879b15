//! A seed that ranks the whole catalogue by something of its own, beside what tells click from skip among what was shown.

mod scenario;

use brooklet_core::*;
use scenario::{ITEMS, metadata, ranked};

fn base() -> Base {
    let (metadata, rows) = ranked();
    Base::decode(encode_base(&metadata, &rows, Precision::F16).expect("they fit")).expect("it was written")
}

fn learner(config: Config) -> Learner {
    let mut learner = Learner::new(base(), config).expect("the settings are fine");
    for item in 0..ITEMS {
        learner.set_item(&item.to_string(), &Features::default()).expect("an item");
    }
    learner
}

fn item(learner: &Learner, item: u64) -> Features {
    let mut features = Features::builder(learner.schema());
    features.text("item", &item.to_string()).expect("an item");
    features.finish()
}

fn ranking(learner: &mut Learner) -> Vec<u64> {
    let slate = learner.recommend(&Query { k: ITEMS as usize, ..Query::default() });
    assert!(slate.items.is_sorted_by(|a, b| a.score >= b.score));
    slate.items.iter().map(|item| item.item.parse().expect("a number")).collect()
}

/// <u, q> + m, as the equation of [`brooklet_core::model::interest`] says.
fn strangers_score(item: u64) -> f64 {
    [0.125, 0.0625][(item % 2) as usize] + 0.5 - item as f64 / 64.0
}

#[test]
fn a_stranger_sees_the_order_that_the_seed_says() {
    let mut expected: Vec<u64> = (0..ITEMS).collect();
    expected.sort_by(|a, b| strangers_score(*b).total_cmp(&strangers_score(*a)));
    assert_eq!(ranking(&mut learner(Config::default())), expected);
}

#[test]
fn a_moment_adds_to_the_visitor_and_not_to_the_item() {
    let (mut metadata, rows) = ranked();
    metadata.schema.context = vec!["genres".into()];
    let base = Base::decode(encode_base(&metadata, &rows, Precision::F16).expect("they fit")).expect("it was written");
    let mut learner = Learner::new(base, Config::default()).expect("the settings are fine");
    for item in 0..ITEMS {
        learner.set_item(&item.to_string(), &Features::default()).expect("an item");
    }
    let mut war = Features::builder(learner.schema());
    war.text("genres", "War").expect("a genre");
    let war = war.finish();
    // Its row is (0, 2), so <u + a, q> of an odd item is 1/16 + 2, of an even one 1/8.
    let first = |learner: &mut Learner, context: &Features| {
        let slate = learner.recommend(&Query { context: context.clone(), k: 1, ..Query::default() });
        (slate.items[0].item.clone(), slate.items[0].score)
    };
    assert_eq!(first(&mut learner, &war), ("1".into(), (strangers_score(1) + 2.0) as f32));
    assert_eq!(first(&mut learner, &Features::default()).0, "0");
    // A click that the moment explains, and more, says that the visitor wants less of it; one without the moment that they want more.
    let clicked = item(&learner, 9);
    let after = |input: &Features| {
        let mut learner = learner.clone();
        learner.learn_one(input, 1.0, 1.0).expect("a label");
        first(&mut learner, &war).1
    };
    let before = first(&mut learner.clone(), &war).1;
    assert!(after(&war.union(&clicked)) < before - 0.25, "{}", after(&war.union(&clicked)));
    assert!(after(&clicked) > before - 0.25, "{}", after(&clicked));
}

#[test]
fn a_click_moves_the_catalogue_by_least_squares_and_a_skip_does_not() {
    let mut learner = learner(Config::default());
    let before = ranking(&mut learner);
    for skipped in 0..6 {
        learner.learn_one(&item(&learner, skipped), 0.0, 1.0).expect("a label");
    }
    assert_eq!(ranking(&mut learner), before);

    learner.learn_one(&item(&learner, 9), 1.0, 1.0).expect("a label");
    // The observation u_2 = 1 - m_9 of weight 16, before which u_2 was N(1/16, 1/4); then popularity counts 2 / (2 + 1).
    let m = |item: f64| 0.5 - item / 64.0;
    let u = 0.0625 + 0.25 * 16.0 / (1.0 + 0.25 * 16.0) * (1.0 - m(9.0) - 0.0625);
    let slate = learner.recommend(&Query { k: 1, ..Query::default() });
    assert_eq!(slate.items[0].item, "1");
    let expected = u + m(1.0) * 2.0 / 3.0;
    assert!((f64::from(slate.items[0].score) - expected).abs() < 1e-5, "{} {expected}", slate.items[0].score);
}

#[test]
fn an_item_that_the_seed_has_never_seen_ranks_by_its_features() {
    let mut learner = learner(Config::default());
    let war = scenario::named(&learner, &scenario::object(&[("genres", Value::from("War"))]));
    learner.set_item("new", &war).expect("an item");
    learner.set_item("unknown", &Features::default()).expect("an item");
    let score = |learner: &mut Learner, id: &str| {
        let slate = learner.recommend(&Query { k: 100, ..Query::default() });
        slate.items.iter().find(|item| item.item == id).expect("all are ranked").score
    };
    assert_eq!([score(&mut learner, "new"), score(&mut learner, "unknown")], [2.0 * 0.0625, 0.0]);
    learner.learn_one(&item(&learner, 9), 1.0, 1.0).expect("a label");
    assert!(score(&mut learner, "new") > score(&mut learner, "1") && score(&mut learner, "unknown") == 0.0);
}

#[test]
fn candidates_of_a_list_are_ranked_as_what_is_shown() {
    let mut learner = learner(Config::default());
    learner.learn_one(&item(&learner, 9), 1.0, 1.0).expect("a label");
    let list: Vec<String> = (0..ITEMS).map(|item| item.to_string()).collect();
    let list: Vec<&str> = list.iter().map(String::as_str).collect();
    let slate = learner.recommend(&Query { k: 5, include: Some(&list), ..Query::default() });
    for Recommended { item: id, score, probability, .. } in slate.items {
        let prediction = learner.predict_one(&item(&learner, id.parse().expect("a number")));
        assert_eq!((score, probability), (prediction.score, prediction.probability));
    }
}

#[test]
fn the_interest_survives_a_reload_a_new_base_and_nothing_else() {
    let mut learner = learner(Config::default());
    let stranger = ranking(&mut learner);
    (0..3).for_each(|_| _ = learner.learn_one(&item(&learner, 21), 1.0, 1.0).expect("a label"));
    let known = ranking(&mut learner);
    assert_ne!(known, stranger);

    let mut again = Learner::restore(base(), Config::default(), &learner.profile()).expect("it was written");
    assert_eq!(again.digest(), learner.digest());
    (0..ITEMS).for_each(|item| again.set_item(&item.to_string(), &Features::default()).expect("an item"));
    assert_eq!(ranking(&mut again), known);

    learner.swap_base(base()).expect("it is of one training");
    assert_eq!(ranking(&mut learner), known);
    let (metadata, rows) = ranked();
    let plain =
        encode_base(&Metadata { catalogue: None, ..metadata }, &Rows { catalogue: None, ..rows }, Precision::F16);
    let plain = Base::decode(plain.expect("they fit")).expect("it was written");
    assert_eq!(learner.swap_base(plain.clone()).expect_err("it ranks by other numbers").code(), "incompatible_base");
    // What tells click from skip is kept where a base without the rest takes over, and the other way round.
    let without = Learner::restore(plain, Config::default(), &learner.profile()).expect("it is of one model");
    let mut back = Learner::restore(base(), Config::default(), &without.profile()).expect("it is of one model");
    assert_eq!(back.metrics().events, 3);
    (0..ITEMS).for_each(|item| back.set_item(&item.to_string(), &Features::default()).expect("an item"));
    assert_eq!(ranking(&mut back), stranger);

    learner.forget();
    assert_eq!(ranking(&mut learner), stranger);
}

#[test]
fn a_broken_interest_is_no_profile() {
    let mut learner = learner(Config::default());
    learner.learn_one(&item(&learner, 4), 1.0, 1.0).expect("a label");
    let profile = learner.profile();
    for length in profile.len() - 60..profile.len() {
        let error = Learner::restore(base(), Config::default(), &profile[..length]).expect_err("it is cut off");
        assert_eq!(error.code(), "bad_profile");
    }
}

#[test]
fn a_fold_keeps_what_ranks_the_catalogue() {
    let seed = base();
    let mut aggregate = Aggregate::from_base(&seed);
    // One client is enough to make a row known.
    let mut fold = Fold::new(&FoldConfig { quorum: 1, ..FoldConfig::default() }, 1, 4);
    let mut learner = learner(Config::default());
    for n in 0..8 {
        learner.learn_one(&item(&learner, n), (n % 2) as f32, 1.0).expect("a label");
    }
    // Something that the seed has never heard of.
    learner.learn_one(&item(&learner, 1000), 1.0, 1.0).expect("a label");
    let delta = learner.prepare_delta([3; 16]).expect("there are events");
    fold.add(&Delta::decode(&delta.bytes).expect("it was written")).expect("it fits");
    aggregate = Aggregate::decode(&aggregate.encode().expect("it can be written")).expect("it was written");
    let next = Base::decode(aggregate.publish(&fold, 1.0, Precision::F16).expect("it can be written"));
    let next = next.expect("it was written");
    assert_eq!((next.metadata().version, next.metadata().catalogue.clone()), (2, seed.metadata().catalogue.clone()));
    let numbers = |base: &Base, i: usize| {
        let mut row = vec![0.0; base.catalogue_width()];
        base.catalogue_into(i, &mut row);
        row
    };
    for i in 0..seed.len() {
        let at = next.find(seed.id(i)).expect("no row is lost");
        assert_eq!(numbers(&next, at), numbers(&seed, i));
    }
    let new = next.find(FeatureId::named("item=1000")).expect("it was learnt");
    assert_eq!(numbers(&next, new), [0.0; 3]);
    assert!(next.len() > seed.len() && metadata(4, Loss::Logistic).catalogue.is_none());
}

#[test]
fn what_leaves_the_catalogue_leaves_the_ranking_of_the_rest_as_it_was() {
    for seed in 0..20u64 {
        let mut learner = learner(Config { seed, ..Config::default() });
        let shown = learner.recommend(&Query { k: 5, ..Query::default() });
        let taught = shown.items[(seed % 5) as usize].item.clone();
        learner.click(shown.id, &taught).expect("it was shown");
        let before: Vec<u64> = ranking(&mut learner);
        let stays = |item: &u64| !(item * 7 + seed).is_multiple_of(3);
        // By turns those that stay are named, and those that go.
        let stay = seed.is_multiple_of(2);
        let named: Vec<String> = before.iter().filter(|item| stays(item) == stay).map(u64::to_string).collect();
        let gone = learner.remove_items(named.iter().map(String::as_str), stay);
        let expected: Vec<u64> = before.iter().copied().filter(stays).collect();
        assert_eq!(gone, before.len() - expected.len(), "seed {seed}");
        assert_eq!(ranking(&mut learner), expected, "seed {seed}");
        let unseen = learner.recommend(&Query { k: ITEMS as usize, unseen: true, ..Query::default() });
        let unseen: Vec<u64> = unseen.items.iter().map(|item| item.item.parse().expect("a number")).collect();
        let taught: u64 = taught.parse().expect("a number");
        let expected: Vec<u64> = expected.into_iter().filter(|item| *item != taught).collect();
        assert_eq!(unseen, expected, "seed {seed}");
    }
}

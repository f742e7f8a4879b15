//! A slate whose items are not all alike: `Query::diversity` and `Query::at_most`.

mod scenario;

use brooklet_core::*;
use proptest::prelude::*;
use scenario::*;

fn ids(slate: &Slate) -> Vec<&str> {
    slate.items.iter().map(|shown| &*shown.item).collect()
}

fn values(names: &[&str]) -> Vec<FeatureId> {
    names.iter().map(|name| FeatureId::named(name)).collect()
}

/// The mean cosine of all pairs.
fn alike(learner: &Learner, slate: &Slate) -> f32 {
    let cosines: Vec<f32> = slate
        .items
        .iter()
        .enumerate()
        .flat_map(|(at, shown)| {
            let like = learner.similar(&shown.item, 1000).expect("it is in the catalogue");
            let others = slate.items[at + 1..].iter();
            others
                .filter_map(|other| Some(like.iter().find(|like| like.item == other.item)?.similarity))
                .collect::<Vec<_>>()
        })
        .collect();
    cosines.iter().sum::<f32>() / cosines.len() as f32
}

#[test]
fn diversity_is_less_alike_and_none_is_the_ranking() {
    let mut learner = stocked(Config::default());
    let plain = learner.recommend(&shop(&learner, 8));
    let mut ask = |diversity| {
        let query = Query { diversity, ..shop(&learner, 8) };
        let slate = learner.recommend(&query);
        (alike(&learner, &slate), slate)
    };
    let (nearest, same) = ask(0.0);
    assert_eq!(ids(&same), ids(&plain));
    let (middle, some) = ask(0.5);
    let (farthest, most) = ask(1.0);
    assert!(middle < nearest - 0.1 && farthest < nearest - 0.1, "{farthest} {middle} {nearest}");
    for slate in [&some, &most] {
        assert_eq!(slate.items[0].item, plain.items[0].item, "the best is the best");
        assert_eq!(slate.items.len(), 8);
        assert!(slate.items.iter().all(|shown| shown.propensity == 1.0));
    }
}

#[test]
fn no_value_has_more_items_than_it_may() {
    let genres: Vec<String> = GENRES.iter().map(|genre| ["genres=", genre].concat()).collect();
    let genres = values(&genres.iter().map(|name| &**name).collect::<Vec<_>>());
    for exploration in [Exploration::None, Exploration::EpsilonGreedy { epsilon: 0.5 }, Exploration::Thompson] {
        let mut learner = stocked(Config { exploration, ..Config::default() });
        for items in 0..4 {
            let at_most = [AtMost { values: genres.clone(), items }];
            let query = Query { at_most: &at_most, diversity: 0.2, ..shop(&learner, 12) };
            let slate = learner.recommend(&query);
            let count = |value: &FeatureId| {
                let has = |item: &str| learner.item(item).is_some_and(|of| of.shared().iter().any(|f| f.id == *value));
                ids(&slate).into_iter().filter(|item| has(item)).count()
            };
            let counts: Vec<usize> = genres.iter().map(count).collect();
            assert!(counts.iter().all(|count| *count <= items), "{exploration:?}, {items}: {counts:?}");
            assert_eq!(slate.items.is_empty(), items == 0);
            // It stops because nothing is left that may come.
            assert!(slate.items.len() == 12 || counts.iter().filter(|count| **count == items).count() > 1);
        }
    }
}

proptest! {
    #[test]
    fn a_slate_has_each_item_once_and_is_as_long_as_it_can_be(
        diversity in 0f32..=1.0, k in 0usize..200, items in 0usize..5, named in 0usize..4, seed in any::<u64>(),
    ) {
        let mut learner = stocked(Config { seed, ..Config::default() });
        let at_most = [AtMost { values: values(&["item=1", "item=2", "genres=Drama"][..named.min(3)]), items }];
        let query = Query { diversity, at_most: &at_most, ..shop(&learner, k) };
        let slate = learner.recommend(&query);
        let mut once = ids(&slate);
        once.sort_unstable();
        once.dedup();
        prop_assert_eq!(once.len(), slate.items.len());
        prop_assert!(slate.items.len() <= k);
        if items > 0 && !at_most[0].values.contains(&FeatureId::named("genres=Drama")) {
            prop_assert_eq!(slate.items.len(), k.min(learner.items()));
        }
    }
}

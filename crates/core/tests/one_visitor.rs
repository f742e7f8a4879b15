//! What a learner does for one visitor, promise by promise.

mod scenario;

use brooklet_core::*;
use scenario::*;

fn clicks(learner: &mut Learner, genre: &str, target: f32, times: usize) {
    let features = named(learner, &object(&[("genres", Value::from(genre))]));
    for _ in 0..times {
        learner.learn_one(&features, target, 1.0).expect("a label");
    }
}

fn probability(learner: &Learner, genre: &str) -> f32 {
    learner.predict_one(&named(learner, &object(&[("genres", Value::from(genre))]))).probability
}

#[test]
fn what_is_clicked_rises_and_what_is_skipped_falls() {
    let mut learner = stocked(Config::default());
    let before = ["Sci-Fi", "Romance"].map(|genre| probability(&learner, genre));
    for _ in 0..15 {
        clicks(&mut learner, "Sci-Fi", 1.0, 1);
        clicks(&mut learner, "Romance", 0.0, 1);
    }
    let after = ["Sci-Fi", "Romance"].map(|genre| probability(&learner, genre));
    assert!(after[0] > before[0] && after[1] < before[1], "{before:?} {after:?}");
    let taste = learner.taste("genres", &[], 6);
    let weight = |genre: &str| taste.iter().find(|(name, _)| name == genre).map(|(_, weight)| *weight);
    assert!(weight("Sci-Fi") > weight("Romance"), "{taste:?}");
}

#[test]
fn a_ranking_is_the_order_of_the_scores() {
    let mut learner = stocked(Config::default());
    clicks(&mut learner, "War", 1.0, 5);
    let slate = learner.recommend(&shop(&learner, 100));
    assert_eq!(slate.items.len(), ITEMS as usize);
    assert!(slate.items.is_sorted_by(|a, b| a.score >= b.score - 1e-5));
    for Recommended { item, score, .. } in &slate.items {
        let item: u64 = item.parse().expect("ids are numbers");
        let input = object(&[
            ("item", Value::String(item.to_string())),
            ("genres", genres(item)),
            ("page", object(&[("kind", Value::from("shop"))])),
        ]);
        assert_eq!(*score, learner.predict_one(&named(&learner, &input)).score);
    }
}

#[test]
fn lists_narrow_a_ranking() {
    let mut learner = stocked(Config::default());
    let all = learner.recommend(&shop(&learner, 3)).items;
    let (first, second) = (all[0].item.as_str(), all[1].item.as_str());
    let without = learner.recommend(&Query { exclude: &[first], ..shop(&learner, 2) }).items;
    assert_eq!([&without[0].item, &without[1].item], [&all[1].item, &all[2].item]);
    let among = learner.recommend(&Query { include: Some(&[second, first, "nothing"]), ..shop(&learner, 9) }).items;
    assert_eq!(among.iter().map(|item| item.item.as_str()).collect::<Vec<_>>(), [first, second]);
    assert!(learner.recommend(&shop(&learner, 0)).items.is_empty());
}

#[test]
fn equal_scores_are_in_order_of_id() {
    let rows = Rows { ids: vec![FeatureId(1)], rows: vec![0.0; 9], ..Rows::default() };
    let bytes = encode_base(&metadata(8, Loss::Logistic), &rows, Precision::F16).expect("it is fine");
    let mut learner =
        Learner::new(Base::decode(bytes).expect("it was written"), Config::default()).expect("the settings are fine");
    for id in ["b", "d", "a", "c"] {
        learner.set_item(id, &Features::default()).expect("an item");
    }
    let items = learner.recommend(&Query { k: 3, ..Query::default() }).items;
    assert_eq!(items.iter().map(|item| item.item.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn a_label_finds_its_slate_after_a_reload() {
    let mut learner = stocked(everything());
    let slate = learner.recommend(&shop(&learner, 4));
    let (held, predicted) = learner.hold(&named(&learner, &object(&[("genres", Value::from("War"))])));
    let mut reloaded = Learner::restore(base(8), everything(), &learner.profile()).expect("it is a profile");
    for learner in [&mut learner, &mut reloaded] {
        learner.click(slate.id, &slate.items[1].item).expect("it is pending");
        assert_eq!(learner.label(&Subject::Held(held), 0.5, 1.0), Ok(predicted));
        assert_eq!(learner.click(slate.id, &slate.items[1].item), Err(Error::AlreadyLabelled));
        assert_eq!(learner.skip(slate.id, "nothing"), Err(Error::UnknownItem));
        assert_eq!(learner.skip(slate.id + 99, "1"), Err(Error::UnknownSlate));
    }
    assert_eq!(learner.digest(), reloaded.digest());
}

#[test]
fn a_label_of_one_kind_does_not_reach_the_other() {
    // Held predictions were items "" of slates: a click on "" was the label of a held prediction, or of an item of that id.
    let mut learner = stocked(Config { log: true, ..Config::default() });
    for features in [Features::default(), named(&learner, &object(&[("genres", genres(3))]))] {
        let error = learner.set_item("", &features).expect_err("no item has an empty id");
        assert_eq!((error.code(), learner.items()), ("bad_value", ITEMS as usize), "{error}");
    }
    let slate = learner.recommend(&shop(&learner, 4));
    let (held, predicted) = learner.hold(&named(&learner, &object(&[("genres", Value::from("War"))])));
    let before = learner.profile();
    for (slate, item) in [(held, ""), (slate.id, ""), (held, "1")] {
        assert_eq!(learner.click(slate, item), Err(Error::UnknownItem), "{item:?}");
    }
    assert_eq!(learner.label(&Subject::Held(slate.id), 1.0, 1.0), Err(Error::UnknownItem));
    assert!(learner.profile() == before, "nothing was learnt");
    assert_eq!(learner.label(&Subject::Held(held), 1.0, 1.0), Ok(predicted));
    assert_eq!(learner.label(&Subject::Held(held), 1.0, 1.0), Err(Error::AlreadyLabelled));
    learner.unlabel(&Subject::Held(held));
    learner.label(&Subject::Held(held), 1.0, 1.0).expect("the label was taken back");
    let item = slate.items[0].item.clone();
    learner.click(slate.id, &item).expect("it is pending");

    let subjects: Vec<Subject> = learner
        .take_log()
        .into_iter()
        .filter_map(|record| match record {
            Record::Labelled { subject, .. } => Some(subject),
            _ => None,
        })
        .collect();
    assert_eq!(subjects, [Subject::Held(held), Subject::Held(held), Subject::Item { slate: slate.id, item }]);
}

#[test]
fn slates_are_bounded_and_what_makes_room_is_counted() {
    let mut learner = stocked(Config { max_pending_slates: 3, ..Config::default() });
    let slates: Vec<Slate> = (0..5).map(|_| learner.recommend(&shop(&learner, 2))).collect();
    assert_eq!(learner.evicted_slates(), 2);
    assert_eq!(learner.click(slates[1].id, &slates[1].items[0].item), Err(Error::UnknownSlate));
    learner.click(slates[2].id, &slates[2].items[0].item).expect("it is pending");
    learner.recommend(&shop(&learner, 2));
    assert_eq!(learner.evicted_slates(), 2, "a labelled slate has served its purpose");
}

#[test]
fn long_slates_make_room_sooner() {
    let mut learner = stocked(Config::default());
    let slates: Vec<Slate> = (0..30).map(|_| learner.recommend(&shop(&learner, 40))).collect();
    assert_eq!(learner.evicted_slates(), 30 - 1024 / 40);
    let (first, last) = (&slates[0], &slates[29]);
    assert_eq!(learner.click(first.id, &first.items[0].item), Err(Error::UnknownSlate));
    learner.click(last.id, &last.items[0].item).expect("it is pending");
}

#[test]
fn a_skip_low_on_the_page_weighs_less() {
    let mut learner = stocked(Config::default());
    let slate = learner.recommend(&shop(&learner, 30));
    // The same item at the first and at the last place.
    let moved = |place: usize| {
        let mut learner = learner.clone();
        let before = learner.predict_one(&Features::default()).score;
        learner.skip(slate.id, &slate.items[place].item).expect("it is in the slate");
        before - learner.predict_one(&Features::default()).score
    };
    assert!(moved(0) > 0.0 && moved(29) > 0.0 && moved(29) < moved(0));
}

#[test]
fn a_skip_weighs_what_the_seed_says_of_its_place() {
    let told = |examination: &[f32]| {
        let metadata = Metadata { examination: examination.to_vec(), ..metadata(4, Loss::Logistic) };
        let bytes = encode_base(&metadata, &Rows::default(), Precision::F16).expect("no rows");
        let mut learner =
            Learner::new(Base::decode(bytes).expect("it was written"), Config::default()).expect("settings");
        for item in ["1", "2", "3"] {
            let features = named(&learner, &object(&[("item", Value::from(item))]));
            learner.set_item(item, &features).expect("an item");
        }
        learner
    };
    let weights = |learner: &Learner| [0, 1, 2, 9].map(|place| learner.examination(place));
    assert_eq!(weights(&told(&[0.5, 1.0, 0.25])), [0.5, 1.0, 0.25, 0.25]);
    assert_eq!(weights(&told(&[]))[0], 1.0);
    assert!((weights(&told(&[]))[2] - 0.5).abs() < 1e-6 && weights(&told(&[]))[3] < 0.3);
    // Where nobody looks, passing over teaches nothing; a click does anywhere.
    let mut learner = told(&[1.0, 0.0]);
    let slate = learner.recommend(&Query { k: 3, ..Query::default() });
    let score = |learner: &Learner| learner.predict_one(&Features::default()).score;
    let before = score(&learner);
    learner.skip(slate.id, &slate.items[1].item).expect("it is in the slate");
    assert_eq!(score(&learner), before);
    learner.click(slate.id, &slate.items[2].item).expect("it is in the slate");
    assert!(score(&learner) > before);
}

#[test]
fn pairs_teach_an_order_and_not_a_level() {
    let config =
        Config { model: ModelConfig { feedback: Feedback::Pairwise, ..ModelConfig::default() }, ..Config::default() };
    let mut learner = stocked(config);
    let [a, b] = ["Sci-Fi", "Romance"].map(|genre| named(&learner, &object(&[("genres", Value::from(genre))])));
    let gap = |learner: &Learner| learner.predict_one(&a).score - learner.predict_one(&b).score;
    let before = (gap(&learner), learner.predict_one(&Features::default()).score);
    for _ in 0..10 {
        learner.learn_pair(&a, &b, 1.0).expect("a weight");
    }
    assert!(gap(&learner) > before.0);
    assert!((learner.predict_one(&Features::default()).score - before.1).abs() < 1e-6, "the bias stays");
    // In a slate: the first label alone has no rival.
    let slate = learner.recommend(&shop(&learner, 4));
    let digest = |learner: &Learner| learner.predict_one(&a).score;
    let before = digest(&learner);
    learner.click(slate.id, &slate.items[3].item).expect("it is in the slate");
    assert_eq!(digest(&learner), before);
    learner.skip(slate.id, &slate.items[0].item).expect("it is in the slate");
    assert_ne!(digest(&learner), before);
}

#[test]
fn numbers_are_scaled_to_what_was_met() {
    let mut learner = stocked(Config::default());
    let price = |learner: &Learner, x: f64| named(learner, &object(&[("price", Value::Number(x))]));
    // Expensive is clicked, cheap is not; in cents, where an unscaled step would be a million times too large.
    for n in 0..200 {
        let x = if n % 2 == 0 { 90_000.0 } else { 10_000.0 };
        learner.learn_one(&price(&learner, x), (n % 2 == 0).into(), 1.0).expect("a label");
    }
    let probability = |x| learner.predict_one(&price(&learner, x)).probability;
    assert!(probability(90_000.0) > 0.6 && probability(10_000.0) < 0.4, "{} {}", probability(9e4), probability(1e4));
    assert!((probability(90_000.0) - probability(5e5)).abs() < 0.5);
}

#[test]
fn regression_learns_a_duration_late() {
    let bytes = seed(4, Loss::Squared, Precision::F16);
    let mut learner =
        Learner::new(Base::decode(bytes).expect("it was written"), Config::default()).expect("the settings are fine");
    let [long, short] = ["War", "Comedy"].map(|genre| named(&learner, &object(&[("genres", Value::from(genre))])));
    for _ in 0..60 {
        for (features, minutes) in [(&long, 180.0), (&short, 90.0)] {
            let (id, _) = learner.hold(features);
            learner.label(&Subject::Held(id), minutes, 1.0).expect("it is held");
        }
    }
    let predicted = [&long, &short].map(|features| learner.predict_one(features).score);
    assert!((predicted[0] - 180.0).abs() < 10.0 && (predicted[1] - 90.0).abs() < 10.0, "{predicted:?}");
}

#[test]
fn learnt_rows_are_bounded_and_the_least_useful_go() {
    let model = ModelConfig { max_rows: 64, ..ModelConfig::default() };
    let mut learner = stocked(Config { model, ..Config::default() });
    clicks(&mut learner, "Sci-Fi", 1.0, 50);
    let before = probability(&learner, "Sci-Fi");
    for n in 0..500 {
        let features = named(&learner, &object(&[("page", Value::String(n.to_string()))]));
        learner.learn_one(&features, 1.0, 0.001).expect("a label");
    }
    assert!(learner.learnt_rows() <= 64 && learner.evicted_rows() >= 400);
    assert!(probability(&learner, "Sci-Fi") >= before - 0.01, "what was learnt most is kept");
}

#[test]
fn propensities_are_probabilities() {
    for exploration in [Exploration::EpsilonGreedy { epsilon: 0.3 }, Exploration::Thompson] {
        let mut learner = stocked(Config { exploration, seed: 3, ..Config::default() });
        // The first place of many slates: each item's share is its propensity.
        let mut shown = std::collections::HashMap::<String, (f32, f32)>::new();
        const SLATES: usize = 4000;
        for _ in 0..SLATES {
            let slate = learner.recommend(&shop(&learner, 2));
            let first = &slate.items[0];
            assert!(first.propensity > 0.0 && first.propensity <= 1.0);
            let (times, propensity) = shown.entry(first.item.clone()).or_default();
            *times += 1.0;
            *propensity += first.propensity;
        }
        for (item, (times, propensity)) in shown.iter().filter(|(_, (times, _))| *times > 100.0) {
            let (share, mean) = (times / SLATES as f32, propensity / times);
            assert!((share - mean).abs() < 0.15 * mean + 0.01, "{exploration:?} {item}: {share} {mean}");
        }
        assert!(shown.len() > 5, "{exploration:?} explores");
    }
}

#[test]
fn the_same_seed_explores_alike() {
    let slates = |seed| {
        let mut learner = stocked(Config { exploration: Exploration::Thompson, seed, ..Config::default() });
        (0..5).map(|_| learner.recommend(&shop(&learner, 6)).items).collect::<Vec<_>>()
    };
    assert_eq!(slates(1), slates(1));
    assert_ne!(slates(1), slates(2));
}

#[test]
fn what_is_uncertain_is_what_was_not_met() {
    let mut learner = stocked(Config::default());
    let variance = |learner: &mut Learner, id: &str| {
        let all = learner.uncertain(&shop(learner, ITEMS as usize));
        all.iter().find(|item| item.item == id).map(|item| item.variance).expect("it is in the catalogue")
    };
    let before = variance(&mut learner, "7");
    let features = learner.item("7").expect("it is in the catalogue").clone();
    for n in 0..10 {
        learner.learn_one(&features, (n % 2) as f32, 1.0).expect("a label");
    }
    assert!(variance(&mut learner, "7") < 0.5 * before);
}

#[test]
fn the_base_is_served_while_the_personal_model_is_worse() {
    // A visitor who clicks at random, against a learner that takes every click for a revelation.
    let rates = Some(Rates { private: 0.0, shared: 75.0, delta: 0.0 });
    let model = ModelConfig { rates, calibrate: false, ..ModelConfig::default() };
    let mut learner = stocked(Config { model, ..Config::default() });
    let mut random = Random(11);
    let mut closed = 0;
    for _ in 0..300 {
        let features = named(&learner, &input(&mut random));
        learner.learn_one(&features, random.below(2) as f32, 1.0).expect("a label");
        closed += u32::from(learner.serving() == Serving::Base);
    }
    assert!(closed > 100, "closed for {closed} of 300 events");
    let slate = learner.recommend(&shop(&learner, 3));
    assert_eq!(learner.serving(), Serving::Base);
    let best = &slate.items[0];
    let features = learner.item(&best.item).expect("it is in the catalogue").union(&shop(&learner, 3).context);
    assert_eq!(best.score, learner.predict_one(&features).base_score);
}

#[test]
fn the_shadow_that_predicts_better_serves() {
    let frozen = ModelConfig {
        visitor: VisitorStep::Rate,
        rates: Some(Rates { private: 0.0, shared: 0.0, delta: 0.0 }),
        calibrate: false,
        ..ModelConfig::default()
    };
    let mut learner = stocked(Config { model: frozen, shadows: vec![ModelConfig::default()], ..Config::default() });
    clicks(&mut learner, "Romance", 0.0, 30);
    assert_eq!(learner.serving(), Serving::Model(1));
    let weights = learner.weights();
    assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12 && weights[1] > 0.9, "{weights:?}");
    let losses: Vec<_> = learner.metrics().models.iter().map(|score| score.all.loss()).collect();
    assert!(losses[1] < losses[0], "{losses:?}");
}

#[test]
fn a_change_of_mind_is_noticed_and_answered() {
    let after_change = |policy: Option<DriftPolicy>| {
        let drift = policy.map(|policy| (Detector::PageHinkley { tolerance: Some(0.1), threshold: Some(4.0) }, policy));
        let mut learner = stocked(Config { drift, gate: Some(f64::INFINITY), ..Config::default() });
        clicks(&mut learner, "Sci-Fi", 1.0, 300);
        clicks(&mut learner, "Sci-Fi", 0.0, 12);
        (learner.drifts(), probability(&learner, "Sci-Fi"))
    };
    let (none, slow) = after_change(None);
    assert_eq!(none, 0);
    let (alarms, told) = after_change(Some(DriftPolicy::Notify));
    assert!(alarms > 0 && told == slow, "{alarms} {told} {slow}");
    for policy in [DriftPolicy::Boost { forgetting: 0.1, events: 50 }, DriftPolicy::PullToBase { share: 0.8 }] {
        let (alarms, fast) = after_change(Some(policy));
        assert!(alarms > 0 && fast < slow, "{policy:?}: {alarms} {fast} {slow}");
    }
}

#[test]
fn the_event_that_pulls_to_the_base_is_learnt_from_there() {
    let config = |drift| Config { drift, gate: None, ..Config::default() };
    let pull =
        (Detector::PageHinkley { tolerance: Some(0.1), threshold: Some(1.0) }, DriftPolicy::PullToBase { share: 1.0 });
    let mut pulled = Learner::new(base(8), config(Some(pull))).expect("the settings are fine");
    let page = named(&pulled, &object(&[("page", Value::from("shop"))]));
    for _ in 0..100 {
        pulled.learn_one(&page, 1.0, 1.0).expect("a click");
    }
    while pulled.drifts() == 0 {
        pulled.learn_one(&page, 0.0, 1.0).expect("a skip");
    }
    let mut new = Learner::new(base(8), config(None)).expect("the settings are fine");
    new.learn_one(&page, 0.0, 1.0).expect("a skip");
    let rows = |learner: &Learner| learner.residuals().flat_map(|(_, row)| row.to_vec()).collect::<Vec<f32>>();
    let pairs: Vec<(f32, f32)> = rows(&pulled).into_iter().zip(rows(&new)).collect();
    assert!(pairs.iter().any(|(_, x)| *x != 0.0));
    assert!(pairs.iter().all(|(a, b)| (a - b).abs() < 1e-6), "{pairs:?}");
}

#[test]
fn figures_are_what_a_recount_gives() {
    let mut learner = stocked(Config::default());
    let mut random = Random(23);
    let mut seen: Vec<(f64, bool)> = Vec::new();
    for _ in 0..400 {
        let features = named(&learner, &input(&mut random));
        let click = random.below(3) == 0;
        let prediction = learner.learn_one(&features, click.into(), 1.0).expect("a label");
        seen.push((prediction.probability.into(), click));
    }
    let check = |tally: &Tally, seen: &[(f64, bool)]| {
        let n = seen.len() as f64;
        let mean = |f: &dyn Fn(&(f64, bool)) -> f64| seen.iter().map(f).sum::<f64>() / n;
        let near = |found: Option<f64>, expected: f64, by: f64| {
            assert!(found.is_some_and(|found| (found - expected).abs() < by), "{found:?} {expected}");
        };
        near(tally.loss(), mean(&|(p, c)| if *c { -p.ln() } else { -(1.0 - p).ln() }), 1e-4);
        near(tally.accuracy(), mean(&|(p, c)| f64::from(u8::from((*p > 0.5) == *c))), 1e-9);
        near(tally.ctr(), mean(&|(_, c)| f64::from(u8::from(*c))), 1e-9);
        near(tally.predicted(), mean(&|(p, _)| *p), 1e-4);
        let (clicks, skips): (Vec<_>, Vec<_>) = seen.iter().partition(|(_, click)| *click);
        let right: f64 = clicks
            .iter()
            .flat_map(|(p, _)| {
                skips.iter().map(move |(q, _)| {
                    if p > q {
                        1.0
                    } else if p == q {
                        0.5
                    } else {
                        0.0
                    }
                })
            })
            .sum();
        near(tally.auc(), right / (clicks.len() * skips.len()) as f64, 0.01);
        assert!(tally.calibration_error().is_some_and(|error| (0.0..0.3).contains(&error)));
    };
    let metrics = learner.metrics();
    check(&metrics.personal().all, &seen);
    check(&metrics.window(Loss::Logistic)[1], &seen[300..]);
    assert_eq!((metrics.events, metrics.clicks), (400, seen.iter().filter(|(_, click)| *click).count() as u64));
}

#[test]
fn slates_are_scored() {
    let mut learner = stocked(Config::default());
    let slate = learner.recommend(&shop(&learner, 4));
    learner.click(slate.id, &slate.items[1].item).expect("it is in the slate");
    learner.click(slate.id, &slate.items[3].item).expect("it is in the slate");
    learner.skip(slate.id, &slate.items[0].item).expect("it is in the slate");
    let other = learner.recommend(&shop(&learner, 4));
    learner.skip(other.id, &other.items[0].item).expect("it is in the slate");
    let slates = learner.metrics().slates;
    assert_eq!((slates.slates, slates.hits, slates.hit_rate()), (2, 1, Some(0.5)));
    let gained = 1.0 / 3f64.log2() + 1.0 / 5f64.log2();
    let ndcg = gained / (1.0 + 1.0 / 3f64.log2()) / 2.0;
    assert!(slates.ndcg().is_some_and(|found| (found - ndcg).abs() < 1e-12));
}

#[test]
fn no_private_row_is_in_a_delta() {
    let mut learner = stocked(Config::default());
    let mut random = Random(3);
    for _ in 0..100 {
        let features = named(&learner, &input(&mut random));
        learner.learn_one(&features, random.below(2) as f32, 1.0).expect("a label");
    }
    let delta = learner.prepare_delta([1; 16]).expect("it has learnt");
    let delta = Delta::decode(&delta.bytes).expect("it is a delta");
    for private in ["user=somebody", "user", "age", "home.town=Ghent"] {
        assert!(!delta.ids.contains(&FeatureId::named(private)), "{private}");
    }
    assert!(delta.ids.contains(&FeatureId::named("genres=War")));
    assert!(delta.ids.contains(&FeatureId::named("page.kind=shop")));
}

#[test]
fn who_is_long_not_asked_keeps_a_bounded_number_of_events() {
    let mut learner = stocked(Config::default());
    let mut random = Random(3);
    let mut lengths = Vec::new();
    for n in 1..=6000 {
        let features = named(&learner, &input(&mut random));
        learner.learn_one(&features, random.below(2) as f32, 1.0).expect("a label");
        if n % 2000 == 0 {
            lengths.push(learner.profile().len());
        }
    }
    assert!(lengths[2] < lengths[0] + lengths[0] / 10, "profiles of {lengths:?} bytes");
    let delta = learner.prepare_delta([1; 16]).expect("it has learnt");
    let events = Delta::decode(&delta.bytes).expect("it is a delta").events;
    assert!((256..=512).contains(&events), "{events} events in one delta");
    assert_eq!(learner.prepare_delta([1; 16]).map(|again| again.bytes), Some(delta.bytes));
}

#[test]
fn what_int8_rounds_off_goes_with_the_next_delta() {
    let mut learner = stocked(Config::default());
    let mut random = Random(3);
    let mut sent = std::collections::HashMap::<FeatureId, Vec<f32>>::new();
    for round in 1..=6 {
        for _ in 0..70 {
            let features = named(&learner, &input(&mut random));
            learner.learn_one(&features, random.below(2) as f32, 1.0).expect("a label");
        }
        let pending = learner.prepare_delta([1; 16]).expect("it has learnt");
        assert_eq!(learner.prepare_delta([2; 16]), Some(pending.clone()), "the same bytes until it is acknowledged");
        assert_eq!(pending.seq, round);
        let delta = Delta::decode(&pending.bytes).expect("it is a delta");
        let mut row = vec![0.0; 9];
        for (i, id) in delta.ids.iter().enumerate() {
            delta.row_into(i, &mut row);
            let sum = sent.entry(*id).or_insert_with(|| vec![0.0; 9]);
            sum.iter_mut().zip(&row).for_each(|(sum, x)| *sum += x);
        }
        learner.acknowledge(&pending);
    }
    assert_eq!(learner.prepare_delta([3; 16]), None);
    assert!(sent.len() > 40);
}

#[test]
fn a_delta_teaches_old_events_again_and_stays_small() {
    let mut learner = Learner::new(base(8), Config::default()).expect("the settings are fine");
    let learn = |learner: &mut Learner, items: std::ops::Range<u32>| {
        for item in items {
            let features = object(&[("item", Value::String(item.to_string())), ("genres", Value::from("Drama"))]);
            learner.learn_one(&named(learner, &features), (item % 2) as f32, 1.0).expect("a label");
        }
        let pending = learner.prepare_delta([1; 16]).expect("it has learnt");
        learner.acknowledge(&pending);
        Delta::decode(&pending.bytes).expect("it was encoded")
    };
    let mut rows = 0;
    for visit in 0..80 {
        let delta = learn(&mut learner, 5 * visit..5 * visit + 5);
        assert_eq!(delta.events, 5, "an event that is taught again counts once");
        rows += delta.ids.len();
    }
    // The rows of 5 new items, of the genre, and of those old ones of which there is news: at most 60.
    assert!((7 * 80..66 * 80).contains(&rows), "{rows}");

    let mut restored = Learner::restore(base(8), Config::default(), &learner.profile()).expect("a profile");
    assert_eq!(learn(&mut restored, 405..410), learn(&mut learner, 405..410));
    learner.forget();
    assert!(learn(&mut learner, 500..501).ids.len() <= 2, "what is forgotten is not taught");
}

#[test]
fn a_rejected_delta_is_sent_again_under_another_key() {
    let mut learner = stocked(Config::default());
    clicks(&mut learner, "War", 1.0, 10);
    let first = learner.prepare_delta([1; 16]).expect("it has learnt");
    learner.acknowledge(&first);
    clicks(&mut learner, "War", 1.0, 10);
    let second = learner.prepare_delta([1; 16]).expect("it has learnt");
    learner.reject(&second, [2; 16]);
    let again = learner.prepare_delta([3; 16]).expect("nothing was lost");
    let [second, again] = [second, again].map(|pending| Delta::decode(&pending.bytes).expect("it is a delta"));
    assert_eq!((second.client, second.seq), ([1; 16], 2));
    assert_eq!((again.client, again.seq, again.events), ([2; 16], 1, second.events));
    assert_eq!(again.ids, second.ids);
}

#[test]
fn a_new_base_keeps_the_residual() {
    let mut learner = stocked(Config::default());
    clicks(&mut learner, "War", 1.0, 20);
    let features = named(&learner, &object(&[("genres", Value::from("War"))]));
    let before = learner.predict_one(&features);
    let mut aggregate = Aggregate::from_base(learner.base());
    let mut fold = Fold::new(&FoldConfig::default(), 1, 8);
    let pending = learner.prepare_delta([1; 16]).expect("it has learnt");
    fold.add(&Delta::decode(&pending.bytes).expect("it is a delta")).expect("it fits");
    let next =
        Base::decode(aggregate.publish(&fold, 1.0, Precision::F16).expect("it publishes")).expect("it is a base");
    assert_eq!(next.metadata().version, 2);
    learner.swap_base(next).expect("it is of the same shape");
    let after = learner.predict_one(&features);
    assert!(after.base_score > before.base_score, "what was learnt is in the base");
    assert!(after.score > before.score, "and the residual is still there");
    assert_eq!(learner.swap_base(base(4)), Err(Error::IncompatibleBase));
    let profile = learner.profile();
    assert_eq!(Learner::restore(base(4), Config::default(), &profile).err(), Some(Error::IncompatibleProfile));
}

#[test]
fn a_learner_moves_onto_what_another_tab_saved() {
    let (mut mine, mut other) = (stocked(Config::default()), stocked(Config::default()));
    mine.number_slates_from(1000);
    let (ours, theirs) = (mine.recommend(&shop(&mine, 4)), other.recommend(&shop(&other, 4)));
    assert_eq!((ours.id, theirs.id), (1000, 1));
    mine.click(ours.id, &ours.items[0].item).expect("it is shown");
    other.click(theirs.id, &theirs.items[1].item).expect("it is shown");

    mine.unlabel(&Subject::Item { slate: ours.id, item: ours.items[0].item.clone() });
    let saved = Learner::restore(mine.base().clone(), Config::default(), &other.profile()).expect("a profile");
    mine.adopt(saved);
    assert_eq!((mine.items(), mine.metrics().events), (ITEMS as usize, 1));
    mine.click(ours.id, &ours.items[0].item).expect("it is still shown, and not labelled");
    assert_eq!(mine.click(theirs.id, &theirs.items[1].item), Err(Error::AlreadyLabelled));
    mine.skip(theirs.id, &theirs.items[0].item).expect("the other tab has shown it");
    assert_eq!(mine.recommend(&shop(&mine, 4)).id, 1001);
}

#[test]
fn what_is_forgotten_is_gone_and_what_is_shown_stays() {
    let mut learner = stocked(Config::default());
    let query = shop(&learner, 4);
    let new = learner.recommend(&query);
    learner.click(new.id, &new.items[3].item).expect("it is shown");
    assert_ne!(learner.recommend(&query).items, new.items);
    learner.forget();
    assert_eq!((learner.metrics().events, learner.learnt_rows(), learner.unsent_events()), (0, 0, 0));
    assert_eq!(learner.recommend(&query).items, new.items);
    let prediction = learner.click(new.id, &new.items[3].item).expect("no label is left");
    assert_eq!(prediction.probability, new.items[3].probability);
}

#[test]
fn a_log_replays_to_the_same_bits() {
    // The settings are not the replay's to know: they are in the log, which would come out otherwise for none of these.
    let pairs = ModelConfig { feedback: Feedback::Pairwise, ..ModelConfig::default() };
    let rates = Some(Rates { private: 0.7, shared: 0.03, delta: 0.1 });
    let by_rate = ModelConfig { visitor: VisitorStep::Rate, rates, calibrate: false, ..ModelConfig::default() };
    let pull = DriftPolicy::PullToBase { share: 0.5 };
    let drift = Some((Detector::PageHinkley { tolerance: Some(0.01), threshold: Some(0.1) }, pull));
    for config in [
        Config { exploration: Exploration::None, ..everything() },
        everything(),
        Config { exploration: Exploration::EpsilonGreedy { epsilon: 0.2 }, ..everything() },
        Config { model: pairs, max_pending_slates: 8, ..Config::default() },
        Config { model: by_rate, gate: Some(0.0), drift, ..Config::default() },
    ] {
        let mut learner = stocked(Config { log: true, ..config });
        let mut random = Random(99);
        for n in 0..20 {
            let features = named(&learner, &input(&mut random));
            learner.learn_one(&features, random.below(2) as f32, 1.0).expect("a label");
            if n == 5 {
                learner.open_log();
            }
        }
        let mut late = Vec::new();
        for n in 0..30 {
            let context = named(&learner, &object(&[("hour", Value::Number(f64::from(random.signed()) * 9.0))]));
            let slate = learner.recommend(&Query { context, ..shop(&learner, 5) });
            let (held, _) = learner.hold(&named(&learner, &input(&mut random)));
            late.push((slate.id, slate.items[(n % 5) as usize].item.clone(), held));
            // Labels come three slates late.
            if let Some((slate, item, held)) = late.get(late.len().wrapping_sub(4)) {
                learner
                    .label(&Subject::Item { slate: *slate, item: item.clone() }, random.below(3) as f32 / 2.0, 1.0)
                    .expect("it is pending");
                learner.label(&Subject::Held(*held), random.below(2) as f32, 0.5).expect("it is pending");
            }
            let pair = [0, 1].map(|_| named(&learner, &input(&mut random)));
            learner.learn_pair(&pair[0], &pair[1], 1.0).expect("a weight");
        }
        let lines: Vec<String> = learner.take_log().iter().map(|record| record.to_value().to_json()).collect();
        assert!(learner.take_log().is_empty());

        let mut replayed: Option<Learner> = None;
        let mut predictions = 0;
        for line in &lines {
            let record = Record::from_value(&Value::parse(line).expect("it is JSON")).expect("it is a record");
            assert_eq!(record.to_value().to_json(), *line);
            if let Record::Opened { profile, config, .. } = &record {
                let config = config.clone().expect("it tells its settings");
                replayed = Some(Learner::restore(base(8), config, profile).expect("it is a profile"));
            }
            let Some(learner) = &mut replayed else { continue };
            let scores = learner.replay(&record).expect("it happened");
            let logged: Vec<f32> = match &record {
                Record::Shown { items, .. } => items.iter().map(|item| item.score).collect(),
                Record::Held { scored, .. } | Record::Learnt { scored, .. } => vec![scored.score],
                _ => Vec::new(),
            };
            assert_eq!(scores, logged);
            predictions += scores.len();
        }
        assert_eq!(predictions, 14 + 30 * 6);
        let predict = |learner: &Learner| learner.predict_one(&shop(learner, 1).context);
        assert_eq!(replayed.as_ref().map(predict), Some(predict(&learner)));
    }
}

#[test]
fn a_pool_is_logged_only_where_there_is_chance() {
    for (exploration, pool) in [(Exploration::None, 0), (Exploration::Thompson, 27)] {
        let mut learner = stocked(Config { exploration, log: true, ..Config::default() });
        learner.recommend(&shop(&learner, 5));
        let log = learner.take_log();
        let [Record::Shown { items, pool: rest, .. }] = &log[..] else { panic!("{log:?}") };
        assert_eq!((items.len(), rest.len()), (5, pool));
    }
}

//! A label that is taken back leaves a learner that never had it, as far as that can be: `Learner::undo`.

mod scenario;

use brooklet_core::*;
use proptest::prelude::*;
use scenario::*;

/// All that is thought of the catalogue.
fn thoughts(learner: &Learner) -> Vec<f32> {
    let item = |item: u64| object(&[("item", Value::String(item.to_string())), ("genres", genres(item))]);
    (0..ITEMS).map(|id| learner.predict_one(&named(learner, &item(id))).score).collect()
}

fn farthest(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).fold(0.0, |most, (a, b)| most.max((a - b).abs()))
}

fn lesson(learner: &mut Learner, random: &mut Random) {
    let features = named(learner, &input(random));
    learner.learn_one(&features, random.below(2) as f32, 1.0).expect("a label");
}

fn subject(slate: &Slate, place: usize) -> Subject {
    Subject::Item { slate: slate.id, item: slate.items[place].item.clone() }
}

#[test]
fn what_is_taken_back_at_once_was_never_learnt() {
    for (target, experience) in [(1.0, 0), (0.0, 0), (1.0, 40), (0.0, 40), (0.5, 3)] {
        let mut learner = stocked(Config::default());
        let mut random = Random(17);
        (0..experience).for_each(|_| lesson(&mut learner, &mut random));
        let slate = learner.recommend(&shop(&learner, 5));
        let (before, slates, unsent) = (thoughts(&learner), learner.metrics().slates, learner.unsent_events());
        let told = |learner: &Learner| learner.clone().prepare_delta([1; 16]).map(|delta| Delta::decode(&delta.bytes));
        let Some(mut delta) = told(&learner).transpose().expect("it was made here") else {
            assert_eq!(experience, 0);
            continue;
        };
        learner.label(&subject(&slate, 2), target, 1.0).expect("it is pending");
        let moved = farthest(&before, &thoughts(&learner));
        assert_eq!(learner.undo(&subject(&slate, 2)), Ok(Some(false)));
        let left = farthest(&before, &thoughts(&learner));
        assert!(left < 0.01 * moved && moved > 0.005, "{left} of {moved} is left of {target} after {experience}");
        assert_eq!((learner.metrics().slates, learner.unsent_events()), (slates, unsent));

        let after = told(&learner).expect("as before").expect("it was made here");
        delta.report = after.report;
        assert_eq!(after, delta, "what is sent is the same in every bit");
        assert_eq!(learner.undo(&subject(&slate, 2)), Ok(None), "there is no label any more");
        learner.click(slate.id, &slate.items[2].item).expect("it can be labelled again");
    }
}

#[test]
fn the_visitor_row_alone_comes_back_but_for_rounding() {
    let still = Some(Rates { private: 0.0, shared: 0.0, delta: 0.1 });
    let (metadata, rows) = ranked();
    let schema = Schema { rates: vec![], ..metadata.schema.clone() };
    let seed = encode_base(&Metadata { schema, ..metadata }, &rows, Precision::F16).expect("the rows are fine");
    let model = ModelConfig { rates: still, ..ModelConfig::default() };
    let config = Config { model, ..Config::default() };
    let mut learner = Learner::new(Base::decode(seed).expect("it was written"), config).expect("they are fine");
    for item in 0..ITEMS {
        learner.set_item(&item.to_string(), &named(&learner, &object(&[("genres", genres(item))]))).expect("an item");
    }
    let everything = |learner: &mut Learner| learner.recommend(&Query { k: ITEMS as usize, ..Query::default() }).items;
    let (slate, before) = (learner.recommend(&shop(&learner, 5)), everything(&mut learner));
    for place in [0, 3] {
        learner.click(slate.id, &slate.items[place].item).expect("it is pending");
        assert!(everything(&mut learner) != before);
        assert_eq!(learner.undo(&subject(&slate, place)), Ok(Some(false)));
        for (now, then) in everything(&mut learner).iter().zip(&before) {
            assert_eq!(now.item, then.item, "the interest in the whole catalogue is taken back, too");
            assert!((now.probability - then.probability).abs() < 1e-6, "{now:?} {then:?}");
        }
    }
}

#[test]
fn what_is_taken_back_later_is_gone_but_for_a_little() {
    for seed in [3, 29, 71] {
        let mut without = stocked(Config::default());
        let mut random = Random(seed);
        (0..10).for_each(|_| lesson(&mut without, &mut random));
        let slate = without.recommend(&shop(&without, 5));
        let mut learner = without.clone();
        learner.click(slate.id, &slate.items[4].item).expect("it is pending");
        let mut same = Random(random.0);
        (0..30).for_each(|_| lesson(&mut without, &mut random));
        (0..30).for_each(|_| lesson(&mut learner, &mut same));
        let with = farthest(&thoughts(&learner), &thoughts(&without));
        assert_eq!(learner.undo(&subject(&slate, 4)), Ok(Some(false)));
        let left = farthest(&thoughts(&learner), &thoughts(&without));
        assert!(left < 0.3 * with, "seed {seed}: {left} of {with} is left");
    }
}

#[test]
fn what_was_sent_is_taken_back_by_the_next_delta() {
    let mut learner = stocked(Config::default());
    let slate = learner.recommend(&shop(&learner, 3));
    learner.click(slate.id, &slate.items[0].item).expect("it is pending");
    learner.click(slate.id, &slate.items[1].item).expect("it is pending");
    let first = learner.prepare_delta([1; 16]).expect("it has learnt");
    assert_eq!(learner.clone().undo(&subject(&slate, 0)), Ok(Some(true)), "it may be on its way");
    learner.acknowledge(&first);
    let before = learner.clone();
    assert_eq!(learner.undo(&subject(&slate, 0)), Ok(Some(true)));
    assert!(farthest(&thoughts(&learner), &thoughts(&before)) > 0.005, "this visitor's learner goes by it at once");

    let mut learner = Learner::restore(base(8), Config::default(), &learner.profile()).expect("it is a profile");
    learner.click(slate.id, &slate.items[2].item).expect("it is pending");
    let second = learner.prepare_delta([1; 16]).expect("it has learnt");
    let [first, second] = [first, second].map(|delta| Delta::decode(&delta.bytes).expect("it was made here"));
    assert_eq!(second.events, 1, "what is taken back is no event");
    let item = FeatureId::named(&["item=", &slate.items[0].item].concat());
    let row = |delta: &Delta| {
        let mut row = vec![0.0; 9];
        delta.row_into(delta.ids.iter().position(|id| *id == item).expect("it tells of the item"), &mut row);
        row
    };
    let curved = |row: &[f32]| row.iter().fold(0.0f32, |most, x| most.max(x.abs()));
    let sum: Vec<f32> = row(&first).iter().zip(row(&second)).map(|(a, b)| a + b).collect();
    // What the curvature that was told holds the row with is told, too: it stays, at the row of the base.
    assert!(curved(&sum) < 0.6 * curved(&row(&first)), "{sum:?} of {:?}", row(&first));
}

#[test]
fn what_was_never_sent_is_in_no_delta() {
    let mut learner = stocked(Config::default());
    let slate = learner.recommend(&shop(&learner, 3));
    learner.click(slate.id, &slate.items[0].item).expect("it is pending");
    learner.prepare_delta([1; 16]).expect("it has learnt");
    learner.withdraw_delta();
    assert_eq!(learner.undo(&subject(&slate, 0)), Ok(Some(false)));
    assert_eq!((learner.unsent_events(), learner.prepare_delta([1; 16])), (0, None));
}

#[test]
fn what_cannot_be_taken_back_is_said_and_stays() {
    let by_rate = ModelConfig { visitor: VisitorStep::Rate, ..ModelConfig::default() };
    let in_pairs = ModelConfig { feedback: Feedback::Pairwise, ..ModelConfig::default() };
    for (model, shadows, sharing) in [
        (by_rate, vec![], Sharing::Told),
        (ModelConfig::default(), vec![in_pairs], Sharing::Told),
        // Nobody keeps an event that went out alone.
        (ModelConfig::default(), vec![], Sharing::Elsewhere),
    ] {
        let mut learner = stocked(Config { model, shadows, ..Config::default() });
        learner.share(sharing);
        let slate = learner.recommend(&shop(&learner, 3));
        assert_eq!(learner.undo(&subject(&slate, 1)), Ok(None), "there is no label");
        learner.click(slate.id, &slate.items[1].item).expect("it is pending");
        let before = learner.digest();
        assert_eq!(learner.undo(&subject(&slate, 1)), Err(Error::CannotUndo));
        let other = Subject::Item { slate: slate.id + 1, item: "1".into() };
        assert_eq!(learner.undo(&other), Err(Error::UnknownSlate));
        let other = Subject::Item { slate: slate.id, item: "nothing".into() };
        assert_eq!(learner.undo(&other), Err(Error::UnknownItem));
        assert_eq!(learner.digest(), before);
    }
}

#[test]
fn a_log_tells_what_was_taken_back() {
    let mut learner = stocked(Config { log: true, ..Config::default() });
    learner.open_log();
    let mut random = Random(5);
    for n in 0..12 {
        let slate = learner.recommend(&shop(&learner, 4));
        let (held, _) = learner.hold(&named(&learner, &input(&mut random)));
        learner.click(slate.id, &slate.items[n % 4].item).expect("it is pending");
        learner.label(&Subject::Held(held), 0.0, 1.0).expect("it is held");
        let undone = if n % 3 == 0 { subject(&slate, n % 4) } else { Subject::Held(held) };
        assert_eq!(learner.undo(&undone), Ok(Some(false)));
    }
    let mut replayed = stocked(Config { log: true, ..Config::default() });
    for record in learner.take_log() {
        let line = record.to_value().to_json();
        let record = Record::from_value(&Value::parse(&line).expect("it is JSON")).expect("it is a record");
        assert_eq!(record.to_value().to_json(), line);
        replayed.replay(&record).expect("it happened");
    }
    assert_eq!(thoughts(&replayed), thoughts(&learner));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_is_taken_back_all_stays_finite(
        squared in any::<bool>(),
        steps in prop::collection::vec((0..8usize, 0..5usize, 0.0..1.0f32, -3..7i32, any::<bool>()), 1..60),
    ) {
        let loss = if squared { Loss::Squared } else { Loss::Logistic };
        let seed = Base::decode(seed(8, loss, Precision::F16)).expect("it was written");
        let mut learner = Learner::new(seed.clone(), Config::default()).expect("they are fine");
        for item in 0..ITEMS {
            let features = named(&learner, &object(&[("genres", genres(item))]));
            learner.set_item(&item.to_string(), &features).expect("an item");
        }
        let slates: Vec<Slate> = (0..8).map(|_| learner.recommend(&shop(&learner, 5))).collect();
        for (slate, place, target, weight, undone) in steps {
            let subject = subject(&slates[slate], place);
            let target = if squared { target * 1e6 } else { target };
            // Whether it has a label is chance.
            if undone {
                let _ = learner.undo(&subject);
            } else {
                let _ = learner.label(&subject, target, 10f32.powi(weight).min(1e6));
            }
        }
        prop_assert!(thoughts(&learner).iter().all(|score| score.is_finite()));
        let again = Learner::restore(seed, Config::default(), &learner.profile()).expect("it is a profile");
        prop_assert_eq!(again.digest(), learner.digest());
    }
}

//! The fold's step: what honest deltas teach, and how far hostile ones get.

mod scenario;

use brooklet_core::*;
use scenario::*;

/// A delta upon the aggregate's version that pushes the weight of one item, and says how much it stands on.
fn push(version: u64, by: f32, evidence: f64) -> Delta {
    let ids = vec![FeatureId::named("item=3")];
    let mut columns = vec![0; 9];
    columns[0] = 127 * by.signum() as i8;
    let mut scales = vec![0.0; 9];
    scales[0] = by.abs() / 127.0;
    let evidence = vec![[Evidence::of(evidence), Evidence(0)]];
    let report = Report::default();
    Delta { base_version: version, client: [1; 16], seq: 1, events: 1, ids, scales, columns, evidence, report }
}

/// Publishes the next version with these deltas; the item's weight in it.
fn publish(aggregate: &mut Aggregate, config: &FoldConfig, deltas: &[(f32, f64)]) -> f32 {
    let mut fold = Fold::new(config, aggregate.version(), 8);
    for (by, evidence) in deltas {
        fold.add(&push(aggregate.version(), *by, *evidence)).expect("it is of this version");
    }
    weight(&Base::decode(aggregate.publish(&fold, 1.0, Precision::F16).expect("it is written")).expect("it is a base"))
}

fn weight(base: &Base) -> f32 {
    let mut row = [0.0; 9];
    base.row_into(base.find(FeatureId::named("item=3")).expect("the item"), &mut row);
    row[0]
}

/// The largest way of a weight of a seed that neither says what its rows were learnt from, which counts as 10, nor how many an event has,
/// which counts as 4.
fn largest_way(config: &FoldConfig) -> f32 {
    config.reach / (16.0 / 15.0 + 10.0f32).sqrt()
}

#[test]
fn whoever_pushes_for_ever_moves_a_number_by_the_reach_at_most() {
    let config = FoldConfig::default();
    let reach = largest_way(&config);
    let mut aggregate = Aggregate::from_base(&base(8));
    let start = weight(&base(8));
    let mut last = start;
    for _ in 0..400 {
        last = publish(&mut aggregate, &config, &[(1e5, 0.0); 20]);
        assert!(last - start < reach + 1e-3, "{last} from {start}");
    }
    assert!(last - start > 0.9 * reach, "the bound was not tried: {last} from {start}");
    for _ in 0..400 {
        last = publish(&mut aggregate, &config, &[(-1e5, 0.0); 20]);
        assert!(start - last < reach + 1e-3, "{last} from {start}");
    }
}

#[test]
fn what_was_learnt_from_many_events_moves_less() {
    let config = FoldConfig::default();
    let [mut known, mut unknown] = [(); 2].map(|()| Aggregate::from_base(&base(8)));
    let mut balanced = 0.0;
    for _ in 0..500 {
        balanced = publish(&mut known, &config, &[(0.5, 0.25), (-0.5, 0.25)]);
    }
    let by_known = publish(&mut known, &config, &[(0.5, 0.25)]) - balanced;
    let by_unknown = publish(&mut unknown, &config, &[(0.5, 0.25)]) - weight(&base(8));
    assert!(by_known >= 0.0 && by_known < 0.3 * by_unknown, "{by_known} {by_unknown}");
}

#[test]
fn who_pushes_beyond_a_bound_is_told_of_with_his_share() {
    let config = FoldConfig::default();
    let mut fold = Fold::new(&config, 1, 8);
    // Three that push one row by 1, and one that pushes it beyond the clip, which is 6.
    for (client, by) in [(1, 1.0), (2, -1.0), (3, 1.0), (4, 50.0)] {
        fold.add(&Delta { client: [client; 16], ..push(1, by, 0.0) }).expect("it is of this version");
    }
    let told = |fold: &Fold| {
        let seed = base(8);
        let release = Aggregate::from_base(&seed).release(fold, Precision::F16, &seed, None);
        release.expect("it is written").cut_short.expect("there was no noise")
    };
    let cut = told(&fold);
    assert_eq!(cut.clients, 1);
    assert!((cut.share - 6.0 / 9.0).abs() < 1e-6, "{cut:?}");
    // Evidence without end is cut short, too.
    fold.add(&Delta { client: [5; 16], ..push(1, 1.0, 1000.0) }).expect("it is of this version");
    assert_eq!(told(&fold).clients, 2);
    assert_eq!(told(&Fold::new(&config, 1, 8)), CutShort::default());
}

#[test]
fn what_a_step_does_not_go_is_owed_and_made_good() {
    let config = FoldConfig::default();
    let [mut whole, mut halved] = [(); 2].map(|()| Aggregate::from_base(&base(8)));
    let expected = publish(&mut whole, &config, &[(0.5, 0.25)]);
    let mut fold = Fold::new(&config, 1, 8);
    fold.add(&push(1, 0.5, 0.25)).expect("it is of this version");
    let half = Base::decode(halved.publish(&fold, 0.5, Precision::F16).expect("it is written")).expect("it is a base");
    let start = weight(&base(8));
    assert!((weight(&half) - start - 0.5 * (expected - start)).abs() < 1e-3, "{} of {expected}", weight(&half));
    let whole_way = publish(&mut halved, &config, &[]);
    assert!((whole_way - expected).abs() < 1e-3, "{whole_way} {expected}");
}

#[test]
fn a_candidate_that_the_operator_judges_worse_goes_half_as_far_or_not_at_all() {
    let config = FoldConfig::default();
    let seed = base(8);
    let start = f64::from(weight(&seed));
    let mut fold = Fold::new(&config, 1, 8);
    fold.add(&push(1, 1.0, 0.25)).expect("it is of this version");
    // The best weight is a third of the whole step away; beyond two thirds it is worse than where it was.
    let mut whole = Aggregate::from_base(&seed);
    let step = f64::from(publish(&mut whole, &config, &[(1.0, 0.25)])) - start;
    let judge = |base: &Base| Ok((f64::from(weight(base)) - start - step / 3.0).powi(2));
    let mut aggregate = Aggregate::from_base(&seed);
    let release = aggregate.release(&fold, Precision::F16, &seed, Some(&judge)).expect("it is judged");
    assert_eq!((release.step, release.held_back), (0.5, 1));
    assert_eq!(release.base.map(|base| base.metadata().version), Some(2));
    // Where every step is worse nothing is published, and nothing has changed.
    let mut aggregate = Aggregate::from_base(&seed);
    let against = |base: &Base| Ok(f64::from(weight(base)) - start);
    let release = aggregate.release(&fold, Precision::F16, &seed, Some(&against)).expect("it is judged");
    assert_eq!((release.base.is_none(), release.held_back), (true, 7));
    assert_eq!(aggregate, Aggregate::from_base(&seed));
}

#[test]
fn clients_who_report_that_they_are_served_worse_shorten_the_next_step() {
    let config = FoldConfig::default();
    let reported = |version: u64, loss: f32| {
        let mut fold = Fold::new(&config, version, 8);
        for client in 0..30u8 {
            let mut delta = push(version, 0.1, 0.25);
            // No two report the same.
            let loss = loss + 0.002 * f32::from(client);
            (delta.client, delta.report) = ([client; 16], Report { events: 5, base_loss: loss, learner_loss: loss });
            fold.add(&delta).expect("it is of this version");
        }
        fold
    };
    let mut aggregate = Aggregate::from_base(&base(8));
    let mut current = base(8);
    for (version, loss, step) in [(1, 0.5, 1.0), (2, 0.5, 1.0), (3, 0.6, 0.25)] {
        let release = aggregate.release(&reported(version, loss), Precision::F16, &current, None).expect("it goes out");
        assert_eq!(release.step, step, "version {version}, regret {:?}", release.regret);
        current = release.base.expect("it goes out");
    }
}

/// People of two tastes before items that differ in two fields; events are impressions with several rows each.
fn impression(learner: &Learner, person: usize, n: usize) -> (Features, f32) {
    let (item, genre, place) = (n % 40, n % 5, n % 3);
    let text = format!(
        r#"{{"item": "{item}", "genres": ["g{genre}", "g{}"], "device": "d{}", "place": {{"at": "p{place}"}}}}"#,
        (genre + 1 + item % 3) % 5,
        person % 2
    );
    let features = Features::from_value(learner.schema(), &Value::parse(&text).expect("it is JSON")).expect("features");
    let odds =
        0.8 * (genre as f64 - 2.0) * if person.is_multiple_of(2) { 1.0 } else { 0.4 } + 0.1 * (item % 7) as f64 - 1.0;
    let draw = Random((person * 7919 + n * 104_729) as u64 + 1).below(1000) as f64 / 1000.0;
    (features, f32::from(u8::from(draw < sigmoid(odds))))
}

#[test]
fn rows_that_are_active_together_do_not_overshoot() {
    // Wide enough that steps and not the bound decide.
    let config = FoldConfig { reach: 1.5, ..FoldConfig::default() };
    let mut aggregate = Aggregate::from_base(&base(8));
    let mut current = base(8);
    let loss = |base: &Base| {
        let learner = Learner::new(base.clone(), Config::default()).expect("the settings are fine");
        let losses = (0..4000).map(|n| {
            let (features, target) = impression(&learner, 1000 + n, 3 * n + n / 40);
            let odds = learner.predict_one(&features).probability;
            -f64::from(if target > 0.5 { odds } else { 1.0 - odds }).ln()
        });
        losses.sum::<f64>() / 4000.0
    };
    let mut last = loss(&current);
    let first = last;
    let mut people: Vec<Learner> =
        (0..60).map(|_| Learner::new(current.clone(), Config::default()).expect("the settings are fine")).collect();
    for round in 0..8 {
        let mut fold = Fold::new(&config, aggregate.version(), 8);
        for (person, learner) in people.iter_mut().enumerate() {
            learner.swap_base(current.clone()).expect("it is of the same model");
            for n in 0..24 {
                let (features, target) = impression(learner, person, round * 24 + n);
                learner.learn_one(&features, target, 1.0).expect("it is learnt");
            }
            let key = [person as u8; 16];
            let pending = learner.prepare_delta(key).expect("there is news");
            fold.add(&Delta::decode(&pending.bytes).expect("it is a delta")).expect("it is of this version");
            learner.acknowledge(&pending);
        }
        let bytes = aggregate.publish(&fold, 1.0, Precision::F16).expect("it is written");
        current = Base::decode(bytes).expect("it is a base");
        let now = loss(&current);
        assert!(now < last + 0.005, "round {round}: {now} after {last}");
        last = now;
    }
    assert!(last < first - 0.05, "nothing was learnt: {last} after {first}");
}

#[test]
fn an_event_that_is_taught_again_is_not_counted_again() {
    let seed = base(8);
    let mut learner = Learner::new(seed, Config::default()).expect("the settings are fine");
    let click = |learner: &mut Learner, item: &str| {
        let value = Value::parse(&format!(r#"{{"item": "{item}"}}"#)).expect("it is JSON");
        let features = Features::from_value(learner.schema(), &value).expect("features");
        learner.learn_one(&features, 1.0, 1.0).expect("it is learnt");
    };
    click(&mut learner, "3");
    let first = learner.prepare_delta([1; 16]).expect("a click");
    learner.acknowledge(&first);
    let first = Delta::decode(&first.bytes).expect("it is a delta");
    // The endpoint has the first click; upon the same base only what the second says of the visitor is news of the first item.
    click(&mut learner, "4");
    let refused = learner.prepare_delta([1; 16]).expect("another click");
    let second = Delta::decode(&refused.bytes).expect("it is a delta");
    let length = |delta: &Delta, item: &str| {
        let at = delta.ids.iter().position(|id| *id == FeatureId::named(item));
        at.map_or(0.0, |at| {
            let mut row = [0.0f32; 9];
            delta.row_into(at, &mut row);
            row.iter().map(|x| x * x).sum::<f32>().sqrt()
        })
    };
    assert!(length(&first, "item=3") > 0.1);
    assert!(length(&second, "item=3") < 0.5 * length(&first, "item=3"), "{second:?}");
    assert!(length(&second, "item=4") > 0.1);
    let at = second.ids.iter().position(|id| *id == FeatureId::named("item=3"));
    assert!(at.is_none_or(|at| second.evidence[at] == [Evidence(0); 2]), "its evidence counts once");
    // What was refused was never told: the next delta says all of it again.
    learner.reject(&refused, [2; 16]);
    let again = learner.prepare_delta([2; 16]).expect("it is sent again");
    let again = Delta::decode(&again.bytes).expect("it is a delta");
    assert_eq!((again.ids, again.columns, again.evidence), (second.ids, second.columns, second.evidence));
    assert_eq!((again.seq, again.events), (1, 1));
}

#[test]
fn folding_goes_on_after_a_restart() {
    let config = FoldConfig::default();
    let mut aggregate = Aggregate::from_base(&base(8));
    for _ in 0..7 {
        publish(&mut aggregate, &config, &[(0.3, 0.25)]);
        let mut restored = Aggregate::decode(&aggregate.encode().expect("it is written")).expect("it reads");
        assert_eq!(restored, aggregate);
        let mut going_on = aggregate.clone();
        assert_eq!(publish(&mut restored, &config, &[(0.3, 0.25)]), publish(&mut going_on, &config, &[(0.3, 0.25)]));
    }
}

//! What a version with noise tells of one client is bounded: its part of the sums is, and nothing else depends on it.

mod scenario;

use std::collections::BTreeSet;
use std::sync::Arc;

use brooklet_core::*;
use scenario::*;

const WIDTH: usize = 9;

fn item(item: u64) -> FeatureId {
    FeatureId::named(&format!("item={item}"))
}

/// A delta of a few items, each number of which may be anything that is accepted.
fn any_delta(client: u8, random: &mut Random) -> Delta {
    let ids: BTreeSet<FeatureId> = (0..1 + random.below(30)).map(|_| item(random.below(60))).collect();
    let ids: Vec<FeatureId> = ids.into_iter().collect();
    let largest = [0.001, 0.1, Delta::MAX_SCALE][random.below(3) as usize];
    let scales = (0..WIDTH).map(|_| random.below(1000) as f32 / 1000.0 * largest).collect();
    let columns = (0..WIDTH * ids.len()).map(|_| random.below(256) as u8 as i8).collect();
    let evidence = ids.iter().map(|_| [0, 1].map(|_| Evidence(random.below(256) as u8))).collect();
    let (base_version, client, report) = (1, [client; 16], Report { events: 1, base_loss: 9.0, learner_loss: 9.0 });
    Delta { base_version, client, seq: 1, events: 1, ids, scales, columns, evidence, report }
}

/// A push of one item's weight, on a little evidence.
fn push(version: u64, client: u64, id: FeatureId, by: f32) -> Delta {
    let mut columns = vec![0; WIDTH];
    columns[0] = 127 * by.signum() as i8;
    let mut scales = vec![0.0; WIDTH];
    scales[0] = by.abs() / 127.0;
    let mut key = [0; 16];
    key[..8].copy_from_slice(&client.to_le_bytes());
    let (evidence, report) = (vec![[Evidence::of(0.25), Evidence(0)]], Report::default());
    Delta { base_version: version, client: key, seq: 1, events: 1, ids: vec![id], scales, columns, evidence, report }
}

fn fold(config: &FoldConfig, version: u64, deltas: &[Delta]) -> Fold {
    let mut fold = Fold::new(config, version, WIDTH - 1);
    deltas.iter().for_each(|delta| fold.add(delta).expect("it is of this version"));
    fold
}

/// Box and Muller 1958.
fn normal(random: &mut Random) -> f64 {
    let [u, v] = [(); 2].map(|()| (random.below(1 << 30) as f64 + 0.5) / f64::from(1 << 30));
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// The Gaussian numbers that tests have: whoever folds takes them from a source that nobody can tell.
fn add_noise(sums: &mut Sums, multiplier: f64, random: &mut Random) {
    sums.deviation = multiplier * sums.bound;
    for number in &mut sums.numbers {
        *number += (sums.deviation * normal(random)).round() as i64;
    }
}

fn weight(base: &Base, id: FeatureId) -> f32 {
    let mut row = [0.0; WIDTH];
    base.row_into(base.find(id).expect("the item"), &mut row);
    row[0]
}

#[test]
fn no_client_has_a_longer_part_than_the_bound() {
    let aggregate = Aggregate::from_base(&base(8));
    for seed in 1..200 {
        let mut random = Random(seed);
        let config = FoldConfig { influence: [0.5, 18.0, 1000.0][seed as usize % 3], ..FoldConfig::default() };
        let deltas: Vec<Delta> = (0..8).map(|client| any_delta(client, &mut random)).collect();
        let with = aggregate.sums(&fold(&config, 1, &deltas)).expect("it is of this version");
        let without = aggregate.sums(&fold(&config, 1, &deltas[1..])).expect("it is of this version");
        let part = with.numbers.iter().zip(&without.numbers).map(|(a, b)| (a - b) as f64);
        let length = part.fold(0.0, |sum, x| sum + x * x).sqrt();
        assert!(length <= with.bound, "seed {seed}: {length} of {}", with.bound);
    }
}

#[test]
fn nothing_of_a_client_but_its_part_of_the_sums_changes_a_version() {
    let config = FoldConfig { quorum: 1, ..FoldConfig::default() };
    let mut random = Random(5);
    // Deltas of items that the base does not have, reports of great loss, claims of many events.
    let known = push(1, 1, item(3), 0.5);
    let mut strange = any_delta(2, &mut random);
    strange.ids = (0..strange.ids.len() as u64).map(|at| FeatureId(at + 1)).collect();
    let publish = |deltas: &[Delta]| {
        let mut aggregate = Aggregate::from_base(&base(8));
        let mut sums = aggregate.sums(&fold(&config, 1, deltas)).expect("it is of this version");
        add_noise(&mut sums, 0.01, &mut Random(9));
        let release = aggregate.release_sums(&sums, Precision::F16, &base(8), None).expect("it goes out");
        (release.base.expect("it goes out").bytes().to_vec(), aggregate)
    };
    assert_eq!(publish(&[known.clone(), strange]), publish(&[known]));
}

#[test]
fn listed_items_have_rows_whether_anybody_met_them_or_not() {
    let listed = [item(3), item(700), item(701)];
    let config = FoldConfig { items: Some(Arc::new(listed.into())), ..FoldConfig::default() };
    let mut aggregate = Aggregate::from_base(&base(8));
    let mut sums = aggregate.sums(&fold(&config, 1, &[push(1, 1, item(700), 0.5)])).expect("it is of this version");
    assert_eq!(sums.numbers.len(), (base(8).len() + 2) * (WIDTH + 2));
    add_noise(&mut sums, 1.0, &mut Random(1));
    let release = aggregate.release_sums(&sums, Precision::F16, &base(8), None).expect("it goes out");
    let next = release.base.expect("it goes out");
    assert!(next.find(item(700)).is_some() && next.find(item(701)).is_some());
}

#[test]
fn what_many_clients_agree_on_comes_through_and_what_few_say_does_not() {
    let config = FoldConfig { influence: 1.0, ..FoldConfig::default() };
    let moved = |clients: u64| {
        let deltas: Vec<Delta> = (0..clients).map(|client| push(1, client, item(3), 0.5)).collect();
        let mut aggregate = Aggregate::from_base(&base(8));
        let mut sums = aggregate.sums(&fold(&config, 1, &deltas)).expect("it is of this version");
        add_noise(&mut sums, 4.0, &mut Random(3));
        let release = aggregate.release_sums(&sums, Precision::F16, &base(8), None).expect("it goes out");
        let next = release.base.expect("it goes out");
        let by = |at| weight(&next, item(at)) - weight(&base(8), item(at));
        (by(3), (4..40).map(by).fold(0.0, |most: f32, by| most.max(by.abs())))
    };
    let ((few, _), (many, others)) = (moved(20), moved(2000));
    // Of an item that nobody met noise of deviation 4 would move the weight by .4 a version; hardly any does.
    assert!(few.abs() < 0.05 && many > 0.3 && others < 0.2 * many, "{few} {many} {others}");
}

#[test]
fn a_part_is_told_once_and_its_cost_is_kept() {
    let config = FoldConfig { influence: 1.0, ..FoldConfig::default() };
    let mut aggregate = Aggregate::from_base(&base(8));
    let deltas: Vec<Delta> = (0..500).map(|client| push(1, client, item(3), 0.5)).collect();
    let mut sums = aggregate.sums(&fold(&config, 1, &deltas)).expect("it is of this version");
    add_noise(&mut sums, 2.0, &mut Random(3));
    let start = f64::from(weight(&base(8), item(3)));
    // Every step is judged worse: a version goes out that is as it was, and what was learnt is owed.
    let against = |base: &Base| Ok(f64::from(weight(base, item(3))) - start);
    let release = aggregate.release_sums(&sums, Precision::F16, &base(8), Some(&against)).expect("it is judged");
    assert_eq!((release.step, release.held_back), (0.0, 7));
    let same = release.base.expect("it goes out");
    assert_eq!((same.metadata().version, f64::from(weight(&same, item(3)))), (2, start));
    assert_eq!(aggregate.spent(), 0.125);
    aggregate = Aggregate::decode(&aggregate.encode().expect("it is written")).expect("it reads");
    let mut nobody = aggregate.sums(&fold(&config, 2, &[])).expect("it is of this version");
    add_noise(&mut nobody, 2.0, &mut Random(4));
    let next = aggregate.release_sums(&nobody, Precision::F16, &same, None).expect("it goes out").base;
    assert!(f64::from(weight(&next.expect("it goes out"), item(3))) > start + 0.1, "it is made good");
    assert_eq!(aggregate.spent(), 0.25);
}

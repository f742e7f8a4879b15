//! What whoever reads deltas learns of a visitor, with noise, padding and unlinkable keys and without. `docs/privacy.md` has the figures.

mod scenario;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use brooklet_core::*;
use scenario::*;

const VISITORS: u64 = 250;

static BASE: LazyLock<Base> = LazyLock::new(|| base(4));

fn item(n: u64) -> Features {
    let mut features = Features::builder(&BASE.metadata().schema);
    features.text("item", &n.to_string()).expect("an item");
    features.finish()
}

fn row(n: u64) -> FeatureId {
    FeatureId::named(&format!("item={n}"))
}

fn visitor(privacy: Privacy) -> Learner {
    let mut learner = Learner::new(BASE.clone(), Config { privacy, ..Config::default() }).expect("a learner");
    for n in 0..ITEMS {
        learner.set_item(&n.to_string(), &Features::default()).expect("an item");
    }
    learner
}

/// Keys as a page's crypto gives them.
fn key(random: &mut Random) -> ClientKey {
    let mut key = ClientKey::default();
    key.as_chunks_mut::<8>().0.iter_mut().for_each(|half| *half = random.next().to_le_bytes());
    key
}

/// The gradient of the weight of a row that a delta tells, and a of its curvature.
fn told(delta: &Delta, i: usize) -> (f64, f64) {
    let base = &*BASE;
    let (mut eta, mut at) = (vec![0.0; 5], vec![0.0; 5]);
    delta.row_into(i, &mut eta);
    base.row_into(base.find(delta.ids[i]).expect("a row"), &mut at);
    let a = delta.evidence[i][0].amount();
    // S of the prior: a weight is multiplied with one, a factor with the visitor's.
    let mean = |f: usize| if f == 0 { 1.0 } else { f64::from(base.metadata().prior.mean[f]) };
    let curved: f64 = (0..5).map(|f| a * mean(f) * f64::from(at[f])).sum();
    (f64::from(eta[0]) - curved, a)
}

/// The delta of a visitor who met these items.
fn delta(privacy: Privacy, met: &[(u64, f32)], random: &mut Random) -> Delta {
    let mut learner = visitor(privacy);
    for (n, target) in met {
        learner.learn_one(&item(*n), *target, 1.0).expect("an event");
    }
    Delta::decode(&learner.prepare_delta(key(random)).expect("a delta").bytes).expect("it is one")
}

#[test]
fn noise_hides_what_was_liked() {
    let shares = [0.0, 0.5, 1.0, 2.0, 4.0].map(|noise| {
        let mut random = Random(5);
        let privacy = Privacy { noise, ..Privacy::default() };
        let mut right = 0;
        for _ in 0..VISITORS {
            let liked = random.below(2) as f32;
            let delta = delta(privacy, &[(random.below(ITEMS), liked)], &mut random);
            right += u64::from((told(&delta, 0).0 > 0.0) == (liked > 0.5));
        }
        right as f64 / VISITORS as f64
    });
    println!("of one item, whether it was clicked is told right with noise 0, .5, 1, 2, 4: {shares:?}");
    assert!(shares[0] == 1.0 && shares.is_sorted_by(|a, b| a + 0.05 >= *b), "{shares:?}");
    assert!(shares[2] < 0.8 && shares[4] < 0.6, "{shares:?}");
}

#[test]
fn noise_has_the_deviation_that_was_asked_for() {
    let mut random = Random(6);
    let plain = told(&delta(Privacy::default(), &[(3, 1.0)], &mut random), 0);
    for noise in [0.5f32, 3.0] {
        let z = f64::from(noise);
        let share = plain.1 / (plain.1 + z * z);
        let privacy = Privacy { noise, ..Privacy::default() };
        let noises: Vec<f64> = (0..VISITORS)
            .map(|_| {
                let (gradient, a) = told(&delta(privacy, &[(3, 1.0)], &mut random), 0);
                assert!((a / (share * plain.1) - 1.0).abs() < 0.1, "curvature {a} of {}", plain.1);
                gradient / share - plain.0
            })
            .collect();
        let mean = noises.iter().sum::<f64>() / VISITORS as f64;
        let deviation = (noises.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / VISITORS as f64).sqrt();
        assert!((deviation / z - 1.0).abs() < 0.15 && mean.abs() < 0.2 * z, "{mean} {deviation}");
    }
}

#[test]
fn what_noise_hid_is_never_told() {
    let mut random = Random(7);
    let mut learner = visitor(Privacy { noise: 1.0, ..Privacy::default() });
    let mut sent = Vec::new();
    for n in 0..20 {
        learner.learn_one(&item(n), 1.0, 1.0).expect("an event");
        let pending = learner.prepare_delta(key(&mut random)).expect("a delta");
        learner.acknowledge(&pending);
        sent.push(Delta::decode(&pending.bytes).expect("it is one").ids);
        assert!(learner.prepare_delta(key(&mut random)).is_none(), "there is nothing new");
    }
    // Nothing is corrected: each row went once.
    assert_eq!(sent, (0..20).map(|n| vec![row(n)]).collect::<Vec<_>>());
}

#[test]
fn a_client_key_tells_nothing_of_the_noise() {
    let mut random = Random(8);
    let fresh = key(&mut random);
    let mut learner = visitor(Privacy { noise: 1.0, ..Privacy::default() });
    learner.learn_one(&item(1), 1.0, 1.0).expect("an event");
    let pending = learner.prepare_delta(fresh).expect("a delta");
    assert_ne!(Delta::decode(&pending.bytes).expect("it is one").client, fresh);
}

#[test]
fn padding_hides_which_items_were_met() {
    let shares = [0u32, 5, 20].map(|padding| {
        let mut random = Random(9);
        let (mut hits, mut all) = (0, 0);
        for _ in 0..VISITORS / 5 {
            let met: BTreeSet<u64> = (0..5).map(|_| random.below(ITEMS)).collect();
            let events: Vec<(u64, f32)> = met.iter().map(|n| (*n, random.below(2) as f32)).collect();
            let delta = delta(Privacy { padding, ..Privacy::default() }, &events, &mut random);
            assert!(met.iter().all(|n| delta.ids.contains(&row(*n))), "what was met is in it");
            // The rows that say most are his guess.
            let size = |i: &usize| told(&delta, *i).0.abs();
            let mut guess: Vec<usize> = (0..delta.ids.len()).collect();
            guess.sort_by(|a, b| size(b).total_cmp(&size(a)));
            hits += guess[..met.len()].iter().filter(|i| met.iter().any(|n| row(*n) == delta.ids[**i])).count();
            all += met.len();
        }
        hits as f64 / all as f64
    });
    println!("of the items of a visitor so many are told from those of padding with 0, 5, 20 items of it: {shares:?}");
    assert!(shares[0] == 1.0 && shares[1] < 0.75 && shares[2] < 0.5, "{shares:?}");
}

/// Which rows each client key told of, over a hundred deltas of one visitor, whose profile is read back on the way.
fn rows_by_key(privacy: Privacy) -> BTreeMap<ClientKey, BTreeSet<FeatureId>> {
    let mut random = Random(10);
    let mut learner = visitor(privacy);
    let mut rows: BTreeMap<ClientKey, BTreeSet<FeatureId>> = BTreeMap::new();
    for n in 0..100 {
        for _ in 0..3 {
            learner.learn_one(&item(random.below(ITEMS)), random.below(2) as f32, 1.0).expect("an event");
        }
        let Some(pending) = learner.prepare_delta(key(&mut random)) else { continue };
        let delta = Delta::decode(&pending.bytes).expect("it is one");
        rows.entry(delta.client).or_default().extend(delta.ids);
        match n % 17 {
            // The endpoint has seen it all the same.
            4 => learner.reject(&pending, key(&mut random)),
            9 => learner.discard(&pending, key(&mut random)),
            _ => learner.acknowledge(&pending),
        }
        if n % 13 == 0 {
            let config = learner.config().clone();
            learner = Learner::restore(BASE.clone(), config, &learner.profile()).expect("a profile");
        }
        if n % 19 == 0 {
            let note = learner.delta_of(&[(item(random.below(ITEMS)), 1.0, 1.0)], key(&mut random));
            let Some(note) = note else { continue };
            let delta = Delta::decode(&note.bytes).expect("it is one");
            learner.share(Sharing::Elsewhere);
            let told: Vec<u64> = (0..ITEMS).filter(|n| delta.ids.contains(&row(*n))).collect();
            told.iter().for_each(|n| _ = learner.learn_one(&item(*n), 1.0, 1.0).expect("an event"));
            learner.share(Sharing::Told);
            rows.entry(delta.client).or_default().extend(delta.ids);
        }
    }
    rows
}

#[test]
fn unlinkable_keys_have_no_row_in_common() {
    let shared = |rows: &BTreeMap<ClientKey, BTreeSet<FeatureId>>| {
        let all: usize = rows.values().map(BTreeSet::len).sum();
        all - rows.values().flatten().collect::<BTreeSet<_>>().len()
    };
    let plain = rows_by_key(Privacy::default());
    assert!(plain.len() > 3 && shared(&plain) > 20, "keys tell of the same rows: {}", shared(&plain));
    let apart = rows_by_key(Privacy { unlinkable: true, ..Privacy::default() });
    assert!(apart.len() > 2, "there is more than one key");
    assert_eq!(shared(&apart), 0);
}

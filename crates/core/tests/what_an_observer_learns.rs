//! What whoever has two successive versions reads of one visitor: hardly more than by guessing while others are unknown to him, all if he knows
//! every other delta, and less the more noise there is. `docs/privacy.md` has the figures.

mod scenario;

use std::collections::BTreeSet;

use brooklet_core::*;
use scenario::*;

const WIDTH: usize = 9;
const ITEMS: u64 = 40;
/// As many as a version has by default, each of whom met as many items.
const CLIENTS: u8 = 50;
const MET: usize = 5;
const TRIALS: u64 = 40;

/// splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

fn item(item: u64) -> FeatureId {
    FeatureId::named(&format!("item={item}"))
}

/// The delta of a visitor who clicked or skipped a few items.
fn visit(client: u8, random: &mut Random) -> Delta {
    let mut met = BTreeSet::new();
    while met.len() < MET {
        met.insert(item(random.below(ITEMS)));
    }
    let ids: Vec<FeatureId> = met.into_iter().collect();
    let mut columns = vec![0i8; WIDTH * ids.len()];
    columns[..MET].iter_mut().for_each(|eta| *eta = if random.below(2) == 0 { -100 } else { 100 });
    let mut scales = vec![0.0; WIDTH];
    scales[0] = 0.005;
    let evidence = vec![[Evidence(20), Evidence(0)]; MET];
    let report = Report::default();
    Delta { base_version: 1, client: [client; 16], seq: 1, events: MET as u32, ids, scales, columns, evidence, report }
}

fn fold(deltas: &[Delta], config: &FoldConfig) -> Fold {
    let mut fold = Fold::new(config, 1, 8);
    deltas.iter().for_each(|delta| fold.add(delta).expect("it is of this version"));
    fold
}

fn version(deltas: &[Delta]) -> Base {
    let fold = fold(deltas, &FoldConfig::default());
    let blob = Aggregate::from_base(&base(8)).publish(&fold, 1.0, Precision::F16).expect("it is written");
    Base::decode(blob).expect("it is a base")
}

/// The share of the first visitor's items that an observer finds who knows the deltas of the last `known`: he folds those himself, and what the
/// version differs from that most in is his guess.
fn found(known: u8) -> f64 {
    let mut hits = 0;
    for trial in 0..TRIALS {
        let mut random = Random(trial);
        let deltas: Vec<Delta> = (0..CLIENTS).map(|client| visit(client, &mut random)).collect();
        let (public, own) = (version(&deltas), version(&deltas[usize::from(CLIENTS - known)..]));
        let weight = |base: &Base, id: FeatureId| {
            let mut row = [0.0; WIDTH];
            base.row_into(base.find(id).expect("the item"), &mut row);
            row[0]
        };
        let mut guess: Vec<FeatureId> = (0..ITEMS).map(item).collect();
        let by = |id: &FeatureId| (weight(&public, *id) - weight(&own, *id)).abs();
        guess.sort_by(|a, b| by(b).total_cmp(&by(a)));
        hits += guess[..MET].iter().filter(|id| deltas[0].ids.contains(id)).count();
    }
    hits as f64 / (MET as u64 * TRIALS) as f64
}

/// The share that an observer finds who knows all deltas but the first visitor's, and reads the noised sums themselves: more than any version tells. Of each
/// item he has the sum of the weights' gradients less what he knows, and what it ought to be of a visitor who met it.
fn found_through_noise(multiplier: f64) -> f64 {
    // No longer than such a visit is, so that all of it is told.
    let config = FoldConfig { influence: 1.5, ..FoldConfig::default() };
    let seed = Aggregate::from_base(&base(8));
    let sums = |deltas: &[Delta]| seed.sums(&fold(deltas, &config)).expect("it is of this version");
    let mut hits = 0;
    for trial in 0..TRIALS {
        let mut random = Random(trial);
        let deltas: Vec<Delta> = (0..CLIENTS).map(|client| visit(client, &mut random)).collect();
        let (public, own) = (sums(&deltas), sums(&deltas[1..]));
        let mut part = |at: usize| {
            let [u, v] = [(); 2].map(|()| (random.below(1 << 40) as f64 + 0.5) / (1u64 << 40) as f64);
            let noise = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
            (public.numbers[at] - own.numbers[at]) as f64 + multiplier * public.bound * noise
        };
        let all = base(8);
        let mut guess: Vec<(f64, FeatureId)> =
            (0..ITEMS).map(|n| (part(all.find(item(n)).expect("the item") * (WIDTH + 2)).abs(), item(n))).collect();
        guess.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        hits += guess[..MET].iter().filter(|(_, id)| deltas[0].ids.contains(id)).count();
    }
    hits as f64 / (MET as u64 * TRIALS) as f64
}

#[test]
fn noise_hides_a_visitor_from_whoever_knows_all_others() {
    let chance = MET as f64 / ITEMS as f64;
    let multipliers = [0.0, 0.1, 0.3, 1.0, 4.0];
    let found = multipliers.map(found_through_noise);
    println!("by chance {chance}; with noise of {multipliers:?} times the bound: {found:?}");
    assert!(found[0] == 1.0 && found.is_sorted_by(|a, b| a >= b), "{found:?}");
    assert!(found[3] < 3.0 * chance && found[4] < 1.5 * chance, "{found:?}");
}

#[test]
fn one_of_fifty_is_hidden_by_those_whom_the_observer_does_not_know() {
    let chance = MET as f64 / ITEMS as f64;
    let [none, half, most, all] = [0, 25, 45, 49].map(found);
    println!("by chance {chance}; of 50 clients 0, 25, 45 and 49 are known: {none}, {half}, {most}, {all}");
    assert!(none < 2.0 * chance && half < 3.0 * chance, "{none}, {half}");
    assert!(none <= most && most <= all, "{most}");
    // That is what noise is for.
    assert!(all > 0.95, "{all}");
}

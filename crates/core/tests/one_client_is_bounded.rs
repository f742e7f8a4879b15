//! What one client does to a version is bounded by what the endpoint counts, whatever its deltas claim.

mod scenario;

use brooklet_core::*;
use scenario::*;

const WIDTH: usize = 9;

/// A delta of `client` about these items: every number of the weights is `code` units of `scale`, and it claims `evidence`.
fn delta(client: u8, seq: u64, items: &[usize], code: i8, scale: f32, evidence: Evidence) -> Delta {
    let mut ids: Vec<FeatureId> = items.iter().map(|item| FeatureId::named(&format!("item={item}"))).collect();
    ids.sort_unstable();
    let mut columns = vec![0; WIDTH * ids.len()];
    columns[..ids.len()].fill(code);
    let mut scales = vec![0.0; WIDTH];
    scales[0] = scale;
    let evidence = vec![[evidence, Evidence(0)]; ids.len()];
    let (base_version, client, report) = (1, [client; 16], Report::default());
    Delta { base_version, client, seq, events: u32::MAX, ids, scales, columns, evidence, report }
}

/// By how much these deltas move the weights of the first 40 items.
fn moves(config: &FoldConfig, deltas: &[Delta]) -> Vec<f32> {
    let seed = base(8);
    let mut fold = Fold::new(config, 1, 8);
    deltas.iter().for_each(|delta| fold.add(delta).expect("it is of this version"));
    let blob = Aggregate::from_base(&seed).publish(&fold, 1.0, Precision::F16).expect("it is written");
    let next = Base::decode(blob).expect("it is a base");
    let weight = |base: &Base, item: usize| {
        let mut row = [0.0; WIDTH];
        base.row_into(base.find(FeatureId::named(&format!("item={item}"))).expect("the item"), &mut row);
        row[0]
    };
    (0..40).map(|item| weight(&next, item) - weight(&seed, item)).collect()
}

#[test]
fn a_claim_makes_a_delta_no_stronger() {
    let config = FoldConfig::default();
    // A row counts as learnt from ten: it moves by its gradient by 1 / (1 + 10) at most.
    let most = config.clip / 11.0 + 2e-3;
    for evidence in [0u8, 40, 200, 255].map(Evidence) {
        for code in [-127, 127] {
            let moved = moves(&config, &[delta(1, 1, &[3], code, Delta::MAX_SCALE, evidence)]);
            assert!(moved.iter().all(|by| by.abs() <= most), "{evidence:?}: {moved:?}");
        }
    }
}

#[test]
fn repeats_by_one_key_add_nothing_beyond_the_cap() {
    // Three of them do not come to the seed's reach.
    let config = FoldConfig { clip: 1.0, ..FoldConfig::default() };
    let push = |client: u8, seq| delta(client, seq, &[3], 127, 1.0, Evidence(0));
    let once = moves(&config, &[push(1, 1)])[3];
    let often: Vec<Delta> = (1..=50).map(|seq| push(1, seq)).collect();
    assert_eq!(moves(&config, &often)[3], once);
    let by_many: Vec<Delta> = (1..=3).map(|client| push(client, 1)).collect();
    assert!(moves(&config, &by_many)[3] > 2.0 * once);
}

#[test]
fn who_pushes_many_rows_pushes_each_less() {
    let config = FoldConfig { influence: 2.0, clip: 1.0, ..FoldConfig::default() };
    let all: Vec<usize> = (0..40).collect();
    let moved = moves(&config, &[delta(1, 1, &all, 127, 1.0, Evidence(0))]);
    let one = moves(&config, &[delta(1, 1, &[3], 127, 1.0, Evidence(0))])[3];
    let expected = one * config.influence / config.clip / 40f32.sqrt();
    assert!(moved.iter().all(|by| (by - expected).abs() < 2e-3), "{expected}: {moved:?}");
}

#[test]
fn in_whatever_order_and_parts_the_deltas_of_a_client_come_the_sum_is_the_same() {
    let config = FoldConfig::default();
    let deltas = [
        delta(1, 1, &[1, 2], 100, 0.1, Evidence::of(1.0)),
        delta(2, 1, &[2], -90, 0.2, Evidence::of(2.0)),
        delta(1, 2, &[2, 5], 40, 0.3, Evidence::of(0.5)),
    ];
    let mut reversed = deltas.to_vec();
    reversed.reverse();
    assert_eq!(moves(&config, &deltas), moves(&config, &reversed));
    let [mut whole, mut parts] = [(); 2].map(|()| Fold::new(&config, 1, 8));
    for delta in &deltas {
        whole.add(delta).expect("it is of this version");
        let mut part = Fold::new(&config, 1, 8);
        part.add(delta).expect("it is of this version");
        parts.merge(&part).expect("they are of one version");
    }
    assert_eq!((whole.digest(), whole.clients(), whole.rows()), (parts.digest(), 2, 3));
}

#[test]
fn rows_that_wait_are_kept_with_the_aggregate() {
    let config = FoldConfig { quorum: 3, ..FoldConfig::default() };
    let mut aggregate = Aggregate::from_base(&base(8));
    let told = |aggregate: &mut Aggregate, client: u8| {
        let mut delta = delta(client, 1, &[4000, 4001], 127, 0.002, Evidence::of(0.25));
        delta.base_version = aggregate.version();
        let mut fold = Fold::new(&config, aggregate.version(), 8);
        fold.add(&delta).expect("it is of this version");
        let blob = aggregate.publish(&fold, 1.0, Precision::F16).expect("it is written");
        *aggregate = Aggregate::decode(&aggregate.encode().expect("it is written")).expect("it is read");
        Base::decode(blob).expect("it is a base").len() - base(8).len()
    };
    assert_eq!([1, 2, 2, 3].map(|client| told(&mut aggregate, client)), [0, 0, 0, 2]);
    assert_eq!(aggregate.new_rows(), [0, 0]);
}

#[test]
fn clients_that_are_let_go_one_after_the_other_make_the_same_version() {
    // More rows than are kept at a time, new ones among them, two deltas of each client.
    let config = FoldConfig { quorum: 3, horizon: u64::MAX, ..FoldConfig::default() };
    let items: Vec<usize> = (0..400).collect();
    let deltas: Vec<Delta> = (0..200u8)
        .flat_map(|client| [1, 2].map(|seq| (client, seq)))
        .map(|(client, seq)| delta(client, seq, &items[client as usize..], 1 + client as i8 % 100, 1e-3, Evidence(60)))
        .collect();
    let from = Aggregate::from_base(&base(8));
    let mut fold = Fold::new(&config, 1, 8);
    deltas.iter().for_each(|delta| fold.add(delta).expect("it is of this version"));
    let mut at_once = from.clone();
    let expected = at_once.publish(&fold, 1.0, Precision::F16).expect("it is written");

    let mut taking = Taking::new(from.clone(), &config);
    deltas.iter().for_each(|delta| taking.add(delta).expect("it is the next"));
    assert_eq!(taking.summary(), (fold.rows(), fold.digest()));
    assert_eq!(taking.events(), fold.events());
    assert!(taking.add(&deltas[0]).is_err(), "a client who was let go came again");
    assert!(taking.publish(1.0, Precision::F16).expect("it is written") == expected);
    assert_eq!(taking.into_aggregate(), at_once);

    let mut noisy = Taking::with_noise(from.clone(), &config);
    deltas.iter().for_each(|delta| noisy.add(delta).expect("it is the next"));
    assert_eq!(noisy.sums().expect("it has sums").numbers, from.sums(&fold).expect("it fits").numbers);
}

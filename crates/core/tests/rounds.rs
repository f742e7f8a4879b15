//! FedAdagrad's rounds, which are longer than a version.

mod scenario;

use brooklet_core::*;
use safetensors::SafeTensors;
use scenario::*;

/// A delta upon the aggregate's version that pushes the weight of one item.
fn push(version: u64, by: f32) -> Delta {
    let ids = vec![FeatureId::named("item=3")];
    let mut columns = vec![0; 9];
    columns[0] = 127;
    let mut scales = vec![0.0; 9];
    scales[0] = by / 127.0;
    Delta { base_version: version, client: [1; 16], seq: 1, events: 1, ids, scales, columns }
}

fn publish(aggregate: &mut Aggregate, config: &FoldConfig, deltas: &[f32]) -> f32 {
    let mut fold = Fold::new(config, aggregate.version(), 8);
    for by in deltas {
        fold.add(&push(aggregate.version(), *by)).expect("it is of this version");
    }
    let base = Base::read(aggregate.publish(&fold, Precision::F16).expect("it is written")).expect("it is a base");
    let mut row = [0.0; 9];
    base.row_into(base.find(FeatureId::named("item=3")).expect("the item"), &mut row);
    row[0]
}

fn start() -> f32 {
    let mut row = [0.0; 9];
    base(8).row_into(base(8).find(FeatureId::named("item=3")).expect("the item"), &mut row);
    row[0]
}

#[test]
fn within_a_round_it_is_the_same_how_deltas_are_cut_into_versions() {
    let config = FoldConfig::default();
    let [mut one, mut many] = [(); 2].map(|()| Aggregate::from_base(&base(8)));
    let together = publish(&mut one, &config, &[0.1; 10]);
    let apart = (0..10).map(|_| publish(&mut many, &config, &[0.1])).fold(0.0, |_, last| last);
    assert!(together > start() && (together - apart).abs() < 2e-3, "{together} {apart}");
}

#[test]
fn who_pushes_for_a_round_moves_a_number_by_one_step_at_most() {
    let config = FoldConfig { round: 100, ..FoldConfig::default() };
    let mut aggregate = Aggregate::from_base(&base(8));
    let mut last = start();
    for n in 1..=4u8 {
        for _ in 0..100 {
            last = publish(&mut aggregate, &config, &[1e5]);
        }
        let bound = config.eta * (1..=n).map(|i| 1.0 / f32::from(i).sqrt()).sum::<f32>();
        assert!(last - start() < bound + 1e-3, "after {n} rounds: {} above {bound}", last - start());
    }
    assert!(last - start() > 2.0 * config.eta, "{}", last - start());
}

#[test]
fn a_round_goes_on_after_a_restart() {
    let config = FoldConfig { round: 3, ..FoldConfig::default() };
    let mut aggregate = Aggregate::from_base(&base(8));
    for _ in 0..7 {
        publish(&mut aggregate, &config, &[0.3]);
        let mut restored = Aggregate::read(&aggregate.to_bytes().expect("it is written")).expect("it reads");
        assert_eq!(restored, aggregate);
        let mut going_on = aggregate.clone();
        assert_eq!(publish(&mut restored, &config, &[0.3]), publish(&mut going_on, &config, &[0.3]));
    }
}

#[test]
fn an_aggregate_that_was_stored_when_a_round_was_a_version_is_still_read() {
    let stored = Aggregate::from_base(&base(8)).to_bytes().expect("it is written");
    let (_, header) = SafeTensors::read_metadata(&stored).expect("it is safetensors");
    let file = SafeTensors::deserialize(&stored).expect("it is safetensors");
    // What rounds brought are these two tensors.
    let older = file.iter().filter(|(name, _)| !["sums", "deltas"].contains(name));
    let older = safetensors::serialize(older, header.metadata().clone()).expect("it is written");
    assert!(older.len() < stored.len(), "nothing was left out");

    let mut read = Aggregate::read(&older).expect("it reads");
    let mut fresh = Aggregate::read(&stored).expect("it reads");
    assert_eq!(read, fresh, "it begins a round");
    let config = FoldConfig::default();
    assert_eq!(publish(&mut read, &config, &[0.3]), publish(&mut fresh, &config, &[0.3]));
}

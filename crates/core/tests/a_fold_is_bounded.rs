//! The fold's step: what honest deltas teach, and how far hostile ones get.

mod scenario;

use brooklet_core::*;
use scenario::*;

/// A delta upon the aggregate's version that pushes the weight of one item.
fn push(version: u64, by: f32) -> Delta {
    let ids = vec![FeatureId::named("item=3")];
    let mut columns = vec![0; 9];
    columns[0] = 127;
    let mut scales = vec![0.0; 9];
    scales[0] = by.abs() / 127.0;
    columns[0] *= by.signum() as i8;
    Delta { base_version: version, client: [1; 16], seq: 1, events: 1, ids, scales, columns }
}

/// Publishes the next version with these deltas; the item's weight in it.
fn publish(aggregate: &mut Aggregate, config: &FoldConfig, deltas: &[f32]) -> f32 {
    let mut fold = Fold::new(config, aggregate.version(), 8);
    for by in deltas {
        fold.add(&push(aggregate.version(), *by)).expect("it is of this version");
    }
    weight(&Base::read(aggregate.publish(&fold, Precision::F16).expect("it is written")).expect("it is a base"))
}

fn weight(base: &Base) -> f32 {
    let mut row = [0.0; 9];
    base.row_into(base.find(FeatureId::named("item=3")).expect("the item"), &mut row);
    row[0]
}

#[test]
fn whoever_pushes_for_ever_moves_a_number_by_the_reach_at_most() {
    let config = FoldConfig::default();
    let mut aggregate = Aggregate::from_base(&base(8));
    let start = weight(&base(8));
    let mut last = start;
    for _ in 0..400 {
        last = publish(&mut aggregate, &config, &[1e5; 20]);
        assert!(last - start < config.reach + 1e-3, "{last} from {start}");
    }
    assert!(last - start > 0.5 * config.reach, "the bound was not tried: {last} from {start}");
    for _ in 0..400 {
        last = publish(&mut aggregate, &config, &[-1e5; 20]);
        assert!(start - last < config.reach + 1e-3, "{last} from {start}");
    }
}

#[test]
fn what_was_learnt_from_many_events_moves_less() {
    let config = FoldConfig::default();
    let [mut known, mut unknown] = [(); 2].map(|()| Aggregate::from_base(&base(8)));
    let mut balanced = 0.0;
    for _ in 0..500 {
        balanced = publish(&mut known, &config, &[0.02, -0.02]);
    }
    let by_known = publish(&mut known, &config, &[0.02]) - balanced;
    let by_unknown = publish(&mut unknown, &config, &[0.02]) - weight(&base(8));
    assert!(by_known > 0.0 && by_known < 0.3 * by_unknown, "{by_known} {by_unknown}");
}

#[test]
fn folding_goes_on_after_a_restart() {
    let config = FoldConfig::default();
    let mut aggregate = Aggregate::from_base(&base(8));
    for _ in 0..7 {
        publish(&mut aggregate, &config, &[0.3]);
        let mut restored = Aggregate::read(&aggregate.to_bytes().expect("it is written")).expect("it reads");
        assert_eq!(restored, aggregate);
        let mut going_on = aggregate.clone();
        assert_eq!(publish(&mut restored, &config, &[0.3]), publish(&mut going_on, &config, &[0.3]));
    }
}

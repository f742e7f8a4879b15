use super::Population;
use brooklet_core::{Aggregate, Base, Delta, Error, Fold, FoldConfig, Precision};
use std::collections::VecDeque;

/// What the central endpoint does with deltas, without its store: every check of a delta, and the fold.
pub(crate) struct Endpoint {
    aggregate: Aggregate,
    fold: Fold,
    config: FoldConfig,
    precision: Precision,
    cut: u64,
    /// The newest version and those before it that a visit may still have, the newest last.
    bases: VecDeque<Base>,
    kept: usize,
    pub(crate) rounds: u64,
    pub(crate) deltas: u64,
}

impl Endpoint {
    pub(crate) fn new(seed: &Base, population: &Population) -> Endpoint {
        let Population { cut, stale, fold: config, precision, .. } = population;
        Endpoint {
            aggregate: Aggregate::from_base(seed),
            fold: Fold::new(config, seed.metadata().version, seed.metadata().factors),
            config: config.clone(),
            precision: *precision,
            cut: *cut as u64,
            bases: VecDeque::from([seed.clone()]),
            kept: 1 + stale,
            rounds: 0,
            deltas: 0,
        }
    }

    /// The newest version.
    pub(crate) fn current(&self) -> &Base {
        self.before(0)
    }

    /// The one so many versions before the newest, or the oldest that there is.
    pub(crate) fn before(&self, versions: usize) -> &Base {
        &self.bases[self.bases.len() - 1 - versions.min(self.bases.len() - 1)]
    }

    /// Whether a delta upon this version would be refused as too old.
    pub(crate) fn refuses(&self, version: u64) -> bool {
        self.fold.staleness(version).is_err()
    }

    /// Takes a delta in, and publishes if that was the last one of a version.
    pub(crate) fn accept(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.fold.add(&Delta::decode(bytes)?)?;
        if self.fold.deltas() >= self.cut { self.publish() } else { Ok(()) }
    }

    /// Publishes the next version if any delta waits.
    pub(crate) fn publish(&mut self) -> Result<(), Error> {
        if self.fold.deltas() == 0 {
            return Ok(());
        }
        let base = Base::read(self.aggregate.publish(&self.fold, self.precision)?)?;
        self.deltas += self.fold.deltas();
        self.rounds += 1;
        self.fold = Fold::new(&self.config, base.metadata().version, base.metadata().factors);
        self.bases.push_back(base);
        if self.bases.len() > self.kept {
            self.bases.pop_front();
        }
        Ok(())
    }
}

//! The central endpoint, without a network or a store.

use super::population::{Judge, Population};
use crate::maths::Rng;
use brooklet_core::{Aggregate, Base, Delta, Error, Fold, FoldConfig, Judging, Precision, compact};
use std::collections::VecDeque;

/// The random stream of the noise.
const NOISE: u64 = 5;

/// What the central endpoint does with deltas, without its store: every check of a delta, and the fold.
pub(crate) struct Endpoint<'a> {
    aggregate: Aggregate,
    judge: Option<&'a Judge<'a>>,
    fold: Fold,
    config: FoldConfig,
    noise_multiplier: f64,
    noise: Rng,
    cut: u64,
    /// The newest version.
    current: Base,
    /// As browsers download it, and those before it that a visit may still have, the newest last.
    bases: VecDeque<Base>,
    kept: usize,
    pub(crate) rounds: u64,
    pub(crate) deltas: u64,
    /// Candidates that were worse, and the largest regret that clients reported.
    pub(crate) held_back: u64,
    pub(crate) regret: f64,
    /// Deltas that wait beyond those of a cut because every candidate was worse.
    waiting: u64,
}

impl<'a> Endpoint<'a> {
    pub(crate) fn new(
        seed: &Base,
        population: &Population,
        judge: Option<&'a Judge<'a>>,
    ) -> Result<Endpoint<'a>, Error> {
        let Population { cut, stale, fold: config, noise_multiplier, seed: seed_of_noise, .. } = population;
        Ok(Endpoint {
            aggregate: Aggregate::from_base(seed),
            judge,
            fold: Fold::new(config, seed.metadata().version, seed.metadata().factors),
            config: config.clone(),
            noise_multiplier: *noise_multiplier,
            noise: Rng::new(*seed_of_noise, NOISE),
            cut: *cut as u64,
            current: seed.clone(),
            bases: VecDeque::from([downloaded(seed)?]),
            kept: 1 + stale,
            rounds: 0,
            deltas: 0,
            held_back: 0,
            regret: 0.0,
            waiting: 0,
        })
    }

    /// The newest version.
    pub(crate) fn current(&self) -> &Base {
        &self.current
    }

    /// As browsers download it, the one so many versions before the newest, or the oldest that there is.
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
        if self.fold.deltas() >= self.waiting + self.cut { self.publish() } else { Ok(()) }
    }

    /// Publishes the next version if any delta waits and it is not worse.
    pub(crate) fn publish(&mut self) -> Result<(), Error> {
        if self.fold.deltas() == 0 {
            return Ok(());
        }
        let judge = self.judge.map(|judge| judge as &Judging<'_>);
        let release = if self.noise_multiplier > 0.0 {
            let mut sums = self.aggregate.sums(&self.fold)?;
            sums.deviation = self.noise_multiplier * sums.bound;
            let mut noise = || (f64::from(self.noise.normal()) * sums.deviation).round() as i64;
            sums.numbers.iter_mut().for_each(|number| *number = number.saturating_add(noise()));
            self.aggregate.release_sums(&sums, Precision::Steps, &self.current, judge)?
        } else {
            self.aggregate.release(&self.fold, Precision::Steps, &self.current, judge)?
        };
        self.held_back += u64::from(release.held_back);
        self.regret = self.regret.max(release.regret.unwrap_or(0.0));
        let Some(base) = release.base else {
            self.waiting = self.fold.deltas();
            return Ok(());
        };
        self.waiting = 0;
        self.deltas += self.fold.deltas();
        self.rounds += 1;
        self.fold = Fold::new(&self.config, base.metadata().version, base.metadata().factors);
        self.bases.push_back(downloaded(&base)?);
        self.current = base;
        if self.bases.len() > self.kept {
            self.bases.pop_front();
        }
        Ok(())
    }
}

fn downloaded(base: &Base) -> Result<Base, Error> {
    Base::decode(compact(base)?)
}

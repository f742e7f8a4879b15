//! One browser of the population, and hostile deltas.

use super::endpoint::Endpoint;
use super::population::{Population, client_key};
use crate::evaluate::Visitors;
use crate::maths::Rng;
use brooklet_core::{Base, Config, Delta, Error, FeatureId, Learner, MAX_PENDING, Report, patch};

/// How hard zstd tries: as hard as an endpoint would, 19, makes no patch smaller by more than a twentieth, and takes ten times as long.
const LEVEL: i32 = 9;

/// One browser.
pub(crate) struct Client {
    learner: Learner,
    /// Visits that it has made, over all passes.
    visits: usize,
}

/// What a visit posted, and how many bytes it fetched.
pub(crate) struct Visit {
    pub(crate) delta: Option<Vec<u8>>,
    pub(crate) down: u64,
}

impl Client {
    pub(crate) fn new(seed: &Base) -> Result<Client, Error> {
        Ok(Client {
            learner: Learner::new(seed.clone(), Config { max_pending_slates: MAX_PENDING, ..Config::default() })?,
            visits: 0,
        })
    }

    /// The next visit of one of these people.
    pub(crate) fn visit(
        &mut self,
        (people, visitor): (&Visitors, usize),
        endpoint: &Endpoint<'_>,
        population: &Population,
        rng: &mut Rng,
    ) -> Result<Visit, Error> {
        let visits: Vec<_> = people.visits(visitor, population.visit).collect();
        let nth = self.visits % visits.len();
        if nth == 0 {
            // Somebody who already knew all of this would teach nothing by it: another pass meets another visitor alike.
            self.learner.forget();
        }
        let down = self.pull(endpoint.before(rng.below(1 + population.stale)))?;
        people.live(visitor, visits[nth].clone(), &mut self.learner)?;
        self.visits += 1;
        if rng.unit() < population.drop_out {
            // What was learnt waits on the device for the next visit, if there is one.
            return Ok(Visit { delta: None, down });
        }
        self.post(endpoint, down, rng)
    }

    /// Puts a newer base under what was learnt, and counts the bytes that it takes to make it of the one before.
    fn pull(&mut self, base: &Base) -> Result<u64, Error> {
        let old = self.learner.base();
        if base.metadata().version <= old.metadata().version && self.visits > 0 {
            return Ok(0);
        }
        let patch = if self.visits > 0 { patch(old, base) } else { None };
        let sent = patch.as_deref().unwrap_or(base.bytes());
        // It goes into memory, of which there is enough.
        let bytes = zstd::bulk::compress(sent, LEVEL).map_or(sent.len(), |compressed| compressed.len());
        self.learner.swap_base(base.clone())?;
        Ok(bytes as u64)
    }

    /// As a browser does: a base that is too old is replaced, and the delta made again upon the new one.
    fn post(&mut self, endpoint: &Endpoint<'_>, mut down: u64, rng: &mut Rng) -> Result<Visit, Error> {
        let mut pending = self.learner.prepare_delta(client_key(rng));
        if let Some(refused) = pending.take_if(|_| endpoint.refuses(self.learner.base().metadata().version)) {
            self.learner.reject(&refused, client_key(rng));
            down += self.pull(endpoint.current())?;
            pending = self.learner.prepare_delta(client_key(rng));
        }
        if let Some(pending) = &pending {
            self.learner.acknowledge(pending);
        }
        Ok(Visit { delta: pending.map(|pending| pending.bytes), down })
    }
}

/// A delta that raises the weights of `targets` as far as the endpoint accepts: each number in it is the largest in bounds.
pub(crate) fn attack(base: &Base, targets: &[FeatureId], rng: &mut Rng) -> Vec<u8> {
    let mut ids = targets.to_vec();
    ids.sort_unstable();
    let mut scales = vec![0.0; base.width()];
    scales[0] = Delta::MAX_SCALE;
    let mut columns = vec![0; base.width() * ids.len()];
    columns[..ids.len()].fill(i8::MAX);
    // Without evidence nothing stands against the push but what others taught.
    let (events, evidence) = (ids.len() as u32, vec![Default::default(); ids.len()]);
    Delta {
        base_version: base.metadata().version,
        client: client_key(rng),
        seq: 1,
        events,
        ids,
        scales,
        columns,
        evidence,
        report: Report::default(),
    }
    .encode()
}

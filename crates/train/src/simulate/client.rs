//! One browser of the population, and hostile deltas.

use super::endpoint::Endpoint;
use super::population::{Population, client_key};
use crate::evaluate::Visitors;
use crate::maths::Rng;
use brooklet_core::{Base, Config, Delta, Error, FeatureId, Learner, MAX_PENDING, Report, patch};

/// How hard zstd tries: as hard as an endpoint would, 19, makes no patch smaller by more than a twentieth, and takes ten times as long.
const LEVEL: i32 = 9;

/// Items that a device knows for each of padding.
const CATALOGUE: u32 = 10;

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
    /// A page gives its whole catalogue; some of it is enough to draw padding from.
    pub(crate) fn new(seed: &Base, population: &Population, rng: &mut Rng) -> Result<Client, Error> {
        let privacy = population.privacy;
        let config = Config { max_pending_slates: MAX_PENDING, privacy, ..Config::default() };
        let mut learner = Learner::new(seed.clone(), config)?;
        for _ in 0..CATALOGUE * privacy.padding {
            let (id, features) = &population.items[rng.below(population.items.len())];
            learner.set_item(id, features)?;
        }
        Ok(Client { learner, visits: 0 })
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

/// The scale of a hostile delta: its numbers come to a thousand, beyond every bound.
const FAR: f32 = 8.0;

/// A delta that raises the scores of `targets` for as many as it can: numbers far beyond all bounds, in the direction of the mean of those that a
/// visitor's row is multiplied with, so that what the endpoint shortens still points there.
pub(crate) fn attack(base: &Base, targets: &[FeatureId], rng: &mut Rng) -> Vec<u8> {
    let mut ids = targets.to_vec();
    ids.sort_unstable();
    let mean = |at: usize| if at == 0 { 1.0 } else { base.metadata().prior.mean[at] };
    let longest = (0..base.width()).map(|at| mean(at).abs()).fold(0.0, f32::max);
    let scales = (0..base.width()).map(|at| FAR * mean(at).abs() / longest).collect();
    let column = |at: usize| std::iter::repeat_n(if mean(at) < 0.0 { -i8::MAX } else { i8::MAX }, ids.len());
    let columns = (0..base.width()).flat_map(column).collect();
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

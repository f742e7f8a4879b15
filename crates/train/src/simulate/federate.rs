//! A whole population at work on one base: browsers' learners send deltas, which are folded as the endpoint folds them.
//!
//! Everyone's visits are shuffled into one order of time that keeps each client's own. At a visit a client pulls the base,
//! learns from some events and posts a delta; whenever enough deltas wait, the next version is published.

mod client;
mod endpoint;

use crate::progress::Progress;
use crate::progressive::Visitors;
use crate::trainer::Rng;
use crate::error::Result;
use brooklet_core::{Base, ClientKey, Error, FeatureId, FoldConfig, Precision};
use client::Client;
use endpoint::Endpoint;

/// How the population behaves, and how its deltas are folded.
#[derive(Debug, Clone)]
pub(crate) struct Population {
    /// Events of a visit.
    pub(crate) visit: usize,
    /// Deltas of a version.
    pub(crate) cut: usize,
    /// How often everyone's events pass.
    pub(crate) passes: usize,
    /// At most so many versions appear between a visit's pull of the base and its delta.
    pub(crate) stale: usize,
    /// The share of visits that end before their delta is posted.
    pub(crate) drop_out: f64,
    /// The share of visits that are hostile, and which features they push.
    pub(crate) hostile: f64,
    pub(crate) targets: Vec<FeatureId>,
    pub(crate) fold: FoldConfig,
    pub(crate) precision: Precision,
    pub(crate) seed: u64,
}

/// The mean loss of a base on events that the operator holds out.
pub(crate) type Judge<'a> = dyn Fn(&Base) -> Result<f64, Error> + Sync + 'a;

/// How many versions on the way are kept to be looked at.
const LOOKS: usize = 10;

/// What came of it.
#[derive(Debug, Clone)]
pub(crate) struct Federated {
    pub(crate) base: Base,
    /// Some of the versions before it, evenly spaced.
    pub(crate) on_the_way: Vec<Base>,
    /// Candidates that were held back, and the largest regret that clients reported, in standard errors.
    pub(crate) held_back: u64,
    pub(crate) regret: f64,
    /// Versions that were published.
    pub(crate) rounds: u64,
    /// Deltas that were folded, hostile ones among them.
    pub(crate) deltas: u64,
    /// Bytes of the clients' deltas, and of the bases that they pulled.
    pub(crate) bytes_up: u64,
    pub(crate) bytes_down: u64,
}

/// Random streams: of the order, of who is hostile, of what happens in visits.
const ORDER: u64 = 1;
const HOSTILE: u64 = 2;
const VISITS: u64 = 3;

/// Lets `clients` learn upon `seed` and send what they learnt. `progress` counts visits.
pub(crate) fn federate(
    seed: &Base,
    clients: &Visitors,
    population: &Population,
    judge: Option<&Judge<'_>>,
    progress: &Progress,
) -> Result<Federated> {
    let mut endpoint = Endpoint::new(seed, population, judge);
    let mut rng = Rng::new(population.seed, VISITS);
    let mut hostile = Rng::new(population.seed, HOSTILE);
    let mut federated = Federated {
        base: seed.clone(),
        on_the_way: Vec::new(),
        held_back: 0,
        regret: 0.0,
        rounds: 0,
        deltas: 0,
        bytes_up: 0,
        bytes_down: 0,
    };
    let apart = (population.visits(clients) / population.cut / LOOKS).max(1) as u64;
    let mut learners: Vec<Client> = (0..clients.len()).map(|_| Client::new(seed)).collect();
    for visitor in population.order(clients) {
        while hostile.unit() < population.hostile {
            endpoint.accept(&client::attack(endpoint.current(), &population.targets, &mut hostile))?;
        }
        let visit = learners[visitor].visit((clients, visitor), &endpoint, population, &mut rng)?;
        federated.bytes_down += visit.down;
        if let Some(bytes) = visit.delta {
            federated.bytes_up += bytes.len() as u64;
            endpoint.accept(&bytes)?;
            if endpoint.rounds >= apart * (1 + federated.on_the_way.len() as u64) {
                federated.on_the_way.push(endpoint.current().clone());
            }
        }
        progress.step();
    }
    endpoint.publish()?;
    federated.base = endpoint.current().clone();
    federated.rounds = endpoint.rounds;
    federated.deltas = endpoint.deltas;
    federated.held_back = endpoint.held_back;
    federated.regret = endpoint.regret;
    Ok(federated)
}

impl Population {
    /// How many visits honest clients make.
    pub(crate) fn visits(&self, clients: &Visitors) -> usize {
        (0..clients.len()).map(|i| clients.events(i).div_ceil(self.visit)).sum::<usize>() * self.passes
    }

    /// Whose visit comes when. The order does not depend on who is hostile, so that runs with and without them compare.
    fn order(&self, clients: &Visitors) -> Vec<usize> {
        let mut rng = Rng::new(self.seed, ORDER);
        let mut order = Vec::new();
        for _ in 0..self.passes {
            let from = order.len();
            for i in 0..clients.len() {
                order.extend(std::iter::repeat_n(i, clients.events(i).div_ceil(self.visit)));
            }
            rng.shuffle(&mut order[from..]);
        }
        order
    }
}

fn client_key(rng: &mut Rng) -> ClientKey {
    let mut key = ClientKey::default();
    key[..8].copy_from_slice(&rng.next().to_le_bytes());
    key[8..].copy_from_slice(&rng.next().to_le_bytes());
    key
}

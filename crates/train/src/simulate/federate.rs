//! A whole population at work on one base: browsers' learners send deltas, which are folded as the endpoint folds them.
//!
//! Everyone's visits are shuffled into one order of time that keeps each client's own. At a visit a client pulls the base,
//! learns from some events and posts a delta; whenever enough deltas wait, the next version is published.

use super::client::{self, Client};
use super::endpoint::Endpoint;
use super::population::{Judge, Population};
use crate::error::Result;
use crate::evaluate::Visitors;
use crate::maths::Rng;
use crate::watch::Progress;
use brooklet_core::Base;

/// How many versions on the way are kept to be looked at.
const LOOKS: usize = 10;
/// From nothing, most is learnt early: each version that is looked at is so many times as far on the way as the one before.
const FROM_NOTHING: f64 = 1.5;

/// What came of it.
#[derive(Debug, Clone)]
pub(crate) struct Federated {
    pub(crate) base: Base,
    /// Some of the versions before it, evenly spaced, or ever farther apart from nothing on; with how many people and deltas had taught each.
    pub(crate) on_the_way: Vec<(Base, Taught)>,
    /// How many have taught the last.
    pub(crate) taught: Taught,
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

/// Who has taught a version, hostile visits aside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Taught {
    pub(crate) visitors: usize,
    pub(crate) deltas: u64,
}

/// Random streams, besides that of the order: of who is hostile, of what happens in visits, of what pages have.
const HOSTILE: u64 = 2;
const VISITS: u64 = 3;
const PAGES: u64 = 4;

/// Lets `clients` learn upon `seed` and send what they learnt. `progress` counts visits.
pub(crate) fn federate(
    seed: &Base,
    clients: &Visitors,
    population: &Population,
    judge: Option<&Judge<'_>>,
    progress: &dyn Progress,
) -> Result<Federated> {
    let mut endpoint = Endpoint::new(seed, population, judge)?;
    let mut rng = Rng::new(population.seed, VISITS);
    let mut hostile = Rng::new(population.seed, HOSTILE);
    let mut federated = Federated {
        base: seed.clone(),
        on_the_way: Vec::new(),
        taught: Taught::default(),
        held_back: 0,
        regret: 0.0,
        rounds: 0,
        deltas: 0,
        bytes_up: 0,
        bytes_down: 0,
    };
    let apart = (population.visits(clients) / population.cut / LOOKS).max(1) as u64;
    let mut look = if population.from_nothing { 1 } else { apart };
    let mut known = vec![false; clients.len()];
    let mut pages = Rng::new(population.seed, PAGES);
    let mut learners: Vec<Client> =
        (0..clients.len()).map(|_| Client::new(seed, population, &mut pages)).collect::<Result<_, _>>()?;
    for visitor in population.order(clients) {
        while hostile.unit() < population.hostile {
            endpoint.accept(&client::attack(endpoint.current(), &population.targets, &mut hostile))?;
        }
        let visit = learners[visitor].visit((clients, visitor), &endpoint, population, &mut rng)?;
        federated.bytes_down += visit.down;
        if let Some(bytes) = visit.delta {
            federated.bytes_up += bytes.len() as u64;
            federated.taught.deltas += 1;
            federated.taught.visitors += usize::from(!std::mem::replace(&mut known[visitor], true));
            endpoint.accept(&bytes)?;
            if endpoint.rounds >= look {
                federated.on_the_way.push((endpoint.current().clone(), federated.taught));
                look = if population.from_nothing { (look as f64 * FROM_NOTHING).ceil() as u64 } else { look + apart };
            }
        }
        progress.advance(1);
    }
    endpoint.publish()?;
    federated.base = endpoint.current().clone();
    federated.rounds = endpoint.rounds;
    federated.deltas = endpoint.deltas;
    federated.held_back = endpoint.held_back;
    federated.regret = endpoint.regret;
    Ok(federated)
}

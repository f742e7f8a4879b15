//! How a population behaves, and who visits when.

use crate::evaluate::Visitors;
use crate::maths::Rng;
use brooklet_core::{Base, ClientKey, Error, FeatureId, Features, FoldConfig, Privacy};

/// The random stream that the order of visits is drawn from.
const ORDER: u64 = 1;

/// How the population behaves, and how its deltas are folded.
#[derive(Debug, Clone)]
pub(crate) struct Population {
    /// Events of a visit, where no column tells the slates.
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
    /// The noise that the endpoint adds to each version, as a multiple of what one client may do to it; 0 is none.
    pub(crate) noise_multiplier: f64,
    /// What devices hide.
    pub(crate) privacy: Privacy,
    /// What padding is drawn from: all items with their features.
    pub(crate) items: Vec<(String, Features)>,
    /// Whether the seed was learnt from nothing.
    pub(crate) from_nothing: bool,
    pub(crate) seed: u64,
}

/// The mean loss of a base on events that the operator holds out.
pub(crate) type Judge<'a> = dyn Fn(&Base) -> Result<f64, Error> + Sync + 'a;

impl Population {
    /// How many visits honest clients make.
    pub(crate) fn visits(&self, clients: &Visitors) -> usize {
        (0..clients.len()).map(|i| clients.visits(i, self.visit).count()).sum::<usize>() * self.passes
    }

    /// Whose visit comes when. The order does not depend on who is hostile, so that runs with and without them compare.
    pub(super) fn order(&self, clients: &Visitors) -> Vec<usize> {
        let mut rng = Rng::new(self.seed, ORDER);
        let mut order = Vec::new();
        for _ in 0..self.passes {
            let from = order.len();
            for i in 0..clients.len() {
                order.extend(clients.visits(i, self.visit).map(|_| i));
            }
            rng.shuffle(&mut order[from..]);
        }
        order
    }
}

pub(super) fn client_key(rng: &mut Rng) -> ClientKey {
    let mut key = ClientKey::default();
    key[..8].copy_from_slice(&rng.next().to_le_bytes());
    key[8..].copy_from_slice(&rng.next().to_le_bytes());
    key
}

//! Ranking: the catalogue's best items in a context, some of them by chance if that is wished, as a slate; and the items of
//! which a label would teach most.

use crate::config::Exploration;
use crate::error::Error;
use crate::format::record::{Candidate, Record};
use crate::input::feature::{FeatureId, Features};
use crate::input::index::Index;
use crate::learner::state::Learner;
use crate::loss::Loss;
use crate::maths::order::order;
use crate::model::interest::{self, Interest};
use crate::model::overlay::Overlay;
use crate::model::personal::Model;
use crate::slates::explore::{choose, pool};
use crate::slates::slate::{Recommended, Shown, Slate};
use crate::watch::serving::Serving;
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// What to rank.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query<'a> {
    /// Features of the moment: device, page, hour.
    pub context: Features,
    /// How many items.
    pub k: usize,
    /// Ids to rank, instead of the whole catalogue; unknown ones are passed over.
    pub include: Option<&'a [&'a str]>,
    /// Ids not to rank.
    pub exclude: &'a [&'a str],
    /// Whether items that this visitor was taught of are left out: those of the events that are kept to be taught again, about the last thousand.
    pub unseen: bool,
    /// How much it counts that an item is like none above it, 0 (nothing) to 1 (it alone counts). With this or `at_most` what explores chooses the order of
    /// the slate, and not what is in it.
    pub diversity: f32,
    /// How many items may have the same value.
    pub at_most: &'a [AtMost],
}

/// How many of a slate's items may have each of these features.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AtMost {
    /// The values of a field, say.
    pub values: Vec<FeatureId>,
    /// How many items.
    pub items: usize,
}

/// An item of which a label would teach most.
#[derive(Debug, Clone, PartialEq)]
pub struct Uncertain {
    /// Its id.
    pub item: String,
    /// The click probability.
    pub probability: f32,
    /// The variance of the score under the visitor row's posterior.
    pub variance: f32,
}

impl Learner {
    /// Adds an item to the catalogue, or gives it other features. The feature of its id is added.
    pub fn set_item(&mut self, id: &str, features: &Features) -> Result<(), Error> {
        if id.is_empty() {
            return Err(Error::BadValue { path: self.schema().item.clone(), why: "is empty: an item needs an id" });
        }
        let mut named = Features::builder(self.schema());
        named.text(&self.schema().item, id)?;
        let named = named.finish();
        self.catalogue.set(self.item_key(id), id, features.union(&named));
        Ok(())
    }

    /// Takes out of the catalogue the items of these ids or, if those are to `stay`, all others; how many. Slates that were shown keep theirs.
    pub fn remove_items<'a>(&mut self, ids: impl Iterator<Item = &'a str>, stay: bool) -> usize {
        let mut listed = Index::default();
        ids.for_each(|id| _ = listed.enter(self.item_key(id)));
        let before = self.catalogue.len();
        self.catalogue.retain(|key| listed.find(key).is_some() == stay);
        before - self.catalogue.len()
    }

    /// How many items the catalogue has.
    pub fn items(&self) -> usize {
        self.catalogue.len()
    }

    /// The ids of the items of the catalogue.
    pub fn item_ids(&self) -> impl Iterator<Item = &str> {
        (0..self.catalogue.len()).map(|at| &*self.catalogue.item(at).id)
    }

    /// The features of an item of the catalogue, with that of its id.
    pub fn item(&self, id: &str) -> Option<&Features> {
        self.catalogue.find(self.item_key(id)).map(|at| &self.catalogue.item(at).features)
    }

    /// Ranks the catalogue in a context, kept as a slate that waits for clicks and skips.
    pub fn recommend(&mut self, query: &Query<'_>) -> Slate {
        let context = self.scales.apply(&query.context);
        self.meet(&query.context);
        let most = if self.config.exploration == Exploration::None { query.k } else { pool(query.k) };
        let best = if query.diversity > 0.0 || !query.at_most.is_empty() {
            self.rank_diverse(&context, query)
        } else {
            self.rank(&context, most, query)
        };
        let scores: Vec<f32> = best.iter().map(|(_, score)| *score).collect();
        let interest = interest_of(&self.models, &self.interest, self.serving, query.include.is_some());
        let (row, first) = match (&interest, self.serving) {
            (Some(interest), _) => (&interest.row, self.models[0].rows.base().width()),
            (None, Serving::Base) => (&self.models[0].prior, 0),
            (None, Serving::Model(at)) => (&self.models[at].visitor, 0),
        };
        let factors = |(at, _): &(usize, f32)| {
            let mut numbers = self.catalogue.numbers(*at, first);
            if interest.is_none() {
                // The visitor's weight is in the score of every item.
                numbers[0] = 0.0;
            }
            numbers
        };
        let factors: Vec<Vec<f32>> = match self.config.exploration {
            Exploration::Thompson => best.iter().map(factors).collect(),
            _ => Vec::new(),
        };
        let whole = interest.is_some();
        let chosen = choose(self.config.exploration, &factors, query.k, row, &scores, &mut self.random);

        let show = |learner: &Learner, place: usize| {
            let item = learner.catalogue.item(best[place].0);
            learner.shown(Some(&item.id), &learner.scales.apply(&context.union(&item.features)))
        };
        let mut items = Vec::with_capacity(chosen.len());
        let mut shown = Vec::with_capacity(chosen.len());
        for &(place, propensity) in &chosen {
            let input = show(self, place);
            let prediction = self.prediction(&input.thoughts);
            let (score, probability) = match self.serving {
                Serving::Base => (prediction.base_score, prediction.base_probability),
                Serving::Model(_) => (prediction.score, prediction.probability),
            };
            let score = if whole { scores[place] } else { score };
            let item = self.catalogue.item(best[place].0).id.clone();
            items.push(Recommended { item, score, probability, propensity });
            shown.push(input);
        }
        let slate = self.slates.next;
        if self.log.is_some() {
            let candidate = |shown: &Shown, place: usize, propensity| Candidate {
                item: self.catalogue.item(best[place].0).id.clone(),
                features: shown.features.clone(),
                score: self.score_of(shown),
                propensity,
            };
            let of = shown.iter().zip(&chosen);
            let items = of.map(|(shown, (place, propensity))| candidate(shown, *place, *propensity)).collect();
            let rest = (0..best.len()).filter(|place| !chosen.iter().any(|(chosen, _)| chosen == place));
            let pool = rest.map(|place| candidate(&show(self, place), place, 0.0)).collect();
            let listed = query.include.is_some();
            self.record(|| Record::Shown { slate, items, pool, listed });
        }
        self.slates.add(shown);
        Slate { id: slate, items }
    }

    /// Of the items that pass the query, the `k` of which a label would teach most about this visitor: by p (1 - p) times the
    /// variance of the score, the information that a click or skip is expected to bring.
    pub fn uncertain(&self, query: &Query<'_>) -> Vec<Uncertain> {
        let context = self.scales.apply(&query.context);
        let model = match self.serving {
            Serving::Base => 0,
            Serving::Model(at) => at,
        };
        let pass = self.pass(query);
        let items: Vec<(f64, Uncertain)> = (0..self.catalogue.len())
            .filter(|at| pass[*at])
            .map(|at| {
                let item = self.catalogue.item(at);
                let features = self.scales.apply(&context.union(&item.features));
                let model = &self.models[model];
                let sums = model.rows.sums(&features);
                let variance = model.visitor.variance(sums.personal().phi);
                let probability = model.probability(model.judge(sums.personal()).moderated);
                let p = match model.loss() {
                    Loss::Logistic => f64::from(probability),
                    Loss::Squared => 0.5,
                };
                let item = Uncertain { item: item.id.clone(), probability, variance: variance as f32 };
                (p * (1.0 - p) * variance, item)
            })
            .collect();
        let places = order(items.len(), &mut |a, b| {
            let ((a, x), (b, y)) = (&items[a], &items[b]);
            b.total_cmp(a).then_with(|| x.item.cmp(&y.item))
        });
        places.into_iter().take(query.k).map(|at| items[at].1.clone()).collect()
    }

    /// The best items that pass, by what serves.
    pub(super) fn rank(&mut self, context: &Features, k: usize, query: &Query<'_>) -> Vec<(usize, f32)> {
        let (model, visitor, read): (_, _, fn(&Overlay, FeatureId, &mut [f32])) = match self.serving {
            Serving::Base => (&self.models[0], &self.models[0].prior, Overlay::base_into),
            Serving::Model(at) => (&self.models[at], &self.models[at].visitor, Overlay::personal_into),
        };
        let base = model.rows.base();
        self.catalogue.refresh(&self.scales, |id, row, beyond| {
            read(&model.rows, id, row);
            interest::read(base, id, beyond);
        });
        let chooses = query.include.is_some() || !query.exclude.is_empty() || query.unseen;
        let pass = chooses.then(|| self.pass(query));
        if let Some(interest) = interest_of(&self.models, &self.interest, self.serving, query.include.is_some()) {
            return self.catalogue.top(0.0, &interest.query(base, context), base.width(), k, pass.as_deref());
        }
        let sums = model.rows.sums(context);
        let sum = if self.serving == Serving::Base { sums.base() } else { sums.personal() };
        let constant = sum.score + visitor.dot(sum.phi);
        let mut q: Vec<f32> =
            sum.phi.as_flattened().iter().zip(visitor.mean()).map(|(q, u)| (f64::from(*q) + u) as f32).collect();
        // What an item has of its own counts once.
        q[0] = 1.0;
        self.catalogue.top(constant as f32, &q, 0, k, pass.as_deref())
    }

    /// What an input that was scored for a slate would be ranked by beside others of the same context: of the whole catalogue, or of candidates that were
    /// `listed`.
    #[cfg(feature = "write")]
    pub fn ranks_by(&self, features: &Features, listed: bool) -> f32 {
        let Some(interest) = interest_of(&self.models, &self.interest, self.serving, listed) else {
            let prediction = self.predict_one(features);
            return if self.serving == Serving::Base { prediction.base_score } else { prediction.score };
        };
        let (base, features) = (self.base(), self.scales.apply(features));
        let items = interest::of_item(base, &features);
        interest.query(base, &features).iter().zip(&items).fold(0.0, |sum, (u, q)| sum + u * q)
    }

    /// Which items pass the query's lists.
    pub(crate) fn pass(&self, query: &Query<'_>) -> Vec<bool> {
        let mut pass = vec![query.include.is_none(); self.catalogue.len()];
        let listed = query.include.unwrap_or_default().iter().map(|id| (id, true));
        for (id, on) in listed.chain(query.exclude.iter().map(|id| (id, false))) {
            if let Some(at) = self.catalogue.find(self.item_key(id)) {
                pass[at] = on;
            }
        }
        if query.unseen {
            for feature in self.outbox.taught().flat_map(|event| event.features.iter()) {
                if let Some(at) = self.catalogue.find(feature.id) {
                    pass[at] = false;
                }
            }
        }
        pass
    }

    pub(crate) fn item_key(&self, id: &str) -> FeatureId {
        FeatureId::named(&[&self.schema().item, "=", id].concat())
    }
}

/// What ranks the whole catalogue, if the base has something of its own for that: what this visitor is interested in, or where the
/// base serves, anybody. A list of candidates was chosen already, so it is ranked as what is shown.
fn interest_of<'a>(
    models: &[Model],
    own: &'a Option<Interest>,
    serving: Serving,
    listed: bool,
) -> Option<Cow<'a, Interest>> {
    let own = own.as_ref().filter(|_| !listed)?;
    match serving {
        Serving::Base => Interest::new(models[0].rows.base()).map(Cow::Owned),
        Serving::Model(_) => Some(Cow::Borrowed(own)),
    }
}

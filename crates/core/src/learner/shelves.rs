//! Shelves that are for no visitor in particular: what is like an item, and what is popular.

use crate::error::Error;
use crate::input::feature::Features;
use crate::learner::rank::Query;
use crate::learner::state::Learner;
use crate::maths::order::order;
use crate::maths::scalar::sqrt;
use crate::model::interest::{self, Interest};
use crate::slates::slate::Thought;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// An item that is like another.
#[derive(Debug, Clone, PartialEq)]
pub struct Similar {
    /// Its id.
    pub item: String,
    /// The cosine of the two items' factors, -1 to 1.
    pub similarity: f32,
}

/// An item as a visitor of whom nothing is known would be shown it.
#[derive(Debug, Clone, PartialEq)]
pub struct Popular {
    /// Its id.
    pub item: String,
    /// What it was ranked by, at the mean of the prior: the score by the base, or what a seed that ranks the whole catalogue has for that.
    pub score: f32,
    /// The click probability, or the number that is predicted.
    pub probability: f32,
}

impl Learner {
    /// The `k` items of the catalogue that are most like one of the catalogue or of the base: by the cosine of the sums of their rows'
    /// factors, in the base (those of its `catalogue`, if it has one). So an item that the base does not know is like others by its features; an item whose factors
    /// are all zeros is like none. [`Error::UnknownItem`] if the item is in neither.
    pub fn similar(&self, item: &str, k: usize) -> Result<Vec<Similar>, Error> {
        let key = self.item_key(item);
        let of = match self.catalogue.find(key) {
            Some(at) => self.direction(&self.catalogue.item(at).features),
            None if self.base().find(key).is_none() => return Err(Error::UnknownItem),
            None => {
                let mut named = Features::builder(self.schema());
                named.text(&self.schema().item, item)?;
                self.direction(&named.finish())
            }
        };
        let others = (0..self.catalogue.len()).map(|at| self.catalogue.item(at)).filter(|other| other.id != item);
        let like: Vec<Similar> = others
            .filter_map(|other| {
                let pairs = self.direction(&other.features)?;
                let similarity = of.as_ref()?.iter().zip(&pairs).fold(0.0, |sum, (x, y)| sum + x * y) as f32;
                Some(Similar { item: other.id.clone(), similarity: similarity.clamp(-1.0, 1.0) })
            })
            .collect();
        Ok(best(like, k, |like| (like.similarity, &like.item)))
    }

    /// The `k` items that pass the query which a visitor of whom nothing is known would be shown first: by their score in the base at
    /// the mean of the prior. What was learnt of this visitor counts for nothing. A seed with a `catalogue` ranks by that, unless the query lists its items.
    pub fn popular(&self, query: &Query<'_>) -> Vec<Popular> {
        let (context, pass, model) = (self.scales.apply(&query.context), self.pass(query), &self.models[0]);
        let base = self.base();
        let stranger = Interest::new(base).filter(|_| query.include.is_none()).map(|of| of.query(base, &context));
        let items = (0..self.catalogue.len()).filter(|at| pass[*at]).map(|at| {
            let item = self.catalogue.item(at);
            let features = self.scales.apply(&item.features);
            let (score, _) = model.scores(&model.rows.sums(&context.union(&features)));
            let odds = model.base_log_odds(score) as f32;
            let mut score = score as f32;
            let probability = self.probability_of(Thought { score, moderated: score, odds });
            if let Some(stranger) = &stranger {
                let of_item = interest::of_item(base, &features);
                score = stranger.iter().zip(&of_item).fold(0.0, |sum, (u, q)| sum + u * q);
            }
            Popular { item: item.id.clone(), score, probability }
        });
        best(items.collect(), query.k, |item| (item.score, &item.item))
    }

    /// The sum of an item's factors in the base, of length 1; None of zeros.
    pub(super) fn direction(&self, features: &Features) -> Option<Vec<f64>> {
        let base = self.base();
        let scaled = self.scales.apply(features);
        let sum: Vec<f64> = if base.metadata().catalogue.is_some() {
            let sum = interest::of_item(base, &scaled);
            // What popularity adds is no taste.
            let (_, factors) = sum.split_last()?;
            factors.iter().map(|x| f64::from(*x)).collect()
        } else {
            let (mut sum, mut row) = (vec![0.0; base.width() - 1], vec![0.0; base.width()]);
            for feature in scaled.iter() {
                let Some(at) = base.find(feature.id) else { continue };
                base.row_into(at, &mut row);
                let factors = sum.iter_mut().zip(&row[1..]);
                factors.for_each(|(sum, v)| *sum += f64::from(*v) * f64::from(feature.value));
            }
            sum
        };
        let length = sqrt(sum.iter().fold(0.0, |squares, x| squares + x * x));
        (length > 0.0).then(|| sum.into_iter().map(|x| x / length).collect())
    }
}

/// The `k` with the highest numbers, ties by id.
fn best<T: Clone>(items: Vec<T>, k: usize, of: impl Fn(&T) -> (f32, &String)) -> Vec<T> {
    let places = order(items.len(), &mut |a, b| {
        let ((x, first), (y, second)) = (of(&items[a]), of(&items[b]));
        y.total_cmp(&x).then_with(|| first.cmp(second))
    });
    places.into_iter().take(k).map(|at| items[at].clone()).collect()
}

//! Users whom a seed knows, because it was trained with their rows in it: their later events are scored.

use super::estimate::Estimate;
use super::reliability::Reliability;
use crate::data::Dataset;
use crate::error::Result;
use crate::input::{Columns, Events, InputFile, LabelRule};
use crate::maths::{auc, log_loss, sigmoid};
use crate::seed::Sources;
use crate::watch::Watch;
use brooklet_core::{Base, FeatureId, Loss, Prior, Value};
use serde::Serialize;

/// Whose events are scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Users whom the seed knows.
    Known,
    /// Those whom it does not know as well, by their fields and the prior.
    Everyone,
}

/// What is said of them. `rows` are those that were scored; rows of users whom the seed does not know are `skipped`,
/// unless they were asked for.
///
/// Under the squared loss the prediction is the score, kept within the labels of the training data, and `rmse` is against
/// the label. Under the logistic loss the prediction is the calibrated click probability, and `rmse` is against the click
/// (the square root of the Brier score). `log_loss` is of the calibrated probability, `auc` of the score, both against
/// clicks; null if nothing says what a click is. `within_user_auc` is the mean over the users who have both clicks and skips.
#[derive(Debug, Serialize)]
pub struct Known {
    /// Events that were scored.
    pub rows: usize,
    /// Users who have such events.
    pub users: usize,
    /// Root of the mean squared error.
    pub rmse: Option<Estimate>,
    /// Mean cross-entropy over events.
    pub log_loss: Option<Estimate>,
    /// Over all events together.
    pub auc: Option<Estimate>,
    /// The mean over users of the AUC within each.
    pub within_user_auc: Option<Estimate>,
    /// Predicted against happened.
    pub calibration: Reliability,
    /// Events of users whom the seed does not know.
    pub skipped: usize,
}

/// Scores the events of a file, which calls its columns so, with the fields that `sources` tell. A seed that was not trained to
/// keep its users knows nobody.
pub fn known_users(
    base: &Base,
    sources: Sources,
    columns: &Columns,
    rule: &LabelRule,
    events: &InputFile,
    who: Who,
    watch: &dyn Watch,
) -> Result<Known> {
    let (store, users, items) = sources.read(sources.reading(events, columns, rule, watch)?)?;
    let read = store.events()?;
    let dataset = Dataset::new(store, sources.columns, &users, &items, &base.metadata().schema.kinds)?;
    let known = judge(base, &dataset, &read, rule, who);
    ensure!(known.rows > 0, Seed, "the seed knows none of the users in {events}");
    Ok(known)
}

fn judge(base: &Base, dataset: &Dataset, events: &Events, rule: &LabelRule, who: Who) -> Known {
    let mut model = Lookup::new(base, dataset);
    model.new_users = who == Who::Everyone;
    let calibration = base.metadata().calibration;
    let range = label_range(base);
    let mut people: Vec<User> = Vec::new();
    people.resize_with(events.users.len(), User::default);
    for row in 0..events.len() {
        let who = events.occasion.get(row).copied().unwrap_or(events.user[row]);
        let Some(score) = model.score(dataset, who, events.item[row]) else { continue };
        let user = &mut people[events.user[row] as usize];
        user.rows += 1;
        let click = rule.click(events.label[row], events.target[row]);
        let probability = sigmoid(calibration.a * score + calibration.b);
        if rule.squared {
            user.squares += f64::from(score.clamp(range.0, range.1) - events.label[row]).powi(2);
        }
        if let Some(click) = click {
            let target = f32::from(u8::from(click));
            if !rule.squared {
                user.squares += f64::from(probability - target).powi(2);
            }
            user.losses += log_loss(probability, target);
            user.scored.push((score, click));
            user.predicted.push((probability, click));
        }
    }
    let scored: Vec<Vec<(f32, bool)>> = people.iter_mut().map(|user| std::mem::take(&mut user.scored)).collect();
    let rows = people.iter().map(|user| user.rows).sum();
    Known {
        rows,
        users: people.iter().filter(|user| user.rows > 0).count(),
        rmse: Estimate::ratio(people.iter().map(|user| (user.squares, user.rows as f64))).map(Estimate::root),
        log_loss: Estimate::ratio(people.iter().map(|user| (user.losses, user.predicted.len() as f64))),
        auc: Estimate::auc(&scored),
        within_user_auc: Estimate::mean(scored.into_iter().map(auc)),
        calibration: Reliability::new(people.iter().flat_map(|user| user.predicted.iter().copied())),
        skipped: events.len() - rows,
    }
}

/// What the rows of one user add up to.
#[derive(Default)]
struct User {
    rows: usize,
    squares: f64,
    losses: f64,
    scored: Vec<(f32, bool)>,
    predicted: Vec<(f32, bool)>,
}

/// The labels of the training data; a regression does not predict beyond them (as libFM does).
fn label_range(base: &Base) -> (f32, f32) {
    let labels = base.metadata().training.field("labels").and_then(Value::as_array).unwrap_or_default();
    match labels {
        [Value::Number(low), Value::Number(high)] if low <= high => (*low as f32, *high as f32),
        _ => (f32::MIN, f32::MAX),
    }
}

/// The seed's rows under the dataset's numbers.
struct Lookup {
    w0: f32,
    width: usize,
    rows: Vec<f32>,
    known: Vec<bool>,
    /// Covariance of a visitor's row, if scores are to be moderated by it.
    uncertain: Option<Vec<f32>>,
    new_users: bool,
}

impl Lookup {
    fn new(base: &Base, dataset: &Dataset) -> Lookup {
        let (width, n) = (base.width(), dataset.problem.layout.rows());
        let Prior { covariance, scale, .. } = &base.metadata().prior;
        let logistic = base.metadata().loss == Loss::Logistic;
        let mut lookup = Lookup {
            w0: base.metadata().w0,
            width,
            rows: vec![0.0; n * width],
            known: vec![false; n],
            uncertain: logistic.then(|| covariance.iter().map(|x| scale * x).collect()),
            new_users: false,
        };
        for (i, row) in lookup.rows.chunks_exact_mut(width).enumerate() {
            if let Some(found) = base.find(FeatureId::named(&dataset.name(i))) {
                base.row_into(found, row);
                lookup.known[i] = true;
            }
        }
        lookup
    }

    /// None if the user has no row and new ones are not wanted. A new one is moderated by how unknown they are, as a visitor
    /// is in the browser. An item that the seed never saw has a row of zeros.
    fn score(&self, dataset: &Dataset, user: u32, item: u32) -> Option<f32> {
        let known = self.known[dataset.problem.users.rows(user)[0] as usize];
        let (user, item) = (dataset.problem.users.active(user), dataset.problem.items.active(item));
        if !known && !self.new_users {
            return None;
        }
        let mut sum = vec![0.0; self.width];
        let mut squares = 0.0;
        for (row, value) in user.chain(item.clone()) {
            let row = &self.rows[row as usize * self.width..][..self.width];
            sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += value * x);
            squares += value * value * row[1..].iter().map(|x| x * x).sum::<f32>();
        }
        let score = self.w0 + sum[0] + 0.5 * (sum[1..].iter().map(|x| x * x).sum::<f32>() - squares);
        Some(match &self.uncertain {
            Some(covariance) if !known => {
                score / (1.0 + std::f32::consts::PI / 8.0 * self.variance(covariance, item)).sqrt()
            }
            _ => score,
        })
    }

    /// phi^T C phi of phi = (1, the item's factors).
    fn variance(&self, covariance: &[f32], item: impl Iterator<Item = (u32, f32)>) -> f32 {
        let mut phi = vec![0.0; self.width];
        for (row, value) in item {
            phi.iter_mut().zip(&self.rows[row as usize * self.width..]).for_each(|(sum, x)| *sum += value * x);
        }
        phi[0] = 1.0;
        let rows = covariance.chunks_exact(self.width);
        rows.zip(&phi).map(|(row, x)| x * row.iter().zip(&phi).map(|(c, y)| c * y).sum::<f32>()).sum()
    }
}

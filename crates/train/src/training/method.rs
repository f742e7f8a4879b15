//! From what a recipe says of the method to what the trainer takes.

use super::recipe::{Descent, Loss, Method, Pull, Recipe};
use crate::data::Dataset;
use crate::error::Result;
use crate::input::LabelRule;
use crate::seed::object;
use crate::trainer::{self, BayesConfig, L2, Objective, SgdConfig};
use brooklet_core::Value;

/// Rows of fields learn so much slower than those of users and items.
const FIELD_RATE: f32 = 0.03;

/// The method of a recipe, for these data.
pub(super) fn method(recipe: &Recipe, rule: &LabelRule, dataset: &Dataset) -> Result<trainer::Method> {
    let (threads, seed) = (recipe.threads.max(1), recipe.seed);
    let Descent { rate: wanted, pull, batch } = &recipe.descent;
    let objective = match recipe.loss {
        Loss::Logistic => Objective::Logistic,
        Loss::Squared => Objective::Squared,
        Loss::Bpr => Objective::Pairs,
    };
    ensure!(*batch > 0, Setting, "--batch 0 would never step: give 1 or more, or leave it out");
    if matches!(recipe.method, Some(Method::Bayes | Method::Implicit)) {
        ensure!(
            recipe.descent == Descent::default(),
            Setting,
            "--rate, --l2 and --batch are of gradient descent: leave them out, or take --method sgd"
        );
        ensure!(objective != Objective::Pairs, Setting, "--loss bpr is learnt by gradient descent: take --method sgd");
        return Ok(trainer::Method::Bayes(BayesConfig { squared: rule.squared, threads, seed }));
    }
    ensure!(
        threads == 1 || (*batch == 1 && objective != Objective::Pairs),
        Setting,
        "--batch and --loss bpr take one thread: leave out --threads"
    );
    ensure!(*batch == 1 || objective != Objective::Pairs, Setting, "--loss bpr steps at every pair: leave out --batch");
    let adaptive = recipe.method == Some(Method::Adagrad);
    // Found on MovieLens-1M and -100K. Graded targets are less noisy than clicks, so they bear less regularisation.
    let (rate, l2) = match (objective, rule.map.is_empty()) {
        (Objective::Squared, _) => (0.02, 0.05),
        (Objective::Logistic, false) => (0.05, 0.008),
        (_, _) => (0.05, 0.02),
    };
    // Rates that fall begin higher, those of fields above all: they have the most events.
    let (rate, field_rate) = if adaptive { (0.5, 0.2) } else { (rate, FIELD_RATE) };
    Ok(trainer::Method::Sgd(SgdConfig {
        objective,
        rate: wanted.unwrap_or(rate),
        decay: if adaptive { 0.0 } else { 0.1 },
        field_rate,
        adaptive,
        batch: *batch,
        l2: regularisation(pull, l2, dataset)?,
        threads,
        seed,
    }))
}

/// What is not named has `usual`.
fn regularisation(pull: &Pull, usual: f32, dataset: &Dataset) -> Result<L2> {
    let fields = dataset.fields.len();
    let all = |l2: f32| L2 { w: 0.002, user: l2, item: l2, fields: vec![l2; fields] };
    let by_column = match pull {
        Pull::Usual => return Ok(all(usual)),
        Pull::Of(l2) => return Ok(all(*l2)),
        Pull::Columns(by_column) => by_column,
    };
    let mut l2 = all(usual);
    for (column, value) in by_column {
        if *column == dataset.columns.user {
            l2.user = *value;
        } else if *column == dataset.columns.item {
            l2.item = *value;
        } else if let Some(field) = dataset.fields.find(column) {
            l2.fields[field as usize] = *value;
        } else {
            bail!(Setting, "--l2: `{column}` is neither the user's nor the item's column nor one of their fields");
        }
    }
    Ok(l2)
}

/// What a seed's metadata say of its method.
pub(super) fn provenance(method: &trainer::Method, dataset: &Dataset) -> Value {
    let number = |x: f32| Value::Number(x.into());
    let trainer::Method::Sgd(config) = method else { return object([("name", Value::from("bayes"))]) };
    let L2 { w, user, item, fields } = &config.l2;
    let mut l2 = vec![("w".to_owned(), number(*w))];
    l2.push((dataset.columns.user.clone(), number(*user)));
    l2.push((dataset.columns.item.clone(), number(*item)));
    l2.extend(dataset.fields.names().map(str::to_owned).zip(fields.iter().map(|x| number(*x))));
    object([
        ("name", Value::from(if config.adaptive { "adagrad" } else { "sgd" })),
        ("rate", number(config.rate)),
        ("decay", number(config.decay)),
        ("batch", number(config.batch as f32)),
        ("l2", Value::Object(l2)),
    ])
}

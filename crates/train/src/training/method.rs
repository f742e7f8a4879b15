//! The flags that say how a model is learnt.

use crate::dataset::Dataset;
use crate::input::LabelRule;
use crate::seed::object;
use crate::trainer::{BayesConfig, L2, Method, Objective, SgdConfig};
use crate::error::{Context, Result};
use brooklet_core::Value;
use clap::ValueEnum;

/// What the model learns by.
#[derive(Debug, clap::Args)]
pub(crate) struct MethodArgs {
    /// How the model is learnt.
    #[arg(long, value_enum, default_value = "sgd")]
    method: MethodName,
    /// What is minimised.
    #[arg(long, value_enum, default_value = "logistic")]
    pub(crate) loss: LossName,
    /// Threads. The same number gives the same seed for the same --seed, bit for bit.
    #[arg(long, default_value_t = 1)]
    pub(crate) threads: usize,
    /// Seed of everything random.
    #[arg(long, default_value_t = 42)]
    pub(crate) seed: u64,
    /// Learning rate of the first epoch of gradient descent.
    #[arg(long, value_parser = crate::numbers::not_negative, allow_negative_numbers = true)]
    rate: Option<f32>,
    /// Pull of factors toward zero at every event of gradient descent: one number, or some by column, as in
    /// user=.02,genres=.1.
    #[arg(long, value_name = "L2 or COLUMN=L2,..")]
    l2: Option<String>,
    /// Events between two steps of gradient descent.
    #[arg(long, default_value_t = 1, value_name = "EVENTS")]
    batch: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum MethodName {
    /// Stochastic gradient descent
    Sgd,
    /// Gradient descent at rates that fall with each row's errors
    Adagrad,
    /// Variational Bayes: nothing to tune, and the prior of a new visitor is learnt as well
    Bayes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LossName {
    /// Of clicks and skips
    Logistic,
    /// Of the label itself
    Squared,
    /// Of a click over a skip of the same user
    Bpr,
}

/// Rows of fields learn so much slower than those of users and items.
const FIELD_RATE: f32 = 0.03;

impl MethodArgs {
    pub(crate) fn method(&self, rule: &LabelRule, dataset: &Dataset) -> Result<Method> {
        let (threads, seed) = (self.threads.max(1), self.seed);
        let objective = match self.loss {
            LossName::Logistic => Objective::Logistic,
            LossName::Squared => Objective::Squared,
            LossName::Bpr => Objective::Pairs,
        };
        ensure!(self.batch > 0, Setting, "--batch 0 would never step: give 1 or more, or leave it out");
        if self.method == MethodName::Bayes {
            ensure!(
                self.rate.is_none() && self.l2.is_none() && self.batch == 1, Setting,
                "--rate, --l2 and --batch are of gradient descent: leave them out, or take --method sgd"
            );
            ensure!(objective != Objective::Pairs, Setting, "--loss bpr is learnt by gradient descent: take --method sgd");
            return Ok(Method::Bayes(BayesConfig { squared: rule.squared, threads, seed }));
        }
        ensure!(
            threads == 1 || (self.batch == 1 && objective != Objective::Pairs), Setting,
            "--batch and --loss bpr take one thread: leave out --threads"
        );
        ensure!(self.batch == 1 || objective != Objective::Pairs, Setting, "--loss bpr steps at every pair: leave out --batch");
        let adaptive = self.method == MethodName::Adagrad;
        // Found on MovieLens-1M and -100K. Graded targets are less noisy than clicks, so they bear less regularisation.
        let (rate, l2) = match (objective, rule.map.is_empty()) {
            (Objective::Squared, _) => (0.02, 0.05),
            (Objective::Logistic, false) => (0.05, 0.008),
            (_, _) => (0.05, 0.02),
        };
        // Rates that fall begin higher, those of fields above all: they have the most events.
        let (rate, field_rate) = if adaptive { (0.5, 0.2) } else { (rate, FIELD_RATE) };
        Ok(Method::Sgd(SgdConfig {
            objective,
            rate: self.rate.unwrap_or(rate),
            decay: if adaptive { 0.0 } else { 0.1 },
            field_rate,
            adaptive,
            batch: self.batch,
            l2: parse_l2(self.l2.as_deref().unwrap_or(""), l2, dataset)?,
            threads,
            seed,
        }))
    }
}

/// `0.02`, or `user=.02,genres=.1`, where what is not named has `usual`.
fn parse_l2(text: &str, usual: f32, dataset: &Dataset) -> Result<L2> {
    let number = |text: &str| -> Result<f32> {
        let number = text.trim().parse::<f32>().ok().filter(|x| x.is_finite() && *x >= 0.0);
        number.with_context(|| format!("--l2: `{text}` is not a number of at least 0"))
    };
    let fields = dataset.fields.len();
    let mut l2 = L2 { w: 0.002, user: usual, item: usual, fields: vec![usual; fields] };
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let Some((column, value)) = part.split_once('=') else {
            ensure!(part == text, Setting, "--l2: `{part}` names no column: give one number, or COLUMN=L2 for each");
            let value = number(part)?;
            return Ok(L2 { user: value, item: value, fields: vec![value; fields], ..l2 });
        };
        let value = number(value)?;
        if column == dataset.columns.user {
            l2.user = value;
        } else if column == dataset.columns.item {
            l2.item = value;
        } else if let Some(field) = dataset.fields.find(column) {
            l2.fields[field as usize] = value;
        } else {
            bail!(Setting, "--l2: `{column}` is neither the user's nor the item's column nor one of their fields");
        }
    }
    Ok(l2)
}

/// What a seed's metadata say of its method.
pub(crate) fn provenance(method: &Method, dataset: &Dataset) -> Value {
    let number = |x: f32| Value::Number(x.into());
    let Method::Sgd(config) = method else { return object([("name", Value::from("bayes"))]) };
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

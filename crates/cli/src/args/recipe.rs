//! What a seed is made of, and how: the flags that `train` and `simulate` share.

use super::events::EventArgs;
use super::names::named;
use super::numbers::{finite, not_negative, threads};
use anyhow::{Context, Result, ensure};
use brooklet_core::Precision;
use brooklet_train::HoldOut;
use brooklet_train::input::{Dialect, parse_label_map};
use brooklet_train::training::{Descent, Files, Loss, Method, Pull, Recipe};
use std::path::{Path, PathBuf};

const FIELDS: &str = "Fields of items, users and moments";
const LABELS: &str = "What labels mean";
const LEARNT: &str = "How it is learnt";

/// What a seed is made of, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct RecipeArgs {
    #[command(flatten)]
    events: EventArgs,
    /// File of items in any format that events have, with the columns of --item-fields. Event logs tell them without one.
    #[arg(long, value_name = "FILE", help_heading = FIELDS)]
    pub(crate) items: Option<PathBuf>,
    /// Columns of --items that become features; a list, or a `|` inside a cell, is several values.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS", help_heading = FIELDS)]
    item_fields: Vec<String>,
    /// Columns of --items, or of those named by --user-fields and --context-fields, that hold numbers: each is one feature, scaled by its own mean and
    /// deviation. Other columns hold categories, whatever they look like.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS", help_heading = FIELDS)]
    numeric: Vec<String>,
    /// File of users in any format, with the columns of --user-fields.
    #[arg(long, value_name = "FILE", help_heading = FIELDS)]
    pub(crate) users: Option<PathBuf>,
    /// Columns of --users that become features, which a page gives as the context. They are private: no delta has them. A
    /// category of fewer than 20 users is not in the seed.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS", help_heading = FIELDS)]
    user_fields: Vec<String>,
    /// Columns of the events that become features of the moment, which a page gives as the context: device, hour. They are shared; a
    /// category of fewer than 20 users is not in the seed.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS", help_heading = FIELDS)]
    context_fields: Vec<String>,
    /// A label of at least this is a click.
    #[arg(long, value_name = "LABEL", value_parser = finite, help_heading = LABELS)]
    positive: Option<f32>,
    /// Graded targets for the logistic loss, as in 1=.05,2=.15,3=.35,4=.7,5=.9.
    #[arg(long, value_name = "LABEL=TARGET,..", help_heading = LABELS)]
    label_map: Option<String>,
    /// Factors of a row.
    #[arg(long, default_value_t = 16)]
    pub(crate) factors: usize,
    /// Add so many skips for every event, of items that the user has not met: for data that hold clicks alone.
    #[arg(long, default_value_t = 0, value_name = "SKIPS", help_heading = LABELS)]
    negatives: usize,
    #[command(flatten)]
    method: MethodArgs,
    /// Passes over the events; without it, as many as help on validation.
    #[arg(long)]
    epochs: Option<usize>,
    /// Passes of --method implicit over what ranks the whole catalogue, each of three steps: three rank nearly as well as twelve.
    #[arg(long, default_value_t = 12)]
    catalogue_passes: usize,
    /// What validation is on.
    #[arg(long, default_value = "random", value_parser = named(HoldOut::ALL, HoldOut::as_str, held_out))]
    holdout: HoldOut,
    /// How factors are stored.
    #[arg(long, default_value = "f16", value_parser = named(Precision::ALL, Precision::as_str, stored))]
    precision: Precision,
    /// Name of the model.
    #[arg(long, default_value = "model", value_name = "NAME")]
    pub(crate) model: String,
}

/// What the model learns by.
#[derive(Debug, clap::Args)]
struct MethodArgs {
    /// How the model is learnt [default: implicit for clicks, or clicks and skips, that fit in --memory; else, and with --rate, --l2, --batch,
    /// --keep-users or --label-map, sgd].
    #[arg(long, value_parser = named(Method::ALL, Method::as_str, learnt), help_heading = LEARNT)]
    method: Option<Method>,
    /// What is minimised.
    #[arg(long, default_value = "logistic", value_parser = named(Loss::ALL, Loss::as_str, minimised), help_heading = LEARNT)]
    loss: Loss,
    /// Threads. The same number gives the same seed for the same --random, bit for bit.
    #[arg(long, default_value_t = 1, value_parser = threads, help_heading = LEARNT)]
    threads: usize,
    /// What everything random is drawn from.
    #[arg(long, alias = "seed", default_value_t = 42, value_name = "NUMBER", help_heading = LEARNT)]
    random: u64,
    /// Learning rate of the first epoch of gradient descent.
    #[arg(long, value_parser = not_negative, help_heading = LEARNT)]
    rate: Option<f32>,
    /// Pull of factors toward zero at every event of gradient descent: one number, or some by column, as in
    /// user=.02,genres=.1.
    #[arg(long, value_name = "L2 or COLUMN=L2,..", help_heading = LEARNT)]
    l2: Option<String>,
    /// Events between two steps of gradient descent.
    #[arg(long, default_value_t = 1, value_name = "EVENTS", help_heading = LEARNT)]
    batch: usize,
}

impl RecipeArgs {
    /// How the seed is made.
    pub(crate) fn recipe(&self) -> Result<Recipe> {
        let map = self.label_map.as_deref().map(parse_label_map).transpose().context("--label-map")?;
        let MethodArgs { method, loss, threads, random, rate, l2, batch } = &self.method;
        let pull = l2.as_deref().map(parse_l2).transpose()?.unwrap_or(Pull::Usual);
        Ok(Recipe {
            positive: self.positive,
            label_map: map.unwrap_or_default(),
            numeric: self.numeric.clone(),
            factors: self.factors,
            negatives: self.negatives,
            method: *method,
            loss: *loss,
            descent: Descent { rate: *rate, pull, batch: *batch },
            threads: *threads,
            seed: *random,
            epochs: self.epochs,
            passes: self.catalogue_passes,
            holdout: self.holdout,
            precision: self.precision,
            model: self.model.clone(),
            keep_users: false,
            report: false,
            // The other half is the reader's.
            memory: self.events.memory / 2,
        })
    }

    /// The events as a person calls them.
    pub(crate) fn title(&self) -> String {
        self.events.title()
    }

    /// How they are written.
    pub(crate) fn dialect(&self) -> Dialect {
        self.events.dialect()
    }

    /// The files that are read.
    pub(crate) fn inputs(&self) -> Result<Vec<PathBuf>> {
        let sides = self.items.iter().chain(&self.users).cloned();
        Ok(self.events.inputs()?.into_iter().chain(sides).collect())
    }

    /// What it is made of. Events that do not fit in memory go into `folder`.
    pub(crate) fn files(&self, folder: &Path) -> Files {
        Files {
            events: self.events.files(folder),
            items: self.items.clone(),
            item_fields: self.item_fields.clone(),
            users: self.users.clone(),
            user_fields: self.user_fields.clone(),
            context_fields: self.context_fields.clone(),
        }
    }
}

fn learnt(method: Method) -> &'static str {
    match method {
        Method::Sgd => "Stochastic gradient descent",
        Method::Adagrad => "Gradient descent at rates that fall with each row's errors",
        Method::Implicit => {
            "Clicks and skips by variational Bayes, and the whole catalogue by least squares over all pairs of a user and an item, shown or not"
        }
        Method::Bayes => "Variational Bayes: nothing to tune, and the prior of a new visitor is learnt as well",
    }
}

fn minimised(loss: Loss) -> &'static str {
    match loss {
        Loss::Logistic => "Of clicks and skips",
        Loss::Squared => "Of the label itself",
        Loss::Bpr => "Of a click over a skip of the same user",
    }
}

fn held_out(holdout: HoldOut) -> &'static str {
    match holdout {
        HoldOut::Random => "Any events",
        HoldOut::Time => "The last events",
        HoldOut::Users => "All events of some users",
    }
}

pub(crate) fn stored(precision: Precision) -> &'static str {
    match precision {
        Precision::F16 => "Two bytes a number",
        Precision::Int8 => "One byte a number and four a row",
        Precision::Steps => {
            "As f16, but whole multiples of a step a column, which browsers download in a byte a number"
        }
    }
}

/// Parses `0.02`, or `user=.02,genres=.1`.
fn parse_l2(text: &str) -> Result<Pull> {
    let number = |text: &str| -> Result<f32> {
        let number = text.trim().parse::<f32>().ok().filter(|x| x.is_finite() && *x >= 0.0);
        number.with_context(|| format!("--l2: `{text}` is not a number of at least 0"))
    };
    let mut columns = Vec::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let Some((column, value)) = part.split_once('=') else {
            ensure!(part == text, "--l2: `{part}` names no column: give one number, or COLUMN=L2 for each");
            return Ok(Pull::Of(number(part)?));
        };
        columns.push((column.to_owned(), number(value)?));
    }
    Ok(Pull::Columns(columns))
}

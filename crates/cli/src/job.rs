//! One training: the data, and how to train on them.

use crate::commands::train::Args;
use crate::dataset::Dataset;
use crate::holdout::{Labelled, Split};
use crate::input::{Columns, LabelRule, SideTable, Store, parse_label_map};
use crate::method::{LossName, provenance};
use crate::metrics::{auc, log_loss, mean};
use crate::negatives;
use crate::progress::Progress;
use crate::progressive::Visitors;
use crate::seed::{Sources, encode, object, prior, visitor};
use crate::stream::source;
use crate::trainer::{Epochs, Event, Fitted, MAX_FACTORS, Method, Model, Objective, Stopped, Visitor, fit, sigmoid};
use crate::tune::{Report as Tuning, Settings, platt, tune};
use anyhow::{Context, Result, anyhow, bail, ensure};
use brooklet_core::{Base, Calibration, Labels, Loss, Metadata, Precision, Schema, Value};
use serde::Serialize;
use std::path::Path;

/// Users need so many events for their row to count in the prior of a new visitor.
const PRIOR_EVENTS: u32 = 20;
/// Deviation of the factors before gradient descent.
const INIT: f32 = 0.05;

/// The data, and how to train on them.
pub(crate) struct Job {
    pub(crate) dataset: Dataset,
    items: SideTable,
    rule: LabelRule,
    sources: Sources,
    method: Method,
    threads: usize,
    seed: u64,
    pub(crate) epochs: Epochs,
    factors: usize,
    loss: Loss,
    model_name: String,
    keep_users: bool,
    /// Bytes that the events may take in training.
    memory: usize,
}

/// `log_loss` is the cross-entropy against the target that was learnt (graded, if labels were mapped); `auc` is against
/// clicks; `rmse` is against the target: of the probability under the logistic loss.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) log_loss: Option<f64>,
    pub(crate) auc: Option<f64>,
    pub(crate) rmse: Option<f64>,
}

impl Job {
    pub(crate) fn new(args: &Args) -> Result<Job> {
        let squared = args.method.loss == LossName::Squared;
        ensure!(
            !(squared && args.label_map.is_some()),
            "--label-map grades targets of the logistic loss: leave it out"
        );
        ensure!(
            args.factors <= MAX_FACTORS.min(brooklet_core::MAX_FACTORS),
            "--factors {} is too many: at most {}",
            args.factors,
            MAX_FACTORS.min(brooklet_core::MAX_FACTORS)
        );
        let columns = args.events.columns()?;
        check_names(&columns, &args.item_fields, &args.user_fields)?;
        let map = args.label_map.as_deref().map(parse_label_map).transpose().context("--label-map")?;
        let rule = LabelRule { squared, positive: args.positive, map: map.unwrap_or_default() };
        let sources = Sources {
            events: args.events.title(),
            items: args.items.clone(),
            users: args.users.clone(),
            item_fields: args.item_fields.clone(),
            user_fields: args.user_fields.clone(),
            columns,
        };
        let folder = args.out.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        let (mut store, users, items) = sources.read(args.events.reading(&sources.columns, &rule, folder)?)?;
        let memory = args.events.memory / 2;
        if args.negatives > 0 {
            ensure!(!squared, "--negatives adds skips, which have no label: leave it out with --loss squared");
            ensure!(
                store.len().saturating_mul(1 + args.negatives) <= memory / size_of::<Event>(),
                "--negatives holds all events and skips in memory, and they are more than --memory: raise it"
            );
            let mut events = store.events()?;
            negatives::add(&mut events, args.negatives, args.method.seed);
            store = Store::of(events);
        }
        let dataset = Dataset::new(store, sources.columns.clone(), &users, &items);
        let method = args.method.method(&rule, &dataset)?;
        let epochs = match args.epochs {
            Some(0) => bail!("--epochs 0 trains nothing: give 1 or more, or leave it out"),
            Some(n) => Epochs::Exactly(n),
            None => Epochs::UntilNoBetter { patience: 3, most: 50 },
        };
        let loss = if squared { Loss::Squared } else { Loss::Logistic };
        Ok(Job {
            dataset,
            items,
            rule,
            sources,
            method,
            threads: args.method.threads.max(1),
            seed: args.method.seed,
            epochs,
            factors: args.factors,
            loss,
            model_name: args.model.clone(),
            keep_users: args.keep_users,
            memory,
        })
    }

    /// Trains on what the split leaves, or on everything.
    pub(crate) fn fit(&self, split: Option<&Split>, epochs: Epochs) -> Result<Fitted> {
        let problem = &self.dataset.problem;
        let model = Model::new(&problem.layout, self.factors, INIT, self.seed);
        let (what, most) = match epochs {
            Epochs::Exactly(n) => ("training", n),
            Epochs::UntilNoBetter { most, .. } => ("training, rows held out", most),
        };
        let progress = Progress::steps(what, most);
        let note = |_, loss: Option<f64>| {
            progress.step();
            if let Some(loss) = loss {
                progress.note(format!("validation loss {loss:.4}"));
            }
        };
        let events = source(&self.dataset.store, split, self.memory, self.seed)?;
        let validation = split.map_or(&[][..], |split| &split.validation.events);
        let fitted = fit(problem, model, events, validation, &self.method, epochs, note);
        let fitted = fitted.map_err(|stopped| match stopped {
            Stopped::Diverged => {
                let remedy = match &self.method {
                    Method::Sgd(config) => format!("lower --rate (now {}) or scale the label", config.rate),
                    Method::Bayes(_) => "scale the label".to_owned(),
                };
                anyhow!("training diverged: its numbers became infinite; {remedy}")
            }
            Stopped::TooLarge => anyhow!(
                "--method bayes and --loss bpr hold all events in memory, and they are more than --memory: raise it"
            ),
            Stopped::Unreadable(error) => error,
        })?;
        progress.done();
        Ok(fitted)
    }

    pub(crate) fn figures(&self, model: &Model, rows: &Labelled) -> Figures {
        let scored = self.scored(model, rows);
        let clicks: Option<Vec<(f32, bool)>> = scored.iter().map(|s| Some((s.score, s.click?))).collect();
        let predicted = |s: &Scored| if self.rule.squared { s.score } else { sigmoid(s.score) };
        let errors = scored.iter().map(|s| f64::from(predicted(s) - s.target).powi(2));
        Figures {
            log_loss: (!self.rule.squared)
                .then(|| mean(scored.iter().map(|s| log_loss(predicted(s), s.target))))
                .flatten(),
            auc: clicks.and_then(auc),
            rmse: mean(errors).map(f64::sqrt),
        }
    }

    fn scored(&self, model: &Model, rows: &Labelled) -> Vec<Scored> {
        let scores = model.scores(&self.dataset.problem, &rows.events);
        let scored = scores.into_iter().zip(&rows.events).zip(&rows.labels);
        scored
            .map(|((score, event), &label)| Scored {
                score,
                target: event.target,
                click: self.rule.click(label, event.target),
            })
            .collect()
    }

    /// Replays the people held out with the browser's learner on a seed that never saw them.
    pub(crate) fn tune(
        &self,
        fitted: &Fitted,
        split: &Split,
        precision: Precision,
    ) -> Result<(Settings, Option<Tuning>)> {
        if split.people.is_empty() {
            return Ok((Settings::default(), None));
        }
        let seed = |settings: &Settings| -> Result<Base> {
            let (mut metadata, _) = self.metadata(fitted, settings, &split.counts, 1);
            metadata.private_rows = false;
            Ok(Base::read(encode(&metadata, &fitted.model, &self.dataset, precision)?)?)
        };
        let base = seed(&Settings::default())?;
        let visitors = Visitors::of(&split.people, &base, &split.visits, &self.rule, &self.items)?;
        let (settings, report) = tune(&visitors, self.rule.squared, self.threads, seed)?;
        Ok((settings, Some(report)))
    }

    /// For `eval`, which scores users whom the seed knows. A score that was learnt from clicks is calibrated to clicks.
    pub(crate) fn known_users_calibration(&self, model: &Model, validation: &Labelled) -> Calibration {
        if self.method.objective() == Objective::Logistic && self.rule.map.is_empty() {
            return Calibration::default();
        }
        let clicks = self.scored(model, validation).into_iter().filter_map(|s| Some((s.score, s.click?, 1.0)));
        platt(clicks.collect())
    }

    /// The metadata of a model that was trained on so many events of each user, and how many users its prior is from.
    pub(crate) fn metadata(
        &self,
        fitted: &Fitted,
        settings: &Settings,
        counts: &[u32],
        epochs: usize,
    ) -> (Metadata, usize) {
        let (visitor, prior_users) = match &fitted.visitor {
            Some(visitor) => (visitor.clone(), counts.len()),
            None => self.point_estimates(&fitted.model, counts),
        };
        let columns = &self.sources.columns;
        let fields = std::iter::once(&columns.item).chain(&self.sources.item_fields).cloned().collect();
        let metadata = Metadata {
            model: self.model_name.clone(),
            version: 1,
            factors: self.factors,
            loss: self.loss,
            w0: fitted.model.w0,
            schema: Schema {
                visitor: columns.user.clone(),
                item: columns.item.clone(),
                private: self.sources.user_fields.clone(),
                fields,
                rates: Vec::new(),
            },
            rates: settings.rates,
            prior: prior(visitor, settings.scale),
            calibration: settings.calibration,
            labels: Labels { positive: self.rule.positive, map: self.rule.map.clone() },
            private_rows: self.keep_users,
            training: self.provenance(counts, epochs),
        };
        (metadata, prior_users)
    }

    /// A visitor as the rows of users who are well known suggest, and how many those are.
    fn point_estimates(&self, model: &Model, counts: &[u32]) -> (Visitor, usize) {
        // Data without a single busy user still have users.
        let most = counts.iter().copied().max().unwrap_or(0);
        visitor(model, &self.dataset, counts, PRIOR_EVENTS.min(most))
    }

    fn provenance(&self, counts: &[u32], epochs: usize) -> Value {
        let number = |x: f64| Value::Number(x);
        let rows: f64 = counts.iter().map(|&count| f64::from(count)).sum();
        let (low, high) = self.dataset.store.summary().labels;
        let mut fields: Vec<(String, Value)> =
            self.sources.to_fields().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let more = object([
            ("command", Value::from(concat!("brooklet ", env!("CARGO_PKG_VERSION")))),
            ("rows", number(rows)),
            ("users_seen", number(counts.len() as f64)),
            ("labels", Value::Array(vec![number(low.into()), number(high.into())])),
            ("epochs", number(epochs as f64)),
            ("seed", number(self.seed as f64)),
            ("threads", number(self.threads as f64)),
            ("method", provenance(&self.method, &self.dataset)),
        ]);
        if let Value::Object(more) = more {
            fields.extend(more);
        }
        Value::Object(fields)
    }
}

/// One event as a model sees it.
struct Scored {
    score: f32,
    target: f32,
    click: Option<bool>,
}

/// A feature is known by its name, so no field may be two things.
fn check_names(columns: &Columns, item_fields: &[String], user_fields: &[String]) -> Result<()> {
    let mut names: Vec<&String> =
        [&columns.user, &columns.item].into_iter().chain(item_fields).chain(user_fields).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => bail!("`{}` is named for two roles: rename one of the columns in its file", pair[0]),
        None => Ok(()),
    }
}

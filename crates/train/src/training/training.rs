//! One training: the data, and how to train on them.

use crate::commands::train::Recipe;
use crate::dataset::Dataset;
use crate::holdout::{HoldOut, Labelled, Split};
use crate::input::{Batch, Columns, Events, LabelRule, SideTable, Store, parse_label_map};
use crate::judge::Judged;
use crate::method::{LossName, provenance};
use crate::metrics::{auc, log_loss, mean};
use crate::negatives;
use crate::progress::Progress;
use crate::progressive::{FREEZE, Visitors};
use crate::seed::{Sources, encode, object, prior, visitor};
use crate::stream::source;
use crate::trainer::{
    Epochs, Event, Fitted, MAX_FACTORS, Method, Model, Objective, Stopped, Visitor, fit, loss, sigmoid,
};
use crate::tune::{Report as Tuning, Settings, platt, tune};
use crate::error::{Context, Result};
use brooklet_core::{Base, Calibration, Labels, Loss, Metadata, Precision, Schema, Thresholds, Value};
use serde::Serialize;
use std::path::Path;
use std::time::Duration;

/// Users need so many events for their row to count in the prior of a new visitor.
const PRIOR_EVENTS: u32 = 20;
/// Deviation of the factors before gradient descent.
const INIT: f32 = 0.05;

/// The data, and how to train on them.
pub(crate) struct Job {
    pub(crate) dataset: Dataset,
    pub(crate) items: SideTable,
    pub(crate) users: SideTable,
    pub(crate) rule: LabelRule,
    sources: Sources,
    method: Method,
    threads: usize,
    seed: u64,
    epochs: Epochs,
    holdout: HoldOut,
    pub(crate) precision: Precision,
    factors: usize,
    loss: Loss,
    model_name: String,
    pub(crate) keep_users: bool,
    /// Whether somebody wants a report: the loss of rows that are trained on is told an epoch, and the people held out are
    /// replayed once more with what was chosen.
    pub(crate) tell: bool,
    /// Bytes that the events may take in training.
    memory: usize,
}

/// A seed, and what its making told.
pub(crate) struct Made {
    pub(crate) bytes: Vec<u8>,
    pub(crate) settings: Settings,
    pub(crate) epochs: usize,
    /// Of the run that held rows out.
    pub(crate) train: Figures,
    pub(crate) validation: Figures,
    pub(crate) tuning: Option<Tuning>,
    /// Its losses after each epoch, on rows trained on and held out, if somebody wants a report.
    pub(crate) curve: Vec<(f64, f64)>,
    pub(crate) prior_users: usize,
    /// Events that gradient descent went over, and the time it took.
    pub(crate) descended: usize,
    pub(crate) descent: Duration,
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
    /// Reads the events. What does not fit in memory goes into `folder`.
    pub(crate) fn new(args: &Recipe, folder: &Path) -> Result<Job> {
        let squared = args.method.loss == LossName::Squared;
        ensure!(
            !(squared && args.label_map.is_some()), Setting,
            "--label-map grades targets of the logistic loss: leave it out"
        );
        ensure!(
            args.factors <= MAX_FACTORS.min(brooklet_core::MAX_FACTORS), Setting,
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
        let (mut store, users, items) = sources.read(args.events.reading(&sources.columns, &rule, folder)?)?;
        let (low, high) = store.summary().labels;
        if let (Ok(least), Ok(most)) = (rule.target(low), rule.target(high)) {
            // A map may say of labels between what it likes.
            let alike = least == most && (low == high || rule.map.is_empty());
            ensure!(
                !alike || args.negatives > 0, Setting,
                "{}: every label becomes the same target, {least}: there is nothing to tell apart; say with --positive which \
                 labels are clicks, name the right column with --label, or add skips with --negatives",
                sources.events
            );
        }
        let memory = args.events.memory / 2;
        if args.negatives > 0 {
            ensure!(!squared, Setting, "--negatives adds skips, which have no label: leave it out with --loss squared");
            ensure!(
                store.len().saturating_mul(1 + args.negatives) <= memory / size_of::<Event>(), Setting,
                "--negatives holds all events and skips in memory, and they are more than --memory: raise it"
            );
            let mut events = store.events()?;
            negatives::add(&mut events, args.negatives, args.method.seed);
            store = Store::of(events);
        }
        let dataset = Dataset::new(store, sources.columns.clone(), &users, &items);
        let method = args.method.method(&rule, &dataset)?;
        let epochs = match args.epochs {
            Some(0) => bail!(Setting, "--epochs 0 trains nothing: give 1 or more, or leave it out"),
            Some(n) => Epochs::Exactly(n),
            None => Epochs::UntilNoBetter { patience: 3, most: 50 },
        };
        let loss = if squared { Loss::Squared } else { Loss::Logistic };
        Ok(Job {
            dataset,
            items,
            users,
            rule,
            sources,
            method,
            threads: args.method.threads.max(1),
            seed: args.method.seed,
            epochs,
            holdout: args.holdout,
            precision: args.precision,
            factors: args.factors,
            loss,
            model_name: args.model.clone(),
            keep_users: false,
            tell: false,
            memory,
        })
    }

    /// The same upon these events.
    pub(crate) fn of(&self, events: Events) -> Job {
        Job {
            dataset: Dataset::new(Store::of(events), self.sources.columns.clone(), &self.users, &self.items),
            items: self.items.clone(),
            users: self.users.clone(),
            rule: self.rule.clone(),
            sources: self.sources.clone(),
            method: self.method.clone(),
            model_name: self.model_name.clone(),
            ..*self
        }
    }

    /// Trains with some rows held out to see when to stop and some people to tune on, then upon everything.
    pub(crate) fn seed(&self) -> Result<Made> {
        let store = &self.dataset.store;
        let split = Split::new(store, self.holdout, self.seed)?;
        let seen = split.sample(store)?;
        let (held_out, curve) = self.fit(Some((&split, &seen)), self.epochs)?;
        let train = self.figures(&held_out.model, &seen);
        let validation = self.figures(&held_out.model, &split.validation);
        let (mut settings, tuning) = self.tune(&held_out, &split)?;
        if self.keep_users {
            settings.calibration = self.known_users_calibration(&held_out.model, &split.validation);
        }

        let (fitted, _) = self.fit(None, Epochs::Exactly(held_out.epochs))?;
        let (metadata, prior_users) = self.metadata(&fitted, &settings, &store.summary().counts, fitted.epochs);
        let events = self.dataset.events()?;
        let bytes = encode(&metadata, &fitted.model, &self.dataset, Some(&events), self.precision)?;
        Ok(Made {
            bytes,
            settings,
            epochs: fitted.epochs,
            train,
            validation,
            tuning,
            curve,
            prior_users,
            descended: held_out.events + fitted.events,
            descent: held_out.time + fitted.time,
        })
    }

    /// Trains on what a split leaves, of which some rows are given too, or on everything. Also tells, for a report, the losses
    /// after each epoch: of those rows, and of the ones held out.
    fn fit(&self, split: Option<(&Split, &Labelled)>, epochs: Epochs) -> Result<(Fitted, Vec<(f64, f64)>)> {
        let problem = &self.dataset.problem;
        let model = Model::new(&problem.layout, self.factors, INIT, self.seed);
        let (what, most) = match epochs {
            Epochs::Exactly(n) => ("training", n),
            Epochs::UntilNoBetter { most, .. } => ("training, rows held out", most),
        };
        let mut curve = Vec::new();
        let progress = Progress::epochs(what, most, split.map_or(self.dataset.store.len(), |(split, _)| split.rows));
        let note = |_, model: &Model, validation: Option<f64>| {
            progress.step();
            let Some(validation) = validation else { return };
            progress.note(format!("validation loss {validation:.4}"));
            if let Some((_, seen)) = split.filter(|_| self.tell) {
                curve.push((loss(problem, model, &seen.events, self.method.objective()), validation));
            }
        };
        let split = split.map(|(split, _)| split);
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
        Ok((fitted, curve))
    }

    fn figures(&self, model: &Model, rows: &Labelled) -> Figures {
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
    fn tune(&self, fitted: &Fitted, split: &Split) -> Result<(Settings, Option<Tuning>)> {
        if split.people.is_empty() {
            return Ok((Settings::default(), None));
        }
        let seed = |settings: &Settings| -> Result<Base> {
            let (mut metadata, _) = self.metadata(fitted, settings, &split.counts, 1);
            metadata.private_rows = false;
            Ok(Base::read(encode(&metadata, &fitted.model, &self.dataset, None, self.precision)?)?)
        };
        let base = seed(&Settings::default())?;
        let visitors = Visitors::of(&split.people, &base, &split.visits, &self.rule, &self.users, &self.items)?;
        let (settings, mut report) = tune(&visitors, self.rule.squared, self.threads, seed)?;
        if self.tell {
            let config = brooklet_core::Config::default();
            let replayed = visitors.replay(&seed(&settings)?, &config, &FREEZE, self.threads, || {})?;
            report.judged = Some(Judged::new(&replayed, &FREEZE, self.rule.squared));
        }
        Ok((settings, Some(report)))
    }

    /// The share of clicks; None if nothing says what a click is.
    pub(crate) fn click_rate(&self) -> Result<Option<f64>> {
        let store = &self.dataset.store;
        let (mut batch, mut clicks) = (Batch::default(), 0);
        for block in 0..store.blocks() {
            batch.clear();
            store.read(block, &mut batch)?;
            for (&label, &target) in batch.label.iter().zip(&batch.target) {
                let Some(click) = self.rule.click(label, target) else { return Ok(None) };
                clicks += usize::from(click);
            }
        }
        Ok(Some(clicks as f64 / store.len() as f64))
    }

    /// For `eval`, which scores users whom the seed knows. A score that was learnt from clicks is calibrated to clicks.
    fn known_users_calibration(&self, model: &Model, validation: &Labelled) -> Calibration {
        if self.method.objective() == Objective::Logistic && self.rule.map.is_empty() {
            return Calibration::default();
        }
        let clicks = self.scored(model, validation).into_iter().filter_map(|s| Some((s.score, s.click?, 1.0)));
        platt(clicks.collect())
    }

    /// The metadata of a model that was trained on so many events of each user, and how many users its prior is from.
    fn metadata(&self, fitted: &Fitted, settings: &Settings, counts: &[u32], epochs: usize) -> (Metadata, usize) {
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
            thresholds: Thresholds::default(),
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
        visitor(model, counts, PRIOR_EVENTS.min(most))
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
        Some(pair) => bail!(Setting, "`{}` is named for two roles: rename one of the columns in its file", pair[0]),
        None => Ok(()),
    }
}

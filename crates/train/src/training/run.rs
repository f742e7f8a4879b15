//! One training: the data, and how to train on them.

use super::catalogue::{Catalogue, Data};
use super::examination::seen;
use super::files::{Files, check_names, with_numeric};
use super::made::{Fit, Made};
use super::method::{method, provenance};
use super::recipe::{self, Recipe};
use super::settings::{Settings, Tuned, choose};
use super::teachable::{beats_a_constant, events_teach, labels_differ};
use crate::data::{Dataset, Duplicates, HoldOut, Labelled, Split, add_negatives, kinds, source};
use crate::error::{Error, Result};
use crate::evaluate::{FREEZE, Judged, Visitors, platt};
use crate::input::{Batch, Columns, Dialect, Events, LabelRule, Row, SideTable, Store, read_rows};
use crate::maths::{auc, log_loss, mean, sigmoid};
use crate::seed::{Beginning, Sources, encode, object, prior, visitor};
use crate::trainer::{Epochs, Event, Fitted, Method, Model, Objective, Stopped, Visitor, fit, loss};
use crate::watch::{Length, Watch};
use brooklet_core::{Base, Calibration, FieldKind, Labels, Loss, Metadata, Precision, Schema, Value};

/// Users need so many events for their row to count in the prior of a new visitor.
const PRIOR_EVENTS: u32 = 20;
/// The most factors of what tells clicks from skips where something else ranks the whole catalogue: more tell no better.
const JUDGING: usize = 16;
/// Skips that are drawn for every event where clicks alone are known, and that something must tell them from.
const DRAWN: usize = 4;
/// Deviation of the factors before gradient descent.
const INIT: f32 = 0.05;

/// The data, and how to train on them.
pub struct Training<'w> {
    pub(crate) dataset: Dataset,
    pub(crate) items: SideTable,
    pub(crate) users: SideTable,
    /// What the values of fields are.
    kinds: Vec<FieldKind>,
    duplicates: Duplicates,
    pub(crate) rule: LabelRule,
    sources: Sources,
    chosen: recipe::Method,
    method: Method,
    threads: usize,
    pub(crate) seed: u64,
    epochs: Epochs,
    passes: usize,
    holdout: HoldOut,
    pub(crate) precision: Precision,
    factors: usize,
    /// Numbers of a row that rank the whole catalogue, if they are learnt.
    catalogue: Option<usize>,
    /// Whether skips were drawn.
    drawn: bool,
    /// How likely each place of a slate is looked at, if the events tell.
    examination: Vec<f32>,
    loss: Loss,
    model_name: String,
    pub(crate) keep_users: bool,
    /// As [`Recipe::report`] says.
    report: bool,
    /// Bytes that the events may take in training.
    memory: usize,
    pub(crate) watch: &'w dyn Watch,
}

impl<'w> Training<'w> {
    /// Reads files of events.
    pub fn read(recipe: &Recipe, files: &Files, watch: &'w dyn Watch) -> Result<Training<'w>> {
        recipe.check()?;
        let Files { events, items, users, user_fields, context_fields, .. } = files;
        let others = [&user_fields[..], context_fields].concat();
        let item_fields = with_numeric(&files.item_fields, &others, &recipe.numeric);
        let (columns, first) = events.columns(watch)?;
        let columns = Columns { context: context_fields.clone(), ..columns };
        check_names(&columns, &item_fields, user_fields)?;
        ensure!(
            items.is_some() || recipe.numeric.iter().all(|field| others.contains(field)),
            Setting,
            "--numeric reads numbers of items from their file: name it with --items"
        );
        let sources = Sources {
            events: events.title(),
            items: items.clone(),
            users: users.clone(),
            item_fields,
            user_fields: user_fields.clone(),
            columns,
            dialect: events.dialect,
            of_seed: false,
        };
        let rule = rule(recipe);
        let read = sources.read(events.reading(&sources.columns, &rule, first, watch)?)?;
        Training::new(recipe, rule, sources, read, watch)
    }

    /// Takes events from anywhere, with the fields of users and of items.
    pub fn of_events<'r>(
        recipe: &Recipe,
        columns: Columns,
        events: impl IntoIterator<Item = Row<'r>>,
        users: SideTable,
        items: SideTable,
        watch: &'w dyn Watch,
    ) -> Result<Training<'w>> {
        recipe.check()?;
        let (user_fields, item_fields) = (users.fields().to_vec(), items.fields().to_vec());
        check_names(&columns, &item_fields, &user_fields)?;
        let rule = rule(recipe);
        let store = read_rows(events, &columns, &rule)?;
        let sources = Sources {
            events: String::new(),
            items: None,
            users: None,
            item_fields,
            user_fields,
            columns,
            dialect: Dialect::default(),
            of_seed: false,
        };
        Training::new(recipe, rule, sources, (store, users, items), watch)
    }

    fn new(
        recipe: &Recipe,
        rule: LabelRule,
        sources: Sources,
        (mut store, users, items): (Store, SideTable, SideTable),
        watch: &'w dyn Watch,
    ) -> Result<Training<'w>> {
        let (low, high) = store.summary().labels;
        let alone = low == high && rule.target(high).is_ok_and(|target| rule.click(high, target) == Some(true));
        let clicks = alone || low < high && !store.summary().graded;
        let drawn = if alone { recipe.negatives.max(DRAWN) } else { recipe.negatives };
        let fit = store.len().saturating_mul(1 + drawn) <= recipe.memory / size_of::<Event>();
        let chosen = recipe.method.unwrap_or_else(|| recipe::Method::for_data(recipe, clicks, fit));
        let recipe = &Recipe { method: Some(chosen), ..recipe.clone() };
        let implicit = chosen == recipe::Method::Implicit;
        let mut negatives = recipe.negatives;
        if implicit && low == high {
            // Clicks alone.
            negatives = negatives.max(DRAWN);
        }
        labels_differ(&store, &rule, negatives > 0, &sources.events)?;
        let memory = recipe.memory;
        let shape = store.summary().shape;
        let examination = if shape.place { seen(&store, &rule)? } else { Vec::new() };
        if negatives > 0 {
            ensure!(
                recipe.negatives == 0 || !(shape.slate || shape.place || shape.propensity),
                Setting,
                "--negatives adds skips that stood on no slate: impressions have skips of their own, so leave one or the other out"
            );
            ensure!(
                !rule.squared,
                Setting,
                "--negatives adds skips, which have no label: leave it out with --loss squared"
            );
            ensure!(
                store.len().saturating_mul(1 + negatives) <= memory / size_of::<Event>(),
                Setting,
                "--negatives holds all events and skips in memory, and they are more than --memory: raise it"
            );
            let mut events = store.events()?;
            let clicks = events.len();
            add_negatives(&mut events, negatives, recipe.seed);
            ensure!(
                events.len() > clicks,
                Setting,
                "{}: --negatives found no skip to add, for every user has met every item: there is nothing to tell apart",
                sources.events
            );
            store = Store::of(events);
        }
        events_teach(&store, &rule, recipe.loss, &sources.events)?;
        let duplicates = Duplicates::find(&store)?;
        if duplicates.rows > 0 {
            watch.warn(&format!(
                "{}: {} of {} rows repeat an earlier one (the same user, item{}): copies stay on one side of what is held out, and each \
                 counts in training",
                sources.events,
                duplicates.rows,
                store.len(),
                if shape.time { " and time" } else { "" }
            ));
        }
        let contexts = &store.summary().occasions.contexts;
        let kinds = kinds(&sources.columns, &items, &users, contexts, &recipe.numeric)?;
        let dataset = Dataset::new(store, sources.columns.clone(), &users, &items, &kinds)?;
        let method = method(recipe, &rule, &dataset)?;
        let epochs = match recipe.epochs {
            Some(0) => bail!(Setting, "--epochs 0 trains nothing: give 1 or more, or leave it out"),
            Some(n) => Epochs::Exactly(n),
            None => Epochs::UntilNoBetter { patience: 3, most: 50 },
        };
        ensure!(recipe.passes > 0, Setting, "--catalogue-passes 0 learns nothing: give 1 or more, or leave it out");
        let loss = if rule.squared { Loss::Squared } else { Loss::Logistic };
        Ok(Training {
            dataset,
            items,
            users,
            kinds,
            duplicates,
            rule,
            sources,
            chosen,
            method,
            threads: recipe.threads.max(1),
            seed: recipe.seed,
            epochs,
            passes: recipe.passes,
            holdout: recipe.holdout,
            precision: recipe.precision,
            factors: if implicit { recipe.factors.min(JUDGING) } else { recipe.factors },
            catalogue: implicit.then_some(recipe.factors),
            drawn: negatives > 0,
            examination,
            loss,
            model_name: recipe.model.clone(),
            keep_users: recipe.keep_users,
            report: recipe.report,
            memory,
            watch,
        })
    }

    /// The same upon these events.
    pub(crate) fn of(&self, events: Events) -> Result<Training<'w>> {
        let (store, columns) = (Store::of(events), self.sources.columns.clone());
        Ok(Training {
            duplicates: Duplicates::find(&store)?,
            dataset: Dataset::new(store, columns, &self.users, &self.items, &self.kinds)?,
            kinds: self.kinds.clone(),
            items: self.items.clone(),
            users: self.users.clone(),
            rule: self.rule.clone(),
            sources: self.sources.clone(),
            method: self.method.clone(),
            model_name: self.model_name.clone(),
            examination: self.examination.clone(),
            ..*self
        })
    }

    /// A seed of all items and no event, of the same shape.
    pub(crate) fn beginning(&self) -> Result<Vec<u8>> {
        ensure!(!self.rule.squared, Setting, "a seed without events learns clicks: leave out --loss squared");
        let beginning = Beginning {
            sources: &self.sources,
            kinds: &self.kinds,
            labels: Labels { positive: self.rule.positive, map: self.rule.map.clone() },
            factors: self.factors,
            seed: self.seed,
            precision: self.precision,
            model: &self.model_name,
        };
        beginning.encode(self.dataset.store.summary().items.names(), &self.items)
    }

    /// Trains with some rows held out to see when to stop and some people to tune on, then upon everything.
    pub fn seed(&self) -> Result<Made> {
        let store = &self.dataset.store;
        let split = Split::new(store, &self.duplicates, self.holdout, self.seed)?;
        let seen = split.sample(store)?;
        let (held_out, curve) = self.fit(Some((&split, &seen)), self.epochs)?;
        let train = self.figures(&held_out.model, &seen);
        let validation = self.figures(&held_out.model, &split.validation);
        if self.method.objective() != Objective::Pairs {
            let scored = [&seen, &split.validation].map(|rows| (rows, self.scores(&held_out.model, rows)));
            beats_a_constant(self.rule.squared, scored, &self.remedy())?;
        }
        let (mut settings, tuning) = self.tune(&held_out, &split)?;
        if self.keep_users {
            settings.calibration = self.known_users_calibration(&held_out.model, &split.validation);
        }

        let (fitted, _) = self.fit(None, Epochs::Exactly(held_out.epochs))?;
        let (mut metadata, prior_users) = self.metadata(&fitted, &settings, &store.summary().counts, fitted.epochs);
        let events = self.dataset.events()?;
        metadata.rows_per_event = self.dataset.rows_per_event(&events);
        let (mut ranked, mut implicit) = (None, None);
        if let Some(Catalogue { rows, prior, chosen }) = self.catalogue()? {
            metadata.training = self.provenance(&store.summary().counts, fitted.epochs, chosen.provenance());
            metadata.catalogue = Some(prior);
            (ranked, implicit) = (Some(rows), Some(chosen));
        }
        let bytes = encode(&metadata, &fitted.model, &self.dataset, Some(&events), ranked.as_deref(), self.precision)?;
        let layout = self.dataset.problem.layout;
        Ok(Made {
            method: self.chosen,
            rows: store.len(),
            users: layout.users,
            items: layout.items,
            features: layout.rows(),
            bytes,
            settings,
            epochs: fitted.epochs,
            train,
            validation,
            implicit,
            tuning,
            curve,
            prior_users,
            descended: held_out.events + fitted.events,
            descent: held_out.time + fitted.time,
        })
    }

    /// What ranks the whole catalogue, if that is to be learnt.
    fn catalogue(&self) -> Result<Option<Catalogue>> {
        let Some(factors) = self.catalogue else { return Ok(None) };
        let data = Data {
            dataset: &self.dataset,
            events: &self.dataset.store.events()?,
            rule: &self.rule,
            labels: self.dataset.store.summary().labels,
            drawn: self.drawn,
            factors,
            passes: self.passes,
            threads: self.threads,
            seed: self.seed,
            watch: self.watch,
        };
        data.learn().map(Some)
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
        let progress = {
            let rows = split.map_or(self.dataset.store.len(), |(split, _)| split.rows);
            self.watch.begin(what, Length::Epochs { most, rows })
        };
        let note = |_, model: &Model, validation: Option<f64>| {
            progress.advance(1);
            let Some(validation) = validation else { return };
            progress.note(&format!("validation loss {validation:.4}"));
            if let Some((_, seen)) = split.filter(|_| self.report) {
                curve.push((loss(problem, model, &seen.events, self.method.objective()), validation));
            }
        };
        let split = split.map(|(split, _)| split);
        let events = source(&self.dataset.store, split, self.memory, self.seed)?;
        let validation = split.map_or(&[][..], |split| &split.validation.events);
        let fitted = fit(problem, model, events, validation, &self.method, epochs, note);
        let fitted = fitted.map_err(|stopped| match stopped {
            Stopped::Diverged => Error::Diverged { remedy: self.remedy() },
            Stopped::TooLarge => Error::Setting(
                "--method bayes and --loss bpr hold all events in memory, and they are more than --memory: raise it"
                    .into(),
            ),
            Stopped::Unreadable(error) => error,
        })?;
        Ok((fitted, curve))
    }

    /// What helps a model that learnt nothing.
    fn remedy(&self) -> String {
        match &self.method {
            Method::Sgd(config) => format!("lower --rate (now {}) or scale the label", config.rate),
            Method::Bayes(_) => "scale the label".to_owned(),
        }
    }

    fn figures(&self, model: &Model, rows: &Labelled) -> Fit {
        let scored = self.scored(model, rows);
        let clicks: Option<Vec<(f32, bool)>> = scored.iter().map(|s| Some((s.score, s.click?))).collect();
        let predicted = |s: &Scored| if self.rule.squared { s.score } else { sigmoid(s.score) };
        let errors = scored.iter().map(|s| f64::from(predicted(s) - s.target).powi(2));
        Fit {
            log_loss: (!self.rule.squared)
                .then(|| mean(scored.iter().map(|s| log_loss(predicted(s), s.target))))
                .flatten(),
            auc: clicks.and_then(auc),
            rmse: mean(errors).map(f64::sqrt),
        }
    }

    fn scores(&self, model: &Model, rows: &Labelled) -> Vec<f32> {
        model.scores(&self.dataset.problem, &rows.events)
    }

    fn scored(&self, model: &Model, rows: &Labelled) -> Vec<Scored> {
        let scored = self.scores(model, rows).into_iter().zip(&rows.events).zip(&rows.labels);
        scored
            .map(|((score, event), &label)| Scored {
                score,
                target: event.target,
                click: self.rule.click(label, event.target),
            })
            .collect()
    }

    /// Replays the people held out with the browser's learner on a seed that never saw them.
    fn tune(&self, fitted: &Fitted, split: &Split) -> Result<(Settings, Option<Tuned>)> {
        if split.people.is_empty() {
            return Ok((Settings::default(), None));
        }
        let seed = |settings: &Settings| -> Result<Base> {
            let (mut metadata, _) = self.metadata(fitted, settings, &split.counts, 1);
            metadata.private_rows = false;
            Ok(Base::decode(encode(&metadata, &fitted.model, &self.dataset, None, None, self.precision)?)?)
        };
        let base = seed(&Settings::default())?;
        let visitors = Visitors::of(&split.people, &base, &split.visits, &self.rule, &self.users, &self.items)?;
        let (settings, mut report) = choose(&visitors, self.rule.squared, self.threads, self.watch, seed)?;
        if self.report {
            let config = brooklet_core::Config::default();
            let replayed = visitors.replay(&seed(&settings)?, &config, &FREEZE, self.threads, || {})?;
            report.judged = Some(Judged::new(&replayed, &FREEZE, self.rule.squared));
        }
        Ok((settings, Some(report)))
    }

    /// The share of clicks; None if nothing says what a click is.
    pub fn click_rate(&self) -> Result<Option<f64>> {
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
        let context = columns.context.clone();
        let fields = std::iter::once(&columns.item).chain(&self.sources.item_fields).chain(&context).cloned().collect();
        let (private, kinds) = (self.sources.user_fields.clone(), self.kinds.clone());
        let schema = Schema { private, fields, context, kinds, ..Schema::new(&columns.user, &columns.item) };
        let metadata = Metadata {
            loss: self.loss,
            w0: fitted.model.w0,
            calibration: settings.calibration,
            examination: self.examination.clone(),
            labels: Labels { positive: self.rule.positive, map: self.rule.map.clone() },
            private_rows: self.keep_users,
            training: self.provenance(counts, epochs, provenance(&self.method, &self.dataset)),
            ..Metadata::new(&self.model_name, schema, settings.rates, prior(visitor, settings.scale))
        };
        (metadata, prior_users)
    }

    /// A visitor as the rows of users who are well known suggest, and how many those are.
    fn point_estimates(&self, model: &Model, counts: &[u32]) -> (Visitor, usize) {
        // Data without a single busy user still have users.
        let most = counts.iter().copied().max().unwrap_or(0);
        visitor(model, counts, PRIOR_EVENTS.min(most))
    }

    fn provenance(&self, counts: &[u32], epochs: usize, method: Value) -> Value {
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
            ("method", method),
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

/// What the labels mean.
fn rule(recipe: &Recipe) -> LabelRule {
    let squared = recipe.loss == recipe::Loss::Squared;
    LabelRule { squared, positive: recipe.positive, map: recipe.label_map.clone() }
}

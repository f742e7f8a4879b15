use crate::dataset::Dataset;
use crate::input::{Columns, EventArgs, LabelRule, SideTable, parse_label_map};
use crate::metrics::{auc, log_loss, mean};
use crate::progress::Progress;
use crate::progressive::Visitors;
use crate::seed::{Sources, encode, object, prior, visitor};
use crate::split::{Labelled, Split, TUNE_EVENTS};
use crate::stream::source;
use crate::trainer::{
    BayesConfig, Epochs, Fitted, L2, MAX_FACTORS, Method, Model, SgdConfig, Stopped, Visitor, fit, sigmoid,
};
use crate::tune::{Report as Tuning, Settings, platt, tune};
use anyhow::{Context, Result, anyhow, bail, ensure};
use brooklet_core::{Base, Calibration, Labels, Loss, Metadata, Precision, Schema, Value};
use clap::ValueEnum;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Users need so many events for their row to count in the prior of a new visitor.
const PRIOR_EVENTS: u32 = 20;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    events: EventArgs,
    /// Where to write the seed.
    #[arg(long)]
    out: PathBuf,
    /// CSV or TSV file of items, with the columns of --item-fields. Event logs tell them without one.
    #[arg(long)]
    items: Option<PathBuf>,
    /// Columns of --items that become features; a `|` inside a cell separates several values.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    item_fields: Vec<String>,
    /// CSV or TSV file of users, with the columns of --user-fields.
    #[arg(long)]
    users: Option<PathBuf>,
    /// Columns of --users that become features. They are private, as the user is.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    user_fields: Vec<String>,
    /// What is minimised: logistic for clicks and skips, squared for the label itself.
    #[arg(long, value_enum, default_value = "logistic")]
    loss: LossName,
    /// A label of at least this is a click.
    #[arg(long, value_name = "LABEL")]
    positive: Option<f32>,
    /// Graded targets for the logistic loss, as in 1=.05,2=.15,3=.35,4=.7,5=.9.
    #[arg(long, value_name = "LABEL=TARGET,..")]
    label_map: Option<String>,
    /// How the model is learnt: by stochastic gradient descent, or by variational Bayes, which has nothing to tune.
    #[arg(long, value_enum, default_value = "sgd")]
    method: MethodName,
    /// Factors of a row.
    #[arg(long, default_value_t = 16)]
    factors: usize,
    /// Passes over the events; without it, as many as help on validation.
    #[arg(long)]
    epochs: Option<usize>,
    /// Threads. One gives the same seed for the same --seed, bit for bit; more share the model without locks.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Seed of everything random.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Learning rate of the first epoch of --method sgd.
    #[arg(long)]
    rate: Option<f32>,
    /// Pull of factors toward zero at every event, under --method sgd.
    #[arg(long)]
    l2: Option<f32>,
    /// How factors are stored.
    #[arg(long, value_enum, default_value = "f16")]
    precision: PrecisionName,
    /// Name of the model.
    #[arg(long, default_value = "model", value_name = "NAME")]
    model: String,
    /// Keep users' rows in the file, for `brooklet eval`. Such a file must not be shipped.
    #[arg(long)]
    keep_users: bool,
    /// Print one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LossName {
    Logistic,
    Squared,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum MethodName {
    Sgd,
    Bayes,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PrecisionName {
    F16,
    Int8,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    rows: usize,
    users: usize,
    items: usize,
    /// Rows of the model as it was trained, private ones among them.
    features: usize,
    epochs: usize,
    /// From start to end, reading and tuning included.
    seconds: f64,
    /// Events that gradient descent went over in a second of its own time, all threads together.
    rows_per_s: f64,
    /// Of the run that held rows out, on the rows that it was trained on; of millions a part.
    train: Figures,
    /// Of the same run, on the rows that it held out.
    validation: Figures,
    /// Null if there were too few people to hold some out.
    tuning: Option<Tuning>,
    prior_users: usize,
    prior_scale: f32,
    calibration: [f32; 2],
    shared_rate: f32,
    bytes: usize,
    out: PathBuf,
}

/// `log_loss` is the cross-entropy against the target that was learnt (graded, if labels were mapped); `auc` is against
/// clicks; `rmse` is against the target: of the probability under the logistic loss.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Figures {
    log_loss: Option<f64>,
    auc: Option<f64>,
    rmse: Option<f64>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let start = Instant::now();
    let job = Job::new(args)?;
    let split = Split::new(&job.dataset.store, job.seed)?;
    let held_out = job.fit(Some(&split), job.epochs)?;
    let train = job.figures(&held_out.model, &split.sample(&job.dataset.store)?);
    let validation = job.figures(&held_out.model, &split.validation);
    let (mut settings, tuning) = job.tune(&held_out, &split)?;
    if args.keep_users {
        settings.calibration = job.known_users_calibration(&held_out.model, &split.validation);
    }

    let fitted = job.fit(None, Epochs::Exactly(held_out.epochs))?;
    let counts = &job.dataset.store.summary().counts;
    let (metadata, prior_users) = job.metadata(&fitted, &settings, counts, fitted.epochs);
    let bytes = encode(&metadata, &fitted.model, &job.dataset, job.precision)?;
    write_whole(&args.out, &bytes)?;

    let layout = job.dataset.problem.layout;
    let descent = held_out.time + fitted.time;
    let report = Report {
        rows: job.dataset.store.len(),
        users: layout.users,
        items: layout.items,
        features: layout.rows(),
        epochs: fitted.epochs,
        seconds: start.elapsed().as_secs_f64(),
        rows_per_s: (held_out.events + fitted.events) as f64 / descent.as_secs_f64().max(1e-9),
        train,
        validation,
        tuning,
        prior_users,
        prior_scale: settings.scale,
        calibration: [settings.calibration.a, settings.calibration.b],
        shared_rate: settings.rates.shared,
        bytes: bytes.len(),
        out: args.out.clone(),
    };
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

/// The data, and how to train on them.
struct Job {
    dataset: Dataset,
    items: SideTable,
    rule: LabelRule,
    sources: Sources,
    method: Method,
    threads: usize,
    seed: u64,
    epochs: Epochs,
    factors: usize,
    loss: Loss,
    precision: Precision,
    model_name: String,
    keep_users: bool,
    /// Bytes that the events may take in training.
    memory: usize,
}

impl Job {
    fn new(args: &Args) -> Result<Job> {
        let squared = matches!(args.loss, LossName::Squared);
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
        let (store, users, items) = sources.read(args.events.reading(&sources.columns, &rule, folder)?)?;
        let dataset = Dataset::new(store, sources.columns.clone(), &users, &items);
        let method = method(args, &rule)?;
        let epochs = match args.epochs {
            Some(0) => bail!("--epochs 0 trains nothing: give 1 or more, or leave it out"),
            Some(n) => Epochs::Exactly(n),
            None => Epochs::UntilNoBetter { patience: 3, most: 50 },
        };
        let loss = if squared { Loss::Squared } else { Loss::Logistic };
        let precision = match args.precision {
            PrecisionName::F16 => Precision::F16,
            PrecisionName::Int8 => Precision::Int8,
        };
        Ok(Job {
            dataset,
            items,
            rule,
            sources,
            method,
            threads: args.threads.max(1),
            seed: args.seed,
            epochs,
            factors: args.factors,
            loss,
            precision,
            model_name: args.model.clone(),
            keep_users: args.keep_users,
            memory: args.events.memory / 2,
        })
    }

    /// Trains on what the split leaves, or on everything.
    fn fit(&self, split: Option<&Split>, epochs: Epochs) -> Result<Fitted> {
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
        let fitted = fitted.map_err(|stopped| match (stopped, &self.method) {
            (Stopped::Unreadable(error), _) => error,
            (Stopped::TooLarge, _) => {
                anyhow!(
                    "this method holds all events in memory, and they are more than --memory: raise it, or train by SGD"
                )
            }
            (Stopped::Diverged, Method::Sgd(config)) => {
                anyhow!("{DIVERGED}; lower --rate (now {}) or scale the label", config.rate)
            }
            (Stopped::Diverged, Method::Bayes(_)) => anyhow!("{DIVERGED}; scale the label"),
        })?;
        progress.done();
        Ok(fitted)
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
            Ok(Base::read(encode(&metadata, &fitted.model, &self.dataset, self.precision)?)?)
        };
        let base = seed(&Settings::default())?;
        let visitors = Visitors::of(&split.people, &base, &split.visits, &self.rule, &self.items)?;
        let (settings, report) = tune(&visitors, self.rule.squared, self.threads, seed)?;
        Ok((settings, Some(report)))
    }

    /// For `eval`, which scores users whom the seed knows. A score that was learnt from clicks is calibrated to clicks.
    fn known_users_calibration(&self, model: &Model, validation: &Labelled) -> Calibration {
        if !self.rule.squared && self.rule.map.is_empty() {
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
            ("method", self.method_provenance()),
        ]);
        if let Value::Object(more) = more {
            fields.extend(more);
        }
        Value::Object(fields)
    }
}

impl Job {
    fn method_provenance(&self) -> Value {
        let number = |x: f32| Value::Number(x.into());
        match &self.method {
            Method::Bayes(_) => object([("name", Value::from("bayes"))]),
            Method::Sgd(config) => {
                let L2 { w, user, item, field } = config.l2;
                let l2 = object([
                    ("w", number(w)),
                    ("user", number(user)),
                    ("item", number(item)),
                    ("field", number(field)),
                ]);
                object([
                    ("name", Value::from("sgd")),
                    ("rate", number(config.rate)),
                    ("decay", number(config.decay)),
                    ("l2", l2),
                ])
            }
        }
    }
}

/// Under another name until it is whole: what is broken off must not leave what looks like a seed.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    std::fs::write(&unfinished, bytes)
        .and_then(|()| std::fs::rename(&unfinished, path))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// One event as a model sees it.
struct Scored {
    score: f32,
    target: f32,
    click: Option<bool>,
}

const DIVERGED: &str = "training diverged: its numbers became infinite";
/// Deviation of the factors before training.
const INIT: f32 = 0.05;
/// Rows of fields learn so much slower than those of users and items.
const FIELD_RATE: f32 = 0.03;

fn method(args: &Args, rule: &LabelRule) -> Result<Method> {
    let (threads, seed) = (args.threads.max(1), args.seed);
    if args.method == MethodName::Bayes {
        ensure!(args.rate.is_none() && args.l2.is_none(), "--rate and --l2 are of --method sgd: leave them out");
        return Ok(Method::Bayes(BayesConfig { squared: rule.squared, threads, seed }));
    }
    // Found on MovieLens-1M and -100K. Graded targets are less noisy than clicks, so they bear less regularisation.
    let (rate, l2) = match (rule.squared, rule.map.is_empty()) {
        (true, _) => (0.02, 0.05),
        (false, true) => (0.05, 0.02),
        (false, false) => (0.05, 0.008),
    };
    let (rate, l2) = (args.rate.unwrap_or(rate), args.l2.unwrap_or(l2));
    let l2 = L2 { w: 0.002, user: l2, item: l2, field: l2 };
    Ok(Method::Sgd(SgdConfig { squared: rule.squared, rate, decay: 0.1, field_rate: FIELD_RATE, l2, threads, seed }))
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

fn print(report: &Report) {
    let figure = |x: Option<f64>| x.map_or("-".to_owned(), |x| format!("{x:.4}"));
    let Report { rows, users, items, features, epochs, seconds, rows_per_s, .. } = report;
    println!("{rows} rows of {users} users and {items} items, {features} features");
    println!("{epochs} epochs, {seconds:.1} s in all, {:.1} million rows a second", rows_per_s / 1e6);
    println!("{:<12} {:>9} {:>9} {:>9}", "", "log-loss", "AUC", "RMSE");
    for (name, f) in [("train", report.train), ("validation", report.validation)] {
        println!("{name:<12} {:>9} {:>9} {:>9}", figure(f.log_loss), figure(f.auc), figure(f.rmse));
    }
    match report.tuning {
        Some(tuning) => println!(
            "tuned on {} people held out: loss {}; prior of {} users x {}, shared rate {}, calibration {:.2} {:+.2}",
            tuning.users,
            figure(tuning.loss),
            report.prior_users,
            report.prior_scale,
            report.shared_rate,
            report.calibration[0],
            report.calibration[1]
        ),
        None => println!("too few people with {TUNE_EVENTS} events to tune on: default rates, prior and calibration"),
    }
    println!("{} bytes in {}", report.bytes, report.out.display());
}

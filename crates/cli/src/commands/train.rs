use crate::dataset::Dataset;
use crate::input::{Columns, Events, LabelRule, SideTable, parse_label_map};
use crate::metrics::{auc, log_loss, mean};
use crate::progress::Progress;
use crate::progressive::Visitors;
use crate::seed::{Sources, encode, object, prior};
use crate::trainer::{Config, Diverged, Epochs, Fitted, L2, MAX_FACTORS, Model, Rng, fit, sigmoid};
use crate::tune::{Report as Tuning, Settings, platt, tune};
use anyhow::{Context, Result, anyhow, bail, ensure};
use brooklet_core::{Base, Calibration, Labels, Loss, Metadata, Precision, Schema, Value};
use clap::ValueEnum;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Users need so many events to be held out for tuning.
const TUNE_EVENTS: usize = 20;
/// At least so many people are needed to tune on, and at most so many are taken.
const TUNE_USERS: std::ops::RangeInclusive<usize> = 20..=600;
/// The share of the people that is held out for tuning.
const TUNE_SHARE: f64 = 0.1;
/// The share of the other people's rows that is held out for validation.
const VALIDATION_SHARE: f64 = 0.05;
/// Users need so many events for their row to count in the prior of a new visitor.
const PRIOR_EVENTS: u32 = 20;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    recipe: Recipe,
    /// Where to write the seed.
    #[arg(long)]
    out: PathBuf,
    /// Keep users' rows in the file, for `brooklet eval`. Such a file must not be shipped.
    #[arg(long)]
    keep_users: bool,
    /// Print one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

/// What a seed is made of, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Recipe {
    /// CSV file of events: a header line, then one row an event.
    events: PathBuf,
    /// CSV file of items, with the columns of --item-fields.
    #[arg(long)]
    items: Option<PathBuf>,
    /// Columns of --items that become features; a `|` inside a cell separates several values.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    item_fields: Vec<String>,
    /// CSV file of users, with the columns of --user-fields.
    #[arg(long)]
    users: Option<PathBuf>,
    /// Columns of --users that become features. They are private, as the user is.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    user_fields: Vec<String>,
    /// Column that holds the user.
    #[arg(long, default_value = "user", value_name = "COLUMN")]
    user: String,
    /// Column that holds the item.
    #[arg(long, default_value = "item", value_name = "COLUMN")]
    pub(crate) item: String,
    /// Column that holds the label: a rating, or 1 for a click and 0 for a skip.
    #[arg(long, default_value = "label", value_name = "COLUMN")]
    label: String,
    /// Column that holds the time, a number; without it the order of the file is the order of time.
    #[arg(long, value_name = "COLUMN")]
    time: Option<String>,
    /// What is minimised: logistic for clicks and skips, squared for the label itself.
    #[arg(long, value_enum, default_value = "logistic")]
    loss: LossName,
    /// A label of at least this is a click.
    #[arg(long, value_name = "LABEL")]
    positive: Option<f32>,
    /// Graded targets for the logistic loss, as in 1=.05,2=.15,3=.35,4=.7,5=.9.
    #[arg(long, value_name = "LABEL=TARGET,..")]
    label_map: Option<String>,
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
    pub(crate) seed: u64,
    /// Learning rate of the first epoch.
    #[arg(long)]
    rate: Option<f32>,
    /// Pull of factors toward zero at every event.
    #[arg(long)]
    l2: Option<f32>,
    /// How factors are stored.
    #[arg(long, value_enum, default_value = "f16")]
    precision: PrecisionName,
    /// Name of the model.
    #[arg(long, default_value = "model", value_name = "NAME")]
    model: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum LossName {
    Logistic,
    Squared,
}

impl From<LossName> for Loss {
    fn from(name: LossName) -> Loss {
        match name {
            LossName::Logistic => Loss::Logistic,
            LossName::Squared => Loss::Squared,
        }
    }
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
    /// Of the run that held rows out, on the rows that it was trained on.
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
    let mut job = Job::new(&args.recipe)?;
    job.keep_users = args.keep_users;
    let made = job.seed()?;
    write_whole(&args.out, &made.bytes)?;

    let layout = job.dataset.problem.layout;
    let Made { settings, epochs, train, validation, tuning, prior_users, bytes, .. } = made;
    let report = Report {
        rows: job.dataset.events.len(),
        users: layout.users,
        items: layout.items,
        features: layout.rows(),
        epochs,
        seconds: start.elapsed().as_secs_f64(),
        rows_per_s: made.descended as f64 / made.descent.as_secs_f64().max(1e-9),
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

/// A seed, and what its making told.
pub(crate) struct Made {
    pub(crate) bytes: Vec<u8>,
    settings: Settings,
    epochs: usize,
    /// Of the run that held rows out.
    train: Figures,
    validation: Figures,
    tuning: Option<Tuning>,
    prior_users: usize,
    /// Events that gradient descent went over, and the time it took.
    descended: usize,
    descent: Duration,
}

/// The data, and how to train on them.
pub(crate) struct Job {
    pub(crate) dataset: Dataset,
    pub(crate) items: SideTable,
    users: SideTable,
    pub(crate) rule: LabelRule,
    sources: Sources,
    config: Config,
    epochs: Epochs,
    factors: usize,
    loss: Loss,
    pub(crate) precision: Precision,
    model_name: String,
    keep_users: bool,
}

/// Rows by what they are for, and the people who are held out for tuning.
struct Split {
    train: Vec<u32>,
    validation: Vec<u32>,
    people: Vec<u32>,
}

impl Job {
    pub(crate) fn new(args: &Recipe) -> Result<Job> {
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
        let columns = Columns {
            user: args.user.clone(),
            item: args.item.clone(),
            label: args.label.clone(),
            time: args.time.clone(),
        };
        check_names(&columns, &args.item_fields, &args.user_fields)?;
        let map = args.label_map.as_deref().map(parse_label_map).transpose().context("--label-map")?;
        let rule = LabelRule { squared, positive: args.positive, map: map.unwrap_or_default() };
        let sources = Sources {
            events: args.events.clone(),
            items: args.items.clone(),
            users: args.users.clone(),
            item_fields: args.item_fields.clone(),
            user_fields: args.user_fields.clone(),
            columns,
        };
        // Small files first: what is wrong with them is said at once.
        let (items, users) = (sources.read_items()?, sources.read_users()?);
        let events = Events::read(&args.events, &sources.columns, &rule)?;
        let dataset = Dataset::new(events, sources.columns.clone(), &users, &items);
        let config = config(args, &rule);
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
        let (factors, model_name, keep_users) = (args.factors, args.model.clone(), false);
        Ok(Job {
            dataset,
            items,
            users,
            rule,
            sources,
            config,
            epochs,
            factors,
            loss,
            precision,
            model_name,
            keep_users,
        })
    }

    /// The same upon the events of some of the users.
    pub(crate) fn of(&self, users: &[u32]) -> Job {
        let events = self.dataset.events.of(users);
        Job {
            dataset: Dataset::new(events, self.sources.columns.clone(), &self.users, &self.items),
            items: self.items.clone(),
            users: self.users.clone(),
            rule: self.rule.clone(),
            sources: self.sources.clone(),
            config: self.config.clone(),
            model_name: self.model_name.clone(),
            ..*self
        }
    }

    /// Trains with some rows held out to see when to stop and some people to tune on, then upon everything.
    pub(crate) fn seed(&self) -> Result<Made> {
        let split = self.split();
        let held_out = self.fit(&split.train, &split.validation, self.epochs)?;
        let figures = |rows: &[u32]| self.figures(&held_out.model, rows);
        let (train, validation) = (figures(&split.train), figures(&split.validation));
        let (mut settings, tuning) = self.tune(&held_out.model, &split)?;
        if self.keep_users {
            settings.calibration = self.known_users_calibration(&held_out.model, &split.validation);
        }

        let everything: Vec<u32> = (0..self.dataset.events.len() as u32).collect();
        let fitted = self.fit(&everything, &[], Epochs::Exactly(held_out.epochs))?;
        let (metadata, prior_users) = self.metadata(&fitted.model, &settings, &everything, fitted.epochs);
        let bytes = encode(&metadata, &fitted.model, &self.dataset, self.precision)?;
        Ok(Made {
            bytes,
            settings,
            epochs: fitted.epochs,
            train,
            validation,
            tuning,
            prior_users,
            descended: held_out.events + fitted.events,
            descent: held_out.time + fitted.time,
        })
    }

    fn split(&self) -> Split {
        let events = &self.dataset.events;
        let mut counts = vec![0; events.users.len()];
        events.user.iter().for_each(|&user| counts[user as usize] += 1);
        let mut people: Vec<u32> =
            (0..counts.len() as u32).filter(|&user| counts[user as usize] >= TUNE_EVENTS).collect();
        let mut rng = Rng::new(self.config.seed, HOLD_OUT_STREAM);
        rng.shuffle(&mut people);
        let wanted = (people.len() as f64 * TUNE_SHARE) as usize;
        people.truncate(if wanted >= *TUNE_USERS.start() { wanted.min(*TUNE_USERS.end()) } else { 0 });
        people.sort_unstable();
        let mut held = vec![false; counts.len()];
        people.iter().for_each(|&user| held[user as usize] = true);
        let mut split = Split { train: Vec::new(), validation: Vec::new(), people };
        for row in 0..events.len() {
            if !held[events.user[row] as usize] {
                let validate = rng.unit() < VALIDATION_SHARE;
                if validate { split.validation.push(row as u32) } else { split.train.push(row as u32) }
            }
        }
        split
    }

    fn fit(&self, rows: &[u32], validation: &[u32], epochs: Epochs) -> Result<Fitted> {
        let problem = &self.dataset.problem;
        let model = Model::new(&problem.layout, self.factors, INIT, self.config.seed);
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
        let (events, validation) = (self.dataset.select(rows), self.dataset.select(validation));
        let fitted = fit(problem, model, events, &validation, &self.config, epochs, note).map_err(|Diverged| {
            anyhow!(
                "training diverged: its numbers became infinite; lower --rate (now {}) or scale the label",
                self.config.rate
            )
        })?;
        progress.done();
        Ok(fitted)
    }

    fn figures(&self, model: &Model, rows: &[u32]) -> Figures {
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

    fn scored(&self, model: &Model, rows: &[u32]) -> Vec<Scored> {
        let events = self.dataset.select(rows);
        let scores = model.scores(&self.dataset.problem, &events);
        let labels = rows.iter().map(|&row| self.dataset.events.label[row as usize]);
        let scored = scores.into_iter().zip(events).zip(labels);
        scored
            .map(|((score, event), label)| Scored {
                score,
                target: event.target,
                click: self.rule.click(label, event.target),
            })
            .collect()
    }

    /// Replays the people held out with the browser's learner on a seed that never saw them.
    fn tune(&self, model: &Model, split: &Split) -> Result<(Settings, Option<Tuning>)> {
        if split.people.is_empty() {
            return Ok((Settings::default(), None));
        }
        let seed = |settings: &Settings| -> Result<Base> {
            let (mut metadata, _) = self.metadata(model, settings, &split.train, 1);
            metadata.private_rows = false;
            Ok(Base::read(encode(&metadata, model, &self.dataset, self.precision)?)?)
        };
        let base = seed(&Settings::default())?;
        let visitors = Visitors::of(&split.people, &base, &self.dataset.events, &self.rule, &self.items)?;
        let (settings, report) = tune(&visitors, self.rule.squared, self.config.threads, seed)?;
        Ok((settings, Some(report)))
    }

    /// For `eval`, which scores users whom the seed knows. A score that was learnt from clicks is calibrated to clicks.
    fn known_users_calibration(&self, model: &Model, validation: &[u32]) -> Calibration {
        if !self.rule.squared && self.rule.map.is_empty() {
            return Calibration::default();
        }
        let clicks = self.scored(model, validation).into_iter().filter_map(|s| Some((s.score, s.click?, 1.0)));
        platt(clicks.collect())
    }

    /// The metadata of a model that was trained on `rows`, and how many users its prior is from.
    fn metadata(&self, model: &Model, settings: &Settings, rows: &[u32], epochs: usize) -> (Metadata, usize) {
        let events = &self.dataset.events;
        let mut counts = vec![0; events.users.len()];
        rows.iter().for_each(|&row| counts[events.user[row as usize] as usize] += 1);
        // Data without a single busy user still have users.
        let most = counts.iter().copied().max().unwrap_or(0);
        let (mut prior, prior_users) = prior(model, &self.dataset, &counts, PRIOR_EVENTS.min(most));
        prior.scale = settings.scale;
        let columns = &self.sources.columns;
        let fields = std::iter::once(&columns.item).chain(&self.sources.item_fields).cloned().collect();
        let metadata = Metadata {
            model: self.model_name.clone(),
            version: 1,
            factors: self.factors,
            loss: self.loss,
            w0: model.w0,
            schema: Schema {
                visitor: columns.user.clone(),
                item: columns.item.clone(),
                private: self.sources.user_fields.clone(),
                fields,
                rates: Vec::new(),
            },
            rates: settings.rates,
            prior,
            calibration: settings.calibration,
            labels: Labels { positive: self.rule.positive, map: self.rule.map.clone() },
            private_rows: self.keep_users,
            training: self.provenance(rows, epochs),
        };
        (metadata, prior_users)
    }

    fn provenance(&self, rows: &[u32], epochs: usize) -> Value {
        let number = |x: f64| Value::Number(x);
        let labels = rows.iter().map(|&row| f64::from(self.dataset.events.label[row as usize]));
        let (low, high) = labels.fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)));
        let L2 { w, user, item, field } = self.config.l2;
        let mut fields: Vec<(String, Value)> =
            self.sources.to_fields().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let more = object([
            ("command", Value::from(concat!("brooklet ", env!("CARGO_PKG_VERSION")))),
            ("rows", number(rows.len() as f64)),
            ("users_seen", number(self.dataset.events.users.len() as f64)),
            ("labels", Value::Array(vec![number(low), number(high)])),
            ("epochs", number(epochs as f64)),
            ("seed", number(self.config.seed as f64)),
            ("threads", number(self.config.threads as f64)),
            ("rate", number(self.config.rate.into())),
            ("decay", number(self.config.decay.into())),
            (
                "l2",
                object([
                    ("w", number(w.into())),
                    ("user", number(user.into())),
                    ("item", number(item.into())),
                    ("field", number(field.into())),
                ]),
            ),
        ]);
        if let Value::Object(more) = more {
            fields.extend(more);
        }
        Value::Object(fields)
    }
}

/// Under another name until it is whole: what is broken off must not leave what looks like a seed.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
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

/// Deviation of the factors before training.
const INIT: f32 = 0.05;
/// Rows of fields learn so much slower than those of users and items.
const FIELD_RATE: f32 = 0.03;
/// The random stream that people and rows are held out by.
const HOLD_OUT_STREAM: u64 = u64::MAX - 1;

fn config(args: &Recipe, rule: &LabelRule) -> Config {
    // Found on MovieLens-1M and -100K. Graded targets are less noisy than clicks, so they bear less regularisation.
    let (rate, l2) = match (rule.squared, rule.map.is_empty()) {
        (true, _) => (0.02, 0.05),
        (false, true) => (0.05, 0.02),
        (false, false) => (0.05, 0.008),
    };
    let (rate, l2) = (args.rate.unwrap_or(rate), args.l2.unwrap_or(l2));
    let l2 = L2 { w: 0.002, user: l2, item: l2, field: l2 };
    Config {
        squared: rule.squared,
        rate,
        decay: 0.1,
        field_rate: FIELD_RATE,
        l2,
        threads: args.threads.max(1),
        seed: args.seed,
    }
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

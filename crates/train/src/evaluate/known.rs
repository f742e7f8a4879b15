use super::replay::figure;
use crate::dataset::Dataset;
use crate::estimate::Estimate;
use crate::input::{BadRows, Events, LabelRule, Reading};
use crate::metrics::{auc, log_loss};
use crate::reliability::{Bin, Reliability};
use crate::seed::{self, Sources};
use crate::trainer::sigmoid;
use anyhow::{Result, bail, ensure};
use brooklet_core::{Base, FeatureId, Loss, Prior, Value};
use serde::Serialize;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The seed, trained with --keep-users.
    seed: PathBuf,
    /// Events of users whom the seed knows, in any format that `train` reads, with the columns that the seed was trained on.
    events: PathBuf,
    /// CSV file of items, if it is not where it was in training.
    #[arg(long)]
    items: Option<PathBuf>,
    /// CSV file of users, if it is not where it was in training.
    #[arg(long)]
    users: Option<PathBuf>,
    /// Score users whom the seed does not know as well, by their fields and the prior.
    #[arg(long)]
    new_users: bool,
    /// Print one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints. `rows` are those that were scored; rows of users whom the seed does not know are `skipped`,
/// unless they were asked for.
///
/// Under the squared loss the prediction is the score, kept within the labels of the training data, and `rmse` is against
/// the label. Under the logistic loss the prediction is the calibrated click probability, and `rmse` is against the click
/// (the square root of the Brier score). `log_loss` is of the calibrated probability, `auc` of the score, both against
/// clicks; null if nothing says what a click is. `within_user_auc` is the mean over the users who have both clicks and skips.
#[derive(Debug, Serialize)]
struct Report {
    rows: usize,
    users: usize,
    rmse: Option<Estimate>,
    log_loss: Option<Estimate>,
    auc: Option<Estimate>,
    within_user_auc: Option<Estimate>,
    calibration: Reliability,
    skipped: usize,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let base = seed::open(&args.seed)?;
    ensure!(
        base.metadata().private_rows,
        "{} holds no users, as a seed that is shipped must not: train one with --keep-users to evaluate it",
        args.seed.display()
    );
    let sources = Sources::of(base.metadata())?.moved(&args.items, &args.users);
    let rule = seed::rule(base.metadata());
    let files = [args.events.clone()];
    let reading = Reading::new(&files, &sources.columns, &rule, BadRows::Count(0))?;
    let (store, users, items) = sources.read(reading)?;
    let events = store.events()?;
    let dataset = Dataset::new(store, sources.columns, &users, &items);
    let report = judge(&base, &dataset, &events, &rule, args.new_users);
    if report.rows == 0 {
        bail!("the seed knows none of the users in {}", args.events.display());
    }
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

fn judge(base: &Base, dataset: &Dataset, events: &Events, rule: &LabelRule, new_users: bool) -> Report {
    let mut model = Lookup::new(base, dataset);
    model.new_users = new_users;
    let calibration = base.metadata().calibration;
    let range = label_range(base);
    let mut people: Vec<User> = Vec::new();
    people.resize_with(events.users.len(), User::default);
    for row in 0..events.len() {
        let Some(score) = model.score(dataset, events.user[row], events.item[row]) else { continue };
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
    Report {
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

fn print(report: &Report) {
    println!("{} rows of {} users scored, {} of unknown users skipped", report.rows, report.users, report.skipped);
    let figures = [("RMSE", &report.rmse), ("log-loss", &report.log_loss), ("AUC", &report.auc)];
    for (name, estimate) in figures.into_iter().chain([("AUC within a user", &report.within_user_auc)]) {
        let error = estimate.as_ref().and_then(Estimate::error).map_or(String::new(), |error| format!(" ± {error:.4}"));
        println!("{name:<18} {}{error}", figure(estimate));
    }
    println!("(± is the standard error over users)");
    let Some(error) = report.calibration.error else { return };
    println!();
    println!("calibration error {error:.4}; by tenths of the predicted probability:");
    println!("{:>10} {:>9} {:>9} {:>9}", "", "rows", "predicted", "clicked");
    for Bin { from, to, events, predicted, clicked } in &report.calibration.bins {
        println!("{:>10} {events:>9} {predicted:>9.3} {clicked:>9.3}", format!("{from:.1}-{to:.1}"));
    }
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
        let (user, item) = (dataset.problem.users.rows(user), dataset.problem.items.rows(item));
        let known = self.known[user[0] as usize];
        if !known && !self.new_users {
            return None;
        }
        let mut sum = vec![0.0; self.width];
        let mut squares = 0.0;
        for &row in user.iter().chain(item) {
            let row = &self.rows[row as usize * self.width..][..self.width];
            sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
            squares += row[1..].iter().map(|x| x * x).sum::<f32>();
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
    fn variance(&self, covariance: &[f32], item: &[u32]) -> f32 {
        let mut phi = vec![0.0; self.width];
        for &row in item {
            phi.iter_mut().zip(&self.rows[row as usize * self.width..]).for_each(|(sum, x)| *sum += x);
        }
        phi[0] = 1.0;
        let rows = covariance.chunks_exact(self.width);
        rows.zip(&phi).map(|(row, x)| x * row.iter().zip(&phi).map(|(c, y)| c * y).sum::<f32>()).sum()
    }
}

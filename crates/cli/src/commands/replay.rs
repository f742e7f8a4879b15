use super::replay_log;
use crate::input::Events;
use crate::learning::Learning;
use crate::metrics::{Score, auc, log_loss, mean};
use crate::progress::Progress;
use crate::progressive::{JUDGED_EVENTS, JUDGED_FROM, Outcome, Predicted, Replayed, Visitors, cores};
use crate::seed::{self, Sources};
use anyhow::{Context, Result, ensure};
use serde::Serialize;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The seed; with --seed, an event log (JSONL) as the browser exports it.
    #[arg(value_name = "SEED or LOG")]
    first: PathBuf,
    /// Events of people whom the seed never saw, in any format that `train` reads, with the columns that the seed was trained
    /// on.
    #[arg(required_unless_present = "seed", conflicts_with = "seed")]
    events: Option<PathBuf>,
    /// Replay an event log over this seed, with the settings that the page had.
    #[arg(long, value_name = "SEED")]
    seed: Option<PathBuf>,
    /// Also judge learners that are frozen after so many events (each at most 50).
    #[arg(long, value_delimiter = ',', default_value = "0,5,10,20,50", value_name = "EVENTS")]
    freeze: Vec<usize>,
    /// CSV file of items, if it is not where it was in training.
    #[arg(long)]
    items: Option<PathBuf>,
    #[command(flatten)]
    learning: Learning,
    /// Threads; the result does not depend on it. As many as there are cores unless said.
    #[arg(long)]
    threads: Option<usize>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Debug, PartialEq, Serialize)]
struct Report {
    events: usize,
    users: usize,
    buckets: Vec<Bucket>,
    frozen: Vec<Frozen>,
}

/// Events by how many their visitor had before them.
#[derive(Debug, PartialEq, Serialize)]
struct Bucket {
    bucket: &'static str,
    from: usize,
    to: Option<usize>,
    events: usize,
    personal: Score,
    #[serde(rename = "static")]
    fixed: Score,
}

/// Learners that stopped learning after so many events, on the same later events.
#[derive(Debug, PartialEq, Serialize)]
struct Frozen {
    after: usize,
    users: usize,
    within_user_auc: Option<f64>,
    log_loss: Option<f64>,
}

const BUCKETS: [(&str, usize, Option<usize>); 6] = [
    ("1-5", 1, Some(5)),
    ("6-10", 6, Some(10)),
    ("11-20", 11, Some(20)),
    ("21-50", 21, Some(50)),
    ("51+", 51, None),
    ("all", 1, None),
];

pub(crate) fn run(args: &Args) -> Result<()> {
    if let Some(seed) = &args.seed {
        let report = replay_log::replay(&args.first, &seed::open(seed)?, &args.learning.config())?;
        if args.json {
            println!("{}", serde_json::to_string(&report)?);
        } else {
            replay_log::print(&report);
        }
        return Ok(());
    }
    // clap has required it.
    let events = args.events.as_deref().context("an events file is needed")?;
    ensure!(
        args.freeze.iter().all(|&after| after <= JUDGED_FROM),
        "--freeze takes numbers of at most {JUDGED_FROM}: frozen learners are judged on the events after those"
    );
    let base = seed::open(&args.first)?;
    let mut sources = Sources::of(base.metadata())?;
    if args.items.is_some() {
        sources.items = args.items.clone();
    }
    let rule = seed::rule(base.metadata());
    let items = sources.read_items()?;
    let events = Events::read(events, &sources.columns, &rule)?;
    let visitors = Visitors::new(&base, &events, &rule, &items)?;
    let progress = Progress::steps("replaying visitors", visitors.len());
    let threads = args.threads.unwrap_or_else(cores);
    let replayed = visitors.replay(&base, &args.learning.config(), &args.freeze, threads, || progress.step())?;
    progress.done();
    let report = Report::new(&replayed, &args.freeze, rule.squared);
    debug_assert_eq!(report.events, visitors.events());
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

impl Report {
    fn new(replayed: &[Replayed], freeze: &[usize], squared: bool) -> Report {
        Report {
            events: replayed.iter().map(|visitor| visitor.outcomes.len()).sum(),
            users: replayed.len(),
            buckets: BUCKETS.iter().map(|&named| Bucket::new(replayed, named, squared)).collect(),
            frozen: freeze.iter().enumerate().map(|(i, &after)| Frozen::new(replayed, i, after)).collect(),
        }
    }
}

impl Bucket {
    fn new(replayed: &[Replayed], (bucket, from, to): (&'static str, usize, Option<usize>), squared: bool) -> Bucket {
        let within = |visitor: &'_ Replayed| -> std::ops::Range<usize> {
            let end = to.map_or(visitor.outcomes.len(), |to| to.min(visitor.outcomes.len()));
            (from - 1).min(end)..end
        };
        let visitors: Vec<&[Outcome]> = replayed.iter().map(|visitor| &visitor.outcomes[within(visitor)]).collect();
        let score = |predicted: fn(&Outcome) -> Predicted| Score {
            auc: ranked(visitors.iter().copied().flatten(), predicted),
            log_loss: mean(visitors.iter().filter_map(|outcomes| user_loss(outcomes, predicted))),
            rmse: squared.then(|| rmse(visitors.iter().copied().flatten(), predicted)).flatten(),
        };
        Bucket {
            bucket,
            from,
            to,
            events: visitors.iter().map(|outcomes| outcomes.len()).sum(),
            personal: score(|o| o.personal),
            fixed: score(|o| o.fixed),
        }
    }
}

impl Frozen {
    fn new(replayed: &[Replayed], i: usize, after: usize) -> Frozen {
        let visitors: Vec<&Vec<Outcome>> = replayed.iter().filter_map(|visitor| visitor.frozen.get(i)).collect();
        Frozen {
            after,
            users: visitors.len(),
            within_user_auc: mean(visitors.iter().filter_map(|outcomes| ranked(outcomes.iter(), |o| o.personal))),
            log_loss: mean(visitors.iter().filter_map(|outcomes| user_loss(outcomes, |o| o.personal))),
        }
    }
}

/// AUC against clicks.
fn ranked<'a>(outcomes: impl Iterator<Item = &'a Outcome>, predicted: impl Fn(&Outcome) -> Predicted) -> Option<f64> {
    auc(outcomes.filter_map(|o| Some((predicted(o).score, o.click?))).collect())
}

fn rmse<'a>(outcomes: impl Iterator<Item = &'a Outcome>, predicted: impl Fn(&Outcome) -> Predicted) -> Option<f64> {
    mean(outcomes.map(|o| f64::from(predicted(o).score - o.target).powi(2))).map(f64::sqrt)
}

/// Mean log-loss of one visitor; None without events that are clicks or skips.
fn user_loss(outcomes: &[Outcome], predicted: impl Fn(&Outcome) -> Predicted) -> Option<f64> {
    mean(outcomes.iter().filter_map(|o| Some(log_loss(predicted(o).probability, f32::from(u8::from(o.click?))))))
}

fn print(report: &Report) {
    let figure = |x: Option<f64>| x.map_or("-".to_owned(), |x| format!("{x:.4}"));
    println!("{} events of {} visitors, each predicted, then learnt from", report.events, report.users);
    println!();
    // Squared errors are a regression's alone.
    let figures = if report.buckets.iter().any(|bucket| bucket.personal.rmse.is_some()) { 3 } else { 2 };
    let columns = |cells: [String; 3]| cells[..figures].iter().map(|cell| format!("{cell:>9}")).collect::<String>();
    let scores = |score: &Score| columns([score.log_loss, score.auc, score.rmse].map(figure));
    let heads = columns(["log-loss", "AUC", "RMSE"].map(str::to_owned));
    println!("{:>8} {:>9}   {:^width$}   {:^width$}", "", "", "personal", "static", width = heads.len());
    println!("{:>8} {:>9}   {heads}   {heads}", "event", "events");
    for Bucket { bucket, events, personal, fixed, .. } in &report.buckets {
        println!("{bucket:>8} {events:>9}   {}   {}", scores(personal), scores(fixed));
    }
    println!();
    println!(
        "frozen after so many events, judged from event {} on (visitors of {JUDGED_EVENTS} or more)",
        JUDGED_FROM + 1
    );
    println!("{:>8} {:>9}   {:>8} {:>15}", "after", "visitors", "log-loss", "within-user AUC");
    for Frozen { after, users, within_user_auc, log_loss } in &report.frozen {
        println!("{after:>8} {users:>9}   {:>8} {:>15}", figure(*log_loss), figure(*within_user_auc));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(p: f32, base: f32, click: bool) -> Outcome {
        let predicted = |p: f32| {
            let score = (p / (1.0 - p)).ln();
            Predicted { score, moderated: score, probability: p }
        };
        Outcome {
            personal: predicted(p),
            fixed: predicted(base),
            target: f32::from(u8::from(click)),
            click: Some(click),
        }
    }

    /// Two visitors of 6 events and 1, by hand.
    #[test]
    fn buckets_pool_auc_and_average_losses_by_user() {
        let a = [(0.5, true), (0.5, false), (0.75, true), (0.25, false), (0.5, true), (0.75, false)];
        let a = Replayed { outcomes: a.map(|(p, click)| outcome(p, 0.5, click)).to_vec(), frozen: vec![] };
        let b = Replayed { outcomes: vec![outcome(0.25, 0.5, true)], frozen: vec![] };
        let report = Report::new(&[a, b], &[], false);
        assert_eq!((report.events, report.users), (7, 2));

        let first = &report.buckets[0];
        assert_eq!((first.from, first.to, first.events), (1, Some(5), 6));
        // Clicks at .5 .75 .5 .25, skips at .5 .25: won .5+1, 1+1, .5+1, 0+.5 of 8.
        assert!((first.personal.auc.unwrap() - 5.5 / 8.0).abs() < 1e-12);
        // a: ln 2 three times and -ln .75 twice; b: -ln .25.
        let ln = |x: f64| -x.ln();
        let expected = ((3.0 * ln(0.5) + 2.0 * ln(0.75)) / 5.0 + ln(0.25)) / 2.0;
        assert!((first.personal.log_loss.unwrap() - expected).abs() < 1e-7);
        assert_eq!(first.fixed.auc, Some(0.5));
        assert!((first.fixed.log_loss.unwrap() - ln(0.5)).abs() < 1e-7);

        let second = &report.buckets[1];
        assert_eq!((second.events, second.personal.auc), (1, None));
        assert!((second.personal.log_loss.unwrap() - ln(0.25)).abs() < 1e-7);
        assert_eq!(report.buckets[4].personal, Score::default());
        assert_eq!((report.buckets[5].bucket, report.buckets[5].events), ("all", 7));
    }

    #[test]
    fn frozen_learners_are_averaged_over_users() {
        let later = vec![outcome(0.75, 0.5, true), outcome(0.25, 0.5, false)];
        let clicks_only = vec![outcome(0.5, 0.5, true)];
        let visitor = |frozen: Vec<Outcome>| Replayed { outcomes: vec![], frozen: vec![frozen] };
        let report = Report::new(&[visitor(later), visitor(clicks_only), Replayed::default()], &[5], false);
        let frozen = &report.frozen[0];
        assert_eq!((frozen.after, frozen.users), (5, 2));
        assert_eq!(frozen.within_user_auc, Some(1.0));
        let expected = (-(0.75f64.ln()) - 0.5f64.ln()) / 2.0;
        assert!((frozen.log_loss.unwrap() - expected).abs() < 1e-7);
    }

    #[test]
    fn the_json_is_the_contract() {
        let report = Report::new(&[Replayed { outcomes: vec![outcome(0.5, 0.5, true)], frozen: vec![] }], &[0], false);
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["buckets"][0]["static"]["auc"], serde_json::Value::Null);
        assert_eq!(json["buckets"][4]["from"], 51);
        assert_eq!(json["buckets"][4]["to"], serde_json::Value::Null);
        assert_eq!(json["frozen"][0]["after"], 0);
    }
}

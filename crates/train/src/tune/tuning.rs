mod changes;
mod draft;
mod steps;
mod thresholds;

use super::replay::figure;
use crate::estimate::{Difference, Estimate};
use crate::files::{ensure_writable, write_whole};
use crate::input::Events;
use crate::judge::Score;
use crate::progress::Progress;
use crate::progressive::cores;
use crate::seed::{self, Sources, object};
use crate::trainer::Rng;
use anyhow::{Result, ensure};
use brooklet_core::{Config, Metadata, Value};
use draft::{Bench, Draft};
use serde::Serialize;
use std::path::PathBuf;
use steps::loss;
use thresholds::{Alarms, Chosen, Gate};

/// Fewer people than this are no ground to choose on, in two halves of which one is cut in two again.
const LEAST_PEOPLE: usize = 20;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The seed.
    seed: PathBuf,
    /// Events of people whom the seed never saw, in any format that `train` reads, with the columns that the seed was trained
    /// on.
    events: PathBuf,
    /// Where to write the tuned seed.
    #[arg(long)]
    out: PathBuf,
    /// CSV file of items, if it is not where it was in training.
    #[arg(long)]
    items: Option<PathBuf>,
    /// CSV file of users, if it is not where it was in training.
    #[arg(long)]
    users: Option<PathBuf>,
    /// Of the draw that divides the people in two halves.
    #[arg(long, default_value_t = 42)]
    random: u64,
    /// Threads; the result does not depend on it. As many as there are cores unless said.
    #[arg(long)]
    threads: Option<usize>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    /// People on whom was chosen.
    chosen_on: usize,
    /// People who are judged.
    judged_on: usize,
    /// Of the seed as it was given, over the people judged.
    given: Score<Estimate>,
    steps: Vec<Step>,
    /// Of the seed that was written, and how much it is above the one given.
    tuned: Score<Estimate>,
    difference: Score<Difference>,
    thresholds: Chosen,
    bytes: usize,
    out: PathBuf,
}

#[derive(Debug, Serialize)]
struct Step {
    step: String,
    /// None if nothing paid, so that all stays as it was.
    chosen: Option<String>,
    /// How much the loss of the best choice is above the one before, over the people on whom it was chosen.
    choosing: Option<Difference>,
    /// How much its figures are above those before, over the people judged.
    difference: Option<Score<Difference>>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    ensure_writable(&args.out)?;
    let base = seed::open(&args.seed)?;
    let sources = Sources::of(base.metadata())?.moved(&args.items, &args.users);
    let rule = seed::rule(base.metadata());
    let (users, items) = (sources.read_users()?, sources.read_items()?);
    let events = Events::read(&args.events, &sources.columns, &rule)?;
    let people = events.users.len();
    ensure!(
        people >= LEAST_PEOPLE,
        "{} has {people} people, too few to choose on some and judge on others: give at least {LEAST_PEOPLE}",
        args.events.display()
    );
    let mut drawn: Vec<u32> = (0..people as u32).collect();
    Rng::new(args.random, 0).shuffle(&mut drawn);
    let (choosing, judging) = drawn.split_at(people / 2);

    let bench = Bench { events, rule, users, items, threads: args.threads.unwrap_or_else(cores) };
    let score = |draft: &Draft| -> Result<Score<Estimate>> {
        Ok(bench.judge(&bench.replay(judging, draft, &Config::default())?).personal)
    };
    let mut draft = Draft::of(&base);
    let steps = steps::all(base.metadata());
    let given = score(&draft)?;
    let mut now = given.clone();
    let mut told = Vec::new();
    let tries = steps.iter().map(|step| 1 + step.changes.len()).sum();
    let progress = Progress::steps("tuning on people held out", tries);
    for step in steps {
        let taken = step.take(&bench, choosing, &draft, || progress.step())?;
        let mut tried = Step { step: step.name, chosen: None, choosing: taken.difference, difference: None };
        if let Some((chosen, better)) = taken.kept {
            let after = score(&better)?;
            progress.note(format!("{}: {chosen}", tried.step));
            tried = Step { chosen: Some(chosen), difference: Some(after.minus(&now)), ..tried };
            (draft, now) = (better, after);
        }
        told.push(tried);
    }
    progress.done();
    let thresholds = Chosen::on(&bench, choosing, judging, &draft)?;
    draft.metadata.thresholds = thresholds.over(&draft.metadata.thresholds);
    record(&mut draft.metadata, args, people, &told);
    let tuned = draft.base()?;
    write_whole(&args.out, tuned.bytes())?;
    let report = Report {
        chosen_on: choosing.len(),
        judged_on: judging.len(),
        difference: now.minus(&given),
        given,
        steps: told,
        tuned: now,
        thresholds,
        bytes: tuned.bytes().len(),
        out: args.out.clone(),
    };
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

/// Says in the seed what it was tuned on, and how.
fn record(metadata: &mut Metadata, args: &Args, people: usize, steps: &[Step]) {
    let kept =
        steps.iter().filter_map(|Step { step, chosen, .. }| Some((step.clone(), Value::from(chosen.as_deref()?))));
    let tuned = object([
        ("events", Value::String(args.events.display().to_string())),
        ("people", Value::Number(people as f64)),
        ("random", Value::Number(args.random as f64)),
        ("steps", Value::Object(kept.collect())),
        ("thresholds", metadata.thresholds.to_value()),
    ]);
    if let Value::Object(training) = &mut metadata.training {
        training.retain(|(key, _)| key != "tuned");
        training.push(("tuned".to_owned(), tuned));
    }
}

fn print(report: &Report) {
    let Report { chosen_on, judged_on, given, steps, tuned, difference, thresholds, bytes, out } = report;
    println!("chosen on {chosen_on} people, judged on {judged_on} others\n");
    let squared = given.rmse.is_some();
    let row = |what: &str, chosen: &str, figures: [String; 2]| {
        println!("{}", format!("{what:<14} {chosen:<34} {:>18} {:>18}", figures[0], figures[1]).trim_end());
    };
    let values = |score: &Score<Estimate>| [loss(score), score.auc.as_ref()].map(|x| figure(&x.cloned()));
    let differences = |score: &Score<Difference>| {
        let of_loss = if squared { score.rmse } else { score.log_loss };
        [of_loss, score.auc].map(|difference| difference.map_or("-".to_owned(), signed))
    };
    row("step", "chosen", [if squared { "RMSE" } else { "log-loss" }, "AUC"].map(str::to_owned));
    row("as given", "", values(given));
    for Step { step, chosen, difference, .. } in steps {
        match (chosen, difference) {
            (Some(chosen), Some(difference)) => row(step, chosen, differences(difference)),
            _ => row(step, "nothing pays", Default::default()),
        }
    }
    row("tuned", "", values(tuned));
    row("in all", "", differences(difference));
    println!("(each step above the one before; ± is the standard error over the people judged)\n");
    if let Some(Gate { standard_errors, difference }) = &thresholds.gate {
        let at =
            if standard_errors.is_finite() { format!("at {standard_errors} standard errors") } else { "none".into() };
        match difference {
            Some(difference) => {
                println!("gate {at}: served loss {} above that with the seed's own", signed(*difference))
            }
            None => println!("gate {at}, as it was: no other pays"),
        }
    }
    let detectors = [("Page-Hinkley's threshold", &thresholds.page_hinkley), ("ADWIN's delta", &thresholds.adwin)];
    for (name, alarms) in detectors {
        match alarms {
            Some(Alarms { threshold, false_alarms }) => println!(
                "{name} {threshold}: {:.2} false alarms in 1,000 events that were shuffled",
                1000.0 * false_alarms
            ),
            None => println!("{name} as it was: too many false alarms with any"),
        }
    }
    println!("\n{bytes} bytes in {}", out.display());
}

fn signed(difference: Difference) -> String {
    let error = difference.error.map_or(String::new(), |error| format!(" ± {error:.4}"));
    format!("{:+.4}{error}", difference.by)
}

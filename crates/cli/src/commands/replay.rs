//! Replays people whom seeds never saw, and compares the seeds.

mod page;
mod people;
mod slates;

use super::replay_log;
use crate::args::{Learning, PeopleArgs, not_negative, threads};
use crate::files::ensure_outputs;
use crate::term::{SideBySide, figure};
use anyhow::{Result, ensure};
use brooklet_core::Base;
use brooklet_train::evaluate::{
    Bucket, Difference, Estimate, FREEZE, Figures, Frozen, JUDGED_EVENTS, JUDGED_FROM, Judged, Score, is_log,
};
use brooklet_train::input::InputFile;
use brooklet_train::maths::cores;
use brooklet_train::seed;
use people::{Asked, People};
use serde::Serialize;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  brooklet replay seed.safetensors people.csv
  brooklet replay people.csv --seed a.safetensors --seed b.safetensors
  brooklet replay seed.safetensors clicks.csv --user uid --item sku --label clicked --time ts
  brooklet replay log.jsonl --seed seed.safetensors
  brooklet replay seed.safetensors <(zcat people.csv.gz)";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The seed, before its events; with --seed alone, the events or an event log (JSONL) as the browser exports it.
    #[arg(value_name = "SEED|EVENTS|LOG")]
    first: PathBuf,
    /// Events of people whom the seed never saw, in any format that `train` reads.
    #[arg(required_unless_present = "seeds")]
    events: Option<PathBuf>,
    /// A seed to replay; once more for each that is compared with the first.
    #[arg(long = "seed", value_name = "SEED")]
    seeds: Vec<PathBuf>,
    /// Also judge learners that are frozen after so many events (each at most 50).
    #[arg(long, value_delimiter = ',', default_values_t = FREEZE, value_name = "EVENTS")]
    freeze: Vec<usize>,
    /// Labels arrive so long after their event, in the unit of the time column; without one, so many events later.
    #[arg(long, default_value_t = 0.0, value_name = "TIME", value_parser = not_negative, conflicts_with = "delay_column")]
    delay: f32,
    /// Column that says how long after its event each label arrived.
    #[arg(long, value_name = "COLUMN")]
    delay_column: Option<String>,
    #[command(flatten)]
    learning: Learning,
    #[command(flatten)]
    people: PeopleArgs,
    /// Threads; the result does not depend on it. As many as there are cores unless said.
    #[arg(long, value_parser = threads)]
    threads: Option<usize>,
    /// Also write an HTML report for people to this file.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints of one seed.
#[derive(Debug, Serialize)]
struct Report {
    events: usize,
    users: usize,
    #[serde(flatten)]
    judged: Judged,
}

/// What `--json` prints of several.
#[derive(Debug, Serialize)]
struct Comparison {
    events: usize,
    users: usize,
    seeds: Vec<Compared>,
}

#[derive(Debug, Serialize)]
struct Compared {
    seed: PathBuf,
    #[serde(flatten)]
    judged: Judged,
    /// From the first seed, with the standard error over visitors; null of the first itself.
    difference: Option<Figures<Difference>>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let named = args.events.as_ref().map(|_| &args.first);
    let seeds: Vec<&Path> = named.into_iter().chain(&args.seeds).map(PathBuf::as_path).collect();
    let events = args.events.as_deref().unwrap_or(&args.first);
    let sides = args.people.sides().map(PathBuf::as_path);
    let inputs = seeds.iter().copied().chain([events]).chain(sides).map(Path::to_owned);
    ensure_outputs(&[("--report", args.report.as_deref())], inputs)?;
    let events = InputFile::again(events)?;
    if is_log(&events, args.people.dialect()) {
        ensure!(
            args.report.is_none() && args.delay == 0.0 && args.delay_column.is_none(),
            "{} is an event log, whose labels come as late as they came: --delay, --delay-column and --report are for files of \
             events",
            events
        );
        return replay_log::run(&events, args.people.dialect(), &seeds, &args.learning, args.json);
    }
    ensure!(
        args.freeze.iter().all(|&after| after <= JUDGED_FROM),
        "--freeze takes numbers of at most {JUDGED_FROM}: frozen learners are judged on the events after those"
    );
    let asked = Asked {
        people: &args.people,
        delay: args.delay.into(),
        delay_column: args.delay_column.as_deref(),
        freeze: &args.freeze,
        config: args.learning.config()?,
        threads: args.threads.unwrap_or_else(cores),
    };
    let mut people = People::default();
    let mut judged: Vec<Judged> = Vec::new();
    let mut bases: Vec<Base> = Vec::new();
    for seed in &seeds {
        let base = seed::open(seed)?;
        judged.push(people.judge(&events, &base, seed, &asked)?);
        bases.push(base);
    }
    if let Some(path) = &args.report {
        page::write(path, &asked, args.events.as_deref().unwrap_or(&args.first), &people, &seeds, &bases, &judged)?;
    }
    let (events, users) = (people.events.len(), people.events.users());
    if let [_] = judged[..] {
        for judged in judged {
            let report = Report { events, users, judged };
            if args.json {
                println!("{}", serde_json::to_string(&report)?);
            } else {
                print(&report);
            }
        }
        return Ok(());
    }
    if !args.json {
        compare(events, users, &seeds, &judged);
        return Ok(());
    }
    let differences: Vec<Option<Figures<Difference>>> =
        judged.iter().enumerate().map(|(i, of)| (i > 0).then(|| of.figures.minus(&judged[0].figures))).collect();
    let compared = seeds.iter().zip(judged).zip(differences);
    let seeds = compared.map(|((seed, judged), difference)| Compared { seed: seed.to_path_buf(), judged, difference });
    println!("{}", serde_json::to_string(&Comparison { events, users, seeds: seeds.collect() })?);
    Ok(())
}

fn print(report: &Report) {
    let Report { events, users, judged } = report;
    let Judged { figures, gain, .. } = judged;
    println!("{events} events of {users} visitors, each predicted, then learnt from");
    asides(judged);
    println!();
    // Squared errors are a regression's alone.
    let width = if figures.buckets.iter().any(|bucket| bucket.personal.rmse.is_some()) { 3 } else { 2 };
    let columns = |cells: [String; 3]| cells[..width].iter().map(|cell| format!("{cell:>9}")).collect::<String>();
    let scores = |score: &Score<Estimate>| columns([&score.log_loss, &score.auc, &score.rmse].map(figure));
    let heads = columns(["log-loss", "AUC", "RMSE"].map(str::to_owned));
    let titles = ["personal", "gated", "static"].map(|title| format!("   {title:^width$}", width = heads.len()));
    println!("{:>8} {:>9}{}", "", "", titles.concat());
    println!("{:>8} {:>9}   {heads}   {heads}   {heads}", "event", "events");
    for Bucket { bucket, events, personal, gated, fixed, .. } in &figures.buckets {
        println!("{bucket:>8} {events:>9}   {}   {}   {}", scores(personal), scores(gated), scores(fixed));
    }
    println!();
    for (name, gain) in [("log-loss", gain.log_loss), ("AUC", gain.auc), ("RMSE", gain.rmse)] {
        let Some(gain) = gain else { continue };
        let error = gain.error.map_or(String::new(), |error| format!(" ± {error:.4}"));
        println!("personal {name} over static: {:+.4}{error}", gain.by);
    }
    println!("(± is the standard error over visitors)");
    println!();
    figures.slates.iter().for_each(slates::print);
    println!("{}", frozen_title());
    println!("{:>8} {:>9}   {:>8} {:>15}", "after", "visitors", "log-loss", "within-user AUC");
    for Frozen { after, users, within_user_auc, log_loss } in &figures.frozen {
        println!("{after:>8} {users:>9}   {:>8} {:>15}", figure(log_loss), figure(within_user_auc));
    }
}

fn compare(events: usize, users: usize, seeds: &[&Path], judged: &[Judged]) {
    println!("{events} events of {users} visitors, each predicted, then learnt from");
    judged.iter().for_each(asides);
    let table = SideBySide::new(seeds);
    let bucket = |title: &str, figure: fn(&Score<Estimate>) -> &Option<Estimate>| {
        if judged.iter().all(|of| of.figures.buckets.iter().all(|bucket| figure(&bucket.personal).is_none())) {
            return;
        }
        table.title(title);
        for (i, Bucket { bucket, .. }) in judged[0].figures.buckets.iter().enumerate() {
            table.row(bucket, judged.iter().map(|of| figure(&of.figures.buckets[i].personal).as_ref()));
        }
        let all = |of: &'_ Judged| of.figures.buckets.len() - 1;
        table.row("all, gated", judged.iter().map(|of| figure(&of.figures.buckets[all(of)].gated).as_ref()));
        table.row("all, static", judged.iter().map(|of| figure(&of.figures.buckets[all(of)].fixed).as_ref()));
    };
    bucket("log-loss, by event", |score| &score.log_loss);
    bucket("AUC, by event", |score| &score.auc);
    bucket("RMSE, by event", |score| &score.rmse);
    println!("\n{}", frozen_title());
    let frozen = |title: &str, figure: fn(&Frozen<Estimate>) -> &Option<Estimate>| {
        table.title(title);
        for (i, Frozen { after, .. }) in judged[0].figures.frozen.iter().enumerate() {
            table.row(&after.to_string(), judged.iter().map(|of| figure(&of.figures.frozen[i]).as_ref()));
        }
    };
    frozen("within-user AUC", |frozen| &frozen.within_user_auc);
    frozen("log-loss, frozen", |frozen| &frozen.log_loss);
    let slates: Option<Vec<_>> = judged.iter().map(|of| of.figures.slates.as_ref()).collect();
    slates.iter().for_each(|slates| slates::compare(&table, slates));
    table.footnote("visitors");
}

fn asides(of: &Judged) {
    if of.forgotten_labels > 0 {
        println!("{} labels came too late for a browser's memory, and were not learnt", of.forgotten_labels);
    }
    if of.drifts > 0 {
        println!("{} drift alarms", of.drifts);
    }
}

fn frozen_title() -> String {
    let from = JUDGED_FROM + 1;
    format!("frozen after so many events, judged from event {from} on (visitors of {JUDGED_EVENTS} or more)")
}

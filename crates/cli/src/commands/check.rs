//! Tells what is in a file of events, before training.

use crate::args::EventArgs;
use crate::term::Bars;
use anyhow::Result;
use brooklet_train::check::{Survey, survey};
use serde::Serialize;

const EXAMPLES: &str = "\
Tells rows, people, items, events of a person, the span of time, the share of clicks, copies, ties in time, ids that may be written
otherwise elsewhere, which column seems to be what, and the train command to run next.

Examples:
  brooklet check events.csv
  brooklet check 'logs/*.jsonl' --json
  zcat events.csv.gz | brooklet check -";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    events: EventArgs,
    /// Print one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    survey: Survey,
    /// The command to run next.
    train: String,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let files = args.events.files(&std::env::temp_dir());
    let survey = survey(&files, &Bars)?;
    let train = survey.command(&files.paths, "seed.safetensors");
    let report = Report { survey, train };
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

fn print(Report { survey, train }: &Report) {
    let line = |name: &str, told: String| println!("{name:<18} {told}");
    line("rows", format!("{}, {} bad ones left out", survey.rows, survey.bad_rows));
    if !survey.columns.is_empty() {
        line("columns", survey.columns.join(", "));
    }
    let roles = &survey.roles;
    let time = roles.time.as_deref().unwrap_or("none");
    line("roles", format!("user {}, item {}, label {}, time {time}", roles.user, roles.item, roles.label));
    line("people", survey.users.count.to_string());
    line("items", survey.items.count.to_string());
    let per = &survey.per_person;
    line("events a person", format!("{} to {}, median {}, mean {:.1}", per.least, per.most, per.median, per.mean));
    line("time", survey.time.map_or("none".to_owned(), |(first, last)| format!("{first} to {last}")));
    line(
        "ties in time",
        survey.ties.map_or("-".to_owned(), |ties| format!("{ties} events at the time of another of the person")),
    );
    line("copies", format!("{} rows repeat an earlier one", survey.duplicates));
    let values: Vec<String> = survey.values.iter().map(|of| format!("{} ({})", of.label, of.rows)).collect();
    let range = || format!("{} to {}", survey.labels.0, survey.labels.1);
    line("labels", if values.is_empty() { range() } else { values.join(", ") });
    let by = survey.positive.map_or(String::new(), |positive| format!(", if a label of at least {positive} is one"));
    line("clicks", format!("{:.1} %{by}", 100.0 * survey.click_rate));
    survey.oddities.iter().for_each(|odd| line("note", odd.clone()));
    println!("\nNext:\n  {train}");
}

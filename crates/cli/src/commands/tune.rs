//! Tunes a seed on people whom it never saw.

use crate::args::{PeopleArgs, threads};
use crate::files::{ensure_outputs, write_whole};
use crate::term::{Bars, figure};
use anyhow::Result;
use brooklet_train::evaluate::{Difference, Estimate, Score};
use brooklet_train::input::InputFile;
use brooklet_train::maths::cores;
use brooklet_train::seed;
use brooklet_train::tune::{Alarms, Bench, Gate, Step, Tuning, loss, tune};
use serde::Serialize;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  brooklet tune seed.safetensors people.csv --out tuned.safetensors";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The seed.
    seed: PathBuf,
    /// Events of people whom the seed never saw, in any format that `train` reads.
    events: PathBuf,
    /// Where to write the tuned seed.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    people: PeopleArgs,
    /// What the two halves of the people are drawn from.
    #[arg(long, default_value_t = 42, value_name = "NUMBER")]
    random: u64,
    /// Threads; the result does not depend on it. As many as there are cores unless said.
    #[arg(long, value_parser = threads)]
    threads: Option<usize>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    tuning: Tuning,
    bytes: usize,
    out: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    ensure_outputs(
        &[("--out", Some(&args.out))],
        [&args.seed, &args.events].into_iter().chain(args.people.sides()).cloned(),
    )?;
    let base = seed::open(&args.seed)?;
    let (sources, rule) = (args.people.sources(&base)?, args.people.rule(&base));
    let (events, users, items) =
        sources.people(&InputFile::once(&args.events), &args.people.columns(&sources), &rule, &Bars)?;
    let bench = Bench::new(events, rule, users, items, args.threads.unwrap_or_else(cores));
    let (tuned, tuning) = tune(&base, &bench, args.random, &args.events.display().to_string(), &Bars)?;
    write_whole(&args.out, tuned.bytes())?;
    let report = Report { tuning, bytes: tuned.bytes().len(), out: args.out.clone() };
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

fn print(report: &Report) {
    let Report { tuning, bytes, out } = report;
    let Tuning { chosen_on, judged_on, given, steps, tuned, difference, thresholds } = tuning;
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

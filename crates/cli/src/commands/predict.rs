//! Writes what a seed says of each event of a file.

use crate::args::{Learning, PeopleArgs, threads};
use crate::files::{ensure_outputs, write_whole};
use crate::term::{Bars, output};
use anyhow::Result;
use brooklet_train::evaluate::{Predictions, Visitors};
use brooklet_train::input::InputFile;
use brooklet_train::maths::cores;
use brooklet_train::seed;
use brooklet_train::watch::{Length, Watch};
use std::path::PathBuf;

const EXAMPLES: &str = "\
A row for each event, in the order of the file: user, item, label, time, the probability of a click by the learner that has learnt the
person's events before (personal) and by the seed alone (static), and the propensity if a column tells it.

Examples:
  brooklet predict seed.safetensors people.csv > predictions.csv
  brooklet predict seed.safetensors people.csv --out predictions.parquet";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The seed.
    seed: PathBuf,
    /// Events of people whom the seed never saw, in any format that `train` reads.
    events: PathBuf,
    /// Where to write the predictions: Parquet if the name ends in .parquet, else CSV [default: CSV on standard output].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    learning: Learning,
    #[command(flatten)]
    people: PeopleArgs,
    /// Threads; the result does not depend on it. As many as there are cores unless said.
    #[arg(long, value_parser = threads)]
    threads: Option<usize>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let inputs = [&args.seed, &args.events].into_iter().chain(args.people.sides()).cloned();
    ensure_outputs(&[("--out", args.out.as_deref())], inputs)?;
    let base = seed::open(&args.seed)?;
    let (sources, rule) = (args.people.sources(&base)?, args.people.rule(&base));
    let columns = args.people.columns(&sources);
    let (events, users, items) = sources.people(&InputFile::once(&args.events), &columns, &rule, &Bars)?;
    let visitors = Visitors::new(&base, &events, &rule, &users, &items)?;
    let progress = Bars.begin("replaying visitors", Length::Steps(visitors.len()));
    let (config, threads) = (args.learning.config()?, args.threads.unwrap_or_else(cores));
    let predictions = Predictions::of(&visitors, &events, &columns, &base, &config, threads, || progress.advance(1))?;
    drop(progress);
    let mut bytes = Vec::new();
    match &args.out {
        Some(out) if out.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet")) => {
            predictions.write_parquet(&mut bytes)?;
        }
        _ => predictions.write_csv(&mut bytes)?,
    }
    match &args.out {
        Some(out) => {
            write_whole(out, &bytes)?;
            println!("{} predictions in {}", predictions.len(), out.display());
        }
        None => output::all(&bytes),
    }
    Ok(())
}

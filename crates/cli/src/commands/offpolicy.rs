//! Says what another policy would have earned on a log of impressions.

use crate::args::{EventArgs, finite};
use crate::term::{Bars, off_policy};
use anyhow::Result;
use brooklet_train::evaluate::{Policy, PolicyReport};
use brooklet_train::input::{InputFile, LabelRule};
use std::path::PathBuf;

const EXAMPLES: &str = "\
The policy is a table of item, probability and, where it differs by place, the place: with which probability it shows each item, the same to
everybody. Its probabilities sum to 1, at each place. What a seed would have earned on a log of browsers is told by `brooklet replay LOG --seed SEED`.

Examples:
  brooklet offpolicy impressions.csv --policy other.csv --propensity propensity
  brooklet offpolicy random.csv --policy bts.csv --propensity propensity --place place --json";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    events: EventArgs,
    /// The policy that is judged: CSV, or any format that lists items.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// A label of at least this is a click; without it a label is what was earned, from 0 to 1.
    #[arg(long, value_name = "LABEL", value_parser = finite)]
    positive: Option<f32>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let files = args.events.files(&std::env::temp_dir());
    let rule = LabelRule { squared: false, positive: args.positive, map: Vec::new() };
    let (columns, events) = files.read(&rule, &Bars)?;
    let policy = Policy::read(&InputFile::once(&args.policy), args.events.dialect(), &columns, &Bars)?;
    let report = policy.judge(&events)?;
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

fn print(report: &PolicyReport) {
    let PolicyReport { users, off_policy: of, mean_weight, effective_places, covered } = report;
    println!("{} places of {users} users, {} of which the policy may have filled so", of.places, of.agreed);
    println!("mean weight {mean_weight:.4}, as many as {effective_places:.0} places of equal weight");
    if *covered < 0.9999 {
        println!("{:.1} % of what the policy shows was never shown there", 100.0 * (1.0 - covered));
    }
    off_policy(of);
}

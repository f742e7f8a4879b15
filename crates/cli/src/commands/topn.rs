//! Ranks the whole catalogue for people whom a seed never saw.

use crate::args::{PeopleArgs, threads};
use crate::term::Bars;
use anyhow::Result;
use brooklet_train::evaluate::{Ranked, TopN, top_n};
use brooklet_train::input::InputFile;
use brooklet_train::seed;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  brooklet topn seed.safetensors --known known.csv --hidden hidden.csv";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The seed.
    seed: PathBuf,
    /// What is known of each person: learnt as clicks, in order of time.
    #[arg(long)]
    known: PathBuf,
    /// What each person of it is to be found to like.
    #[arg(long)]
    hidden: PathBuf,
    #[command(flatten)]
    people: PeopleArgs,
    /// Judge after so many clicks; after all that are known in any case.
    #[arg(long, value_delimiter = ',', default_value = "0,1,3,5,10,20", value_name = "CLICKS")]
    after: Vec<usize>,
    /// Threads.
    #[arg(long, default_value_t = 1, value_parser = threads)]
    threads: usize,
    /// Print one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let base = seed::open(&args.seed)?;
    let (mut sources, rule) = (args.people.sources(&base)?, args.people.rule(&base));
    // Who is ranked for comes without a context.
    (sources.users, sources.user_fields) = (None, Vec::new());
    let [known, hidden] = [&args.known, &args.hidden].map(|path| InputFile::once(path));
    let columns = args.people.columns(&sources);
    let (known, _, items) = sources.people(&known, &columns, &rule, &Bars)?;
    let (hidden, ..) = sources.people(&hidden, &columns, &rule, &Bars)?;
    let report = top_n(&base, &known, &hidden, &items, &args.after, args.threads)?;
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

fn print(report: &TopN) {
    println!("{} users, {} items", report.users, report.items);
    println!("{:<12} {:>9} {:>9} {:>9} {:>9}", "clicks", "recall@20", "recall@50", "NDCG@10", "NDCG@100");
    let line = |name: &str, Ranked { recall, ndcg }: &Ranked| {
        let numbers: Vec<String> = recall.values().chain(ndcg.values()).map(|x| format!("{x:>9.4}")).collect();
        println!("{name:<12} {}", numbers.join(" "));
    };
    report.popularity.iter().for_each(|figures| line("popularity", figures));
    report.after.iter().for_each(|after| line(&after.clicks.to_string(), &after.figures));
    line("all", &report.all);
}

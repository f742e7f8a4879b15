use crate::input::Events;
use crate::metrics::{log_loss, mean};
use crate::progressive::{Visitors, cores};
use crate::seed::{self, Sources};
use anyhow::{Context, Result, ensure};
use brooklet_core::{Base, Error, Loss};
use brooklet_server::{Config, Judge};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: Config,
    /// Events to judge new versions by: a version that predicts them worse than the one before is not published. They have the columns
    /// that the seed was trained on, and are of people from whom neither the seed nor any browser has learnt.
    #[arg(long, env = "BROOKLET_JUDGE", value_name = "EVENTS", requires = "seed")]
    judge: Option<PathBuf>,
    /// The file of the items' fields that the seed was trained with, if it is not where it was then. For --judge.
    #[arg(long, env = "BROOKLET_JUDGE_ITEMS", value_name = "FILE", requires = "judge")]
    judge_items: Option<PathBuf>,
    /// The file of the users' fields that the seed was trained with, if it is not where it was then. For --judge.
    #[arg(long, env = "BROOKLET_JUDGE_USERS", value_name = "FILE", requires = "judge")]
    judge_users: Option<PathBuf>,
}

pub(crate) fn run(mut args: Args) -> Result<()> {
    brooklet_server::init_logging();
    if let (Some(events), Some(seed)) = (&args.judge, &args.config.seed) {
        args.config.judge = Some(judge(events, seed, &args)?);
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")?;
    Ok(runtime.block_on(brooklet_server::serve(args.config))?)
}

/// Replays these events upon each candidate, with the learner of a page that sets nothing.
fn judge(events: &Path, seed: &Path, args: &Args) -> Result<Judge> {
    let base = seed::open(seed)?;
    let sources = Sources::of(base.metadata())?.moved(&args.judge_items, &args.judge_users);
    let rule = seed::rule(base.metadata());
    let (users, items) = (sources.read_users()?, sources.read_items()?);
    let read = Events::read(events, &sources.columns, &rule)?;
    ensure!(!read.target.is_empty(), "{} has no event to judge by", events.display());
    let visitors = Visitors::new(&base, &read, &rule, &users, &items)?;
    let page = brooklet_core::Config::default();
    let loss = move |base: &Base| -> Result<f64, Error> {
        let squared = base.metadata().loss == Loss::Squared;
        let replayed = visitors.replay(base, &page, &[], cores(), || {})?;
        let outcomes = replayed.iter().flat_map(|visitor| &visitor.outcomes);
        let losses = outcomes.map(|outcome| match (squared, outcome.click) {
            (false, Some(click)) => log_loss(outcome.personal.probability, f32::from(u8::from(click))),
            (false, None) => log_loss(outcome.personal.probability, outcome.target),
            (true, _) => 0.5 * f64::from(outcome.personal.score - outcome.target).powi(2),
        });
        Ok(mean(losses).unwrap_or(f64::INFINITY))
    };
    Ok(Judge::new(loss))
}

//! The central endpoint, and what it judges versions by.

use crate::files::ensure_outputs;
use crate::settings::SettingsArgs;
use crate::term::Bars;
use anyhow::{Context, Result, ensure};
use brooklet_core::Base;
use brooklet_server::{Config, Judge};
use brooklet_train::evaluate::{Visitors, served_loss};
use brooklet_train::input::InputFile;
use brooklet_train::seed::{self, Sources};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  brooklet serve --data store --seed seed.safetensors --model shop
  brooklet serve --data store --seed seed.safetensors --judge people.csv
  brooklet serve --config brooklet.toml --print-config";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
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
    #[command(flatten)]
    _settings: SettingsArgs,
}

pub(crate) fn run(mut args: Args) -> Result<()> {
    let log_file = args.config.log_file.as_deref();
    let read = [&args.config.seed, &args.judge, &args.judge_items, &args.judge_users];
    ensure_outputs(&[("--log-file", log_file)], read.into_iter().flatten().cloned())?;
    let log = brooklet_server::init_logging(log_file, args.config.log_format).with_context(|| {
        format!("cannot write the log to {}", log_file.unwrap_or(Path::new("standard error")).display())
    })?;
    if let (Some(events), Some(seed)) = (&args.judge, &args.config.seed) {
        args.config.judge = Some(judge(events, seed, &args)?);
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")?;
    let served = runtime.block_on(brooklet_server::serve(args.config));
    // A fold that is not done by the end of the drain has published nothing, and nobody waits for it.
    runtime.shutdown_background();
    drop(log);
    Ok(served?)
}

/// Replays these events upon each candidate, with the learner of a page that sets nothing.
fn judge(events: &Path, seed: &Path, args: &Args) -> Result<Judge> {
    let base = seed::open(seed)?;
    let sources = Sources::of(base.metadata())?.moved(&args.judge_items, &args.judge_users);
    let rule = seed::rule(base.metadata());
    let (read, users, items) = sources.people(&InputFile::once(events), &sources.columns, &rule, &Bars)?;
    ensure!(!read.is_empty(), "{} has no event to judge by", events.display());
    let visitors = Visitors::new(&base, &read, &rule, &users, &items)?;
    Ok(Judge::new(move |base: &Base| served_loss(&visitors, base)))
}

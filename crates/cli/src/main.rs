//! `brooklet`, the command: makes a seed from a file of events, judges it, shows it, serves it.
//!
//! All work is the library's (`brooklet-train`) and the endpoint's (`brooklet-server`). What is here takes flags (`args`), one
//! file per subcommand (`commands`), and shows what came of it on a terminal (`term`) or as a page (`report`).

#![cfg_attr(test, allow(clippy::unwrap_used))]

#[macro_use]
mod term;

mod args;
mod commands;
mod endpoint;
mod files;
mod largest;
mod report;
mod settings;

use clap::{Arg, CommandFactory, FromArgMatches, Parser};
use commands::{
    check, completions, eval, import, init, inspect, offpolicy, predict, replay, serve, shelves, simulate, topn, train,
    tune,
};
use settings::SettingsArgs;
use std::io::Write;
use std::process::ExitCode;

const ORDER: &str = "\
Order of work:
  check            what is in a file of events, and the command that trains on it
  train            a seed of events; without events init, from another program's model import
  replay, topn     judge it on people whom it never saw: event by event, and over the whole catalogue
  tune             fit it to people whom it never saw
  serve            serve it to browsers, and take in what they learn

Exit codes: 0 done; 1 not done, and standard error says why; 2 the command line is wrong. brooklet COMMAND --help has examples.";

/// A recommender that learns inside each visitor's browser: train a seed, judge it, serve it.
#[derive(Debug, Parser)]
#[command(name = "brooklet", version, propagate_version = true, args_override_self = true, after_help = ORDER)]
enum Command {
    /// Tell what is in a file of events, before training, and how to train on it.
    Check(check::Args),
    /// Train a seed from events.
    Train(Box<train::Args>),
    /// Begin without events: a seed of a file of items, which deltas make a good one.
    Init(init::Args),
    /// Score events of users whom a seed knows (one trained with --keep-users).
    Eval(eval::Args),
    /// Replay people whom a seed never saw: predict, then learn, event by event.
    Replay(replay::Args),
    /// Say what another policy would have earned on a log of impressions, by IPS, SNIPS and doubly robust.
    Offpolicy(offpolicy::Args),
    /// Write what a seed says of each event of a file, for analyses of your own.
    Predict(predict::Args),
    /// Rank the whole catalogue for people whom a seed never saw, and look for what they clicked.
    Topn(topn::Args),
    /// Tune a seed on people held out from its training: what a new visitor begins as, rates, calibration, rows.
    Tune(tune::Args),
    /// Simulate a population: a seed of some users, deltas of others, judged on the rest.
    Simulate(Box<simulate::Args>),
    /// Show the items of a seed, or of a file of items, that are most like one.
    Similar(shelves::SimilarArgs),
    /// Show the items that a visitor of whom nothing is known would be shown.
    Popular(shelves::PopularArgs),
    /// Show what is in a seed, or what changed from one to another.
    Inspect(inspect::Args),
    /// Make a seed of a model that another program trained.
    Import(import::Args),
    /// Serve a model to browsers, take in their deltas, publish what they learnt.
    Serve(Box<serve::Args>),
    /// Look after the models and versions of a running endpoint.
    Model(commands::model::Args),
    /// Make a version of a running endpoint again, of the deltas that went into it.
    Fold(commands::model::FoldArgs),
    /// Write the store of an endpoint, running or not, into one file.
    Backup(commands::backup::BackupArgs),
    /// Make the store of an endpoint from a file that `backup` wrote.
    Restore(commands::backup::RestoreArgs),
    /// Move the store of an endpoint that is stopped into PostgreSQL, where many servers share it.
    Migrate(commands::migrate::Args),
    /// Make, list and revoke tokens of an endpoint.
    Token(commands::token::Args),
    /// Write completions of this command for a shell.
    Completions(completions::Args),
}

fn main() -> ExitCode {
    let result = match parse() {
        Command::Check(args) => check::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Offpolicy(args) => offpolicy::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Topn(args) => topn::run(&args),
        Command::Tune(args) => tune::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Similar(args) => shelves::similar(&args),
        Command::Popular(args) => shelves::popular(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Serve(args) => serve::run(*args),
        Command::Model(args) => commands::model::run(&args),
        Command::Fold(args) => commands::model::fold(&args),
        Command::Backup(args) => commands::backup::backup(&args),
        Command::Restore(args) => commands::backup::restore(&args),
        Command::Migrate(args) => commands::migrate::run(&args),
        Command::Token(args) => commands::token::run(&args),
        Command::Completions(args) => completions::run(&args, &mut Command::command()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error may be gone, too.
            let _ = writeln!(std::io::stderr(), "brooklet: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the command line. A variable of the environment that is empty is as good as none: compose files pass all of them on. A value
/// that begins with a minus is a number, which whoever takes it checks.
fn parse() -> Command {
    fn full(arg: Arg) -> Arg {
        let value = arg.get_env().and_then(std::env::var_os);
        let arg = if value.is_some_and(|value| value.is_empty()) { arg.env(None::<&str>) } else { arg };
        if arg.get_action().takes_values() { arg.allow_negative_numbers(true) } else { arg }
    }
    let command = Command::command()
        .mut_subcommands(|subcommand| subcommand.mut_args(full).mut_subcommands(|deeper| deeper.mut_args(full)));
    let command = with_settings(command).unwrap_or_else(|error| refuse(&error));
    let matches = command.clone().get_matches();
    if let (Some(serve), Some(("serve", said))) = (command.find_subcommand("serve"), matches.subcommand())
        && SettingsArgs::from_arg_matches(said).is_ok_and(|settings| settings.print)
    {
        let _ = write!(std::io::stdout(), "{}", settings::print(serve, said));
        std::process::exit(0);
    }
    Command::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// The command with the settings of the file that `serve --config` names, if it does.
fn with_settings(command: clap::Command) -> anyhow::Result<clap::Command> {
    // What is wrong with the rest is told when all of it is read.
    let early = command.clone().ignore_errors(true).try_get_matches();
    let settings = early.ok().and_then(|early| SettingsArgs::from_arg_matches(early.subcommand_matches("serve")?).ok());
    let Some(file) = settings.and_then(|settings| settings.file) else { return Ok(command) };
    let mut serve = command.find_subcommand("serve").cloned().unwrap_or_default();
    serve = settings::with_file(serve, &file)?;
    Ok(command.mut_subcommand("serve", |_| serve))
}

fn refuse(error: &anyhow::Error) -> ! {
    let _ = writeln!(std::io::stderr(), "brooklet: {error:#}");
    std::process::exit(2)
}

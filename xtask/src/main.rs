//! `cargo xtask`: what has to be done around the code, in order and without a manual.
//!
//! Nothing here is needed to work on Brooklet: every command that is run is printed as it is run, and plain `cargo` and
//! `wasm-pack` do the same. What this adds is that the tools are there, at the versions that fit.

#![cfg_attr(test, allow(clippy::unwrap_used))]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod build;
mod catalogue;
mod circles;
mod data;
mod demo;
mod events;
mod fuzz;
mod glue;
mod obd;
mod order;
mod places;
mod recbole;
mod release;
mod steps;
mod test;
mod tools;
mod weight;
mod workspace;

use workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about, version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what is missing, build, train the seed and serve the demo page
    Demo,
    /// Run every check there is: format, lints, native tests, browser tests, end to end
    Test,
    /// Find modules that use each other
    Circles,
    /// Build the npm package into pkg/ and print what it weighs
    Build,
    /// Pack the crates and the npm package, and install both from the packed files
    Release {
        /// Upload nothing; there is no other way yet
        #[arg(long, required = true)]
        dry_run: bool,
    },
    /// Weigh what a visitor downloads, by part and encoding, and hold it to tests/e2e/weights.json
    Weigh,
    /// Try to break what reads bytes from outside: seeds, deltas, logs, profiles, bodies of requests
    Fuzz {
        /// How long each of the five, in seconds
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Fetch a data set that is not kept here, and cut it as the benchmarks want it
    Data {
        /// Which
        set: data::Set,
    },
    /// Write synthetic events as CSV, to see how training bears their number
    Events {
        #[command(flatten)]
        size: events::Size,
        /// The file
        out: PathBuf,
        #[arg(long, default_value_t = 42)]
        seed: u64,
    },
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // What failed and why, in a line each; never a backtrace, whatever RUST_BACKTRACE says.
            let mut causes: Vec<String> = error.chain().map(ToString::to_string).collect();
            causes.dedup();
            eprintln!("\nerror: {}", causes.join("\n  because: "));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let workspace = Workspace::open()?;
    match &args.command {
        Command::Demo => demo::run(&workspace),
        Command::Test => test::run(&workspace),
        Command::Circles => circles::run(&workspace),
        Command::Build => build::run(&workspace),
        Command::Release { dry_run: _ } => release::rehearse(&workspace),
        Command::Weigh => test::weigh(&workspace),
        Command::Fuzz { seconds } => fuzz::run(&workspace, *seconds),
        Command::Data { set } => data::run(&workspace, *set),
        Command::Events { size, out, seed } => events::run(size, out, *seed),
    }
}

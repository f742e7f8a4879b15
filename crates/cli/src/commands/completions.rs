//! Completions for shells.

use anyhow::{Context, Result};
use clap_complete::Shell;

const EXAMPLES: &str = "\
Examples:
  brooklet completions bash > ~/.local/share/bash-completion/completions/brooklet";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The shell. For bash: `brooklet completions bash > ~/.local/share/bash-completion/completions/brooklet`.
    shell: Shell,
}

pub(crate) fn run(args: &Args, command: &mut clap::Command) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "brooklet", &mut script);
    println!("{}", String::from_utf8(script).context("a script that is not UTF-8")?.trim_end());
    Ok(())
}

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell. For bash: `brooklet completions bash > ~/.local/share/bash-completion/completions/brooklet`.
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    clap_complete::generate(args.shell, &mut crate::Command::command(), "brooklet", &mut std::io::stdout());
    Ok(())
}

//! The endpoint's store from one machine's folder into a database that many servers share.

use anyhow::{Context, Result};
use brooklet_server::PostgresUrl;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  brooklet migrate sqlite:store postgres://brooklet@db.internal:5432/brooklet";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// `sqlite:` and the folder that `serve --data` names. No server may be using it: browsers keep what they cannot send meanwhile.
    #[arg(value_name = "FROM", value_parser = folder)]
    from: PathBuf,
    /// The address of the database for `serve --store`, which must not have a model yet.
    #[arg(value_name = "TO", env = "BROOKLET_STORE", hide_env_values = true)]
    to: PostgresUrl,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")?;
    runtime.block_on(brooklet_server::migrate(&args.from, &args.to))?;
    eprintln!("{} is in {} now; its database is left there as brooklet.sqlite.moved", args.from.display(), args.to);
    Ok(())
}

fn folder(text: &str) -> Result<PathBuf, String> {
    let folder = text.strip_prefix("sqlite:").filter(|folder| !folder.is_empty());
    folder.map(PathBuf::from).ok_or_else(|| format!("`{text}` is not of the form sqlite:folder"))
}

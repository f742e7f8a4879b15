//! The endpoint's store into a file, and back.

use anyhow::Result;
use std::path::PathBuf;

const BACKUP: &str = "\
Examples:
  brooklet backup --data store --out monday.backup";

#[derive(Debug, clap::Args)]
#[command(after_help = BACKUP)]
pub(crate) struct BackupArgs {
    /// The folder that `serve --data` names. A server may be using it.
    #[arg(long, env = "BROOKLET_DATA", value_name = "DIR")]
    data: PathBuf,
    /// The file to write; it must not be there yet.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

const RESTORE: &str = "\
Examples:
  brooklet restore monday.backup --data store";

#[derive(Debug, clap::Args)]
#[command(after_help = RESTORE)]
pub(crate) struct RestoreArgs {
    /// A file that `brooklet backup` wrote.
    #[arg(value_name = "FILE")]
    backup: PathBuf,
    /// The folder for `serve --data`; it must not have a store yet.
    #[arg(long, env = "BROOKLET_DATA", value_name = "DIR")]
    data: PathBuf,
}

pub(crate) fn backup(args: &BackupArgs) -> Result<()> {
    Ok(brooklet_server::backup(&args.data, &args.out)?)
}

pub(crate) fn restore(args: &RestoreArgs) -> Result<()> {
    Ok(brooklet_server::restore(&args.backup, &args.data)?)
}

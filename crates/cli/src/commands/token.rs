//! Who may do what at an endpoint: tokens are made, listed and taken back.

use anyhow::{Result, ensure};
use brooklet_server::Scope;
use std::path::PathBuf;
use time::OffsetDateTime;

const EXAMPLES: &str = "\
Examples:
  brooklet token make --data store --scope operate --name grafana
  brooklet token list --data store
  brooklet token revoke --data store 3f2b8c1d90a7e645";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Make a token and print its secret, which is not kept and cannot be shown again.
    Make(MakeArgs),
    /// List the tokens: id, scope, name, and the day on which each was made.
    List(StoreArgs),
    /// Take a token back. A server that is running knows within a second.
    Revoke(RevokeArgs),
}

#[derive(Debug, clap::Args)]
struct StoreArgs {
    /// The folder that `serve --data` names. A server may be using it.
    #[arg(long, env = "BROOKLET_DATA", value_name = "DIR")]
    data: PathBuf,
}

#[derive(Debug, clap::Args)]
struct MakeArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// What it allows.
    #[arg(long)]
    scope: Scope,
    /// What you call it, such as who has it.
    #[arg(long, default_value = "")]
    name: String,
}

#[derive(Debug, clap::Args)]
struct RevokeArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// The id that `list` shows.
    #[arg(value_name = "ID")]
    id: String,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.action {
        Action::Make(MakeArgs { store, scope, name }) => {
            let (token, secret) = brooklet_server::make_token(&store.data, name, *scope)?;
            eprintln!("token {} for {scope}; this is shown once:", token.id);
            println!("{}", secret.trim_end());
        }
        Action::List(store) => {
            for token in brooklet_server::list_tokens(&store.data)? {
                println!("{}  {:7}  {}  {}", token.id, token.scope.as_str(), day(token.created), token.name);
            }
        }
        Action::Revoke(RevokeArgs { store, id }) => {
            ensure!(brooklet_server::revoke_token(&store.data, id)?, "there is no token {id}");
        }
    }
    Ok(())
}

/// The day of a time in milliseconds since 1970.
fn day(milliseconds: u64) -> String {
    let time = i64::try_from(milliseconds / 1000).ok().and_then(|time| OffsetDateTime::from_unix_timestamp(time).ok());
    time.map_or_else(String::new, |time| time.date().to_string())
}

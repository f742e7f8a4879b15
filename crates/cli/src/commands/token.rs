//! Who may do what at an endpoint: tokens are made, listed and taken back.

use crate::term::day;
use anyhow::{Context, Result, ensure};
use brooklet_server::{Postgres, PostgresConfig, PostgresUrl, Scope, Store, Token};
use std::path::PathBuf;
use std::sync::Arc;

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
    #[arg(long, env = "BROOKLET_DATA", value_name = "DIR", required_unless_present = "store")]
    data: Option<PathBuf>,
    /// The database that `serve --store` names, in place of a folder.
    #[arg(long, env = "BROOKLET_STORE", hide_env_values = true, value_name = "URL")]
    store: Option<PostgresUrl>,
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
            let (token, secret) = make(store, name, *scope)?;
            eprintln!("token {} for {scope}; this is shown once:", token.id);
            println!("{}", secret.trim_end());
        }
        Action::List(store) => {
            for token in list(store)? {
                println!("{}  {:7}  {}  {}", token.id, token.scope.as_str(), day(token.created), token.name);
            }
        }
        Action::Revoke(RevokeArgs { store, id }) => {
            ensure!(revoke(store, id)?, "there is no token {id}");
        }
    }
    Ok(())
}

fn make(store: &StoreArgs, name: &str, scope: Scope) -> Result<(Token, String)> {
    match &store.store {
        Some(url) => upon(url, async |postgres| Ok(postgres.make_token(name, scope).await?)),
        None => Ok(brooklet_server::make_token(store.folder()?, name, scope)?),
    }
}

fn list(store: &StoreArgs) -> Result<Vec<Token>> {
    match &store.store {
        Some(url) => upon(url, async |postgres| Ok(postgres.tokens().await?)),
        None => Ok(brooklet_server::list_tokens(store.folder()?)?),
    }
}

fn revoke(store: &StoreArgs, id: &str) -> Result<bool> {
    match &store.store {
        Some(url) => upon(url, async |postgres| Ok(postgres.revoke_token(id).await?)),
        None => Ok(brooklet_server::revoke_token(store.folder()?, id)?),
    }
}

impl StoreArgs {
    fn folder(&self) -> Result<&PathBuf> {
        self.data.as_ref().context("--data or --store says where the store is")
    }
}

/// Does something with a database.
fn upon<T>(url: &PostgresUrl, action: impl AsyncFnOnce(&Postgres) -> Result<T>) -> Result<T> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")?;
    runtime.block_on(async {
        let postgres = Postgres::open(url, &PostgresConfig::default(), Arc::default()).await?;
        action(&postgres).await
    })
}

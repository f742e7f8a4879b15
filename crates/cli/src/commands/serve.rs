use anyhow::{Context, Result};
use brooklet_server::Config;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: Config,
}

pub(crate) fn run(args: Args) -> Result<()> {
    brooklet_server::init_logging();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")?;
    Ok(runtime.block_on(brooklet_server::serve(args.config))?)
}

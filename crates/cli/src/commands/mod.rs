//! The subcommands, one file each.

pub(crate) mod eval;
pub(crate) mod import;
pub(crate) mod inspect;
pub(crate) mod replay;
mod replay_log;
pub(crate) mod serve;
pub(crate) mod simulate;
pub(crate) mod train;

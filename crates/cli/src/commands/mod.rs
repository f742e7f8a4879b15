//! The subcommands, one file each.

pub(crate) mod eval;
pub(crate) mod inspect;
pub(crate) mod replay;
mod replay_log;
pub(crate) mod serve;
mod side_by_side;
pub(crate) mod train;

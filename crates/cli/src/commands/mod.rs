//! The subcommands, one file each.

pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod eval;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod inspect;
mod inspect_diff;
pub(crate) mod migrate;
pub(crate) mod model;
pub(crate) mod offpolicy;
pub(crate) mod predict;
pub(crate) mod replay;
mod replay_log;
pub(crate) mod serve;
pub(crate) mod shelves;
pub(crate) mod simulate;
pub(crate) mod token;
pub(crate) mod topn;
pub(crate) mod train;
pub(crate) mod tune;

//! The command as people and programs use it: built, and run on files.
#![allow(clippy::unwrap_used)]

mod contexts;
mod contract;
mod files;
mod help;
mod import;
mod init;
mod input;
mod judged;
mod kinds;
mod model;
mod offpolicy;
mod output;
mod overwrite;
mod privacy;
mod replay;
mod report;
mod shelves;
mod simulate;
mod support;
mod teaches;
mod token;
mod topn;
mod tune;

//! Trains, tunes, replays and simulates recommenders that learn inside each visitor's browser.

#![cfg_attr(test, allow(clippy::unwrap_used))]

#[macro_use]
mod error;
mod data;
pub mod evaluate;
pub mod import;
pub mod input;
pub mod maths;
pub mod seed;
pub mod simulate;
#[cfg(test)]
mod testing;
mod trainer;
pub mod training;
pub mod tune;
pub mod watch;

pub use data::{HoldOut, TUNE_EVENTS};
pub use error::{Error, Result};

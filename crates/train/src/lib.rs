#![doc = include_str!("../README.md")]
//!
//! Each module stands upon those before it: [`watch`], [`maths`], [`input`], the trainer, [`seed`], [`evaluate`], [`training`], then
//! [`check`], [`tune`], [`simulate`], [`shelves`] and [`import`] side by side.

#![cfg_attr(test, allow(clippy::unwrap_used))]

#[macro_use]
mod error;
pub mod check;
mod data;
pub mod evaluate;
pub mod import;
pub mod input;
pub mod maths;
pub mod seed;
pub mod shelves;
pub mod simulate;
#[cfg(test)]
mod testing;
mod trainer;
pub mod training;
pub mod tune;
pub mod watch;

pub use data::{HoldOut, TUNE_EVENTS};
pub use error::{Error, Result};

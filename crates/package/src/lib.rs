//! What is downloaded: the crate `brooklet` without the standard library, which would be 3 KB more.
//!
//! It is a crate of its own because link-time optimization goes by the crate that is linked. That one has to be a "cdylib"
//! and nothing else (with an "rlib" beside it, cargo leaves link-time optimization out), and has to be built for speed: else the
//! core's loops become no SIMD. What is built to be small stays small, crate by crate.

#![no_std]

pub use brooklet::Learner;

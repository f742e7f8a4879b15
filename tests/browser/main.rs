//! The learner in a real browser: `wasm-pack test --headless --chrome`.
//!
//! What a page would write is written here as a page would write it: in JavaScript, see [`script::run`].

#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used)]

mod script;
mod seed;

mod agree;
mod consent;
mod features;
mod insight;
mod learning;
mod log;
mod profile;
mod sync;
mod types;
mod undo;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

//! Brooklet in the browser: the npm package `brooklet`.
//!
//! [`Learner`] is the one class that JavaScript sees. It opens a model that was trained in batch, learns from the clicks
//! and skips of this page's visitor, keeps that visitor's profile in IndexedDB, and now and then posts what it learnt
//! about the shared items, never about the visitor, to the endpoint it was given.
//!
//! ```js
//! import init, { Learner } from "brooklet";
//! await init();
//! const learner = await Learner.open({ url: "/v1/models/films", endpoint: "/v1/models/films" });
//! learner.addItems([{ id: "31", features: { genres: ["Drama", "Romance"] } }]);
//! const slate = learner.recommend({ context: { device: "phone" }, k: 12 });
//! learner.click(slate, slate.items[0].id);
//! ```
//!
//! The model itself is `brooklet-core`; here is what it needs of a browser. From the page inwards: `api` is the JavaScript face,
//! `tab` holds one learner's parts together, `wire` is the way to the endpoint, `page` is what a browser offers, and `learning` is
//! what a tab has learnt and how it agrees with other tabs, with no browser in it.

#![no_std]

extern crate alloc;
// Natively this is compiled to be checked, not to be run.
#[cfg(any(feature = "std", not(target_arch = "wasm32")))]
extern crate std;

#[cfg(all(target_arch = "wasm32", not(feature = "std")))]
mod no_std;

mod api;
mod tab;
mod wire;

mod page;

mod learning;

pub use api::learner::Learner;
pub use page::error::Failure;

use wasm_bindgen::prelude::wasm_bindgen;

/// The types that a person would have written; those of [`Learner`]'s methods name them.
#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = include_str!("api/types.ts");

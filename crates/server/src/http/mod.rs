//! One file for each thing that can be asked for, upon what they share: reading a body, headers, problem documents. `HTTP.md` is
//! the reference for callers.

pub(crate) mod access;
pub(crate) mod bare;
pub(crate) mod base;
pub(crate) mod dashboard;
pub(crate) mod deltas;
pub(crate) mod events;
pub(crate) mod files;
pub(crate) mod learning;
pub(crate) mod models;
pub(crate) mod openapi;
pub(crate) mod operations;
pub(crate) mod stats;
pub(crate) mod versions;

pub(crate) mod admit;
mod body;
pub(crate) mod encoded;
pub(crate) mod headers;
mod json;
mod named;
mod negotiate;
pub(crate) mod problem;

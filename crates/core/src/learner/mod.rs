//! The learner: models, catalogue, slates and figures of one visitor together, which is what the bindings call. The struct is in
//! `state`; each other file is one thing that is done with it.

pub(crate) mod state;

pub(crate) mod diversity;
pub(crate) mod insight;
pub(crate) mod learn;
pub(crate) mod log;
pub(crate) mod pieces;
pub(crate) mod profile;
pub(crate) mod rank;
pub(crate) mod send;
pub(crate) mod shelves;
pub(crate) mod swap;
pub(crate) mod undo;

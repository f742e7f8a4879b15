//! What JavaScript sees: the class `Learner`, and how its arguments are read and its answers made. `types.ts` says the same in
//! TypeScript.

pub(crate) mod insight;
pub(crate) mod items;
pub(crate) mod learner;

pub(crate) mod answer;
pub(crate) mod argument;
pub(crate) mod config;
pub(crate) mod options;

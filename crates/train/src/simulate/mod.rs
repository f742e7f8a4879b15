//! A population at work: a seed is trained on some users, others send deltas, the rest are judged.

mod client;
mod endpoint;
mod exposure;
mod federate;
mod population;
mod simulation;
#[cfg(test)]
mod unknown_fields;

pub use simulation::{Crowd, Figures, Settings, Simulated, Version, simulate};

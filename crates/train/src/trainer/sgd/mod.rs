//! Stochastic gradient descent: event by event, by one thread or several, or batch by batch.

mod batch;
mod config;
mod descent;
mod evidence;
mod kernel;
mod step;
mod strata;

pub(crate) use config::{Config, L2, Objective};
pub(crate) use descent::Sgd;

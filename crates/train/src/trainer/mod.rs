//! The batch trainer: a factorization machine (Rendle 2010), by stochastic gradient descent or by variational Bayes.
//!
//! A [`Problem`] numbers the features and lists them once per user and per item, so that an event is two numbers and a
//! target however many side features there are. A [`Model`] is one contiguous table of rows. `sgd` goes over the events,
//! `bayes` over the rows; nothing here knows files or names.

mod bayes;
mod fit;
pub(crate) mod implicit;
mod model;
mod problem;
mod sgd;
mod source;

pub(crate) use bayes::{Config as BayesConfig, Visitor};
pub(crate) use fit::{Epochs, Fitted, Method, Stopped, fit, loss};
pub(crate) use model::{MAX_FACTORS, Model};
pub(crate) use problem::{Entities, Event, Layout, Problem};
pub(crate) use sgd::{Config as SgdConfig, L2, Objective};
pub(crate) use source::{Source, Stream};

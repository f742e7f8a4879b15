//! Variational Bayes: the rows one after the other in closed form.

mod fields;
mod group;
mod likelihood;
mod linear;
mod moments;
mod posterior;
mod side;

pub(crate) use posterior::{Bayes, Config, Visitor};

//! What a person sees on a terminal: lines on standard output, progress on standard error, figures and tables of them.

#[macro_use]
pub(crate) mod output;
mod day;
mod figures;
mod kinds;
mod off_policy;
mod progress;
mod side_by_side;

pub(crate) use day::day;
pub(crate) use figures::{figure, shown};
pub(crate) use kinds::kinds;
pub(crate) use off_policy::off_policy;
pub(crate) use progress::Bars;
pub(crate) use side_by_side::SideBySide;

//! The report for people: one HTML file that loads nothing from elsewhere, light or dark as the reader likes, and prints.

mod charts;
mod page;
mod sections;
mod told;

pub(crate) use page::Report;
pub(crate) use told::{TOP, Told};

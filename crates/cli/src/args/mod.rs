//! Flags that several subcommands take, and how each is read.

mod dialect;
mod events;
mod learning;
mod names;
mod numbers;
mod people;
mod recipe;

pub(crate) use dialect::DialectArgs;
pub(crate) use events::EventArgs;
pub(crate) use learning::Learning;
pub(crate) use names::named;
pub(crate) use numbers::{finite, not_negative, share_of, threads};
pub(crate) use people::PeopleArgs;
pub(crate) use recipe::{RecipeArgs, stored};

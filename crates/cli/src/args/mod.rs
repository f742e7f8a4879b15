//! Flags that several subcommands take, and how each is read.

mod events;
mod learning;
mod names;
mod numbers;
mod recipe;

pub(crate) use events::ImpressionArgs;
pub(crate) use learning::Learning;
pub(crate) use names::named;
pub(crate) use numbers::not_negative;
pub(crate) use recipe::{RecipeArgs, stored};

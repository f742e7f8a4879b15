//! What a file of events holds, told before anything is learnt from it: how many of everything, what looks odd, and how to train on it.

mod ids;
mod survey;

pub use ids::Ids;
pub use survey::{Label, PerPerson, Survey, survey};

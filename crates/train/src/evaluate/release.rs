//! What an endpoint goes by before it publishes a version: events of people from whom neither the seed nor any client has learnt.

use super::replay::Visitors;
use crate::maths::{cores, log_loss, mean};
use brooklet_core::{Base, Config, Error, Loss};

/// The mean loss of a version over the events of these people, with the learner of a page that sets nothing: the log-loss of
/// clicks, or of graded targets where nothing says what a click is; of a regression half the squared error. Infinite without an
/// event.
pub fn served_loss(visitors: &Visitors, base: &Base) -> Result<f64, Error> {
    let squared = base.metadata().loss == Loss::Squared;
    let replayed = visitors.replay(base, &Config::default(), &[], cores(), || {})?;
    let outcomes = replayed.iter().flat_map(|visitor| &visitor.outcomes);
    let losses = outcomes.map(|outcome| match (squared, outcome.click) {
        (false, Some(click)) => log_loss(outcome.personal.probability, f32::from(u8::from(click))),
        (false, None) => log_loss(outcome.personal.probability, outcome.target),
        (true, _) => 0.5 * f64::from(outcome.personal.score - outcome.target).powi(2),
    });
    Ok(mean(losses).unwrap_or(f64::INFINITY))
}

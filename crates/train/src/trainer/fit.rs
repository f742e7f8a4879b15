//! One training: epoch after epoch by either method, until more would not help.

use super::bayes::{self, Bayes, Visitor};
use super::model::Model;
use super::problem::{Event, Problem};
use super::sgd::{self, Objective, Sgd};
use super::source::Source;
use crate::error::Error;
use crate::maths::{auc, log_loss, sigmoid};
use std::time::{Duration, Instant};

/// How to learn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Method {
    Sgd(sgd::Config),
    Bayes(bayes::Config),
}

impl Method {
    pub(crate) fn objective(&self) -> Objective {
        match self {
            Method::Sgd(config) => config.objective,
            Method::Bayes(config) if config.squared => Objective::Squared,
            Method::Bayes(_) => Objective::Logistic,
        }
    }
}

/// How long to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Epochs {
    /// So many.
    Exactly(usize),
    /// Until the validation loss has not improved for `patience` epochs, and at most `most`.
    UntilNoBetter { patience: usize, most: usize },
}

/// What the best epoch left.
pub(crate) struct Fitted {
    pub(crate) model: Model,
    /// What a visitor is before the first event, if the method knows.
    pub(crate) visitor: Option<Visitor>,
    /// Epochs that led to it.
    pub(crate) epochs: usize,
    /// Events that all epochs went over.
    pub(crate) events: usize,
    /// Time that took, validation aside.
    pub(crate) time: Duration,
}

/// Why training came to no end.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The loss went to infinity.
    Diverged,
    /// The method needs the events in memory.
    TooLarge,
    /// The events could not be read.
    Unreadable(Error),
}

/// Learns `model`. `note` is told the epoch, the model and the validation loss, if there is anything to validate on.
pub(crate) fn fit<'a>(
    problem: &'a Problem,
    mut model: Model,
    events: Source<'a>,
    validation: &[Event],
    method: &'a Method,
    epochs: Epochs,
    mut note: impl FnMut(usize, &Model, Option<f64>),
) -> Result<Fitted, Stopped> {
    let (most, patience) = match epochs {
        Epochs::Exactly(n) => (n, usize::MAX),
        Epochs::UntilNoBetter { patience, most } => (most, if validation.is_empty() { usize::MAX } else { patience }),
    };
    let count = events.len();
    if matches!(events, Source::Stream(_)) && method.objective() == Objective::Pairs {
        return Err(Stopped::TooLarge);
    }
    let mut learning = match method {
        Method::Sgd(config) => {
            let sgd = Sgd::new(problem, events, config);
            sgd.start(&mut model);
            Learning::Sgd(sgd)
        }
        Method::Bayes(config) => {
            let Source::Memory(events) = events else { return Err(Stopped::TooLarge) };
            Learning::Bayes(Box::new(Bayes::new(problem, &events, model.factors(), config)))
        }
    };
    let mut time = Duration::ZERO;
    let mut best: Option<Best> = None;
    let mut done = 0;
    while done < most {
        let start = Instant::now();
        match &mut learning {
            Learning::Sgd(sgd) => sgd.epoch(&mut model).map_err(Stopped::Unreadable)?,
            Learning::Bayes(bayes) => bayes.epoch(&mut model),
        }
        time += start.elapsed();
        done += 1;
        if !model.is_finite() {
            return Err(Stopped::Diverged);
        }
        let loss = (!validation.is_empty()).then(|| loss(problem, &model, validation, method.objective()));
        note(done, &model, loss);
        if let (Some(loss), true) = (loss, patience < usize::MAX) {
            if best.as_ref().is_none_or(|best| loss < best.loss) {
                best = Some(Best { loss, epochs: done, model: model.clone(), visitor: learning.visitor() });
            } else if best.as_ref().is_some_and(|best| done - best.epochs >= patience) {
                break;
            }
        }
    }
    let events = count * done;
    let best = best.unwrap_or_else(|| Best { loss: f64::NAN, epochs: done, visitor: learning.visitor(), model });
    Ok(Fitted { model: best.model, visitor: best.visitor, epochs: best.epochs, events, time })
}

enum Learning<'a> {
    Sgd(Sgd<'a>),
    Bayes(Box<Bayes<'a>>),
}

impl Learning<'_> {
    fn visitor(&self) -> Option<Visitor> {
        match self {
            Learning::Sgd(_) => None,
            Learning::Bayes(bayes) => Some(bayes.visitor()),
        }
    }
}

/// The epoch that validation liked best.
struct Best {
    loss: f64,
    epochs: usize,
    model: Model,
    visitor: Option<Visitor>,
}

/// Mean loss over events: cross-entropy, the squared error, or the share of pairs of a click and a skip that are in the wrong
/// order.
pub(crate) fn loss(problem: &Problem, model: &Model, events: &[Event], objective: Objective) -> f64 {
    let scores = model.scores(problem, events);
    let scored = scores.iter().copied().zip(events);
    let weight: f64 = events.iter().map(|event| f64::from(event.weight)).sum();
    let mean = |loss: &dyn Fn(f32, f32) -> f64| {
        scored.clone().map(|(score, event)| f64::from(event.weight) * loss(score, event.target)).sum::<f64>() / weight
    };
    match objective {
        Objective::Squared => mean(&|score, target| f64::from(score - target).powi(2)),
        Objective::Logistic => mean(&|score, target| log_loss(sigmoid(score), target)),
        // Without both clicks and skips every order is as good.
        Objective::Pairs => {
            1.0 - auc(scored.map(|(score, event)| (score, event.target > 0.5)).collect()).unwrap_or(0.5)
        }
    }
}

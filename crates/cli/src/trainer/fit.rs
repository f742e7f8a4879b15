use super::sgd::{Config, Sgd};
use super::{Event, Model, Problem, Source, sigmoid};
use std::time::{Duration, Instant};

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
    /// The events could not be read.
    Unreadable(anyhow::Error),
}

/// Descends from `model`. `note` is told the epoch and the validation loss, if there is anything to validate on.
pub(crate) fn fit<'a>(
    problem: &'a Problem,
    mut model: Model,
    events: impl Into<Source<'a>>,
    validation: &[Event],
    config: &'a Config,
    epochs: Epochs,
    mut note: impl FnMut(usize, Option<f64>),
) -> Result<Fitted, Stopped> {
    let (most, patience) = match epochs {
        Epochs::Exactly(n) => (n, usize::MAX),
        Epochs::UntilNoBetter { patience, most } => (most, if validation.is_empty() { usize::MAX } else { patience }),
    };
    let events = events.into();
    let count = events.len();
    let mut sgd = Sgd::new(problem, events, config);
    sgd.start(&mut model);
    let mut time = Duration::ZERO;
    let mut best: Option<(f64, usize, Model)> = None;
    let mut done = 0;
    while done < most {
        let start = Instant::now();
        sgd.epoch(&mut model).map_err(Stopped::Unreadable)?;
        time += start.elapsed();
        done += 1;
        if !model.is_finite() {
            return Err(Stopped::Diverged);
        }
        let loss = (!validation.is_empty()).then(|| loss(problem, &model, validation, config.squared));
        note(done, loss);
        if let (Some(loss), true) = (loss, patience < usize::MAX) {
            if best.as_ref().is_none_or(|(least, ..)| loss < *least) {
                best = Some((loss, done, model.clone()));
            } else if best.as_ref().is_some_and(|(_, at, _)| done - at >= patience) {
                break;
            }
        }
    }
    let events = count * done;
    let (epochs, model) = best.map_or((done, model), |(_, epochs, model)| (epochs, model));
    Ok(Fitted { model, epochs, events, time })
}

/// Mean loss over events: cross-entropy, or the squared error.
fn loss(problem: &Problem, model: &Model, events: &[Event], squared: bool) -> f64 {
    let scores = model.scores(problem, events);
    let losses = scores.iter().zip(events).map(|(&score, event)| {
        if squared {
            f64::from(score - event.target).powi(2)
        } else {
            crate::metrics::log_loss(sigmoid(score), event.target)
        }
    });
    losses.sum::<f64>() / events.len() as f64
}

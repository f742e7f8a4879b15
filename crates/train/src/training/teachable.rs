//! Whether there is anything to learn: events that teach nothing, and a model that was taught nothing, are errors that name a remedy.

use super::recipe::Loss;
use crate::data::Labelled;
use crate::error::Result;
use crate::input::{Batch, LabelRule, Store};
use crate::maths::{log_loss, mean, sigmoid};

/// A model's loss on the rows that it was trained on may be so much of a constant's: more is no model.
const WORSE: f64 = 1.02;

/// Refuses labels that all become one target. `title` is what a person calls the events; skips may still be drawn if they are asked for.
pub(super) fn labels_differ(store: &Store, rule: &LabelRule, drawn: bool, title: &str) -> Result<()> {
    let (low, high) = store.summary().labels;
    let (Ok(least), Ok(most)) = (rule.target(low), rule.target(high)) else { return Ok(()) };
    // A map may say of labels between what it likes.
    let alike = least == most && (low == high || rule.map.is_empty());
    ensure!(
        !alike || drawn,
        Setting,
        "{title}: every label becomes the same target, {least}: there is nothing to tell apart; say with --positive which \
         labels are clicks, name the right column with --label, or add skips with --negatives"
    );
    Ok(())
}

/// Refuses events that teach nothing, once all that is learnt from is there.
pub(super) fn events_teach(store: &Store, rule: &LabelRule, loss: Loss, title: &str) -> Result<()> {
    let summary = store.summary();
    ensure!(
        summary.weights != 0.0,
        Setting,
        "{title}: every weight is 0, so no event teaches anything: name another column with --weight, or leave it out"
    );
    // Each sum has the same terms in the same order if all targets are 1.
    let same = summary.targets == 0.0 || summary.targets == summary.weights;
    ensure!(
        rule.squared || !same,
        Setting,
        "{title}: all events that weigh anything are of one kind, {}: there is nothing to tell apart; say with --positive \
         or --label-map which labels are clicks",
        if summary.targets == 0.0 { "skips" } else { "clicks" }
    );
    ensure!(
        loss != Loss::Bpr || has_pair(store)?,
        Setting,
        "{title}: --loss bpr learns from a click over a skip of the same user, and no user has both: leave out --loss, or add \
         skips with --negatives"
    );
    Ok(())
}

/// Whether any user has both a click and a skip.
fn has_pair(store: &Store) -> Result<bool> {
    let mut met = vec![(false, false); store.summary().users.len()];
    let mut batch = Batch::default();
    for block in 0..store.blocks() {
        batch.clear();
        store.read_learnt(block, &mut batch)?;
        for (&user, &target) in batch.user.iter().zip(&batch.target) {
            let (clicked, skipped) = &mut met[user as usize];
            *(if target > 0.5 { clicked } else { skipped }) = true;
        }
    }
    Ok(met.contains(&(true, true)))
}

/// Refuses a model whose loss is above that of a constant, on the rows that it was trained on and on those held out: each with
/// the scores that the model gives them.
pub(super) fn beats_a_constant(
    squared: bool,
    [trained, held_out]: [(&Labelled, Vec<f32>); 2],
    remedy: &str,
) -> Result<()> {
    let targets = trained.0.events.iter().map(|event| f64::from(event.target));
    let Some(level) = mean(targets) else { return Ok(()) };
    let of = |predicted: f32, target: f32| {
        if squared { f64::from(predicted - target).powi(2) } else { log_loss(predicted, target) }
    };
    let probability = |score: f32| if squared { score } else { sigmoid(score) };
    let losses = |(rows, scores): &(&Labelled, Vec<f32>)| -> Option<(f64, f64)> {
        let model = rows.events.iter().zip(scores).map(|(event, score)| of(probability(*score), event.target));
        let constant = rows.events.iter().map(|event| of(level as f32, event.target));
        Some((mean(model)?, mean(constant)?))
    };
    let worse = |losses: Option<(f64, f64)>| losses.is_none_or(|(model, constant)| model > WORSE * constant);
    let told = losses(&trained);
    let (Some((model, constant)), true) = (told, worse(told) && worse(losses(&held_out))) else { return Ok(()) };
    bail!(
        Setting,
        "the model is worse than a constant, which knows nobody: {} {model:.4} on the rows that it was trained on, {constant:.4} \
         for always saying the mean; {remedy}",
        if squared { "squared error" } else { "log-loss" }
    )
}

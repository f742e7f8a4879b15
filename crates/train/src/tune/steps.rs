//! The steps in their order, and whether one pays.

use super::changes::{Change, Runs};
use super::draft::{Bench, Draft};
use crate::error::Result;
use crate::evaluate::{Difference, Estimate, Score};
use brooklet_core::{Config, Metadata};

const SCALES: [f32; 7] = [0.25, 0.5, 0.7, 1.4, 2.0, 3.0, 4.0];
const PRIOR_SCALES: [f32; 5] = [0.7, 1.5, 3.0, 6.0, 12.0];
const ROUNDS: [usize; 2] = [1, 4];
const RATES: [f32; 7] = [0.0, 0.003, 0.01, 0.03, 0.1, 0.2, 0.4];
const EPOCHS: [u64; 2] = [1, 3];
const RUN_EVENTS: [usize; 2] = [20, 100];
const OUTER_STEPS: [f32; 4] = [0.03, 0.1, 0.3, 1.0];

pub(super) struct Step {
    pub(super) name: String,
    pub(super) changes: Vec<Change>,
    /// By what it is chosen.
    loss: fn(&Score<Estimate>) -> Option<&Estimate>,
}

/// What became of a step.
pub(super) struct Taken {
    /// What was chosen, and the seed with it, if it pays.
    pub(super) kept: Option<(String, Draft)>,
    /// How much the least loss of a change is above the loss without.
    pub(super) difference: Option<Difference>,
}

/// All steps for a seed.
pub(super) fn all(metadata: &Metadata) -> Vec<Step> {
    let step = |name: &str, changes: Vec<Change>| Step { name: name.to_owned(), changes, loss };
    let refits = ROUNDS.iter().flat_map(|&rounds| PRIOR_SCALES.map(|scale| Change::Prior { rounds, scale }));
    let mut steps = vec![
        step("prior scale", SCALES.map(Change::Scale).to_vec()),
        step("prior", refits.collect()),
        step("shared rate", RATES.map(Change::Shared).to_vec()),
    ];
    // Where there is one field, its rate is the shared rate.
    let fields = Some(&metadata.schema.fields).filter(|fields| fields.len() > 1);
    steps.extend(fields.into_iter().flatten().map(|field| {
        let rates = RATES.map(|rate| Change::Field { field: field.clone(), rate });
        step(&format!("rate of {field}"), rates.to_vec())
    }));
    // What a score says of a click shows in no squared error.
    steps.push(Step { loss: |score| score.log_loss.as_ref(), ..step("calibration", vec![Change::Calibration]) });
    let runs = EPOCHS.iter().flat_map(|&epochs| {
        let of = move |events| OUTER_STEPS.map(|step| Change::Rows(Runs { epochs, events, step }));
        RUN_EVENTS.into_iter().flat_map(of)
    });
    steps.push(step("rows", runs.collect()));
    steps
}

impl Step {
    /// Tries each change on these people. What is fitted is fitted to one half of them and judged on the other, both ways
    /// round; the best is kept if its loss is less by more than two standard errors: of many tries the best is often
    /// better by one. It is fitted to all of these people then.
    pub(super) fn take(&self, bench: &Bench, choosing: &[u32], draft: &Draft, done: impl Fn()) -> Result<Taken> {
        let (a, b) = choosing.split_at(choosing.len() / 2);
        let crossed = |change: Option<&Change>| -> Result<Option<Estimate>> {
            let mut replayed = Vec::new();
            for (fitted_to, judged_on) in [(a, b), (b, a)] {
                let made = change.map(|change| change.make(bench, fitted_to, draft)).transpose()?;
                replayed.extend(bench.replay(judged_on, made.as_ref().unwrap_or(draft), &Config::default())?);
            }
            done();
            Ok((self.loss)(&bench.judge(&replayed).personal).cloned())
        };
        let Some(without) = crossed(None)? else { return Ok(Taken { kept: None, difference: None }) };
        let mut best: Option<(&Change, Difference)> = None;
        for change in &self.changes {
            let Some(difference) = crossed(Some(change))?.map(|with| with.minus(&without)) else { continue };
            if best.is_none_or(|(_, least)| difference.by < least.by) {
                best = Some((change, difference));
            }
        }
        let kept = best.filter(|(_, difference)| difference.by < 0.0 && difference.stands_out());
        let kept = match kept {
            Some((change, _)) => Some((change.to_string(), change.make(bench, choosing, draft)?)),
            None => None,
        };
        Ok(Taken { kept, difference: best.map(|(_, difference)| difference) })
    }
}

/// The log-loss of a click, or under the squared loss the error.
pub fn loss(score: &Score<Estimate>) -> Option<&Estimate> {
    score.rmse.as_ref().or(score.log_loss.as_ref())
}

//! What can be changed in a seed, most of it fitted to people.

use super::draft::{Bench, Draft};
use crate::error::{Context, Result};
use crate::evaluate::calibrate;
use crate::maths::{Rng, in_parallel};
use crate::seed::{moments, prior};
use brooklet_core::{Base, Config, Error, FeatureId, FieldRate, Learner, ModelConfig, Rates};
use std::collections::HashMap;
use std::fmt;

/// How rows are moved toward where people's runs take them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Runs {
    pub(super) epochs: u64,
    /// Of a run: the first of each person.
    pub(super) events: usize,
    /// The share of each run's way that the seed goes.
    pub(super) step: f32,
}

#[derive(Debug, Clone)]
pub(super) enum Change {
    /// The prior's scale times this.
    Scale(f32),
    /// The prior refitted by rounds of EM, then scaled.
    Prior { rounds: usize, scale: f32 },
    /// The rate of shared rows.
    Shared(f32),
    /// The rate of a field's rows.
    Field { field: String, rate: f32 },
    /// The map from score to probability, fitted anew.
    Calibration,
    /// The rows moved by Reptile.
    Rows(Runs),
}

/// The rate within a run. What comes of it in the seed is the outer step's to say.
const INNER_RATE: f32 = 0.05;
/// People whose runs start from the same rows.
const BATCH: usize = 32;

impl fmt::Display for Change {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Scale(factor) => write!(to, "x {factor}"),
            Change::Prior { rounds, scale } => write!(to, "EM {rounds}, x {scale}"),
            Change::Shared(rate) | Change::Field { rate, .. } => write!(to, "{rate}"),
            Change::Calibration => write!(to, "Platt"),
            Change::Rows(Runs { epochs, events, step }) => write!(to, "epochs {epochs}, runs {events}, step {step}"),
        }
    }
}

impl Change {
    /// The seed with the change, fitted to these people.
    pub(super) fn make(&self, bench: &Bench, who: &[u32], draft: &Draft) -> Result<Draft> {
        let mut draft = draft.clone();
        let metadata = &mut draft.metadata;
        match self {
            Change::Scale(factor) => metadata.prior.scale *= factor,
            Change::Shared(rate) => metadata.rates.shared = *rate,
            Change::Field { field, rate } => {
                let rates = &mut metadata.schema.rates;
                rates.retain(|of| of.field != *field);
                rates.push(FieldRate { field: field.clone(), rate: *rate, adagrad: false });
            }
            Change::Prior { rounds, scale } => {
                for _ in 0..*rounds {
                    refit_prior(bench, who, &mut draft)?;
                }
                draft.metadata.prior.scale = *scale;
            }
            Change::Calibration => {
                let replayed = bench.replay(who, &draft, &Config::default())?;
                draft.metadata.calibration = calibrate(&replayed);
            }
            Change::Rows(runs) => reptile(bench, who, &mut draft, *runs)?,
        }
        Ok(draft)
    }
}

/// One round of EM for the prior: with each person's posterior N(m, P), the prior becomes N(mean of m, mean of P + covariance
/// of m).
fn refit_prior(bench: &Bench, who: &[u32], draft: &mut Draft) -> Result<()> {
    let still = Rates { private: 0.0, shared: 0.0, ..draft.metadata.rates };
    let posteriors = after(bench, who, &draft.base()?, still, usize::MAX, |learner| {
        let (mean, covariance) = learner.visitor();
        (mean.iter().map(|x| *x as f32).collect::<Vec<f32>>(), covariance)
    })?;
    let means: Vec<f32> = posteriors.iter().flat_map(|(mean, _)| mean.iter().copied()).collect();
    let mut visitor = moments(&means, 1 + draft.metadata.factors);
    for (_, covariance) in &posteriors {
        let n = posteriors.len() as f64;
        visitor.covariance.iter_mut().zip(covariance).for_each(|(sum, p)| *sum += p / n);
    }
    draft.metadata.prior = prior(visitor, 1.0);
    Ok(())
}

/// Reptile (Nichol, Achiam and Schulman 2018): moves the rows a share of the way that each person's run takes them.
fn reptile(bench: &Bench, who: &[u32], draft: &mut Draft, Runs { epochs, events, step }: Runs) -> Result<()> {
    let width = 1 + draft.metadata.factors;
    let places: HashMap<FeatureId, usize> = draft.rows.ids.iter().copied().zip(0..).collect();
    let rates = Rates { private: 0.0, shared: INNER_RATE, ..draft.metadata.rates };
    for epoch in 0..epochs {
        let mut order = who.to_vec();
        Rng::new(epoch, 1).shuffle(&mut order);
        for batch in order.chunks(BATCH) {
            let residuals = after(bench, batch, &draft.base()?, rates, events, |learner| {
                learner.residuals().map(|(id, row)| (id, row.to_vec())).collect::<Vec<_>>()
            })?;
            for (id, residual) in residuals.iter().flatten() {
                // A feature that the seed does not know stays unknown.
                let Some(&at) = places.get(id) else { continue };
                let row = &mut draft.rows.rows[at * width..(at + 1) * width];
                row.iter_mut().zip(residual).for_each(|(x, by)| *x += step * by);
            }
        }
    }
    Ok(())
}

/// What `of` says of each person's learner after so many of their events, nothing forgotten.
fn after<T: Send>(
    bench: &Bench,
    who: &[u32],
    base: &Base,
    rates: Rates,
    events: usize,
    of: impl Fn(&Learner) -> T + Sync,
) -> Result<Vec<T>> {
    let visitors = bench.visitors(who, base)?;
    let model = ModelConfig { forgetting: 0.0, rates: Some(rates), ..ModelConfig::default() };
    let config = Config { model, ..Config::default() };
    let learnt = in_parallel(who.len(), bench.threads, |i| -> Result<T, Error> {
        let mut learner = Learner::new(base.clone(), config.clone())?;
        for (features, target) in visitors.history(i).take(events) {
            learner.learn_one(&features, target, 1.0)?;
        }
        Ok(of(&learner))
    });
    learnt.into_iter().collect::<Result<_, Error>>().context("a history cannot be learnt")
}

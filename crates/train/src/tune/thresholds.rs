//! Thresholds of the gate and of the drift detectors, for pages that set none.

use super::draft::{Bench, Draft};
use super::steps::loss;
use crate::error::Result;
use crate::evaluate::{Difference, Estimate};
use crate::maths::{Rng, in_parallel};
use brooklet_core::{Config, Detector, DriftPolicy, Error, Features, Learner, Thresholds};
use serde::Serialize;

/// Standard errors; infinitely many are no gate.
const GATES: [f64; 4] = [f64::INFINITY, 1.0, 2.0, 3.0];
/// From the most watchful on.
const PAGE_HINKLEY: [f64; 10] = [2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 12.0, 16.0, 24.0, 48.0];
const ADWIN: [f64; 8] = [0.2, 0.1, 0.05, 0.02, 0.01, 0.002, 0.0005, 0.0001];
/// Alarms an event where nothing drifts.
const FALSE_ALARMS: f64 = 1e-3;

/// What suits these people. None: nothing did, so that the seed's own stays.
#[derive(Debug, Serialize)]
pub struct Chosen {
    /// When the seed is served in place of the personal model.
    pub gate: Option<Gate>,
    /// The least threshold of Page-Hinkley, at the seed's tolerance, with few enough false alarms.
    pub page_hinkley: Option<Alarms>,
    /// The greatest delta of ADWIN.
    pub adwin: Option<Alarms>,
}

/// How much worse the personal model must be than the seed for the seed to be served.
#[derive(Debug, Serialize)]
pub struct Gate {
    /// Null in JSON, and infinite, if the personal model is to serve always.
    pub standard_errors: f64,
    /// How much the loss that is served is above that with the gate that the seed had, over the people judged; None if that
    /// one stays, because no other pays.
    pub difference: Option<Difference>,
}

/// A threshold of a drift detector, and how often it cries wolf.
#[derive(Debug, Serialize)]
pub struct Alarms {
    /// In the detector's own unit.
    pub threshold: f64,
    /// Alarms an event on shuffled histories of the people judged.
    pub false_alarms: f64,
}

impl Chosen {
    pub(super) fn on(bench: &Bench, choosing: &[u32], judging: &[u32], draft: &Draft) -> Result<Chosen> {
        let page_hinkley = |threshold| Detector::PageHinkley { tolerance: None, threshold: Some(threshold) };
        let adwin = |delta| Detector::Adwin { delta: Some(delta) };
        Ok(Chosen {
            gate: gate(bench, choosing, judging, draft)?,
            page_hinkley: quiet(bench, choosing, judging, draft, &PAGE_HINKLEY, page_hinkley)?,
            adwin: quiet(bench, choosing, judging, draft, &ADWIN, adwin)?,
        })
    }

    /// What was chosen, in a seed that had these.
    pub(super) fn over(&self, seed: &Thresholds) -> Thresholds {
        let threshold = |alarms: &Option<Alarms>, otherwise| alarms.as_ref().map_or(otherwise, |of| of.threshold);
        Thresholds {
            gate: self.gate.as_ref().map_or(seed.gate, |gate| gate.standard_errors),
            adwin_delta: threshold(&self.adwin, seed.adwin_delta),
            page_hinkley_threshold: threshold(&self.page_hinkley, seed.page_hinkley_threshold),
            ..*seed
        }
    }
}

/// The gate whose served loss is least, if it is less than with the seed's own by more than two standard errors.
fn gate(bench: &Bench, choosing: &[u32], judging: &[u32], draft: &Draft) -> Result<Option<Gate>> {
    let served = |who: &[u32], gate: f64| -> Result<Option<Estimate>> {
        let replayed = bench.replay(who, draft, &Config { gate: Some(gate), ..Config::default() })?;
        Ok(loss(&bench.judge(&replayed).gated).cloned())
    };
    let own = draft.metadata.thresholds.gate;
    let Some(usual) = served(choosing, own)? else { return Ok(None) };
    let (mut standard_errors, mut least) = (own, 0.0);
    for gate in GATES {
        let difference = served(choosing, gate)?.map(|loss| loss.minus(&usual));
        if let Some(less) = difference.filter(|difference| difference.by < least && difference.stands_out()) {
            (standard_errors, least) = (gate, less.by);
        }
    }
    let difference = match standard_errors == own {
        true => None,
        false => served(judging, standard_errors)?.zip(served(judging, own)?).map(|(a, b)| a.minus(&b)),
    };
    Ok(Some(Gate { standard_errors, difference }))
}

/// The first threshold with few enough false alarms.
fn quiet(
    bench: &Bench,
    choosing: &[u32],
    judging: &[u32],
    draft: &Draft,
    thresholds: &[f64],
    detector: impl Fn(f64) -> Detector,
) -> Result<Option<Alarms>> {
    for &threshold in thresholds {
        if false_alarms(bench, choosing, draft, detector(threshold))? <= FALSE_ALARMS {
            let false_alarms = false_alarms(bench, judging, draft, detector(threshold))?;
            return Ok(Some(Alarms { threshold, false_alarms }));
        }
    }
    Ok(None)
}

/// Alarms an event on histories that were shuffled, so that nothing drifts in them.
fn false_alarms(bench: &Bench, who: &[u32], draft: &Draft, detector: Detector) -> Result<f64> {
    let base = draft.base()?;
    let visitors = bench.visitors(who, &base)?;
    let config = Config { drift: Some((detector, DriftPolicy::Notify)), ..Config::default() };
    let counted = in_parallel(who.len(), bench.threads, |i| -> Result<(u64, usize), Error> {
        let mut learner = Learner::new(base.clone(), config.clone())?;
        let mut history: Vec<(Features, f32)> = visitors.history(i).collect();
        Rng::new(i as u64, 2).shuffle(&mut history);
        for (features, target) in &history {
            learner.learn_one(features, *target, 1.0)?;
        }
        Ok((learner.drifts(), history.len()))
    });
    let (mut alarms, mut events) = (0, 0);
    for counted in counted {
        let (more, of) = counted?;
        alarms += more;
        events += of;
    }
    Ok(alarms as f64 / events.max(1) as f64)
}

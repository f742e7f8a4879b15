//! Thresholds that a page sets: of the gate, and of the drift detectors.

use super::draft::{Bench, Draft};
use super::steps::loss;
use crate::estimate::{Difference, Estimate};
use crate::progressive::in_parallel;
use crate::trainer::Rng;
use anyhow::Result;
use brooklet_core::{Config, Detector, DriftPolicy, Error, Features, Learner};
use serde::Serialize;

/// Standard errors; None is no gate.
const GATES: [Option<f64>; 4] = [None, Some(1.0), Some(2.0), Some(3.0)];
const TOLERANCE: f64 = 0.05;
/// From the most watchful on.
const PAGE_HINKLEY: [f64; 10] = [2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 12.0, 16.0, 24.0, 48.0];
const ADWIN: [f64; 8] = [0.2, 0.1, 0.05, 0.02, 0.01, 0.002, 0.0005, 0.0001];
/// Alarms an event where nothing drifts.
const FALSE_ALARMS: f64 = 1e-3;

/// What a page might set; the seed does not carry it.
#[derive(Debug, Serialize)]
pub(super) struct Thresholds {
    pub(super) gate: Option<Gate>,
    /// The least threshold of Page-Hinkley, at its usual tolerance, with few enough false alarms.
    pub(super) page_hinkley: Option<Alarms>,
    /// The greatest delta of ADWIN.
    pub(super) adwin: Option<Alarms>,
}

#[derive(Debug, Serialize)]
pub(super) struct Gate {
    /// None serves the personal model always.
    pub(super) standard_errors: Option<f64>,
    /// How much the loss that is served is above that with the default, over the people judged.
    pub(super) difference: Option<Difference>,
}

#[derive(Debug, Serialize)]
pub(super) struct Alarms {
    pub(super) threshold: f64,
    /// Alarms an event on shuffled histories of the people judged.
    pub(super) false_alarms: f64,
}

impl Thresholds {
    pub(super) fn choose(bench: &Bench, choosing: &[u32], judging: &[u32], draft: &Draft) -> Result<Thresholds> {
        let page_hinkley = |threshold| Detector::PageHinkley { tolerance: TOLERANCE, threshold };
        Ok(Thresholds {
            gate: gate(bench, choosing, judging, draft)?,
            page_hinkley: quiet(bench, choosing, judging, draft, &PAGE_HINKLEY, page_hinkley)?,
            adwin: quiet(bench, choosing, judging, draft, &ADWIN, |delta| Detector::Adwin { delta })?,
        })
    }
}

/// The gate whose served loss is least; the default one if none is less.
fn gate(bench: &Bench, choosing: &[u32], judging: &[u32], draft: &Draft) -> Result<Option<Gate>> {
    let served = |who: &[u32], gate: Option<f64>| -> Result<Option<Estimate>> {
        let replayed = bench.replay(who, draft, &Config { gate, ..Config::default() })?;
        Ok(loss(&bench.judge(&replayed).gated).cloned())
    };
    let usual = Config::default().gate;
    let Some(mut least) = served(choosing, usual)? else { return Ok(None) };
    let mut standard_errors = usual;
    for gate in GATES {
        if let Some(loss) = served(choosing, gate)?.filter(|loss| loss.value < least.value) {
            (least, standard_errors) = (loss, gate);
        }
    }
    let difference = served(judging, standard_errors)?.zip(served(judging, usual)?).map(|(a, b)| a.minus(&b));
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
        let mut learner = Learner::new(base.clone(), config.clone());
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

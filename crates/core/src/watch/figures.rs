//! Progressive validation: every event is predicted before it is learnt from, by the personal model, by the bare base and by
//! every shadow (Blum, Kalai and Langford 1999; `evaluate.progressive_val_score` in River). Over all events, over a window
//! and exponentially weighted.

use crate::loss::{Loss, loss, loss_and_probability};
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;

/// Events in the window.
pub(crate) const WINDOW: usize = 100;
/// Events over which the exponentially weighted figures reach back.
const RECENT: f64 = 50.0;
/// Bins of the predicted probability. The AUC of a histogram is that of predictions rounded to 1/64.
pub(crate) const BINS: usize = 64;

/// Sums over predictions, from which the figures are made.
#[derive(Debug, Clone, PartialEq)]
pub struct Tally {
    pub(crate) weight: f64,
    pub(crate) loss: f64,
    pub(crate) correct: f64,
    pub(crate) predicted: f64,
    /// By bin: skips, then clicks.
    pub(crate) bins: Vec<f32>,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally { weight: 0.0, loss: 0.0, correct: 0.0, predicted: 0.0, bins: vec![0.0; 2 * BINS] }
    }
}

impl Tally {
    fn add(&mut self, loss: f64, probability: f64, click: bool) {
        let bin = ((probability * BINS as f64) as usize).min(BINS - 1);
        self.weight += 1.0;
        self.loss += loss;
        self.correct += f64::from(u8::from((probability > 0.5) == click));
        self.predicted += probability;
        self.bins[bin + if click { BINS } else { 0 }] += 1.0;
    }

    fn decay(&mut self, factor: f64) {
        for sum in [&mut self.weight, &mut self.loss, &mut self.correct, &mut self.predicted] {
            *sum *= factor;
        }
        self.bins.iter_mut().for_each(|x| *x *= factor as f32);
    }

    /// Mean log-loss in nats, or half the mean squared error; None before the first event, like all figures here.
    pub fn loss(&self) -> Option<f64> {
        self.mean(self.loss)
    }

    /// Share of events on the right side of one half.
    pub fn accuracy(&self) -> Option<f64> {
        self.mean(self.correct)
    }

    /// Share of clicks.
    pub fn ctr(&self) -> Option<f64> {
        self.mean(self.bins[BINS..].iter().map(|x| f64::from(*x)).sum())
    }

    /// Mean predicted probability: of a calibrated model, the click-through rate.
    pub fn predicted(&self) -> Option<f64> {
        self.mean(self.predicted)
    }

    /// Expected calibration error: the mean distance between predicted probability and click rate, over the bins.
    pub fn calibration_error(&self) -> Option<f64> {
        let (skips, clicks) = self.bins.split_at(BINS);
        let off = skips.iter().zip(clicks).enumerate().map(|(bin, (skips, clicks))| {
            let middle = (bin as f64 + 0.5) / BINS as f64;
            (f64::from(*clicks) - middle * f64::from(skips + clicks)).abs()
        });
        self.mean(off.sum())
    }

    /// The area under the ROC curve: the share of pairs of a click and a skip that are in the right order, ties half. None
    /// without either.
    pub fn auc(&self) -> Option<f64> {
        let (skips, clicks) = self.bins.split_at(BINS);
        let (mut below, mut right) = (0.0, 0.0);
        for (skips, clicks) in skips.iter().zip(clicks) {
            right += f64::from(*clicks) * (below + 0.5 * f64::from(*skips));
            below += f64::from(*skips);
        }
        let pairs = below * clicks.iter().map(|x| f64::from(*x)).sum::<f64>();
        (pairs > 0.0).then(|| right / pairs)
    }

    fn mean(&self, sum: f64) -> Option<f64> {
        (self.weight > 0.0).then(|| sum / self.weight)
    }
}

/// How one model has predicted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Score {
    /// Over all events.
    pub all: Tally,
    /// Exponentially weighted, over about the last 50.
    pub recent: Tally,
}

impl Score {
    fn add(&mut self, loss: f64, probability: f64, click: bool) {
        self.recent.decay(1.0 - 1.0 / RECENT);
        self.all.add(loss, probability, click);
        self.recent.add(loss, probability, click);
    }
}

/// What a slate's labels say of its order.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SlateScore {
    /// Slates of which an item was clicked or skipped.
    pub slates: u64,
    /// Of these, with a click.
    pub hits: u64,
    /// Sum of their normalised discounted cumulative gains, over all items of the slate (Järvelin and Kekäläinen 2002).
    pub(crate) ndcg: f64,
}

impl SlateScore {
    /// Share of slates with a click.
    pub fn hit_rate(&self) -> Option<f64> {
        (self.slates > 0).then(|| self.hits as f64 / self.slates as f64)
    }

    /// Mean NDCG of the slates.
    pub fn ndcg(&self) -> Option<f64> {
        (self.slates > 0).then(|| self.ndcg / self.slates as f64)
    }
}

/// What progressive validation has seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics {
    /// Events learnt from.
    pub events: u64,
    /// Those that were clicks.
    pub clicks: u64,
    /// The base with the prior's mean as the visitor row: what a visitor without a profile would be shown.
    pub base: Score,
    /// The models: the first is the one that deltas are made of, the others its shadows.
    pub models: Vec<Score>,
    /// Slates as they were shown.
    pub slates: SlateScore,
    /// Click, then log-odds (or score) of the base and of each model, of the last events.
    pub(crate) window: VecDeque<(f32, Vec<f32>)>,
}

impl Metrics {
    pub(crate) fn new(models: usize) -> Metrics {
        Metrics {
            events: 0,
            clicks: 0,
            base: Score::default(),
            models: vec![Score::default(); models],
            slates: SlateScore::default(),
            window: VecDeque::new(),
        }
    }

    /// The personal model.
    pub fn personal(&self) -> &Score {
        // There is always a first model.
        &self.models[0]
    }

    /// The last 100 events: the base, then each model.
    pub fn window(&self, kind: Loss) -> Vec<Tally> {
        let mut tallies = vec![Tally::default(); 1 + self.models.len()];
        for (target, odds) in &self.window {
            for (tally, odds) in tallies.iter_mut().zip(odds) {
                let (loss, probability, click) = judge(kind, f64::from(*odds), f64::from(*target));
                tally.add(loss, probability, click);
            }
        }
        tallies
    }

    /// Counts one event: log-odds (or score) of the base and of each model, and the target, which is 0 or 1 under the
    /// logistic loss. Returns the losses.
    pub(crate) fn add(&mut self, kind: Loss, odds: impl Iterator<Item = f32> + Clone, target: f64) -> Vec<f64> {
        self.events += 1;
        self.clicks += u64::from(target > 0.5);
        // What leaves the window makes its room for what comes.
        let oldest = if self.window.len() == WINDOW { self.window.pop_front() } else { None };
        let mut latest = oldest.map_or_else(Vec::new, |(_, odds)| odds);
        latest.clear();
        latest.extend(odds.clone());
        self.window.push_back((target as f32, latest));
        let scores = core::iter::once(&mut self.base).chain(&mut self.models);
        let losses = scores.zip(odds).map(|(score, odds)| {
            let (loss, probability, click) = judge(kind, odds.into(), target);
            score.add(loss, probability, click);
            loss
        });
        losses.collect()
    }
}

fn judge(kind: Loss, odds: f64, target: f64) -> (f64, f64, bool) {
    let (loss, probability) = match kind {
        Loss::Logistic => loss_and_probability(odds, target),
        Loss::Squared => (loss(kind, odds, target), 0.5),
    };
    (loss, probability, target > 0.5)
}

//! What is told of a version beside its numbers: how it was made, of what, and what it was judged by. Stores keep it as JSON, so that it can grow without
//! a change of their tables.

use axum::body::Bytes;
use brooklet_core::{FoldConfig, Precision, Report};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// How a version was made.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Made {
    /// By what.
    pub by: By,
    /// The version whose rows it begins from; None for a seed, and for versions of a Brooklet that did not keep it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<u64>,
    /// For a refold, the version that it began from again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// What the gate said of it.
    #[serde(flatten)]
    pub judged: Judged,
    /// How its deltas were weighed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<Settings>,
    /// What the clients of its deltas reported of the versions before it.
    pub reported: Reported,
    /// How clients who had it first were served by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trial: Option<Comparison>,
}

/// What makes versions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// A seed that somebody trained, the first one or one that took over.
    Seed,
    /// A fold of pending deltas.
    #[default]
    Fold,
    /// An operator who went back to an older version.
    Rollback,
    /// An operator who had kept deltas folded again.
    Refold,
}

/// The figures of the gate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// The share of its way that the step went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<f32>,
    /// Larger steps that were held back before it.
    #[serde(default)]
    pub held_back: u32,
    /// By how many standard errors clients reported to be served worse than before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regret: Option<f64>,
    /// The mean loss on the operator's events of the version before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss_before: Option<f64>,
    /// And of this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// How many clients a bound cut short, see [`brooklet_core::CutShort`]; None with noise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_short_clients: Option<u64>,
    /// And their share of what all clients pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_short_share: Option<f64>,
}

/// The settings of a fold, as far as the sums do not tell them: with them the same deltas make the same bytes again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// See [`brooklet_core::FoldConfig`].
    pub clip: f32,
    /// The same.
    pub influence: f32,
    /// The same.
    pub reach: f32,
    /// The same.
    pub max_rows: usize,
    /// The same.
    pub quorum: usize,
    /// The number format of the base.
    pub precision: String,
    /// A digest of the list of features that may get rows, in hexadecimal, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<String>,
    /// Whether noise was added, which is kept nowhere.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub noise: bool,
}

impl Settings {
    pub(crate) fn of(fold: &FoldConfig, precision: Precision, noise: bool) -> Settings {
        let FoldConfig { clip, influence, reach, max_rows, quorum, .. } = *fold;
        let items = fold.items.as_ref().map(|items| {
            let ids: Vec<u8> = items.iter().flat_map(|id| id.0.to_le_bytes()).collect();
            format!("{:016x}", xxh3_64(&ids))
        });
        Settings { clip, influence, reach, max_rows, quorum, precision: precision.as_str().into(), items, noise }
    }

    /// What they say of a fold that is made again; None if the list of items is another one by now, there was noise, or the number format is
    /// unknown.
    pub(crate) fn again(&self, now: &FoldConfig) -> Option<(FoldConfig, Precision)> {
        let precision: Precision = self.precision.parse().ok()?;
        if self.noise || Settings::of(now, precision, false).items != self.items {
            return None;
        }
        let Settings { clip, influence, reach, max_rows, quorum, .. } = *self;
        let items = now.items.clone();
        Some((FoldConfig { clip, influence, reach, horizon: u64::MAX, max_rows, quorum, items }, precision))
    }
}

/// What clients report with their deltas: each delta is one figure, whose mean loss over its new events counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reported {
    /// Deltas that reported.
    pub deltas: u64,
    /// Events that they tell of.
    pub events: u64,
    /// Sum over deltas of the mean loss of the learner.
    pub loss: f64,
    /// Of its square.
    pub loss_squares: f64,
    /// Sum over deltas of what the learner gains: the bare base's mean loss less its own.
    pub gain: f64,
    /// Of its square.
    pub gain_squares: f64,
}

impl Reported {
    /// What a delta says. A loss counts up to 16, so that no delta alone decides.
    pub(crate) fn add(&mut self, report: &Report) {
        if report.events == 0 {
            return;
        }
        let [base, loss] = [report.base_loss, report.learner_loss].map(|loss| f64::from(loss.clamp(0.0, 16.0)));
        let gain = base - loss;
        self.deltas += 1;
        self.events += u64::from(report.events);
        self.loss += loss;
        self.loss_squares += loss * loss;
        self.gain += gain;
        self.gain_squares += gain * gain;
    }

    /// Both together.
    pub(crate) fn and(mut self, other: &Reported) -> Reported {
        self.deltas += other.deltas;
        self.events += other.events;
        self.loss += other.loss;
        self.loss_squares += other.loss_squares;
        self.gain += other.gain;
        self.gain_squares += other.gain_squares;
        self
    }

    /// The mean loss over deltas, and the square of its standard error.
    pub(crate) fn mean_loss(&self) -> [f64; 2] {
        moments(self.deltas, self.loss, self.loss_squares)
    }

    /// The mean gain over deltas, and half the width of its 95 % interval; None where too few report.
    pub fn mean_gain(&self) -> Option<[f64; 2]> {
        let [mean, error] = moments(self.deltas, self.gain, self.gain_squares);
        (self.deltas > 1).then(|| [mean, WIDTH * error.sqrt()])
    }
}

/// A normal distribution has 95 % of its mass within so many standard deviations.
const WIDTH: f64 = 1.96;

fn moments(n: u64, sum: f64, squares: f64) -> [f64; 2] {
    if n < 2 {
        return [sum, f64::INFINITY];
    }
    let n = n as f64;
    let mean = sum / n;
    [mean, (squares / n - mean * mean).max(0.0) / (n - 1.0)]
}

/// Two groups of clients beside each other, by the mean losses that they report with their deltas.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Deltas of clients that have the one, and the mean of the losses that they report.
    pub reports: u64,
    /// The same.
    pub loss: f64,
    /// Of the other clients.
    pub other_reports: u64,
    /// The same.
    pub other_loss: f64,
    /// Half the width of the 95 % interval of the difference of the two means; None where too few report.
    pub half_width: Option<f64>,
}

impl Comparison {
    /// Of the one group with the other.
    pub(crate) fn of(one: &Reported, other: &Reported) -> Comparison {
        let ([loss, a], [other_loss, b]) = (one.mean_loss(), other.mean_loss());
        let width = WIDTH * (a + b).sqrt();
        Comparison {
            reports: one.deltas,
            loss,
            other_reports: other.deltas,
            other_loss,
            half_width: width.is_finite().then_some(width),
        }
    }

    /// By how many standard errors the one group is served worse than the other.
    pub(crate) fn regret(&self) -> Option<f64> {
        let error = self.half_width? / WIDTH;
        Some((self.loss - self.other_loss) / error.max(1e-6))
    }
}

/// What an operator has said of a model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelSettings {
    /// Whether the version that is out stays, whatever comes in.
    pub pinned: bool,
    /// Another model that a share of the clients has in its place, to see which is better.
    pub challenger: Option<Challenger>,
}

/// A model that is tried beside another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Challenger {
    /// Its name.
    pub model: String,
    /// The share of the clients that has it, above 0 and below 1.
    pub share: f64,
    /// The versions of both when it began, the model's first: what was reported before does not count.
    pub since: [u64; 2],
}

/// A version that is to be published.
#[derive(Debug, Clone)]
pub struct Publication {
    /// Its number.
    pub version: u64,
    /// The base's blob.
    pub base: Bytes,
    /// The state of the aggregate beside it.
    pub aggregate: Vec<u8>,
    /// The strong entity tag of the blob, without quotes.
    pub etag: String,
    /// Rows of the base.
    pub rows: u64,
    /// When it was made, in milliseconds since 1970.
    pub created: u64,
    /// What went into it; a seed has nothing.
    pub fold: FoldedVersion,
}

/// What went into a version.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct FoldedVersion {
    /// The store's names of the deltas that were folded.
    pub taken: Vec<i64>,
    /// Of those that could not be folded, kept for people to look at. There should never be one.
    pub set_aside: Vec<i64>,
    /// Events in the folded deltas.
    pub events: u64,
    /// Rows that they touched.
    pub changed_rows: u64,
    /// [`brooklet_core::Fold::digest`] of the sums.
    pub digest: u64,
    /// How the version was made.
    pub made: Made,
}

/// A next version that is not published (yet).
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The store's number for it.
    pub id: u64,
    /// Why it is not.
    pub state: CandidateState,
    /// The version that it would be, whole.
    pub publication: Publication,
}

/// Why a candidate is not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CandidateState {
    /// A share of the clients has it first.
    Canary,
    /// It is worse, or an operator said no.
    Rejected,
}

/// What is told of a candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CandidateStats {
    /// The store's number for it.
    pub id: u64,
    /// Why it is not published.
    pub state: CandidateState,
    /// The number that it would have.
    pub version: u64,
    /// The strong entity tag of its base, without quotes.
    pub etag: String,
    /// Size of the base.
    pub bytes: u64,
    /// Rows of the base.
    pub rows: u64,
    /// Deltas in it.
    pub deltas: u64,
    /// Their events.
    pub events: u64,
    /// Rows that they touched.
    pub changed_rows: u64,
    /// When it was made, in milliseconds since 1970.
    pub created: u64,
    /// Whether it can still be published: the newest alone can.
    pub retained: bool,
    /// How it was made, and its figures.
    pub made: Made,
}

impl CandidateStats {
    /// What is told of a candidate that has no number yet.
    pub(crate) fn of(state: CandidateState, publication: &Publication) -> CandidateStats {
        let Publication { version, etag, rows, created, fold, base, .. } = publication;
        CandidateStats {
            id: 0,
            state,
            version: *version,
            etag: etag.clone(),
            bytes: base.len() as u64,
            rows: *rows,
            deltas: fold.taken.len() as u64,
            events: fold.events,
            changed_rows: fold.changed_rows,
            created: *created,
            retained: true,
            made: fold.made.clone(),
        }
    }

    /// The candidate, with what was kept apart from its numbers.
    pub(crate) fn whole(self, fold: FoldedVersion, aggregate: Vec<u8>, base: Bytes) -> Candidate {
        let CandidateStats { id, state, version, etag, rows, created, made, .. } = self;
        let fold = FoldedVersion { made, ..fold };
        Candidate { id, state, publication: Publication { version, base, aggregate, etag, rows, created, fold } }
    }
}

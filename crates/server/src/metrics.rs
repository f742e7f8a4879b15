//! What an operator wants to see, in the Prometheus text format. Labels have few values: models, outcomes, codes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::budget::Spent;
use crate::log;

/// All metrics of a server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    deltas: Family<Outcome, Counter>,
    events: Family<Model, Counter>,
    refused: Family<Code, Counter>,
    commit_seconds: Histogram,
    commit_deltas: Histogram,
    pending: Family<Model, Gauge>,
    version: Family<Model, Gauge>,
    fold_seconds: Histogram,
    folded: Family<Model, Counter>,
    failed_folds: Family<Model, Counter>,
    held_back: Family<Model, Counter>,
    waiting_rows: Family<Model, Gauge>,
    left_out_rows: Family<Model, Counter>,
    spent: Family<Model, Gauge<f64, AtomicU64>>,
    versions_left: Family<Model, Gauge>,
    restarts: Family<Part, Counter>,
    lost_log_lines: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Model {
    model: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    model: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Code {
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Part {
    part: &'static str,
}

impl Default for Metrics {
    fn default() -> Metrics {
        let metrics = Metrics {
            registry: Registry::with_prefix("brooklet"),
            deltas: Family::default(),
            events: Family::default(),
            refused: Family::default(),
            // From 0.1 ms to 3.3 s.
            commit_seconds: Histogram::new(exponential_buckets(1e-4, 2.0, 16)),
            commit_deltas: Histogram::new([1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0]),
            pending: Family::default(),
            version: Family::default(),
            // From 1 ms to 33 s.
            fold_seconds: Histogram::new(exponential_buckets(1e-3, 2.0, 16)),
            folded: Family::default(),
            failed_folds: Family::default(),
            held_back: Family::default(),
            waiting_rows: Family::default(),
            left_out_rows: Family::default(),
            spent: Family::default(),
            versions_left: Family::default(),
            restarts: Family::default(),
            lost_log_lines: Counter::default(),
        };
        metrics.registered()
    }
}

impl Metrics {
    /// The text that is scraped.
    pub(crate) fn encode(&self) -> Result<String, std::fmt::Error> {
        self.lost_log_lines.inner().store(log::lost(), Ordering::Relaxed);
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }

    pub(crate) fn accepted(&self, model: &str, events: u32) {
        self.deltas.get_or_create(&Outcome { model: model.into(), outcome: "accepted" }).inc();
        self.events.get_or_create(&Model { model: model.into() }).inc_by(events.into());
    }

    pub(crate) fn repeated(&self, model: &str) {
        self.deltas.get_or_create(&Outcome { model: model.into(), outcome: "repeated" }).inc();
    }

    pub(crate) fn refused(&self, code: &'static str) {
        self.refused.get_or_create(&Code { code }).inc();
    }

    pub(crate) fn committed(&self, deltas: usize, took: Duration) {
        self.commit_seconds.observe(took.as_secs_f64());
        self.commit_deltas.observe(deltas as f64);
    }

    pub(crate) fn folded(&self, model: &str, deltas: u64, took: Duration) {
        self.folded.get_or_create(&Model { model: model.into() }).inc_by(deltas);
        self.fold_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn held_back(&self, model: &str, candidates: u32) {
        self.held_back.get_or_create(&Model { model: model.into() }).inc_by(candidates.into());
    }

    pub(crate) fn fold_failed(&self, model: &str) {
        self.failed_folds.get_or_create(&Model { model: model.into() }).inc();
    }

    /// How many rows of new features wait for a quorum, and for how many more there was no room.
    pub(crate) fn new_rows(&self, model: &str, waiting: u64, left_out: u64) {
        let label = Model { model: model.into() };
        self.waiting_rows.get_or_create(&label).set(waiting as i64);
        self.left_out_rows.get_or_create(&label).inc_by(left_out);
    }

    /// What versions with noise tell of one client, and how many more may be published.
    pub(crate) fn spent(&self, model: &str, spent: Spent) {
        let label = Model { model: model.into() };
        self.spent.get_or_create(&label).set(spent.spent);
        self.versions_left.get_or_create(&label).set(spent.versions_left as i64);
    }

    /// Counts that a part which panicked was started again.
    pub(crate) fn restarted(&self, part: &'static str) {
        self.restarts.get_or_create(&Part { part }).inc();
    }

    pub(crate) fn state(&self, model: &str, version: u64, pending: u64) {
        let label = Model { model: model.into() };
        self.version.get_or_create(&label).set(version as i64);
        self.pending.get_or_create(&label).set(pending as i64);
    }

    fn registered(mut self) -> Metrics {
        let registry = &mut self.registry;
        registry.register("deltas", "Deltas acknowledged, new or repeated", self.deltas.clone());
        registry.register("events", "Events in the deltas accepted", self.events.clone());
        registry.register("refused", "Requests answered with a problem, by its code", self.refused.clone());
        registry.register_with_unit(
            "commit",
            "How long a commit of deltas took",
            Unit::Seconds,
            self.commit_seconds.clone(),
        );
        registry.register("commit_deltas", "Deltas in one commit", self.commit_deltas.clone());
        registry.register("pending_deltas", "Deltas accepted and in no version yet", self.pending.clone());
        registry.register("version", "The current version", self.version.clone());
        registry.register_with_unit(
            "fold",
            "How long a fold took, from reading to publishing",
            Unit::Seconds,
            self.fold_seconds.clone(),
        );
        registry.register("folded_deltas", "Deltas folded", self.folded.clone());
        registry.register(
            "failed_folds",
            "Folds that published nothing because of an error",
            self.failed_folds.clone(),
        );
        registry.register(
            "held_back",
            "Candidates for the next version that were worse than the current one",
            self.held_back.clone(),
        );
        registry.register("waiting_rows", "New features that too few clients have met", self.waiting_rows.clone());
        registry.register("left_out_rows", "New features for which there was no room", self.left_out_rows.clone());
        registry.register(
            "privacy_epsilon",
            "What the versions with noise tell of one client at most, as epsilon",
            self.spent.clone(),
        );
        registry.register(
            "versions_left",
            "Versions with noise that may still be published, see --noise-epsilon",
            self.versions_left.clone(),
        );
        registry.register(
            "restarts",
            "Parts of the server that panicked and were started again",
            self.restarts.clone(),
        );
        registry.register("lost_log_lines", "Lines that could not be written to the log", self.lost_log_lines.clone());
        self
    }
}

//! What an operator wants to see, in the Prometheus text format. Labels have few values: models, outcomes, codes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::budget::Spent;
use crate::log;
use crate::process::Process;

/// All metrics of a server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    process: Process,
    /// The metrics of the process, whose names do not begin with the server's.
    process_registry: Registry,
    request_seconds: Family<Request, Histogram>,
    connections: Gauge,
    oldest_pending_seconds: Family<Model, Gauge<f64, AtomicU64>>,
    delta_bytes: Family<Model, Gauge>,
    quota_bytes: Gauge,
    rows: Family<Model, Gauge>,
    max_rows: Gauge,
    store_bytes: Gauge,
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
    drift: Family<Model, Counter>,
    cut_short: Family<Model, Gauge<f64, AtomicU64>>,
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
struct Request {
    route: String,
    status: u16,
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
            process: Process::default(),
            process_registry: Registry::default(),
            // From 0.5 ms to 8 s.
            request_seconds: Family::new_with_constructor(|| Histogram::new(exponential_buckets(5e-4, 2.0, 15))),
            connections: Gauge::default(),
            oldest_pending_seconds: Family::default(),
            delta_bytes: Family::default(),
            quota_bytes: Gauge::default(),
            rows: Family::default(),
            max_rows: Gauge::default(),
            store_bytes: Gauge::default(),
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
            drift: Family::default(),
            cut_short: Family::default(),
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
        self.process.look();
        let mut out = String::new();
        text::encode_registry(&mut out, &self.registry)?;
        text::encode_registry(&mut out, &self.process_registry)?;
        text::encode_eof(&mut out)?;
        Ok(out)
    }

    /// A request that was answered, by the pattern of its address.
    pub(crate) fn answered(&self, route: &str, status: u16, took: Duration) {
        let request = Request { route: route.into(), status };
        self.request_seconds.get_or_create(&request).observe(took.as_secs_f64());
    }

    /// Connections that are open.
    pub(crate) fn connected(&self, open: usize) {
        self.connections.set(open as i64);
    }

    /// How far a model is towards what it is bounded by.
    pub(crate) fn kept(&self, model: &str, oldest: Duration, stored: u64, rows: usize) {
        let label = Model { model: model.into() };
        self.oldest_pending_seconds.get_or_create(&label).set(oldest.as_secs_f64());
        self.delta_bytes.get_or_create(&label).set(stored as i64);
        self.rows.get_or_create(&label).set(rows as i64);
    }

    /// What models are bounded by.
    pub(crate) fn bounds(&self, quota: u64, max_rows: usize) {
        self.quota_bytes.set(quota.min(i64::MAX as u64) as i64);
        self.max_rows.set(max_rows as i64);
    }

    /// How much of a disk the store takes.
    pub(crate) fn store_takes(&self, bytes: u64) {
        self.store_bytes.set(bytes as i64);
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

    /// The losses that clients report have risen.
    pub(crate) fn drifted(&self, model: &str) {
        self.drift.get_or_create(&Model { model: model.into() }).inc();
    }

    /// The share of the last step that clients hold whom a bound cut short.
    pub(crate) fn cut_short(&self, model: &str, share: f64) {
        self.cut_short.get_or_create(&Model { model: model.into() }).set(share);
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
        self.process.register(&mut self.process_registry);
        let registry = &mut self.registry;
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        registry.register("build", "Which Brooklet this is", Info::new(version));
        registry.register_with_unit(
            "request",
            "How long a request took, by the pattern of its address and the status",
            Unit::Seconds,
            self.request_seconds.clone(),
        );
        registry.register("connections", "Connections that are open", self.connections.clone());
        registry.register_with_unit(
            "oldest_pending",
            "How long the oldest delta has waited that is in no version",
            Unit::Seconds,
            self.oldest_pending_seconds.clone(),
        );
        registry.register_with_unit("delta", "Room that deltas take", Unit::Bytes, self.delta_bytes.clone());
        registry.register_with_unit("quota", "Room that they may take", Unit::Bytes, self.quota_bytes.clone());
        registry.register("rows", "Rows of the current version", self.rows.clone());
        registry.register("max_rows", "Rows that it may have", self.max_rows.clone());
        registry.register_with_unit("store", "Room that the store takes", Unit::Bytes, self.store_bytes.clone());
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
        registry.register("drift_alarms", "Times that the losses that clients report have risen", self.drift.clone());
        registry.register(
            "cut_short_share",
            "Share of the last step that clients hold whom a bound cut short, 0 to 1",
            self.cut_short.clone(),
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::budget::Budget;

    /// Metrics of which each has a value.
    fn told() -> String {
        let (metrics, second) = (Metrics::default(), Duration::from_secs(1));
        metrics.answered("/v1/models/{model}", 200, second);
        metrics.accepted("films", 1);
        metrics.repeated("films");
        metrics.refused("bad_delta");
        metrics.committed(1, second);
        metrics.folded("films", 1, second);
        metrics.held_back("films", 1);
        metrics.drifted("films");
        metrics.cut_short("films", 0.1);
        metrics.fold_failed("films");
        metrics.new_rows("films", 1, 1);
        metrics.spent("films", Budget { multiplier: 1.0, epsilon: 1.0, delta: 0.5 }.spent(0.0));
        metrics.restarted("folder");
        metrics.state("films", 1, 1);
        metrics.kept("films", second, 1, 1);
        metrics.encode().unwrap()
    }

    #[test]
    fn the_dashboard_asks_for_what_is_told() {
        let told = told();
        let told: BTreeSet<&str> = told.lines().filter_map(|line| line.split(['{', ' ']).next()).collect();
        let dashboard: serde_json::Value =
            serde_json::from_str(include_str!("../../../examples/operations/grafana.json")).unwrap();
        let panels = dashboard["panels"].as_array().unwrap();
        let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
        let mut asked = BTreeSet::new();
        for target in targets {
            let expression = target["expr"].as_str().unwrap();
            let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            asked.extend(words.filter(|word| ["brooklet_", "process_"].iter().any(|prefix| word.starts_with(prefix))));
        }
        let unknown: Vec<_> = asked.difference(&told).collect();
        assert!(unknown.is_empty() && asked.len() > 20, "{unknown:?} of {}", asked.len());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_process_is_told_of_under_the_usual_names() {
        let told = told();
        let value = |name: &str| -> f64 {
            let line = told.lines().find_map(|line| line.strip_prefix(&format!("{name} "))).unwrap();
            line.parse().unwrap()
        };
        assert!(value("process_resident_memory_bytes") > 1e6 && value("process_open_fds") > 2.0);
        assert!(value("process_start_time_seconds") > 1.7e9 && value("process_max_fds") > 2.0, "{told}");
        assert!(value("process_cpu_seconds_total") < 1e6);
        assert!(told.ends_with("# EOF\n") && told.matches("# EOF").count() == 1);
    }
}

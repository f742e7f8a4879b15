//! The event log of this tab, as lines of JSON: what was shown, with which features, scores and propensities, and what
//! came of it. It is kept beside the profile, and leaves the device only if the page sends what `exportLog` gives it.
//!
//! A log that can be replayed begins with a record `opened`, which carries the profile as it was. So that a bounded log has
//! one, they are repeated, and what is dropped is dropped up to one of them.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use brooklet_core::{FeatureId, Features, Record, Value};

/// What JavaScript has and Rust would have to download: a map of names, and how numbers are printed.
pub(crate) trait World {
    /// What a feature is called, if an input of this tab named it.
    fn name(&self, id: FeatureId) -> Option<String>;
    /// A finite number as JSON, so that it reads back.
    fn number(&self, x: f64) -> String;
    /// A text as JSON.
    fn text(&self, text: &str) -> String;
}

/// As every record of these kinds begins.
const OPENED: &str = "{\"type\":\"opened\"";
const NAMED: &str = "{\"type\":\"named\"";

/// A log, and how much of it is in the store.
pub(crate) struct Log {
    /// The most records; names come on top of them.
    most: usize,
    lines: Vec<String>,
    /// Lines that are not names.
    records: usize,
    /// Lines that were dropped from the beginning.
    dropped: usize,
    /// Records since the latest `opened`, and the features that were met since, by ascending id.
    since: usize,
    told: Vec<FeatureId>,
    world: Box<dyn World>,
    /// So many lines, the dropped ones with them, are in the store ...
    kept: usize,
    /// ... and this is what the log can go on from after them.
    resume: Option<Record>,
}

impl Log {
    /// A log that goes on after what was kept.
    pub(crate) fn new(most: usize, world: Box<dyn World>, kept: &str) -> Log {
        let mut log = Log {
            most,
            lines: Vec::new(),
            records: 0,
            dropped: 0,
            since: 0,
            told: Vec::new(),
            world,
            kept: 0,
            resume: None,
        };
        log.restart(kept);
        log
    }

    /// Adds a record, behind the names of the features that are new in it.
    pub(crate) fn push(&mut self, record: &Record) {
        if let Record::Opened { .. } = record {
            self.since = 0;
            self.told.clear();
        } else {
            self.since += 1;
        }
        for feature in features(record).iter().flat_map(|features| features.shared().iter().chain(features.private())) {
            let Err(place) = self.told.binary_search(&feature.id) else { continue };
            self.told.insert(place, feature.id);
            if let Some(name) = self.world.name(feature.id) {
                self.lines.push(line(&Record::Named { id: feature.id, name }, &*self.world));
            }
        }
        self.add(line(record, &*self.world));
    }

    /// Whether it is time for another `opened`.
    pub(crate) fn is_due(&self) -> bool {
        self.since >= (self.most / 2).max(1)
    }

    /// The lines, each with its end.
    pub(crate) fn text(&self) -> String {
        self.lines.iter().flat_map(|line| [line, "\n"]).collect()
    }

    /// All lines that there ever were.
    pub(crate) fn end(&self) -> usize {
        self.dropped + self.lines.len()
    }

    /// What the store lacks.
    pub(crate) fn is_unsaved(&self) -> bool {
        self.end() != self.kept
    }

    /// The lines up to `end` are in the store, beside the profile of `resume`.
    pub(crate) fn saved(&mut self, end: usize, resume: Record) {
        self.kept = end;
        self.resume = Some(resume);
    }

    /// Moves onto what another tab kept. With `go_on` what the store lacks of this one follows.
    pub(crate) fn adopt(&mut self, kept: &str, go_on: bool) {
        let mut rest = self.lines.split_off(self.kept.saturating_sub(self.dropped).min(self.lines.len()));
        let resume = self.resume.take();
        self.restart(kept);
        if !go_on || rest.iter().all(|line| line.starts_with(OPENED)) {
            return;
        }
        if let Some(resume) = resume.filter(|_| !rest[0].starts_with(OPENED)) {
            rest.insert(0, line(&resume, &*self.world));
        }
        rest.into_iter().for_each(|line| self.add(line));
    }

    /// Begins anew, with what is in the store.
    pub(crate) fn restart(&mut self, kept: &str) {
        self.lines.clear();
        (self.records, self.dropped, self.since, self.resume) = (0, 0, 0, None);
        self.told.clear();
        kept.lines().for_each(|line| self.add(line.into()));
        self.kept = self.end();
    }

    fn add(&mut self, line: String) {
        self.records += usize::from(!line.starts_with(NAMED));
        self.lines.push(line);
        while self.records > self.most {
            let next = self.lines.iter().skip(1).position(|line| line.starts_with(OPENED));
            let Some(next) = next.map(|at| at + 1) else { return };
            self.records -= self.lines.drain(..next).filter(|line| !line.starts_with(NAMED)).count();
            self.dropped += next;
        }
    }
}

/// The features of each input of a record.
fn features(record: &Record) -> Vec<&Features> {
    match record {
        Record::Shown { items, pool, .. } => items.iter().chain(pool).map(|scored| &scored.features).collect(),
        Record::Held { scored, .. } | Record::Learnt { scored, .. } => vec![&scored.features],
        Record::Preferred { preferred, other, .. } => vec![preferred, other],
        Record::Opened { .. } | Record::Named { .. } | Record::Labelled { .. } | Record::Undone { .. } => Vec::new(),
    }
}

fn line(record: &Record, world: &dyn World) -> String {
    let mut line = String::new();
    write(&record.to_value(), world, &mut line);
    line
}

fn write(value: &Value, world: &dyn World, out: &mut String) {
    match value {
        Value::Number(x) => out.push_str(&world.number(*x)),
        Value::String(text) => out.push_str(&world.text(text)),
        Value::Null => out.push_str("null"),
        Value::Bool(on) => out.push_str(if *on { "true" } else { "false" }),
        Value::Array(elements) => {
            for (at, element) in elements.iter().enumerate() {
                out.push(if at == 0 { '[' } else { ',' });
                write(element, world, out);
            }
            out.push_str(if elements.is_empty() { "[]" } else { "]" });
        }
        Value::Object(fields) => {
            for (at, (key, value)) in fields.iter().enumerate() {
                out.push(if at == 0 { '{' } else { ',' });
                out.push_str(&world.text(key));
                out.push(':');
                write(value, world, out);
            }
            out.push_str(if fields.is_empty() { "{}" } else { "}" });
        }
    }
}

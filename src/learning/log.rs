//! The event log of this tab, as lines of JSON: what was shown, with which features, scores and propensities, and what
//! came of it. It is kept beside the profile, and leaves the device only if the page sends what `exportLog` gives it.
//!
//! A log that can be replayed begins with a record `opened`, which carries the profile as it was. So that a bounded log has
//! one, they are repeated, and what is dropped is dropped up to one of them.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use brooklet_core::{FeatureId, Features, Record, Value};
use js_sys::{JSON, Map, Set};
use wasm_bindgen::JsValue;

/// What features are called, by their ids, as far as inputs of this tab named them. It is JavaScript's own map: one of Rust's
/// would be 3 KB more to download.
pub(crate) type Names = Map;

/// The most names that are remembered; features beyond are logged without.
const MOST_NAMES: u32 = 1 << 16;
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
    /// Records since the latest `opened`, and the features that were named since.
    since: usize,
    told: Set,
    names: Names,
    /// So many lines, the dropped ones with them, are in the store ...
    kept: usize,
    /// ... and this is what the log can go on from after them.
    resume: Option<Record>,
}

/// Adds to the names.
pub(crate) fn remember(names: &Names, named: impl IntoIterator<Item = (FeatureId, String)>) {
    for (id, name) in named {
        if names.size() < MOST_NAMES {
            names.set(&id.0.into(), &name.into());
        }
    }
}

impl Log {
    /// A log that goes on after what was kept.
    pub(crate) fn new(most: usize, kept: &str) -> Log {
        let mut log = Log {
            most,
            lines: Vec::new(),
            records: 0,
            dropped: 0,
            since: 0,
            told: Set::default(),
            names: Names::new(),
            kept: 0,
            resume: None,
        };
        log.restart(kept);
        log
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
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
            let key = JsValue::from(feature.id.0);
            if self.told.has(&key) {
                continue;
            }
            self.told.add(&key);
            if let Some(name) = self.names.get(&key).as_string() {
                self.lines.push(line(&Record::Named { id: feature.id, name }));
            }
        }
        self.add(line(record));
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
            rest.insert(0, line(&resume));
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
        Record::Opened { .. } | Record::Named { .. } | Record::Labelled { .. } => Vec::new(),
    }
}

fn line(record: &Record) -> String {
    let mut line = String::new();
    write(&record.to_value(), &mut line);
    line
}

/// As JSON. How numbers are printed and strings are escaped, the browser knows; that of Rust would have to be downloaded.
fn write(value: &Value, out: &mut String) {
    match value {
        // The one number that JSON.stringify does not write so that it reads back.
        Value::Number(x) if *x == 0.0 && x.is_sign_negative() => out.push_str("-0"),
        Value::Number(x) => push(&(*x).into(), out),
        Value::String(text) => push(&text.into(), out),
        Value::Null => out.push_str("null"),
        Value::Bool(on) => push(&(*on).into(), out),
        Value::Array(elements) => {
            for (at, element) in elements.iter().enumerate() {
                out.push(if at == 0 { '[' } else { ',' });
                write(element, out);
            }
            out.push_str(if elements.is_empty() { "[]" } else { "]" });
        }
        Value::Object(fields) => {
            for (at, (key, value)) in fields.iter().enumerate() {
                out.push(if at == 0 { '{' } else { ',' });
                push(&key.into(), out);
                out.push(':');
                write(value, out);
            }
            out.push_str(if fields.is_empty() { "{}" } else { "}" });
        }
    }
}

fn push(primitive: &JsValue, out: &mut String) {
    // A primitive can be written.
    out.push_str(&JSON::stringify(primitive).map(String::from).unwrap_or_default());
}

//! What changed from one seed to another.

use crate::largest::{length, name, short};
use crate::term::shown;
use brooklet_core::{Base, Calibration, Metadata};
use brooklet_train::maths::sigmoid;
use serde::Serialize;
use serde_json::Value;
use std::collections::HashMap;

/// What `--json` prints of two seeds.
#[derive(Debug, Serialize)]
pub(super) struct Diff {
    /// What else the metadata say differently, by dotted path.
    metadata: Vec<Changed>,
    rows: Counts,
    /// Whether both descend from one training, as a base and its folds do. The factors of separate trainings have different
    /// axes, so that only weights and lengths can be compared.
    same_training: bool,
    /// The rows of both that moved most: by all their numbers if the factors can be compared, else by weight.
    moved: Vec<Moved>,
    /// The largest of the rows that only the second has, and that only the first has.
    added: Vec<Alone>,
    removed: Vec<Alone>,
    /// Null if the seeds have different numbers of factors.
    prior: Option<PriorShift>,
    calibration: CalibrationShift,
}

#[derive(Debug, Serialize)]
struct Changed {
    path: String,
    before: Value,
    after: Value,
}

#[derive(Debug, Default, Serialize)]
struct Counts {
    added: usize,
    removed: usize,
    changed: usize,
    unchanged: usize,
}

/// A row before and after.
#[derive(Debug, Serialize)]
struct Moved {
    name: String,
    w: [f64; 2],
    norm: [f64; 2],
    /// How far the factors went; null if they cannot be compared.
    factors: Option<f64>,
    #[serde(skip)]
    by: f32,
    note: Option<String>,
}

#[derive(Debug, Serialize)]
struct Alone {
    name: String,
    w: f64,
    norm: f64,
    note: Option<String>,
}

#[derive(Debug, Serialize)]
struct PriorShift {
    /// The most that a number of the mean moved, in standard deviations of the first prior.
    mean: f64,
    /// Total variance of a visitor row, scale included: second over first.
    variance: f64,
    scale: [f64; 2],
}

#[derive(Debug, Serialize)]
struct CalibrationShift {
    before: [f64; 2],
    after: [f64; 2],
    /// The probability of a click at the scores -1, 0 and 1.
    probability_before: [f64; 3],
    probability_after: [f64; 3],
}

impl Diff {
    pub(super) fn new(a: &Base, b: &Base, top: usize, notes: &HashMap<String, String>) -> Diff {
        let (before, after) = (a.metadata(), b.metadata());
        let same_width = a.width() == b.width();
        let same_training = same_width && before.training == after.training;
        let mut diff = Diff {
            metadata: changed(before, after),
            rows: Counts::default(),
            same_training,
            moved: Vec::new(),
            added: alone(b, a, notes),
            removed: alone(a, b, notes),
            prior: same_width.then(|| prior(before, after)),
            calibration: calibration(before.calibration, after.calibration),
        };
        diff.rows = Counts { added: diff.added.len(), removed: diff.removed.len(), changed: 0, unchanged: 0 };
        let (mut from, mut to) = (vec![0.0; a.width()], vec![0.0; b.width()]);
        for i in 0..a.len() {
            let Some(j) = b.find(a.id(i)) else { continue };
            a.row_into(i, &mut from);
            b.row_into(j, &mut to);
            if from == to {
                diff.rows.unchanged += 1;
                continue;
            }
            diff.rows.changed += 1;
            let apart: Vec<f32> = from.iter().zip(&to).map(|(a, b)| b - a).collect();
            let name = name(a, i);
            let note = notes.get(&name).cloned();
            diff.moved.push(Moved {
                w: [short(from[0]), short(to[0])],
                norm: [short(length(&from[1..])), short(length(&to[1..]))],
                factors: same_training.then(|| short(length(&apart[1..]))),
                by: if same_training { length(&apart) } else { apart[0].abs() },
                name,
                note,
            });
        }
        diff.moved.sort_by(|a, b| b.by.total_cmp(&a.by).then_with(|| a.name.cmp(&b.name)));
        diff.moved.truncate(top);
        diff.added.truncate(top);
        diff.removed.truncate(top);
        diff
    }

    pub(super) fn print(&self) {
        for Changed { path, before, after } in &self.metadata {
            println!("{path}: {before} -> {after}");
        }
        if self.metadata.is_empty() {
            println!("the metadata are the same, but for prior and calibration");
        }
        let CalibrationShift { before, after, probability_before, probability_after } = &self.calibration;
        let pair = |[a, b]: &[f64; 2]| format!("{a:.4} s {b:+.4}");
        let triple = |p: &[f64; 3]| format!("{:.3} {:.3} {:.3}", p[0], p[1], p[2]);
        println!();
        println!("calibration  {} -> {}", pair(before), pair(after));
        println!(
            "             a click at scores -1, 0, 1: {} -> {}",
            triple(probability_before),
            triple(probability_after)
        );
        match &self.prior {
            Some(PriorShift { mean, variance, scale }) => {
                println!("prior        scale {} -> {}, variance x {variance:.3}", scale[0], scale[1]);
                println!("             its mean moved by at most {mean:.3} standard deviations");
            }
            None => println!("prior        of different numbers of factors: not compared"),
        }
        let Counts { added, removed, changed, unchanged } = &self.rows;
        println!("rows         {added} added, {removed} removed, {changed} changed, {unchanged} unchanged");
        if !self.moved.is_empty() {
            println!();
            let how = if self.same_training { "moved most" } else { "moved most, by weight" };
            println!("{how:<24} {:>8}    {:>8} {:>8}    {:>8} {:>8}", "w", "", "|v|", "", "v moved");
        }
        for Moved { name, w, norm, factors, note, .. } in &self.moved {
            let factors = shown(*factors);
            let note = note.as_deref().unwrap_or_default();
            let line = format!(
                "{name:<24} {:>8.4} -> {:>8.4} {:>8.4} -> {:>8.4} {factors:>8}  {note}",
                w[0], w[1], norm[0], norm[1]
            );
            println!("{}", line.trim_end());
        }
        if !self.moved.is_empty() && !self.same_training {
            println!("(separate trainings turn the factors' axes: their numbers are not compared)");
        }
        for (title, rows) in [("added", &self.added), ("removed", &self.removed)] {
            if !rows.is_empty() {
                println!();
                println!("{title:<24} {:>8} {:>8}", "w", "|v|");
            }
            for Alone { name, w, norm, note } in rows {
                let line = format!("{name:<24} {w:>8.4} {norm:>8.4}  {}", note.as_deref().unwrap_or_default());
                println!("{}", line.trim_end());
            }
        }
    }
}

/// The rows of one seed that the other has not, the largest first.
fn alone(base: &Base, other: &Base, notes: &HashMap<String, String>) -> Vec<Alone> {
    let mut row = vec![0.0; base.width()];
    let mut rows: Vec<(f32, Alone)> = (0..base.len())
        .filter(|&i| other.find(base.id(i)).is_none())
        .map(|i| {
            base.row_into(i, &mut row);
            let name = name(base, i);
            let note = notes.get(&name).cloned();
            (length(&row), Alone { name, w: short(row[0]), norm: short(length(&row[1..])), note })
        })
        .collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.name.cmp(&b.1.name)));
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Every leaf of the metadata that differs. Prior and calibration have figures of their own.
fn changed(a: &Metadata, b: &Metadata) -> Vec<Changed> {
    let json = |metadata: &Metadata| -> Value {
        // It is written as JSON, so it reads.
        let mut json: Value = serde_json::from_str(&metadata.to_json()).unwrap_or_default();
        json.as_object_mut().map(|fields| (fields.remove("prior"), fields.remove("calibration")));
        json
    };
    let mut changed = Vec::new();
    compare("", &json(a), &json(b), &mut changed);
    changed
}

fn compare(path: &str, a: &Value, b: &Value, changed: &mut Vec<Changed>) {
    let (Value::Object(before), Value::Object(after)) = (a, b) else {
        if a != b {
            changed.push(Changed { path: path.to_owned(), before: a.clone(), after: b.clone() });
        }
        return;
    };
    let keys = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key)));
    for key in keys {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let of = |fields: &serde_json::Map<String, Value>| fields.get(key).cloned().unwrap_or_default();
        compare(&path, &of(before), &of(after), changed);
    }
}

/// Of two seeds with as many factors.
fn prior(a: &Metadata, b: &Metadata) -> PriorShift {
    let width = 1 + a.factors;
    let variance = |m: &Metadata, i: usize| f64::from(m.prior.covariance[i * width + i]) * f64::from(m.prior.scale);
    let total = |m: &Metadata| (0..width).map(|i| variance(m, i)).sum::<f64>();
    let moved = (0..width).map(|i| {
        let by = f64::from(b.prior.mean[i] - a.prior.mean[i]).abs();
        if by > 0.0 { by / variance(a, i).sqrt().max(f64::MIN_POSITIVE) } else { 0.0 }
    });
    PriorShift {
        mean: moved.fold(0.0, f64::max),
        variance: if total(a) > 0.0 { total(b) / total(a) } else { 1.0 },
        scale: [short(a.prior.scale), short(b.prior.scale)],
    }
}

fn calibration(a: Calibration, b: Calibration) -> CalibrationShift {
    let pair = |map: Calibration| [short(map.a), short(map.b)];
    let probability = |map: Calibration| [-1.0, 0.0, 1.0].map(|score| f64::from(sigmoid(map.a * score + map.b)));
    CalibrationShift {
        before: pair(a),
        after: pair(b),
        probability_before: probability(a),
        probability_after: probability(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_core::{FeatureId, Precision, Prior, Rates, Rows, Schema, encode_base};

    fn metadata(prior: Prior) -> Metadata {
        Metadata::new("m", Schema::new("user", "item"), Rates { private: 0.0, shared: 0.0, delta: 0.0 }, prior)
    }

    fn base(metadata: &Metadata, rows: &[(&str, [f32; 2])]) -> Base {
        let rows = Rows {
            ids: rows.iter().map(|(name, _)| FeatureId::named(name)).collect(),
            rows: rows.iter().flat_map(|(_, row)| *row).collect(),
            names: Some(rows.iter().map(|(name, _)| (*name).to_owned()).collect()),
            ..Rows::default()
        };
        Base::decode(encode_base(metadata, &rows, Precision::F16).unwrap()).unwrap()
    }

    #[test]
    fn what_changed_is_told_by_name() {
        let prior = Prior { mean: vec![0.0, 0.0], covariance: vec![1.0, 0.0, 0.0, 3.0], scale: 4.0 };
        let a = metadata(prior);
        let prior = Prior { mean: vec![1.0, 0.0], scale: 2.0, ..a.prior.clone() };
        let b = Metadata { version: 2, w0: 0.5, prior, calibration: Calibration { a: 2.0, b: 0.5 }, ..a.clone() };
        let first = base(&a, &[("x", [1.0, 1.0]), ("y", [0.0, 2.0]), ("z", [1.0, 0.0]), ("gone", [0.0, 1.0])]);
        let second = base(&b, &[("x", [1.0, 1.0]), ("y", [3.0, -2.0]), ("z", [2.0, 0.0]), ("new", [4.0, 3.0])]);
        let notes = HashMap::from([("y".to_owned(), "why".to_owned())]);
        let diff = serde_json::to_value(Diff::new(&first, &second, 10, &notes)).unwrap();

        let paths: Vec<&str> =
            diff["metadata"].as_array().unwrap().iter().map(|c| c["path"].as_str().unwrap()).collect();
        assert_eq!(paths, ["version", "w0"]);
        let rows = &diff["rows"];
        assert_eq!([&rows["added"], &rows["removed"], &rows["changed"], &rows["unchanged"]], [1, 1, 2, 1]);
        assert_eq!(diff["moved"][0]["name"], "y");
        assert_eq!((&diff["moved"][0]["factors"], &diff["moved"][0]["note"]), (&Value::from(4.0), &"why".into()));
        assert_eq!(diff["moved"][1]["name"], "z");
        assert_eq!((&diff["added"][0]["name"], &diff["removed"][0]["name"]), (&"new".into(), &"gone".into()));
        // A mean moved by 1 where the deviation is 2; half the variance.
        assert_eq!((&diff["prior"]["mean"], &diff["prior"]["variance"]), (&Value::from(0.5), &Value::from(0.5)));
        assert_eq!(diff["calibration"]["after"], serde_json::json!([2.0, 0.5]));
        assert_eq!(diff["calibration"]["probability_before"][1], 0.5);
    }

    #[test]
    fn separate_trainings_are_compared_by_weight() {
        let a = metadata(two());
        let b = Metadata { training: brooklet_core::Value::from("another"), ..a.clone() };
        let first = base(&a, &[("x", [0.0, 5.0]), ("y", [0.0, 1.0])]);
        let second = base(&b, &[("x", [0.0, -5.0]), ("y", [1.0, 1.0])]);
        let diff = Diff::new(&first, &second, 1, &HashMap::new());
        assert!(!diff.same_training && diff.moved[0].name == "y" && diff.moved[0].factors.is_none());
    }

    fn two() -> Prior {
        Prior { mean: vec![0.0, 0.0], covariance: vec![1.0, 0.0, 0.0, 1.0], scale: 1.0 }
    }
}

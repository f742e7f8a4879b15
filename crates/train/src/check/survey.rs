//! Goes over all events once.

use super::ids::Ids;
use crate::data::Duplicates;
use crate::error::Result;
use crate::input::{Batch, Columns, Dialect, InputFile, LabelRule, Store, open};
use crate::training::EventFiles;
use crate::watch::{Progress, Watch};
use serde::Serialize;
use std::collections::HashMap;
use std::hash::Hasher as _;
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3Default;

/// Labels of more values than this are listed by their range alone.
const VALUES: usize = 20;

/// What a file of events holds.
#[derive(Debug, Serialize)]
pub struct Survey {
    /// Events.
    pub rows: usize,
    /// Those that cannot be read, and were left out.
    pub bad_rows: u64,
    /// The columns that the first file has; none if it is an event log.
    pub columns: Vec<String>,
    /// Which of them is what.
    #[serde(serialize_with = "roles")]
    pub roles: Columns,
    /// Users, by their ids.
    pub users: Ids,
    /// Items.
    pub items: Ids,
    /// Events of a user.
    pub per_person: PerPerson,
    /// The first and the last time; None if no column tells it.
    pub time: Option<(f64, f64)>,
    /// Events at the very time of another of the same user.
    pub ties: Option<usize>,
    /// Rows that repeat an earlier one.
    pub duplicates: usize,
    /// The least and the greatest label.
    pub labels: (f32, f32),
    /// Each label and how often it is there, unless there are too many.
    pub values: Vec<Label>,
    /// A label of at least this may be taken for a click; None if labels are between 0 and 1.
    pub positive: Option<f32>,
    /// The share of clicks, by that.
    pub click_rate: f64,
    /// What may be a mistake, in words.
    pub oddities: Vec<String>,
}

/// One label.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Label {
    /// As in the file.
    pub label: f32,
    /// Events that have it.
    pub rows: usize,
}

/// Events of a user.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PerPerson {
    /// The fewest.
    pub least: u32,
    /// Half of the users have fewer, or as many.
    pub median: u32,
    /// The mean over users.
    pub mean: f64,
    /// The most.
    pub most: u32,
}

/// Goes over files of events, whatever their labels are.
pub fn survey(files: &EventFiles, watch: &dyn Watch) -> Result<Survey> {
    let (columns, first) = files.columns(watch)?;
    let names = match &first {
        Some(first) => first.names(files.dialect.quoting),
        None => names(files, files.dialect)?,
    };
    let rule = LabelRule { squared: true, positive: None, map: Vec::new() };
    let store = files.reading(&columns, &rule, first, watch)?.read()?;
    let mut survey = Survey::of(&store, columns.clone())?;
    survey.columns = names.unwrap_or_default();
    survey.oddities = survey.oddities();
    Ok(survey)
}

fn names(files: &EventFiles, dialect: Dialect) -> Result<Option<Vec<String>>> {
    let Some(file) = crate::input::expand(&files.paths)?.into_iter().next().map(|path| InputFile::once(&path)) else {
        return Ok(None);
    };
    let nobody: Arc<dyn Progress> = Arc::new(());
    Ok(if file.is_regular() { open(&file, dialect, &nobody)?.names(dialect.quoting) } else { None })
}

impl Survey {
    fn of(store: &Store, roles: Columns) -> Result<Survey> {
        let summary = store.summary();
        let (mut labels, mut moments) = (HashMap::<u32, usize>::new(), Vec::new());
        let (mut time, mut clicks, mut batch) = (None::<(f64, f64)>, 0, Batch::default());
        let mut all: Vec<f32> = Vec::new();
        for block in 0..store.blocks() {
            batch.clear();
            store.read(block, &mut batch)?;
            for &label in &batch.label {
                // Beyond so many values none is counted any more.
                if labels.len() <= VALUES {
                    *labels.entry((label + 0.0).to_bits()).or_default() += 1;
                }
            }
            all.extend(&batch.label);
            for (&user, &at) in batch.user.iter().zip(&batch.time) {
                let (least, most) = time.unwrap_or((at, at));
                time = Some((least.min(at), most.max(at)));
                let mut hasher = Xxh3Default::new();
                hasher.write_u32(user);
                hasher.write_u64(at.to_bits());
                moments.push(hasher.finish());
            }
        }
        moments.sort_unstable();
        let ties = moments.chunk_by(|a, b| a == b).filter(|same| same.len() > 1).map(<[u64]>::len).sum();
        let positive = positive(&mut all, summary.labels);
        let click = |label: &&f32| positive.map_or(**label >= 0.5, |positive| **label >= positive);
        clicks += all.iter().filter(click).count();
        let mut values: Vec<Label> =
            labels.into_iter().map(|(label, rows)| Label { label: f32::from_bits(label), rows }).collect();
        values.sort_by(|a, b| a.label.total_cmp(&b.label));
        if values.len() > VALUES {
            values.clear();
        }
        let mut counts = summary.counts.clone();
        counts.sort_unstable();
        Ok(Survey {
            rows: store.len(),
            bad_rows: summary.bad,
            columns: Vec::new(),
            roles,
            users: Ids::of(summary.users.names()),
            items: Ids::of(summary.items.names()),
            per_person: PerPerson {
                least: counts.first().copied().unwrap_or(0),
                median: counts.get(counts.len() / 2).copied().unwrap_or(0),
                mean: store.len() as f64 / counts.len().max(1) as f64,
                most: counts.last().copied().unwrap_or(0),
            },
            ties: time.map(|_| ties),
            time,
            duplicates: Duplicates::find(store)?.rows,
            labels: summary.labels,
            values,
            positive,
            click_rate: clicks as f64 / store.len() as f64,
            oddities: Vec::new(),
        })
    }

    fn oddities(&self) -> Vec<String> {
        let mut odd = self.users.oddities("users");
        odd.extend(self.items.oddities("items"));
        if self.labels.0 == self.labels.1 {
            odd.push(
                "every label is the same, so there is nothing to tell apart: --negatives adds skips to clicks".into(),
            );
        }
        if self.duplicates > 0 {
            odd.push(format!("{} rows repeat an earlier one", self.duplicates));
        }
        if self.roles.time.is_none() {
            odd.push("no column tells the time: the order of the file is taken for it".into());
        }
        if self.per_person.median < 2 {
            odd.push("half of the users have one event, of which nothing about them can be learnt".into());
        }
        if self.users.count * 2 > self.rows && self.rows > 20 && self.items.count * 10 < self.users.count {
            odd.push("there are many users and few items: user and item may have changed places".into());
        }
        odd
    }

    /// The command that trains on these files, with what a seed is to be called.
    pub fn command(&self, files: &[std::path::PathBuf], out: &str) -> String {
        let mut words = vec!["brooklet".to_owned(), "train".to_owned()];
        words.extend(files.iter().map(|file| quoted(&file.display().to_string())));
        let Columns { user, item, label, time, weight, slate, place, propensity, .. } = &self.roles;
        let needed =
            [("--user", Some(user)), ("--item", Some(item)), ("--label", Some(label)), ("--time", time.as_ref())];
        let more = [("--weight", weight), ("--slate", slate), ("--place", place), ("--propensity", propensity)];
        let all = needed.into_iter().chain(more.map(|(flag, column)| (flag, column.as_ref())));
        for (flag, column) in all.filter_map(|(flag, column)| Some((flag, column?))) {
            words.extend([flag.to_owned(), quoted(column)]);
        }
        if let Some(positive) = self.positive {
            words.extend(["--positive".to_owned(), positive.to_string()]);
        }
        if self.labels.0 == self.labels.1 {
            words.extend(["--negatives".to_owned(), "4".to_owned()]);
        }
        words.extend(["--out".to_owned(), out.to_owned()]);
        words.join(" ")
    }
}

/// Where labels are no clicks and skips: the label that divides the events most evenly, from which on they are clicks.
fn positive(labels: &mut [f32], (low, high): (f32, f32)) -> Option<f32> {
    if low >= 0.0 && high <= 1.0 {
        return None;
    }
    labels.sort_by(f32::total_cmp);
    let (mut best, mut least) = (high, f64::INFINITY);
    let mut at = 0;
    for same in labels.chunk_by(|a, b| a == b) {
        let above = (labels.len() - at) as f64 / labels.len() as f64;
        if at > 0 && (above - 0.5).abs() < least {
            (best, least) = (same[0], (above - 0.5).abs());
        }
        at += same.len();
    }
    Some(best)
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=+,@%*?[]".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

fn roles<S: serde::Serializer>(columns: &Columns, serializer: S) -> Result<S::Ok, S::Error> {
    let Columns { user, item, label, time, weight, slate, place, propensity, .. } = columns;
    let optional = [("time", time), ("weight", weight), ("slate", slate), ("place", place), ("propensity", propensity)];
    let needed = [("user", user), ("item", item), ("label", label)].map(|(role, column)| (role, Some(column)));
    serializer.collect_map(needed.into_iter().chain(optional.map(|(role, column)| (role, column.as_ref()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_divided_most_evenly() {
        assert_eq!(positive(&mut [0.0, 1.0, 0.0], (0.0, 1.0)), None);
        let mut stars = [1.0, 2.0, 3.0, 3.0, 4.0, 4.0, 4.0, 5.0, 5.0];
        assert_eq!(positive(&mut stars, (1.0, 5.0)), Some(4.0));
        assert_eq!(positive(&mut [3.0, 3.0], (3.0, 3.0)), Some(3.0));
    }

    #[test]
    fn a_word_of_the_command_is_one_word() {
        assert_eq!(quoted("a/b-1.csv"), "a/b-1.csv");
        assert_eq!(quoted("my file's.csv"), "'my file'\\''s.csv'");
    }
}

//! Events as the browser logs them.

use super::lines::Numbered;
use super::row::{Reader, Row, Told, joined};
use super::text::Text;
use crate::error::{Context, Result};
use crate::input::{Columns, InputFile, SideTable};
use brooklet_core::{Candidate, FeatureId, Features, Record, Subject, Value};
use std::collections::{HashMap, VecDeque};
use std::io::Read;

/// An event log as the browser exports it: every labelled input is an event. A log tells no user, so a file is one; what
/// gathers the logs of many into one file adds the key of the user's column to the records, or to each `opened` alone.
pub(crate) struct LogRows {
    name: String,
    lines: Numbered<Box<dyn Read>>,
    columns: Columns,
    user: String,
    names: HashMap<FeatureId, String>,
    /// What was shown and may still be labelled, by user.
    pending: HashMap<(String, Subject), Impression>,
    /// What was labelled last.
    labelled: Impression,
    /// The fields of items that are wanted, and what the features said of them.
    fields: SideTable,
    /// Labels whose input the log does not hold any more.
    orphans: u64,
    shown: VecDeque<(String, Subject)>,
}

/// An item as it was shown. What was asked alone is a slate of one.
#[derive(Debug, Clone, Default)]
struct Impression {
    item: String,
    slate: String,
    place: usize,
    propensity: f32,
    context: String,
}

/// A label that comes later than so many inputs finds nothing: the browser forgets slates sooner.
const MOST_PENDING: usize = 100_000;

impl LogRows {
    pub(crate) fn new(file: &InputFile, text: Text, columns: &Columns, fields: &[String]) -> LogRows {
        let name = file.to_string();
        LogRows {
            lines: Numbered::new(text.body, text.line, text.end),
            columns: columns.clone(),
            user: name.clone(),
            name,
            names: HashMap::new(),
            pending: HashMap::new(),
            labelled: Impression::default(),
            fields: SideTable::of_fields(fields),
            orphans: 0,
            shown: VecDeque::new(),
        }
    }

    /// Whether a line is a record of an event log, and not a row that happens to be JSON.
    pub(crate) fn is_record(line: &str) -> bool {
        Value::parse(line).is_ok_and(|value| Record::from_value(&value).is_ok())
    }

    /// What a record is as an event: target and weight; `self.labelled` is what it is of.
    fn take(&mut self, record: Record) -> Result<Option<(f32, f32)>, String> {
        match record {
            Record::Named { id, name } => {
                self.names.insert(id, name);
            }
            Record::Shown { slate, items, .. } => {
                for (candidate, place) in items.into_iter().zip(1..) {
                    let item = self.item_of(Some(&candidate.item), &candidate.features)?;
                    let Candidate { propensity, .. } = candidate;
                    let context = self.context_of(&candidate.features)?;
                    let shown = Impression { item, slate: slate.to_string(), place, propensity, context };
                    self.wait(Subject::Item { slate, item: candidate.item }, shown);
                }
            }
            Record::Held { id, scored } => {
                let shown = self.alone(&scored.features, format!("held {id}"))?;
                self.wait(Subject::Held(id), shown);
            }
            Record::Labelled { subject, target, weight } => {
                let Some(shown) = self.pending.get(&(self.user.clone(), subject)) else {
                    self.orphans += 1;
                    return Ok(None);
                };
                self.labelled.clone_from(shown);
                return Ok(Some((target, weight)));
            }
            Record::Learnt { scored, target, weight } => {
                self.labelled = self.alone(&scored.features, format!("line {}", self.lines.line))?;
                return Ok(Some((target, weight)));
            }
            // The first says who comes, the second is no event but a pair of them, and what the third takes back was an event all the same.
            Record::Opened { .. } | Record::Preferred { .. } | Record::Undone { .. } => {}
        }
        Ok(None)
    }

    /// An input that stood on no slate.
    fn alone(&mut self, features: &Features, slate: String) -> Result<Impression, String> {
        let context = self.context_of(features)?;
        Ok(Impression { item: self.item_of(None, features)?, slate, place: 1, propensity: 1.0, context })
    }

    fn wait(&mut self, subject: Subject, shown: Impression) {
        let key = (self.user.clone(), subject);
        self.pending.insert(key.clone(), shown);
        self.shown.push_back(key);
        if self.shown.len() > MOST_PENDING
            && let Some(oldest) = self.shown.pop_front()
        {
            self.pending.remove(&oldest);
        }
    }

    /// The item of an input: as the slate calls it, or else the category of the item's field.
    fn item_of(&mut self, item: Option<&str>, features: &Features) -> Result<String, String> {
        let by_field = || self.categories(features).find(|(field, _)| *field == self.columns.item).map(|(_, id)| id);
        let item = item.or_else(by_field).ok_or_else(|| {
            format!("no feature tells the item: name the item's field with --item (now `{}`)", self.columns.item)
        })?;
        let item = item.to_owned();
        let told: Vec<(String, String)> = self
            .categories(features)
            .filter(|(field, _)| self.fields.wants(field))
            .map(|(field, category)| (field.to_owned(), category.to_owned()))
            .collect();
        self.fields.add(&item, told.iter().map(|(field, category)| (field.as_str(), category.as_str())));
        Ok(item)
    }

    /// The categories of an input that are its context.
    fn context_of(&self, features: &Features) -> Result<String, String> {
        let mut context = String::new();
        let of = |field: &String| {
            let own = self.categories(features).filter(|(of, _)| of == field);
            Ok(own.map(|(_, category)| category).collect::<Vec<_>>().join("|"))
        };
        joined(&mut context, self.columns.context.iter().map(of))?;
        Ok(context)
    }

    /// The shared features that are categories and whose names the log tells.
    fn categories<'a>(&'a self, features: &'a Features) -> impl Iterator<Item = (&'a str, &'a str)> {
        features.shared().iter().filter_map(|feature| self.names.get(&feature.id)?.split_once('='))
    }
}

impl Reader for LogRows {
    fn next(&mut self) -> Result<Option<Result<Row<'_>, String>>> {
        loop {
            let line = self.lines.next().with_context(|| format!("cannot read {} further", self.name))?;
            let Some(line) = line else { return Ok(None) };
            let value = std::str::from_utf8(line).ok().and_then(|line| Value::parse(line).ok());
            let Some(value) = value else { return Ok(Some(Err("is not JSON".into()))) };
            let record = match Record::from_value(&value) {
                Ok(record) => record,
                Err(error) => return Ok(Some(Err(error.to_string()))),
            };
            if let Some(user) = value.field(&self.columns.user).and_then(Value::as_str) {
                self.user = user.to_owned();
            }
            match self.take(record) {
                Ok(None) => {}
                Err(why) => return Ok(Some(Err(why))),
                Ok(Some((target, weight))) => {
                    let LogRows { columns, user, lines, labelled, .. } = self;
                    let Impression { item, slate, place, propensity, context } = labelled;
                    return Ok(Some(Ok(Row {
                        user,
                        item,
                        label: target.into(),
                        time: columns.time.as_ref().map(|_| lines.line as f64),
                        weight: Some(weight.into()),
                        slate: columns.slate.as_ref().map(|_| slate.as_str()),
                        place: columns.place.as_ref().map(|_| *place as f64),
                        propensity: columns.propensity.as_ref().map(|_| (*propensity).into()),
                        context: (!columns.context.is_empty()).then_some(context.as_str()),
                    })));
                }
            }
        }
    }

    fn place(&self) -> String {
        format!("{}:{}", self.name, self.lines.line)
    }

    fn weighs(&self, _: &Columns) -> bool {
        true
    }

    fn finish(&mut self) -> Told {
        let orphans = self.orphans;
        let warning = (orphans > 0)
            .then(|| format!("{}: {orphans} labels left out whose slates the log does not hold any more", self.name));
        Told { item_fields: std::mem::take(&mut self.fields), warning, ..Told::default() }
    }
}

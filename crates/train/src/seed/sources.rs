//! Where the data of a seed came from, so that nobody need be told again.

use super::listed::ensure_listed;
use crate::error::{Error, Result};
use crate::input::{BadRows, Columns, Dialect, Events, InputFile, LabelRule, Reading, SideTable, Store, read_side};
use crate::watch::Watch;
use brooklet_core::{Metadata, Value};
use std::path::{Path, PathBuf};

/// Where the data of a seed are, as its metadata record it, so that `eval` and `replay` need not be told again.
#[derive(Debug, Clone, PartialEq)]
pub struct Sources {
    /// As a person calls them.
    pub events: String,
    /// The file of the items' fields.
    pub items: Option<PathBuf>,
    /// The file of the users' fields.
    pub users: Option<PathBuf>,
    /// The columns of it that are features.
    pub item_fields: Vec<String>,
    /// The columns of it that are features.
    pub user_fields: Vec<String>,
    /// Which column of the events is what.
    pub columns: Columns,
    /// How files are written. A seed does not say it.
    pub dialect: Dialect,
    /// Whether a seed says all this, so that a person can name other files and no other columns of them.
    pub of_seed: bool,
}

impl Sources {
    /// The same with the files of items and users where a person says that they are now.
    pub fn moved(self, items: &Option<PathBuf>, users: &Option<PathBuf>) -> Sources {
        Sources { items: items.clone().or(self.items), users: users.clone().or(self.users), ..self }
    }

    /// Everything: the events, the users' fields, the items'. Small files come first, for what is wrong with them is said at
    /// once. Without a file of items the events themselves are to tell the fields, as event logs do.
    pub(crate) fn read<'a>(&'a self, mut reading: Reading<'a>) -> Result<(Store, SideTable, SideTable)> {
        let users = self.read_users(reading.watch)?;
        let listed = self.items.is_some().then(|| self.read_items(reading.watch)).transpose()?;
        if listed.is_none() {
            reading.item_fields = &self.item_fields;
        }
        let store = reading.read()?;
        let items = listed.unwrap_or_else(|| store.summary().item_fields.clone());
        let sides = [
            (["items", "--items"], &self.items, &items, &store.summary().items),
            (["users", "--users"], &self.users, &users, &store.summary().users),
        ];
        for (what, path, table, occurring) in sides {
            if let Some(path) = path {
                ensure_listed(what, path, table, occurring, reading.watch)?;
            }
        }
        Ok((store, users, items))
    }

    /// Events to judge or tune on, to be read. They may call their columns otherwise than those of training, which the files of
    /// users and items go by.
    pub(crate) fn reading<'a>(
        &self,
        events: &InputFile,
        columns: &'a Columns,
        rule: &'a LabelRule,
        watch: &'a dyn Watch,
    ) -> Result<Reading<'a>> {
        let reading = Reading::of(events.expand()?, columns, rule, BadRows::Count(0));
        Ok(Reading { watch, dialect: self.dialect, of_seed: true, ..reading })
    }

    /// People to judge or tune on, in memory: a file of events, the users' fields, the items'.
    pub fn people(
        &self,
        events: &InputFile,
        columns: &Columns,
        rule: &LabelRule,
        watch: &dyn Watch,
    ) -> Result<(Events, SideTable, SideTable)> {
        let (store, users, items) = self.read(self.reading(events, columns, rule, watch)?)?;
        Ok((store.events()?, users, items))
    }

    /// A file of items, read whole: with all that it lists, also where no field of it is a feature.
    pub(crate) fn list_items(&self, path: &Path, watch: &dyn Watch) -> Result<SideTable> {
        read_side(path, self.dialect, [&self.columns.item, "--item"], &self.item_fields, "--item-fields", watch)
    }

    /// The file of the items' fields, read; empty if the model has none.
    pub fn read_items(&self, watch: &dyn Watch) -> Result<SideTable> {
        let (key, fields) = (&self.columns.item, &self.item_fields);
        let [item, named] =
            if self.of_seed { ["a file that has it by --items"; 2] } else { ["--item", "--item-fields"] };
        read_fields(self.items.as_deref(), self.dialect, [key, item], fields, [named, "--items"], watch)
    }

    /// The same of the users'.
    pub fn read_users(&self, watch: &dyn Watch) -> Result<SideTable> {
        let (key, fields) = (&self.columns.user, &self.user_fields);
        let [user, named] =
            if self.of_seed { ["a file that has it by --users"; 2] } else { ["--user", "--user-fields"] };
        read_fields(self.users.as_deref(), self.dialect, [key, user], fields, [named, "--users"], watch)
    }

    pub(crate) fn to_fields(&self) -> Vec<(&'static str, Value)> {
        let path = |path: &Path| Value::String(path.display().to_string());
        let optional = |value: Option<Value>| value.unwrap_or(Value::Null);
        let texts = |texts: &[String]| Value::Array(texts.iter().map(|text| Value::from(text.as_str())).collect());
        let Columns { user, item, label, time, weight, slate, place, propensity, context } = &self.columns;
        let mut columns = vec![
            ("user", Value::from(user.as_str())),
            ("item", Value::from(item.as_str())),
            ("label", Value::from(label.as_str())),
            ("time", optional(time.as_deref().map(Value::from))),
        ];
        let more = [("weight", weight), ("slate", slate), ("place", place), ("propensity", propensity)];
        columns.extend(more.into_iter().filter_map(|(role, column)| Some((role, Value::from(column.as_deref()?)))));
        columns.extend((!context.is_empty()).then(|| ("context", texts(context))));
        vec![
            ("events", Value::from(self.events.as_str())),
            ("items", optional(self.items.as_deref().map(path))),
            ("users", optional(self.users.as_deref().map(path))),
            ("item_fields", texts(&self.item_fields)),
            ("user_fields", texts(&self.user_fields)),
            ("columns", Value::Object(columns.into_iter().map(|(role, column)| (role.to_owned(), column)).collect())),
        ]
    }

    /// Reads what `to_fields` recorded.
    pub fn of(metadata: &Metadata) -> Result<Sources> {
        let training = &metadata.training;
        let missing = || {
            Error::Seed(
                "the seed does not say which columns it was trained on: its metadata need `training.columns`".into(),
            )
        };
        let text = |value: &Value, key: &str| value.field(key).and_then(Value::as_str).map(str::to_owned);
        let texts_of = |value: &Value, key: &str| -> Vec<String> {
            let values = value.field(key).and_then(Value::as_array).unwrap_or_default();
            values.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let texts = |key: &str| texts_of(training, key);
        let columns = training.field("columns").ok_or_else(missing)?;
        let role = |key: &str| text(columns, key).ok_or_else(missing);
        Ok(Sources {
            // A seed from elsewhere has none.
            events: text(training, "events").unwrap_or_default(),
            items: text(training, "items").map(PathBuf::from),
            users: text(training, "users").map(PathBuf::from),
            item_fields: texts("item_fields"),
            user_fields: texts("user_fields"),
            columns: Columns {
                user: role("user")?,
                item: role("item")?,
                label: role("label")?,
                time: text(columns, "time"),
                // Who is judged counts as one event whatever it weighed in training.
                weight: None,
                slate: text(columns, "slate"),
                place: text(columns, "place"),
                propensity: text(columns, "propensity"),
                context: texts_of(columns, "context"),
            },
            dialect: Dialect::default(),
            of_seed: true,
        })
    }
}

fn read_fields(
    path: Option<&Path>,
    dialect: Dialect,
    key: [&str; 2],
    fields: &[String],
    [fields_flag, path_flag]: [&str; 2],
    watch: &dyn Watch,
) -> Result<SideTable> {
    if fields.is_empty() {
        return Ok(SideTable::default());
    }
    let Some(path) = path else {
        bail!(Setting, "{fields_flag} names {}, but no file has them: name it with {path_flag}", fields.join(", "));
    };
    if !path.exists() {
        bail!(
            Setting,
            "there is no file {}, which holds the fields {}: name where it is with {path_flag}",
            path.display(),
            fields.join(", ")
        );
    }
    read_side(path, dialect, key, fields, fields_flag, watch)
}

//! Events as JSON lines.

use super::lines::Numbered;
use super::row::{Reader, Row};
use crate::error::{Context, Result};
use crate::input::Columns;
use serde_json::{Map, Value};
use std::io::Read;
use std::path::Path;

/// JSON lines: one flat object an event, the roles by key.
pub(crate) struct JsonRows {
    name: String,
    lines: Numbered<Box<dyn Read>>,
    columns: Columns,
    user: String,
    item: String,
    slate: String,
}

impl JsonRows {
    pub(crate) fn new(path: &Path, text: Box<dyn Read>, columns: &Columns) -> JsonRows {
        let name = path.display().to_string();
        JsonRows {
            name,
            lines: Numbered::new(text),
            columns: columns.clone(),
            user: String::new(),
            item: String::new(),
            slate: String::new(),
        }
    }
}

impl JsonRows {
    fn row(&mut self, object: &Object) -> Result<Row<'_>, String> {
        let JsonRows { columns, user, item, slate, .. } = self;
        let optional = |key: &Option<String>, flag| key.as_deref().map(|key| number(object, key, flag)).transpose();
        id(object, &columns.user, "--user", user)?;
        id(object, &columns.item, "--item", item)?;
        columns.slate.as_ref().map(|key| id(object, key, "--slate", slate)).transpose()?;
        Ok(Row {
            user,
            item,
            label: number(object, &columns.label, "--label")?,
            time: optional(&columns.time, "--time")?,
            weight: optional(&columns.weight, "--weight")?,
            slate: columns.slate.is_some().then_some(slate),
            place: optional(&columns.place, "--place")?,
            propensity: optional(&columns.propensity, "--propensity")?,
        })
    }
}

impl Reader for JsonRows {
    fn next(&mut self) -> Result<Option<Result<Row<'_>, String>>> {
        let line = self.lines.next().with_context(|| format!("cannot read {} further", self.name))?;
        let Some(line) = line else { return Ok(None) };
        let object: Map<String, Value> = match serde_json::from_slice(line) {
            Ok(object) => object,
            Err(error) => return Ok(Some(Err(format!("is not a JSON object: {error}")))),
        };
        Ok(Some(self.row(&object)))
    }

    fn place(&self) -> String {
        format!("{}:{}", self.name, self.lines.line)
    }
}

type Object = Map<String, Value>;

fn value<'a>(object: &'a Object, key: &str, flag: &str) -> Result<&'a Value, String> {
    object.get(key).ok_or_else(|| {
        let keys: Vec<&str> = object.keys().map(String::as_str).collect();
        format!("there is no key `{key}`; the keys are {}: name the right one with {flag}", keys.join(", "))
    })
}

/// An id is a text, or a number as it is written.
fn id(object: &Object, key: &str, flag: &str, into: &mut String) -> Result<(), String> {
    into.clear();
    match value(object, key, flag)? {
        Value::String(text) if text.is_empty() => Err(format!("key `{key}`: `` is empty: every row needs one")),
        Value::String(text) => {
            into.push_str(text);
            Ok(())
        }
        Value::Number(number) => {
            into.push_str(&number.to_string());
            Ok(())
        }
        other => Err(format!("key `{key}`: `{other}` is neither a text nor a number")),
    }
}

fn number(object: &Object, key: &str, flag: &str) -> Result<f64, String> {
    let value = value(object, key, flag)?;
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::Bool(click) => Some(f64::from(u8::from(*click))),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|x| x.is_finite()).ok_or_else(|| format!("key `{key}`: `{value}` is not a finite number"))
}

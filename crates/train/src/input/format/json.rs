//! Events as JSON.

use super::cells::{self, Times};
use super::objects::{JsonText, Object, scalar};
use super::row::{Reader, Row, Told, joined};
use crate::error::Result;
use crate::input::Columns;
use std::borrow::Cow;

/// One flat object an event, the roles by key.
pub(crate) struct JsonRows {
    text: JsonText,
    columns: Columns,
    user: String,
    item: String,
    slate: String,
    /// The context of the row.
    values: String,
    times: Times,
}

impl JsonRows {
    pub(crate) fn new(text: JsonText, columns: &Columns) -> JsonRows {
        let (user, item, slate, values) = Default::default();
        JsonRows { text, columns: columns.clone(), user, item, slate, values, times: Times::default() }
    }
}

impl Reader for JsonRows {
    fn next(&mut self) -> Result<Option<Result<Row<'_>, String>>> {
        let JsonRows { text, columns, user, item, slate, values, times } = self;
        let Some(object) = text.next()? else { return Ok(None) };
        Ok(Some(row(object, columns, [user, item, slate, values], times)))
    }

    fn place(&self) -> String {
        self.text.place()
    }

    fn finish(&mut self) -> Told {
        Told { times: self.times, ..Told::default() }
    }
}

fn row<'r>(
    object: &[u8],
    columns: &Columns,
    [user, item, slate, values]: [&'r mut String; 4],
    times: &mut Times,
) -> Result<Row<'r>, String> {
    let object = Object::parse(object)?;
    let number = |key: &str, flag| read(&object, key, flag, cells::number);
    let optional = |key: &Option<String>, flag| key.as_deref().map(|key| number(key, flag)).transpose();
    id(&object, &columns.user, "--user", user)?;
    id(&object, &columns.item, "--item", item)?;
    columns.slate.as_ref().map(|key| id(&object, key, "--slate", slate)).transpose()?;
    let context = columns.context.iter().map(|key| category(&object, key));
    let context = (!columns.context.is_empty()).then(|| joined(values, context)).transpose()?;
    let time = columns.time.as_deref();
    Ok(Row {
        user,
        item,
        label: read(&object, &columns.label, "--label", cells::label)?,
        time: time.map(|key| read(&object, key, "--time", |text| times.read(text))).transpose()?,
        weight: optional(&columns.weight, "--weight")?,
        slate: columns.slate.is_some().then_some(slate),
        place: optional(&columns.place, "--place")?,
        propensity: optional(&columns.propensity, "--propensity")?,
        context,
    })
}

/// A category is what its value says; none is null or no key.
fn category<'a>(object: &Object<'a>, key: &str) -> Result<Cow<'a, str>, String> {
    match object.get(key)? {
        None | Some("null") => Ok("".into()),
        Some(value) => scalar(value).ok_or_else(|| format!("key `{key}`: `{value}` is no category")),
    }
}

fn value<'a>(object: &Object<'a>, key: &str, flag: &str) -> Result<&'a str, String> {
    object.get(key)?.ok_or_else(|| {
        let keys: Vec<&str> = object.keys().collect();
        format!("there is no key `{key}`; the keys are {}: name the right one with {flag}", keys.join(", "))
    })
}

/// An id is a text, or a number as it is written.
fn id(object: &Object<'_>, key: &str, flag: &str, into: &mut String) -> Result<(), String> {
    let value = value(object, key, flag)?;
    let id = scalar(value).filter(|_| !matches!(value, "true" | "false"));
    let id = id.ok_or_else(|| format!("key `{key}`: `{value}` is neither a text nor a number"))?;
    if id.is_empty() {
        return Err(format!("key `{key}`: `` is empty: every row needs one"));
    }
    into.clear();
    into.push_str(&id);
    Ok(())
}

fn read(
    object: &Object<'_>,
    key: &str,
    flag: &str,
    read: impl FnOnce(&str) -> Result<f64, String>,
) -> Result<f64, String> {
    let value = value(object, key, flag)?;
    let read = scalar(value).map_or_else(|| Err("is not a finite number".to_owned()), |text| read(&text));
    read.map_err(|why| format!("key `{key}`: `{value}` {why}"))
}

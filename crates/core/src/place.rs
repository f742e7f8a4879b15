//! A place in what people write by hand: the header of a seed, its metadata. What stands there is read as what is expected
//! there; or else the [`Fault`] says where it stands, what is expected and what was found.

use crate::{Error, Fault, Value};
use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::RangeInclusive;

/// The longest text and the longest array that a fault repeats.
const LONGEST_TEXT: usize = 40;
const LONGEST_ARRAY: usize = 4;
/// Up to this every whole number is an f64.
pub(crate) const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

/// The value that a JSON text stands for, or the fault of what stands at `path`.
pub(crate) fn parsed(path: &'static str, text: &str) -> Result<Value, Fault> {
    let fault = |error| match error {
        Error::BadJson(why) => Fault::of(path, "JSON", ["other text: ", why].concat()),
        _ => Fault::of(path, "JSON", "other text"),
    };
    Value::parse(text).map_err(fault)
}

/// A value and the way to it. The path is put together only if there is a fault to tell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    key: Key,
    within: Option<&'a Place<'a>>,
    value: Option<&'a Value>,
}

#[derive(Debug, Clone, Copy)]
enum Key {
    Name(&'static str),
    Index(usize),
}

impl<'a> Place<'a> {
    /// Where the ways begin, if it is an object: paths are told from here on.
    pub(crate) fn root(name: &'static str, value: &'a Value) -> Result<Place<'a>, Fault> {
        Place::named(name, Some(value)).object()?;
        Ok(Place::named("", Some(value)))
    }

    /// Where ways begin whose paths begin with a name.
    pub(crate) fn named(name: &'static str, value: Option<&'a Value>) -> Place<'a> {
        Place { key: Key::Name(name), within: None, value }
    }

    /// The value under a key of this object.
    pub(crate) fn field(&'a self, key: &'static str) -> Place<'a> {
        let value = self.value.and_then(|value| value.field(key));
        Place { key: Key::Name(key), within: Some(self), value }
    }

    /// The elements of this array.
    pub(crate) fn elements(
        &'a self,
        expected: &'static str,
    ) -> Result<impl ExactSizeIterator<Item = Place<'a>> + 'a, Fault> {
        let elements = self.value.and_then(Value::as_array).ok_or_else(|| self.fault(expected))?;
        let place = |(at, value)| Place { key: Key::Index(at), within: Some(self), value: Some(value) };
        Ok(elements.iter().enumerate().map(place))
    }

    /// The value, unless there is none or null.
    pub(crate) fn value(&self) -> Option<&'a Value> {
        self.value.filter(|value| **value != Value::Null)
    }

    /// Whether nothing stands here, not even null.
    pub(crate) fn is_absent(&self) -> bool {
        self.value.is_none()
    }

    /// Nothing, if this is an object.
    pub(crate) fn object(&self) -> Result<(), Fault> {
        match self.value {
            Some(Value::Object(_)) => Ok(()),
            _ => Err(self.fault("an object")),
        }
    }

    /// A number within bounds.
    pub(crate) fn number(&self, bounds: RangeInclusive<f64>, expected: &'static str) -> Result<f64, Fault> {
        let number = self.value.and_then(Value::as_number);
        number.filter(|x| bounds.contains(x)).ok_or_else(|| self.fault(expected))
    }

    /// A whole number within bounds, which are within what an f64 counts without gaps.
    pub(crate) fn whole(&self, bounds: RangeInclusive<f64>, expected: &'static str) -> Result<u64, Fault> {
        let number = self.number(bounds, expected)?;
        if number as u64 as f64 == number { Ok(number as u64) } else { Err(self.fault(expected)) }
    }

    /// The numbers of an array.
    pub(crate) fn numbers(&self, array: &'static str, number: &'static str) -> Result<Vec<f32>, Fault> {
        self.elements(array)?.map(|place| Ok(place.number(FINITE, number)? as f32)).collect()
    }

    /// A text.
    pub(crate) fn text(&self, expected: &'static str) -> Result<&'a str, Fault> {
        self.value.and_then(Value::as_str).ok_or_else(|| self.fault(expected))
    }

    /// True or false.
    pub(crate) fn flag(&self) -> Result<bool, Fault> {
        match self.value {
            Some(Value::Bool(on)) => Ok(*on),
            _ => Err(self.fault("true or false")),
        }
    }

    /// What is expected is not here; or what this is a field of is no object.
    pub(crate) fn fault(&self, expected: &'static str) -> Fault {
        match (self.value, self.within) {
            (None, Some(within)) if within.value.is_some_and(|value| !matches!(value, Value::Object(_))) => {
                within.fault("an object")
            }
            _ => Fault { path: self.path(), expected, found: self.value.map(shown) },
        }
    }

    fn path(&self) -> String {
        let within = self.within.map(Place::path).unwrap_or_default();
        match self.key {
            Key::Index(at) => [&within, "[", &at.to_string(), "]"].concat(),
            Key::Name(name) if within.is_empty() => name.into(),
            Key::Name(name) => [&within, ".", name].concat(),
        }
    }
}

/// What an f32 holds.
pub(crate) const FINITE: RangeInclusive<f64> = -(f32::MAX as f64)..=f32::MAX as f64;

/// A value as a fault tells it: whole where it is short.
pub(crate) fn shown(value: &Value) -> Cow<'static, str> {
    match value {
        Value::Null => "null".into(),
        Value::Bool(true) => "true".into(),
        Value::Bool(false) => "false".into(),
        Value::Number(x) => shown_number(*x),
        Value::String(text) if text.len() <= LONGEST_TEXT => ["\"", text, "\""].concat().into(),
        Value::String(_) => "a long text".into(),
        Value::Array(elements) if elements.len() <= LONGEST_ARRAY => {
            let elements: Vec<Cow<'static, str>> = elements.iter().map(shown).collect();
            ["[", &elements.join(", "), "]"].concat().into()
        }
        Value::Array(elements) => ["an array of ", &elements.len().to_string()].concat().into(),
        Value::Object(_) => "an object".into(),
    }
}

/// Printing a number that is not whole would be a visible share of the download.
pub(crate) fn shown_number(x: f64) -> Cow<'static, str> {
    if cfg!(feature = "write") {
        x.to_string().into()
    } else if (x as i64) as f64 == x {
        (x as i64).to_string().into()
    } else {
        "another number".into()
    }
}

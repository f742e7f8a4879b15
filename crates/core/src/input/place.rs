//! A place in what people write by hand: the header of a seed, its metadata, the settings of a learner. What stands there is
//! read as what is expected there; or else the [`Fault`] says where it stands, what is expected and what was found.
//!
//! Reading goes on after a fault, with zeros, and the first one is told in the end: an early return at each of a hundred keys
//! would be a visible share of the download. For the same reason these functions are not put into their callers, though the
//! crate is built for speed, and a browser is told the kind of what was found and not the value.

use crate::error::{Error, Fault};
use crate::input::value::Value;
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::Cell;
use core::str::FromStr;

/// The longest value and the longest array that a fault repeats.
#[cfg(feature = "write")]
const LONGEST: usize = 40;
#[cfg(feature = "write")]
const LONGEST_ARRAY: usize = 4;
/// Up to this every whole number is an f64.
pub(crate) const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;
/// What an f32 holds.
pub(crate) const FINITE: Bounds = Bounds::new(-(f32::MAX as f64), f32::MAX as f64, "a number");

/// The bounds of a number, and how they are told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) least: f64,
    pub(crate) most: f64,
    pub(crate) expected: &'static str,
}

impl Bounds {
    pub(crate) const fn new(least: f64, most: f64, expected: &'static str) -> Bounds {
        Bounds { least, most, expected }
    }
}

/// The first fault of a reading.
#[derive(Default)]
pub(crate) struct Faults(Cell<Option<Box<Fault>>>);

impl Faults {
    /// Adds a fault, which is made only if it is the first.
    #[cold]
    #[inline(never)]
    pub(crate) fn add(&self, make: &dyn Fn() -> Fault) {
        let first = self.0.take();
        self.0.set(Some(first.unwrap_or_else(|| Box::new(make()))));
    }

    /// Nothing, if there was none.
    pub(crate) fn none(&self) -> Result<(), Fault> {
        match self.0.take() {
            None => Ok(()),
            Some(first) => Err(*first),
        }
    }
}

/// The value that a JSON text stands for, or the fault of what stands at `path`.
pub(crate) fn parsed(path: &'static str, text: &str) -> Result<Value, Fault> {
    Value::parse(text).map_err(|error| match error {
        Error::BadJson(why) if cfg!(feature = "write") => {
            Fault::of(path, "JSON", ["other text: ", why].concat().into())
        }
        _ => Fault::of(path, "JSON", "other text".into()),
    })
}

/// A value and the way to it.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    key: Key<'a>,
    within: Option<&'a Place<'a>>,
    value: Option<&'a Value>,
    faults: &'a Faults,
}

#[derive(Clone, Copy)]
enum Key<'a> {
    Name(&'a str),
    Index(usize),
}

impl<'a> Place<'a> {
    /// Where the ways begin, which is to be an object: paths are told from here on.
    pub(crate) fn root(name: &'static str, value: &'a Value, faults: &'a Faults) -> Place<'a> {
        let named = Place::named(name, Some(value), faults);
        named.object();
        Place { key: Key::Name(""), ..named }
    }

    /// Where ways begin whose paths begin with a name.
    pub(crate) fn named(name: &'static str, value: Option<&'a Value>, faults: &'a Faults) -> Place<'a> {
        Place { key: Key::Name(name), within: None, value, faults }
    }

    /// The value under a key of this object.
    #[inline(never)]
    pub(crate) fn field(&'a self, key: &'static str) -> Place<'a> {
        let value = self.value.and_then(|value| value.field(key));
        Place { key: Key::Name(key), within: Some(self), value, faults: self.faults }
    }

    /// The elements of this array.
    #[inline(never)]
    pub(crate) fn elements(&'a self, expected: &'static str) -> Vec<Place<'a>> {
        let Some(Value::Array(elements)) = self.value else {
            self.fault(expected);
            return Vec::new();
        };
        let place = |(at, value)| Place { key: Key::Index(at), within: Some(self), value: Some(value), ..*self };
        elements.iter().enumerate().map(place).collect()
    }

    /// The value, unless there is none or null.
    pub(crate) fn value(&self) -> Option<&'a Value> {
        self.value.filter(|value| !matches!(value, Value::Null))
    }

    /// What is read here, unless there is nothing or null.
    pub(crate) fn optional<T>(&self, read: impl FnOnce(&Self) -> T) -> Option<T> {
        self.value().map(|_| read(self))
    }

    /// Whether nothing stands here, not even null.
    pub(crate) fn is_absent(&self) -> bool {
        self.value.is_none()
    }

    /// This is to be an object.
    #[inline(never)]
    pub(crate) fn object(&self) {
        if !matches!(self.value, Some(Value::Object(_))) {
            self.fault("an object");
        }
    }

    /// This is to be an object with none but these keys: one that is misspelt is a fault, not a default.
    #[inline(never)]
    pub(crate) fn only(&self, keys: &[&str]) {
        self.object();
        let Some(Value::Object(fields)) = self.value else { return };
        for (key, value) in fields {
            if !keys.contains(&key.as_str()) {
                let key = Key::Name(key);
                Place { key, within: Some(self), value: Some(value), ..*self }.fault("no setting of this name");
            }
        }
    }

    /// A number within bounds.
    #[inline(never)]
    pub(crate) fn number(&self, bounds: &Bounds) -> f64 {
        match self.value {
            Some(Value::Number(x)) if *x >= bounds.least && *x <= bounds.most => *x,
            _ => {
                self.fault(bounds.expected);
                0.0
            }
        }
    }

    /// A number as an f32 holds it.
    #[inline(never)]
    pub(crate) fn single(&self, bounds: &Bounds) -> f32 {
        self.number(bounds) as f32
    }

    /// A whole number within bounds, which are within what an f64 counts without gaps.
    #[inline(never)]
    pub(crate) fn whole(&self, bounds: &Bounds) -> u64 {
        let number = self.number(bounds);
        if number as u64 as f64 != number {
            self.fault(bounds.expected);
        }
        number as u64
    }

    /// The numbers of an array.
    #[inline(never)]
    pub(crate) fn singles(&self, expected: &'static str) -> Vec<f32> {
        self.elements(expected).iter().map(|place| place.single(&FINITE)).collect()
    }

    /// A text.
    #[inline(never)]
    pub(crate) fn text(&self, expected: &'static str) -> &'a str {
        let Some(Value::String(text)) = self.value else {
            self.fault(expected);
            return "";
        };
        text
    }

    /// What is named by a text.
    pub(crate) fn one_of<T: FromStr + Default>(&self, expected: &'static str) -> T {
        self.text(expected).parse().unwrap_or_else(|_| {
            self.fault(expected);
            T::default()
        })
    }

    /// True or false.
    #[inline(never)]
    pub(crate) fn flag(&self) -> bool {
        let Some(Value::Bool(on)) = self.value else {
            self.fault("true or false");
            return false;
        };
        *on
    }

    /// What is expected is not here; or what this is a field of is no object.
    #[cold]
    #[inline(never)]
    pub(crate) fn fault(&self, expected: &'static str) {
        match (self.value, self.within) {
            (None, Some(within)) if within.value.is_some_and(|value| !matches!(value, Value::Object(_))) => {
                within.fault("an object");
            }
            _ => self.faults.add(&|| Fault { path: self.path(), expected, found: self.value.map(shown) }),
        }
    }

    #[inline(never)]
    fn path(&self) -> String {
        let within = self.within.map(Place::path).unwrap_or_default();
        match self.key {
            Key::Index(at) => [&within, "[", &at.to_string(), "]"].concat(),
            Key::Name(name) => [within.as_str(), if within.is_empty() { "" } else { "." }, name].concat(),
        }
    }
}

/// A value as a fault tells it: as it is where it is short, and where values can be printed.
fn shown(value: &Value) -> Cow<'static, str> {
    #[cfg(feature = "write")]
    match value {
        Value::Number(x) => return shown_number(*x),
        Value::Array(elements) if elements.len() > LONGEST_ARRAY => {
            return ["an array of ", &elements.len().to_string()].concat().into();
        }
        Value::Object(_) => {}
        value => {
            let json = value.to_json();
            if json.len() <= LONGEST {
                return json.into();
            }
        }
    }
    Cow::Borrowed(match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "another number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    })
}

/// A number as a fault tells it.
pub(crate) fn shown_number(x: f64) -> Cow<'static, str> {
    if cfg!(feature = "write") { x.to_string().into() } else { "another number".into() }
}

//! What the methods of the learner are given, checked.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use brooklet_core::{AtMost, Error, FeatureId, Features, Query, Subject};
use js_sys::{BigInt, Object};
use wasm_bindgen::{JsCast, JsValue};

use crate::page::error::Failure;
use crate::page::object::{field, is_whole, only};
use crate::tab::client::Client;

/// How many items are meant unless the caller says otherwise.
pub(crate) const DEFAULT_K: usize = 10;

/// `RecommendOptions`: what is to be ranked.
pub(crate) struct Asked {
    context: Features,
    k: usize,
    include: Option<Vec<String>>,
    exclude: Vec<String>,
    unseen: bool,
    diversity: f32,
    at_most: Vec<AtMost>,
}

impl Asked {
    pub(crate) fn from_js(client: &Client, options: &JsValue) -> Result<Asked, Failure> {
        if options.is_undefined() || options.is_null() {
            return Ok(Asked {
                context: Features::default(),
                k: DEFAULT_K,
                include: None,
                exclude: Vec::new(),
                unseen: false,
                diversity: 0.0,
                at_most: Vec::new(),
            });
        }
        only(options, &["context", "k", "include", "exclude", "unseen", "diversity", "atMost"], "a choice of items")?;
        Ok(Asked {
            k: field(options, "k")?.map_or(Ok(DEFAULT_K), |k| count(&k))?,
            context: client.features(&field(options, "context")?.unwrap_or_default())?,
            include: field(options, "include")?.map(|ids| item_ids(&ids)).transpose()?,
            exclude: field(options, "exclude")?.map_or(Ok(Vec::new()), |ids| item_ids(&ids))?,
            unseen: field(options, "unseen")?
                .map_or(Ok(false), |unseen| unseen.as_bool().ok_or(Failure::argument("`unseen` is true or false")))?,
            diversity: field(options, "diversity")?.map_or(Ok(0.0), |diversity| share(&diversity))?,
            at_most: field(options, "atMost")?.map_or(Ok(Vec::new()), |limits| at_most(client, &limits))?,
        })
    }

    pub(crate) fn with<T>(&self, ask: impl FnOnce(&Query<'_>) -> T) -> T {
        let include: Option<Vec<&str>> = self.include.as_ref().map(|ids| ids.iter().map(String::as_str).collect());
        let exclude: Vec<&str> = self.exclude.iter().map(String::as_str).collect();
        let (context, include, unseen) = (self.context.clone(), include.as_deref(), self.unseen);
        let (diversity, at_most) = (self.diversity, &self.at_most[..]);
        ask(&Query { context, k: self.k, include, exclude: &exclude, unseen, diversity, at_most })
    }
}

fn share(value: &JsValue) -> Result<f32, Failure> {
    match value.as_f64() {
        Some(x) if (0.0..=1.0).contains(&x) => Ok(x as f32),
        _ => Err(Failure::argument("`diversity` is a number from 0 to 1")),
    }
}

/// How many items may have each value of a field, by fields.
fn at_most(client: &Client, limits: &JsValue) -> Result<Vec<AtMost>, Failure> {
    let not_limits = || Failure::argument("`atMost` is an object of fields, each with a whole number of items");
    let fields = limits.dyn_ref::<Object>().map(Object::keys).ok_or_else(not_limits)?;
    let limit = |name: JsValue| {
        let name = name.as_string().unwrap_or_default();
        let items = field(limits, &name)?.and_then(|items| items.as_f64());
        let items = items.filter(|items| *items >= 0.0 && is_whole(*items)).ok_or_else(not_limits)? as usize;
        let value = |value: &String| FeatureId::named(&[&name, "=", value].concat());
        Ok(AtMost { values: client.categories(&name)?.iter().map(value).collect(), items })
    };
    fields.iter().map(limit).collect()
}

/// What `recommend` or `hold` returned, or its id.
pub(crate) fn slate_id(slate: &JsValue) -> Result<u64, Failure> {
    let id = if slate.is_object() { field(slate, "id")?.unwrap_or_default() } else { slate.clone() };
    let id = id.as_string().ok_or(Failure::argument("pass what recommend() or hold() returned, or its `id`"))?;
    id.parse().map_err(|_| Failure::from(Error::UnknownSlate))
}

/// An item of a slate.
pub(crate) fn item_of(slate: &JsValue, item: &JsValue) -> Result<Subject, Failure> {
    Ok(Subject::Item { slate: slate_id(slate)?, item: item_id(item)? })
}

/// A label: a number, or whether it was clicked.
pub(crate) fn target(value: &JsValue) -> Result<f32, Failure> {
    match (value.as_f64(), value.as_bool()) {
        (Some(target), _) => Ok(target as f32),
        (None, Some(clicked)) => Ok(f32::from(clicked)),
        (None, None) => Err(Failure::argument("a target is a number or a boolean")),
    }
}

/// The weight of an event: 1 if it is left out.
pub(crate) fn weight(value: &JsValue) -> Result<f32, Failure> {
    match value.as_f64() {
        Some(weight) => Ok(weight as f32),
        None if value.is_undefined() => Ok(1.0),
        None => Err(Failure::argument("a weight is a number")),
    }
}

/// A count of items.
pub(crate) fn count(value: &JsValue) -> Result<usize, Failure> {
    match value.as_f64() {
        Some(k) if k >= 0.0 && is_whole(k) => Ok(k as usize),
        _ => Err(Failure::argument("`k` is a whole number, 0 or more")),
    }
}

/// An item's id: a string, or a whole number in decimal.
pub(crate) fn item_id(value: &JsValue) -> Result<String, Failure> {
    match (value.as_string(), value.as_f64()) {
        (Some(text), _) if !text.is_empty() => Ok(text),
        (_, Some(x)) if is_whole(x) => Ok((x as i64).to_string()),
        _ if value.is_bigint() => {
            // In decimal, which every whole number has.
            Ok(value.unchecked_ref::<BigInt>().to_string(10).map(String::from).unwrap_or_default())
        }
        _ => Err(Failure::argument("an item's id is a string that is not empty, or a whole number")),
    }
}

pub(crate) fn item_ids(ids: &JsValue) -> Result<Vec<String>, Failure> {
    let not_ids = || Failure::argument("ids of items are an array, or another iterable, of strings or whole numbers");
    // A string is iterable too, but never meant.
    let iterator = js_sys::try_iter(ids).ok().flatten().filter(|_| ids.is_object()).ok_or_else(not_ids)?;
    let id = |id: Result<JsValue, JsValue>| item_id(&id.map_err(|_| not_ids())?);
    iterator.map(id).collect()
}

//! From a JavaScript object to the features that it names.
//!
//! The object is walked where it lies: no JSON and no tree of values in between.

use std::rc::Rc;

use brooklet_core::{FeatureId, Features, FeaturesBuilder, Schema};
use js_sys::{Array, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

use crate::error::Failure;
use crate::log::{Names, remember};

/// What inputs are read with.
pub(crate) struct Vocabulary {
    pub(crate) schema: Rc<Schema>,
    /// Where the names go that are met, if there is a log.
    pub(crate) names: Option<Names>,
}

/// The features that `object` names; those of nothing at all if it is undefined or null.
pub(crate) fn features(vocabulary: &Vocabulary, object: &JsValue) -> Result<Features, Failure> {
    if let Some(names) = &vocabulary.names {
        let (features, named) = named_features(vocabulary, object)?;
        remember(names, named);
        return Ok(features);
    }
    let mut builder = Features::builder(&vocabulary.schema);
    walk_root(&mut builder, object)?;
    Ok(builder.finish())
}

/// The same, with the names of the features.
pub(crate) fn named_features(
    vocabulary: &Vocabulary,
    object: &JsValue,
) -> Result<(Features, Vec<(FeatureId, String)>), Failure> {
    let mut builder = Features::builder(&vocabulary.schema).keep_names();
    walk_root(&mut builder, object)?;
    Ok(builder.finish_named())
}

/// An item's id: a string, or a whole number in decimal.
pub(crate) fn item_id(value: &JsValue) -> Result<String, Failure> {
    const LARGEST_WHOLE: f64 = 9_007_199_254_740_991.0;
    if let Some(text) = value.as_string() {
        return Ok(text);
    }
    match value.as_f64() {
        Some(x) if x.fract() == 0.0 && x.abs() <= LARGEST_WHOLE => Ok((x as i64).to_string()),
        _ => Err(Failure::argument("an item's id is a string or a whole number")),
    }
}

fn walk_root(builder: &mut FeaturesBuilder<'_>, object: &JsValue) -> Result<(), Failure> {
    if object.is_undefined() || object.is_null() {
        return Ok(());
    }
    match plain_object(object) {
        Some(object) => walk(builder, object),
        None => Err(bad_value("", "must be a plain object of named values")),
    }
}

fn walk(builder: &mut FeaturesBuilder<'_>, object: &Object) -> Result<(), Failure> {
    for key in Object::keys(object).iter() {
        // A getter or a proxy of the page's may throw.
        let value = Reflect::get(object, &key).map_err(|thrown| Failure::thrown("bad_value", &thrown))?;
        // Object.keys yields strings.
        let name = key.as_string().unwrap_or_default();
        add(builder, &name, &value)?;
    }
    Ok(())
}

fn add(builder: &mut FeaturesBuilder<'_>, name: &str, value: &JsValue) -> Result<(), Failure> {
    if value.is_undefined() || value.is_null() {
        return Ok(());
    }
    if let Some(text) = value.as_string() {
        return Ok(builder.text(name, &text)?);
    }
    if let Some(number) = value.as_f64() {
        return Ok(builder.number(name, number)?);
    }
    if let Some(on) = value.as_bool() {
        return Ok(builder.flag(name, on)?);
    }
    if let Some(elements) = value.dyn_ref::<Array>() {
        return elements.iter().try_for_each(|element| add_element(builder, name, &element));
    }
    match plain_object(value) {
        Some(object) => {
            // A cycle ends at the depth that the core allows.
            builder.enter(name)?;
            walk(builder, object)?;
            builder.leave();
            Ok(())
        }
        None => Err(bad_value(name, "must be a string, number, boolean, array or plain object")),
    }
}

fn add_element(builder: &mut FeaturesBuilder<'_>, name: &str, element: &JsValue) -> Result<(), Failure> {
    if element.is_undefined() || element.is_null() {
        return Ok(());
    }
    if let Some(text) = element.as_string() {
        return Ok(builder.text(name, &text)?);
    }
    match element.as_f64() {
        Some(number) => Ok(builder.element_number(name, number)?),
        None => Err(bad_value(name, "must be an array of strings or whole numbers")),
    }
}

/// `value` as an object literal would have made it, in whichever realm. Dates, maps and class instances keep their
/// content where no walk over keys would find it, so they are not taken for empty objects.
fn plain_object(value: &JsValue) -> Option<&Object> {
    if !value.is_object() {
        return None;
    }
    let object = value.unchecked_ref::<Object>();
    let prototype = Object::get_prototype_of(object);
    let plain = prototype.is_null() || Object::get_prototype_of(&prototype).is_null();
    plain.then_some(object)
}

fn bad_value(name: &str, why: &'static str) -> Failure {
    Failure::from(brooklet_core::Error::BadValue { path: name.into(), why })
}

//! Plain JavaScript objects, read and made field by field.
//!
//! serde-wasm-bindgen would do this too, at 24 KB of gzipped download for one struct of options (measured); these few
//! lines cost next to nothing.

use alloc::vec::Vec;
use js_sys::{ArrayBuffer, Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};

use crate::page::error::Failure;

/// A plain object with these fields.
pub(crate) fn object(fields: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in fields {
        // Setting a property of an object that was made here cannot fail.
        let _ = Reflect::set(&object, &(*name).into(), value);
    }
    object.into()
}

/// The field of an object that the caller gave; undefined and null are both "not there".
pub(crate) fn field(object: &JsValue, name: &str) -> Result<Option<JsValue>, Failure> {
    let value = Reflect::get(object, &name.into()).map_err(|thrown| Failure::thrown("bad_argument", &thrown))?;
    Ok(if value.is_undefined() || value.is_null() { None } else { Some(value) })
}

/// Checks that this is an object with none but these fields, which `what` takes: one that is misspelt is an error, not a default.
pub(crate) fn only(object: &JsValue, names: &[&str], what: &'static str) -> Result<(), Failure> {
    if !object.is_object() {
        return Err(Failure::named("bad_argument", [what, " takes an object of ", &names.join(", ")].concat()));
    }
    let keys = Object::keys(object.unchecked_ref::<Object>());
    match keys.iter().filter_map(|key| key.as_string()).find(|key| !names.contains(&&**key)) {
        None => Ok(()),
        Some(key) => {
            Err(Failure::named("bad_argument", [what, " knows no `", &key, "`, but ", &names.join(", ")].concat()))
        }
    }
}

/// The bytes of a typed array or of an array buffer.
pub(crate) fn bytes(value: &JsValue) -> Option<Vec<u8>> {
    // What was handed over to a worker has no bytes, and cannot be read.
    if let Some(array) = value.dyn_ref::<Uint8Array>() {
        return Some(if array.length() == 0 { Vec::new() } else { array.to_vec() });
    }
    let buffer = value.dyn_ref::<ArrayBuffer>()?;
    Some(if buffer.byte_length() == 0 { Vec::new() } else { Uint8Array::new(buffer).to_vec() })
}

/// A count or another number that JavaScript holds exactly.
pub(crate) fn number(value: u64) -> JsValue {
    JsValue::from_f64(value as f64)
}

/// Whether this is a whole number that JavaScript holds exactly.
pub(crate) fn is_whole(x: f64) -> bool {
    x.abs() <= 9_007_199_254_740_991.0 && (x as i64) as f64 == x
}

/// A moment, in milliseconds since 1970, as a `Date`.
pub(crate) fn date(milliseconds: f64) -> JsValue {
    js_sys::Date::new(&milliseconds.into()).into()
}

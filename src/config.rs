//! How a learner learns, as `Learner.open` is told: the part of its options that the core knows, and checks.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use brooklet_core::{Config, Value};
use js_sys::Reflect;
use wasm_bindgen::JsValue;

use crate::error::Failure;
use crate::object::{field, is_whole, value};

/// The options that are read here, and the seed, which is no setting.
pub(crate) const NAMES: [&[&str]; 2] = [&Config::SETTINGS, &["seed"]];

/// Reads the options; `random` is the seed if none is given.
pub(crate) fn config(options: &JsValue, random: u64) -> Result<Config, Failure> {
    let mut settings: Vec<(String, Value)> = Vec::new();
    for name in Config::SETTINGS {
        let set = Reflect::get(options, &name.into()).map_err(|thrown| Failure::thrown("bad_argument", &thrown))?;
        // Only absent is as if not set: a gate of null never closes.
        if !set.is_undefined() {
            settings.push((name.into(), value(&set)?));
        }
    }
    let config = Config::from_value(&Value::Object(settings));
    let config = config.map_err(|error| Failure::named("bad_argument".into(), error.to_string()))?;
    Ok(Config { seed: field(options, "seed")?.map_or(Ok(random), seed)?, ..config })
}

fn seed(value: JsValue) -> Result<u64, Failure> {
    match value.as_f64() {
        Some(x) if x >= 0.0 && is_whole(x) => Some(x as u64),
        Some(_) => None,
        None => u64::try_from(value).ok(),
    }
    .ok_or(Failure::argument("`seed` is a whole number of at most 64 bits"))
}

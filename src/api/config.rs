//! How a learner learns, as `Learner.open` is told: the part of its options that the core knows, and checks.

use alloc::string::ToString;
use brooklet_core::{Config, Value};
use wasm_bindgen::JsValue;

use crate::page::error::Failure;
use crate::page::object::{field, is_whole};
use crate::page::vocabulary::settings;

/// The options that are read here, and the seed, which is no setting.
pub(crate) const NAMES: [&[&str]; 2] = [&Config::SETTINGS, &["seed"]];

/// Reads the options; `random` is the seed if none is given.
pub(crate) fn config(options: &JsValue, random: u64) -> Result<Config, Failure> {
    let settings = settings(options, &Config::SETTINGS.join(","));
    let settings = settings.as_string().ok_or_else(|| Failure::thrown("bad_argument", &settings))?;
    let config = Value::parse(&settings).and_then(|settings| Config::from_value(&settings));
    let config = config.map_err(|error| Failure::named("bad_argument", error.to_string()))?;
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

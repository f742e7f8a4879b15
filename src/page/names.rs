//! What features are called, in JavaScript's own map, which is there already: one of Rust's would have to be downloaded.

use alloc::string::String;

use brooklet_core::FeatureId;
use js_sys::{JSON, Map};
use wasm_bindgen::JsValue;

use crate::learning::log::World;

/// The most names that are remembered; features beyond are logged without.
const MOST_NAMES: u32 = 1 << 16;

/// The names of features by their ids, as far as inputs of this tab named them. A clone is another hold on the same map.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names(Map);

impl Names {
    pub(crate) fn remember(&self, named: impl IntoIterator<Item = (FeatureId, String)>) {
        for (id, name) in named {
            if self.0.size() < MOST_NAMES {
                self.0.set(&id.0.into(), &name.into());
            }
        }
    }
}

impl World for Names {
    fn name(&self, id: FeatureId) -> Option<String> {
        self.0.get(&id.0.into()).as_string()
    }

    fn number(&self, x: f64) -> String {
        // The one number that JSON.stringify does not write so that it reads back.
        if x == 0.0 && x.is_sign_negative() { "-0".into() } else { json(&x.into()) }
    }

    fn text(&self, text: &str) -> String {
        json(&text.into())
    }
}

/// A primitive can be written.
fn json(primitive: &JsValue) -> String {
    JSON::stringify(primitive).map(String::from).unwrap_or_default()
}

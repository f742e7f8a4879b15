//! From a JavaScript object to the features that it names.
//!
//! `vocabulary.js` walks the object where it lies and gives each feature a number; a name crosses once, when it is new.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use brooklet_core::{FeatureId, Features, FieldKind, Kind, Known, MAX_DEPTH, MAX_FEATURES, MAX_NUMBER, Schema};
use js_sys::{Array, Function, Map, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::*;
use web_sys::{AbortSignal, RequestInit};

use crate::learning::log::World;
use crate::page::error::Failure;
use crate::page::names::Names;

/// Features that are remembered by their numbers; beyond, all are forgotten and met anew.
const MOST_KNOWN: usize = 1 << 16;
/// What `read` returns when it fails.
const FAILED: i32 = i32::MIN;

/// What inputs are read with.
pub(crate) struct Vocabulary {
    schema: Schema,
    js: JsVocabulary,
    /// By number.
    known: Vec<Known>,
    /// Number and value of each feature, by turns.
    read: Vec<f64>,
    /// Where the names go that are met, if there is a log.
    names: Option<Names>,
}

impl Vocabulary {
    pub(crate) fn new(schema: Schema, names: Option<Names>) -> Vocabulary {
        let kinds = Map::new();
        for FieldKind { field, kind } in &schema.kinds {
            let number = match kind {
                Kind::Categorical => 1,
                Kind::MultiHot => 2,
                Kind::Numeric(_) => 3,
            };
            kinds.set(&field.into(), &number.into());
        }
        let js = JsVocabulary::new(&wasm_bindgen::memory(), MAX_FEATURES, MAX_NUMBER, MAX_DEPTH, &kinds);
        let read = vec![0.0; 2 * MAX_FEATURES];
        Vocabulary { schema, js, known: Vec::new(), read, names }
    }

    /// The features that `object` names; those of nothing at all if it is undefined or null.
    pub(crate) fn features(&mut self, object: &JsValue) -> Result<Features, Failure> {
        if self.known.len() >= MOST_KNOWN {
            self.js.forget();
            self.known.clear();
        }
        let found = self.js.read(object, self.read.as_mut_ptr());
        if found == FAILED {
            // A getter or a proxy of the page's may have thrown too.
            return Err(Failure::thrown("bad_value", &self.js.thrown()));
        }
        let count = if found < 0 { -1 - found } else { found };
        if found < 0
            && let Err(failure) = self.meet()
        {
            // Names without a number would put off those that follow.
            self.js.forget();
            self.known.clear();
            return Err(failure);
        }
        let pairs = self.read.as_chunks::<2>().0.iter().take(count as usize);
        let known = pairs.filter_map(|[number, value]| Some((*self.known.get(*number as usize)?, *value)));
        Ok(Features::of_known(known)?)
    }

    /// Nothing is read any more.
    pub(crate) fn let_go(&mut self) {
        self.js.forget();
        (self.known, self.read) = (Vec::new(), Vec::new());
    }

    /// The categories of a field that were met.
    pub(crate) fn categories(&self, field: &str) -> Vec<String> {
        self.js.categories(field).iter().filter_map(|text| text.as_string()).collect()
    }

    /// The names of all features that were met.
    pub(crate) fn names(&self) -> Vec<String> {
        self.js.names().iter().filter_map(|text| text.as_string()).collect()
    }

    /// The features that `object` names, with their names.
    pub(crate) fn named_features(&self, object: &JsValue) -> Result<(Features, Vec<(FeatureId, String)>), Failure> {
        // To one that knows nothing, everything is new.
        let names = Names::default();
        let features = Vocabulary::new(self.schema.clone(), Some(names.clone())).features(object)?;
        let name = |id: FeatureId| Some((id, names.name(id)?));
        let all = features.shared().iter().chain(features.private());
        let named = all.filter_map(|feature| name(feature.id)).collect();
        Ok((features, named))
    }

    /// Takes note of names that are new.
    fn meet(&mut self) -> Result<(), Failure> {
        for pair in self.js.take().to_vec().as_chunks::<2>().0 {
            let mut builder = Features::builder(&self.schema).keep_names();
            let path = pair[0].as_string().unwrap_or_default();
            match (pair[1].as_string(), pair[1].as_f64()) {
                (Some(text), _) => builder.text(&path, &text)?,
                (None, Some(x)) => builder.number(&path, x)?,
                (None, None) => builder.flag(&path, true)?,
            }
            let (known, named) = builder.finish_known(&path);
            let Some(known) = known else {
                let why = "` is called as the model calls its visitors: a page has one, so give it another name";
                return Err(Failure::named("bad_value", ["the value at `", &path, why].concat()));
            };
            self.known.push(known);
            if let Some(names) = &self.names {
                names.remember(named);
            }
        }
        Ok(())
    }
}

#[wasm_bindgen]
extern "C" {
    /// `Item`.
    pub(crate) type JsItem;
    #[wasm_bindgen(method, getter, catch)]
    pub(crate) fn id(this: &JsItem) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, getter, catch)]
    pub(crate) fn features(this: &JsItem) -> Result<JsValue, JsValue>;
}

#[wasm_bindgen(module = "/src/page/vocabulary.js")]
extern "C" {
    #[wasm_bindgen(js_name = Vocabulary)]
    type JsVocabulary;
    #[wasm_bindgen(constructor, js_class = "Vocabulary")]
    fn new(memory: &JsValue, most_features: usize, largest_number: f64, deepest: usize, kinds: &Map) -> JsVocabulary;
    #[wasm_bindgen(method, js_class = "Vocabulary")]
    fn forget(this: &JsVocabulary);
    #[wasm_bindgen(method, js_class = "Vocabulary")]
    fn take(this: &JsVocabulary) -> Array;
    #[wasm_bindgen(method, js_class = "Vocabulary")]
    fn read(this: &JsVocabulary, input: &JsValue, at: *mut f64) -> i32;
    #[wasm_bindgen(method, js_class = "Vocabulary")]
    fn categories(this: &JsVocabulary, path: &str) -> Array;
    #[wasm_bindgen(method, js_class = "Vocabulary")]
    fn names(this: &JsVocabulary) -> Array;
    #[wasm_bindgen(method, getter, js_class = "Vocabulary")]
    fn thrown(this: &JsVocabulary) -> JsValue;

    /// `fetch`, whatever comes of it.
    #[wasm_bindgen(js_name = fetchAndGo)]
    pub(crate) fn fetch_and_go(url: &str, init: &RequestInit);

    /// The lock of this name: a function that lets go of it, or nothing where no lock can be had.
    pub(crate) fn locked(name: &str) -> Promise;

    /// Why an address cannot be fetched from here, if so.
    pub(crate) fn unfit(address: &str) -> Option<String>;

    /// Whether an endpoint of another origin answers, but not to this page. A boolean.
    pub(crate) fn barred(address: &str) -> Promise;

    /// `setTimeout`, which keeps no process alive.
    #[wasm_bindgen(js_name = setTimer)]
    pub(crate) fn set_timer(callback: &Function, milliseconds: f64) -> JsValue;

    /// A signal that aborts after so many milliseconds, or when `signal` does.
    pub(crate) fn bounded(milliseconds: u32, signal: Option<&AbortSignal>) -> AbortSignal;

    /// What complains, in development, if the learner was let go of without being closed.
    #[wasm_bindgen(js_name = whenForgotten)]
    pub(crate) fn when_forgotten(learner: &JsValue) -> Function;

    /// Whether this is an object with `id` and `features` alone.
    #[wasm_bindgen(js_name = isItem)]
    pub(crate) fn is_item(value: &JsValue) -> bool;

    /// Puts the values that columns have at a place into a row.
    #[wasm_bindgen(js_name = rowOf)]
    pub(crate) fn row_of(columns: &JsValue, at: u32, row: &JsValue);

    /// Is kept when the page has had its turn.
    pub(crate) fn breath() -> Promise;

    /// JSON, or what was thrown.
    pub(crate) fn settings(options: &JsValue, names: &str) -> JsValue;

    pub(crate) fn prediction(score: f32, probability: f32, base_score: f32, base_probability: f32) -> JsValue;
    pub(crate) fn held(id: String, score: f32, probability: f32, base_score: f32, base_probability: f32) -> JsValue;
    pub(crate) fn recommended(id: &str, score: f32, probability: f32, propensity: f32) -> JsValue;
}

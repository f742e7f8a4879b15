//! The class `Learner` that JavaScript sees. Every method converts, calls, and maps the error.

use std::rc::Rc;

use brooklet_core::Query;
use js_sys::Promise;
use wasm_bindgen::prelude::*;

use crate::answer::{self, Surroundings};
use crate::error::Failure;
use crate::object::field;
use crate::options::Options;
use crate::promise::promise;
use crate::sync::{Occasion, sync};
use crate::tab::Tab;
use crate::{open, value};

/// How many items a slate has unless the caller says otherwise.
const DEFAULT_K: usize = 10;

/// A recommender that learns from the one visitor of this page.
#[wasm_bindgen]
pub struct Learner {
    tab: Rc<Tab>,
}

#[wasm_bindgen]
impl Learner {
    /// Opens a learner: fetches its model (or takes the one kept from last time, when offline) and restores the
    /// visitor's profile.
    #[wasm_bindgen(unchecked_return_type = "Promise<Learner>")]
    pub fn open(#[wasm_bindgen(unchecked_param_type = "OpenOptions")] options: &JsValue) -> Promise {
        let options = Options::from_js(options);
        promise(async move {
            let tab = open::open(options?).await?;
            Ok(Learner { tab }.into())
        })
    }

    /// The version of the base that lies under the profile.
    #[wasm_bindgen(getter)]
    pub fn version(&self) -> Result<f64, Failure> {
        self.tab.ask(|session| session.version() as f64)
    }

    /// Adds items to the catalogue, or gives them other features. If one of them is bad, none is added.
    #[wasm_bindgen(js_name = addItems)]
    pub fn add_items(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Iterable<Item>")] items: &JsValue,
    ) -> Result<(), Failure> {
        let schema = self.tab.ask(|session| session.schema())?;
        let not_iterable = || Failure::argument("addItems takes an iterable of { id, features }");
        let iterator = js_sys::try_iter(items).ok().flatten().ok_or_else(not_iterable)?;
        let mut read = Vec::new();
        for item in iterator {
            let item = item.map_err(|thrown| Failure::thrown("bad_argument", &thrown))?;
            if !item.is_object() {
                return Err(not_iterable());
            }
            let id = value::item_id(&field(&item, "id")?.unwrap_or_default())?;
            let features = field(&item, "features")?.unwrap_or_default();
            let features = value::features(&schema, &features)?;
            read.push((id, features));
        }
        Ok(self.tab.ask(|session| read.iter().try_for_each(|(id, features)| session.set_item(id, features)))??)
    }

    /// Ranks the catalogue for the visitor and keeps the slate, so that clicks and skips find it by its id.
    #[wasm_bindgen(unchecked_return_type = "Slate")]
    pub fn recommend(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "RecommendOptions")] options: &JsValue,
    ) -> Result<JsValue, Failure> {
        let (context, k) = match options {
            options if options.is_undefined() || options.is_null() => (JsValue::UNDEFINED, None),
            options => (field(options, "context")?.unwrap_or_default(), field(options, "k")?),
        };
        let k = k.map_or(Ok(DEFAULT_K), |k| count(&k))?;
        let schema = self.tab.ask(|session| session.schema())?;
        let context = value::features(&schema, &context)?;
        let query = Query { context, k, ..Query::default() };
        self.tab.teach(|session| Ok(session.recommend(&query))).map(|slate| answer::slate(&slate))
    }

    /// Learns that an item of a slate was clicked. Returns what was predicted before.
    #[wasm_bindgen(unchecked_return_type = "Prediction")]
    pub fn click(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Slate | string")] slate: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "string | number")] item: &JsValue,
    ) -> Result<JsValue, Failure> {
        let (slate, item) = (slate_id(slate)?, value::item_id(item)?);
        self.tab.teach(|session| session.label(slate, item, 1.0, 1.0)).map(answer::prediction)
    }

    /// Learns that an item of a slate was seen and passed over. An item that was never seen is not a skip.
    #[wasm_bindgen(unchecked_return_type = "Prediction")]
    pub fn skip(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Slate | string")] slate: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "string | number")] item: &JsValue,
    ) -> Result<JsValue, Failure> {
        let (slate, item) = (slate_id(slate)?, value::item_id(item)?);
        self.tab.teach(|session| session.label(slate, item, 0.0, 1.0)).map(answer::prediction)
    }

    /// What is thought of these features. Changes nothing.
    #[wasm_bindgen(js_name = predictOne, unchecked_return_type = "Prediction")]
    pub fn predict_one(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Features")] features: &JsValue,
    ) -> Result<JsValue, Failure> {
        let schema = self.tab.ask(|session| session.schema())?;
        let features = value::features(&schema, features)?;
        self.tab.ask(|session| session.predict_one(&features)).map(answer::prediction)
    }

    /// Learns that these features had this target: true or 1 for a click, false or 0 for a skip, anything between is
    /// graded; any number for a model of numbers. Returns what was predicted before.
    #[wasm_bindgen(js_name = learnOne, unchecked_return_type = "Prediction")]
    pub fn learn_one(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Features")] features: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "number | boolean")] target: &JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "number")] weight: &JsValue,
    ) -> Result<JsValue, Failure> {
        let target = match (target.as_f64(), target.as_bool()) {
            (Some(target), _) => target as f32,
            (None, Some(clicked)) => f32::from(clicked),
            (None, None) => return Err(Failure::argument("a target is a number or a boolean")),
        };
        let weight = match weight.as_f64() {
            Some(weight) => weight as f32,
            None if weight.is_undefined() => 1.0,
            None => return Err(Failure::argument("a weight is a number")),
        };
        let schema = self.tab.ask(|session| session.schema())?;
        let features = value::features(&schema, features)?;
        self.tab.teach(|session| session.learn_one(features, target, weight)).map(answer::prediction)
    }

    /// How well the visitor was predicted so far, by the personal model and by the bare base; and how things stand.
    #[wasm_bindgen(unchecked_return_type = "Metrics")]
    pub fn metrics(&self) -> Result<JsValue, Failure> {
        self.tab.ask(|session| {
            let around = Surroundings {
                items: session.items(),
                unsent: session.unsent(),
                version: session.version(),
                origin: session.origin(),
                saved: self.tab.store.as_ref().map(|_| !session.is_unsaved()),
            };
            answer::metrics(session.metrics(), &around)
        })
    }

    /// What the visitor's row weighs most among the values of a field, strongest first, likes and dislikes alike.
    #[wasm_bindgen(unchecked_return_type = "Taste[]")]
    pub fn taste(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string")] field: &JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "number")] k: &JsValue,
    ) -> Result<JsValue, Failure> {
        let field = field.as_string().ok_or(Failure::argument("a field is a string"))?;
        let k = if k.is_undefined() { DEFAULT_K } else { count(k)? };
        self.tab.ask(|session| session.taste(&field, k)).map(answer::taste)
    }

    /// The delta sent last since the learner was opened, byte for byte; null if none was.
    #[wasm_bindgen(js_name = lastSent, unchecked_return_type = "SentDelta | null")]
    pub fn last_sent(&self) -> Result<JsValue, Failure> {
        self.tab.ask(|_| ())?;
        let sent = self.tab.link.as_ref().and_then(|link| link.sent.borrow().clone());
        Ok(sent.map_or(JsValue::NULL, |sent| answer::sent(&sent)))
    }

    /// Saves the profile now, instead of a moment after the last event.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn save(&self) -> Promise {
        self.begin(|tab| async move { tab.save().await.map(|()| JsValue::UNDEFINED) })
    }

    /// Saves, sends what was learnt, and pulls a newer base, now instead of when it is time.
    #[wasm_bindgen(unchecked_return_type = "Promise<SyncReport>")]
    pub fn sync(&self) -> Promise {
        self.begin(|tab| async move { sync(tab, Occasion::Asked).await.map(|report| answer::report(&report)) })
    }

    /// Forgets what was learnt of the visitor, in the store as well. The catalogue stays.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn reset(&self) -> Promise {
        self.begin(|tab| async move { tab.reset().await.map(|()| JsValue::UNDEFINED) })
    }

    /// Saves for the last time and stops. Every other method throws from now on.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn close(&self) -> Promise {
        let tab = Rc::clone(&self.tab);
        promise(async move {
            if !tab.is_closed() {
                tab.close().await?;
            }
            Ok(JsValue::UNDEFINED)
        })
    }

    /// Work that goes on while the page uses the learner: it has its own hold on the tab.
    fn begin<F>(&self, work: impl FnOnce(Rc<Tab>) -> F) -> Promise
    where
        F: Future<Output = Result<JsValue, Failure>> + 'static,
    {
        let open = self.tab.ask(|_| ());
        let work = work(Rc::clone(&self.tab));
        promise(async move {
            open?;
            work.await
        })
    }
}

fn slate_id(slate: &JsValue) -> Result<u64, Failure> {
    let id = if slate.is_object() { field(slate, "id")?.unwrap_or_default() } else { slate.clone() };
    let id = id.as_string().ok_or(Failure::argument("a slate is what recommend() returned, or its id"))?;
    id.parse().map_err(|_| Failure::from(brooklet_core::Error::UnknownSlate))
}

fn count(value: &JsValue) -> Result<usize, Failure> {
    match value.as_f64() {
        Some(k) if k >= 0.0 && k.fract() == 0.0 => Ok(k as usize),
        _ => Err(Failure::argument("`k` is a whole number, 0 or more")),
    }
}

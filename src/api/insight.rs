//! What `Learner` tells of itself and of its visitor: the rest of the class.

use alloc::string::String;
use brooklet_core::Delta;
use wasm_bindgen::prelude::*;

use crate::api::answer::{self, Surroundings};
use crate::api::argument::{Asked, DEFAULT_K, count, item_id};
use crate::api::learner::Learner;
use crate::page::error::Failure;
use crate::page::host;

#[wasm_bindgen]
impl Learner {
    /// How well the visitor was predicted so far, by the personal model, by the bare base and by the shadows; and how things
    /// stand.
    #[wasm_bindgen(unchecked_return_type = "Metrics")]
    pub fn metrics(&self) -> Result<JsValue, Failure> {
        let home = self.client.home();
        self.client.ask(|session| {
            let around = Surroundings {
                origin: session.origin(),
                saved: home.map(|_| !session.is_unsaved() && !session.is_waiting()),
            };
            answer::metrics(session.core(), &around)
        })
    }

    /// Why these features are scored as they are: every weight and every pair, the largest share first.
    #[wasm_bindgen(unchecked_return_type = "Explanation")]
    pub fn explain(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Features")] features: &JsValue,
    ) -> Result<JsValue, Failure> {
        let (features, names) = self.client.named_features(features)?;
        self.client.ask(|session| answer::explanation(&session.core().explain(&features), &names))
    }

    /// The items of which a click or a skip would teach most about this visitor: what to ask a person about.
    #[wasm_bindgen(unchecked_return_type = "Uncertain[]")]
    pub fn uncertain(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "RecommendOptions")] options: &JsValue,
    ) -> Result<JsValue, Failure> {
        let asked = Asked::from_js(&self.client, options)?;
        self.client.ask(|session| asked.with(|query| session.uncertain(query))).map(|items| answer::uncertain(&items))
    }

    /// The items of the catalogue that are most like one of it or of the model, for every visitor alike.
    #[wasm_bindgen(unchecked_return_type = "Similar[]")]
    pub fn similar(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string | number | bigint")] item: &JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "SimilarOptions")] options: &JsValue,
    ) -> Result<JsValue, Failure> {
        let (item, asked) = (item_id(item)?, Asked::from_js(&self.client, options)?);
        let similar = self.client.ask(|session| session.core().similar(&item, asked.with(|query| query.k)))??;
        Ok(answer::similar(&similar))
    }

    /// What a visitor of whom nothing is known would be shown, in a context.
    #[wasm_bindgen(unchecked_return_type = "Popular[]")]
    pub fn popular(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "RecommendOptions")] options: &JsValue,
    ) -> Result<JsValue, Failure> {
        let asked = Asked::from_js(&self.client, options)?;
        let popular = self.client.ask(|session| asked.with(|query| session.core().popular(query)))?;
        Ok(answer::popular(&popular))
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
        let known = self.client.categories(&field)?;
        self.client.ask(|session| session.core().taste(&field, &known, k)).map(answer::taste)
    }

    /// The event log: what was shown and asked, with features, scores and propensities, and what came of it, in the order in
    /// which it happened. JSON, a record a line; the first one is `opened`. Empty unless the option `log` asked for it. Nothing
    /// sends it anywhere: that is for the page to do, with the visitor's consent.
    #[wasm_bindgen(js_name = exportLog)]
    pub fn export_log(&self) -> Result<String, Failure> {
        self.client.ask(|session| session.log_text())
    }

    /// What the next delta would tell if it went out now: all of it, in readable form; null if nothing would go out. Nothing else leaves the device.
    #[wasm_bindgen(js_name = whatIsSent, unchecked_return_type = "NextDelta | null")]
    pub fn what_is_sent(&self) -> Result<JsValue, Failure> {
        let key = self.client.link.as_ref().and_then(|_| host::random_key());
        let next = self.client.ask(|session| session.next_delta(key?))?;
        // It was encoded by this core, so it decodes.
        let Some((next, bytes)) = next.and_then(|bytes| Some((Delta::decode(&bytes).ok()?, bytes))) else {
            return Ok(JsValue::NULL);
        };
        let names = self.client.names_of(&next.ids)?;
        Ok(answer::next_delta(&next, &bytes, names))
    }

    /// The delta sent last since the learner was opened, byte for byte; null if none was.
    #[wasm_bindgen(js_name = lastSent, unchecked_return_type = "SentDelta | null")]
    pub fn last_sent(&self) -> Result<JsValue, Failure> {
        self.client.ask(|_| ())?;
        let sent = self.client.link.as_ref().and_then(|link| link.sent.borrow().clone());
        Ok(sent.map_or(JsValue::NULL, |sent| answer::sent(&sent)))
    }
}

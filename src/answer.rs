//! What the learner answers, as JavaScript objects.
//!
//! Slates and predictions are made on every event, so their fields are set through typed setters; the rest is not.

use brooklet_core::{Delta, Metrics, Prediction, Score, Slate};
use js_sys::{Array, Object, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::object::{date, number, object};
use crate::session::Origin;
use crate::sync::Report;
use crate::tab::Sent;

/// `Prediction`.
pub(crate) fn prediction(prediction: Prediction) -> JsValue {
    let answer = Object::new().unchecked_into::<JsPrediction>();
    answer.set_score(prediction.score);
    answer.set_probability(prediction.probability);
    answer.set_base_score(prediction.base_score);
    answer.set_base_probability(prediction.base_probability);
    answer.into()
}

/// `Slate`.
pub(crate) fn slate(slate: &Slate) -> JsValue {
    let items = Array::new();
    for shown in &slate.items {
        let item = Object::new().unchecked_into::<JsRecommended>();
        item.set_id(&shown.item);
        item.set_score(shown.score);
        item.set_probability(shown.probability);
        items.push(&item);
    }
    object(&[("id", slate.id.to_string().into()), ("items", items.into())])
}

/// What `Metrics` tells besides the core's metrics.
pub(crate) struct Surroundings {
    pub(crate) items: usize,
    pub(crate) unsent: u32,
    pub(crate) version: u64,
    pub(crate) origin: Origin,
    /// Whether what was learnt is in the store; nothing if there is no store.
    pub(crate) saved: Option<bool>,
}

/// `Metrics`.
pub(crate) fn metrics(metrics: &Metrics, around: &Surroundings) -> JsValue {
    let score =
        |score: &Score| object(&[("logLoss", maybe(score.all.loss())), ("recentLogLoss", maybe(score.recent.loss()))]);
    let profile = match around.origin {
        Origin::New => "new",
        Origin::Restored => "restored",
        Origin::Replaced => "replaced",
    };
    object(&[
        ("events", number(metrics.events)),
        ("clicks", number(metrics.clicks)),
        ("skips", number(metrics.events.saturating_sub(metrics.clicks))),
        ("personal", score(metrics.personal())),
        ("base", score(&metrics.base)),
        ("items", number(around.items as u64)),
        ("unsent", around.unsent.into()),
        ("version", number(around.version)),
        ("profile", profile.into()),
        ("saved", around.saved.map_or(JsValue::NULL, JsValue::from)),
    ])
}

/// `Taste[]`.
pub(crate) fn taste(tastes: Vec<(String, f32)>) -> JsValue {
    let taste = |(value, weight): (String, f32)| object(&[("value", value.into()), ("weight", weight.into())]);
    tastes.into_iter().map(taste).collect::<Array>().into()
}

/// `SentDelta`.
pub(crate) fn sent(sent: &Sent) -> JsValue {
    // What was sent was encoded by this core, so it decodes.
    let (rows, events) = Delta::decode(&sent.bytes).map_or((0, 0), |delta| (delta.ids.len(), delta.events));
    object(&[
        ("bytes", Uint8Array::from(&sent.bytes[..]).into()),
        ("seq", number(sent.seq)),
        ("rows", number(rows as u64)),
        ("events", events.into()),
        ("acknowledged", sent.acknowledged.into()),
        ("at", date(sent.at)),
    ])
}

/// `SyncReport`.
pub(crate) fn report(report: &Report) -> JsValue {
    object(&[
        ("sent", report.sent.into()),
        ("acknowledged", report.acknowledged.map_or(JsValue::NULL, number)),
        ("pulled", report.pulled.into()),
        ("version", number(report.version)),
    ])
}

fn maybe(value: Option<f64>) -> JsValue {
    value.map_or(JsValue::NULL, JsValue::from)
}

#[wasm_bindgen]
extern "C" {
    type JsPrediction;
    #[wasm_bindgen(method, setter)]
    fn set_score(this: &JsPrediction, score: f32);
    #[wasm_bindgen(method, setter)]
    fn set_probability(this: &JsPrediction, probability: f32);
    #[wasm_bindgen(method, setter, js_name = baseScore)]
    fn set_base_score(this: &JsPrediction, score: f32);
    #[wasm_bindgen(method, setter, js_name = baseProbability)]
    fn set_base_probability(this: &JsPrediction, probability: f32);

    type JsRecommended;
    #[wasm_bindgen(method, setter)]
    fn set_id(this: &JsRecommended, id: &str);
    #[wasm_bindgen(method, setter)]
    fn set_score(this: &JsRecommended, score: f32);
    #[wasm_bindgen(method, setter)]
    fn set_probability(this: &JsRecommended, probability: f32);
}

//! What the learner answers, as JavaScript objects.
//!
//! Slates and predictions are made on every event, so JavaScript makes them, in one call each; the rest is put together here.

use alloc::string::String;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use brooklet_core::{
    Delta, Explanation, FeatureId, Learner, Popular, Prediction, Recommended, Score, Serving, Similar, Slate, Source,
    Tally, Term, Uncertain,
};
use js_sys::{Array, Uint8Array};
use wasm_bindgen::JsValue;

use crate::learning::session::Origin;
use crate::page::object::{date, number, object};
use crate::page::vocabulary;
use crate::tab::link::Sent;
use crate::tab::sync::Report;

/// `Prediction`.
pub(crate) fn prediction(Prediction { score, probability, base_score, base_probability, .. }: Prediction) -> JsValue {
    vocabulary::prediction(score, probability, base_score, base_probability)
}

/// `Slate`.
pub(crate) fn slate(slate: &Slate) -> JsValue {
    let item =
        |shown: &Recommended| vocabulary::recommended(&shown.item, shown.score, shown.probability, shown.propensity);
    let items = slate.items.iter().map(item).collect::<Array>();
    object(&[("id", slate.id.to_string().into()), ("items", items.into())])
}

/// `Prediction` before an event, if it was of one thing.
pub(crate) fn learnt(predicted: Option<Prediction>) -> JsValue {
    predicted.map_or(JsValue::UNDEFINED, prediction)
}

/// `Undone`.
pub(crate) fn undone(sent: Option<bool>) -> JsValue {
    sent.map_or(JsValue::NULL, |sent| object(&[("sent", sent.into())]))
}

/// `Held`.
pub(crate) fn held((id, predicted): (u64, Prediction)) -> JsValue {
    let Prediction { score, probability, base_score, base_probability, .. } = predicted;
    vocabulary::held(id.to_string(), score, probability, base_score, base_probability)
}

/// What `Metrics` tells besides the core's metrics.
pub(crate) struct Surroundings {
    pub(crate) origin: Origin,
    /// Whether what was learnt is in the store; nothing if there is no store.
    pub(crate) saved: Option<bool>,
}

/// `Metrics`.
pub(crate) fn metrics(core: &Learner, around: &Surroundings) -> JsValue {
    let metrics = core.metrics();
    let profile = match around.origin {
        Origin::New => "new",
        Origin::Restored => "restored",
        Origin::Memory => "memory",
        Origin::Replaced => "replaced",
    };
    let window = metrics.window(core.base().metadata().loss);
    let shadows = metrics.models.iter().zip(window.iter().skip(1)).skip(1);
    let slates = &metrics.slates;
    object(&[
        ("events", number(metrics.events)),
        ("clicks", number(metrics.clicks)),
        ("skips", number(metrics.events.saturating_sub(metrics.clicks))),
        // The base and the first model are always there.
        ("personal", score(metrics.personal(), &window[1])),
        ("base", score(&metrics.base, &window[0])),
        ("shadows", shadows.map(|(model, window)| score(model, window)).collect::<Array>().into()),
        (
            "slates",
            object(&[
                ("count", number(slates.slates)),
                ("ndcg", maybe(slates.ndcg())),
                ("hitRate", maybe(slates.hit_rate())),
            ]),
        ),
        ("serving", serving(core.serving())),
        ("weights", core.weights().into_iter().map(JsValue::from).collect::<Array>().into()),
        ("drifts", number(core.drifts())),
        ("evicted", object(&[("slates", number(core.evicted_slates())), ("rows", number(core.evicted_rows()))])),
        ("items", number(core.items() as u64)),
        ("unsent", core.unsent_events().saturating_add(core.pending_events().unwrap_or(0)).into()),
        ("version", number(core.base().metadata().version)),
        ("profile", profile.into()),
        ("saved", around.saved.map_or(JsValue::NULL, JsValue::from)),
    ])
}

fn score(score: &Score, window: &Tally) -> JsValue {
    object(&[
        ("logLoss", maybe(score.all.loss())),
        ("recentLogLoss", maybe(score.recent.loss())),
        ("all", figures(&score.all)),
        ("window", figures(window)),
        ("recent", figures(&score.recent)),
    ])
}

fn figures(tally: &Tally) -> JsValue {
    object(&[
        ("logLoss", maybe(tally.loss())),
        ("auc", maybe(tally.auc())),
        ("accuracy", maybe(tally.accuracy())),
        ("ctr", maybe(tally.ctr())),
        ("predicted", maybe(tally.predicted())),
        ("calibrationError", maybe(tally.calibration_error())),
    ])
}

fn serving(serving: Serving) -> JsValue {
    match serving {
        Serving::Base => "base".into(),
        Serving::Model(0) => "personal".into(),
        Serving::Model(at) => number(at as u64 - 1),
    }
}

/// `Explanation`.
pub(crate) fn explanation(explanation: &Explanation, names: &[(FeatureId, String)]) -> JsValue {
    let name = |source: Source| match source {
        Source::Bias => "(bias)".into(),
        Source::Visitor => "(visitor)".into(),
        Source::Feature(id) => {
            names.iter().find(|(named, _)| *named == id).map_or(JsValue::NULL, |(_, name)| name.into())
        }
    };
    let term = |term: &Term| {
        let with = term.with.map_or(JsValue::NULL, name);
        object(&[("feature", name(term.source)), ("with", with), ("share", term.share.into())])
    };
    let terms = explanation.terms.iter().map(term).collect::<Array>();
    object(&[("score", explanation.sum.into()), ("terms", terms.into())])
}

/// `Uncertain[]`.
pub(crate) fn uncertain(items: &[Uncertain]) -> JsValue {
    let item = |item: &Uncertain| {
        object(&[
            ("id", (&item.item).into()),
            ("probability", item.probability.into()),
            ("variance", item.variance.into()),
        ])
    };
    items.iter().map(item).collect::<Array>().into()
}

/// `Similar[]`.
pub(crate) fn similar(items: &[Similar]) -> JsValue {
    let item = |item: &Similar| object(&[("id", (&item.item).into()), ("similarity", item.similarity.into())]);
    items.iter().map(item).collect::<Array>().into()
}

/// `Popular[]`.
pub(crate) fn popular(items: &[Popular]) -> JsValue {
    let item = |item: &Popular| {
        object(&[("id", (&item.item).into()), ("score", item.score.into()), ("probability", item.probability.into())])
    };
    items.iter().map(item).collect::<Array>().into()
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

/// `NextDelta`.
pub(crate) fn next_delta(delta: &Delta, bytes: &[u8], names: Vec<Option<String>>) -> JsValue {
    let mut numbers = vec![0.0; delta.scales.len()];
    let row = |(at, name): (usize, Option<String>)| {
        delta.row_into(at, &mut numbers);
        let name = name.map_or(JsValue::NULL, JsValue::from);
        object(&[("name", name), ("numbers", numbers.iter().map(|x| JsValue::from(*x)).collect::<Array>().into())])
    };
    object(&[
        ("bytes", Uint8Array::from(bytes).into()),
        ("client", Uint8Array::from(&delta.client[..]).into()),
        ("seq", number(delta.seq)),
        ("version", number(delta.base_version)),
        ("events", delta.events.into()),
        ("baseLoss", delta.report.base_loss.into()),
        ("learnerLoss", delta.report.learner_loss.into()),
        ("rows", names.into_iter().enumerate().map(row).collect::<Array>().into()),
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

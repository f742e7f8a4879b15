//! Learning for who cannot run the package: an app, an e-mail, a page made on a server. See `visitors` for what becomes of it.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use brooklet_core::{Features, Learner, Prediction, Query, Schema, Score, Subject, Value as Told};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::error::LearnError;
use crate::http::headers::VERSION_HEADER;
use crate::http::json::Said;
use crate::http::named;
use crate::http::problem::Problem;
use crate::model::Model;
use crate::state::AppState;
use crate::visitors::{self, Kept, Who};

/// The model that an answer is of, where another is tried beside the one that was asked.
const MODEL_HEADER: HeaderName = HeaderName::from_static("brooklet-model");
/// The most items of a slate.
const MOST: usize = 1000;

/// What is predicted.
#[derive(Deserialize, Clone)]
pub(crate) struct Asked {
    #[serde(flatten)]
    who: Who,
    features: Value,
    /// Whether the input is kept under an id until its label comes.
    #[serde(default)]
    hold: bool,
}

/// `POST /v1/models/{model}/predict`
pub(crate) async fn predict(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Said(asked): Said<Asked>,
) -> Result<Response, Problem> {
    let call = Call::begin(&state, &name, "predict", &asked.who)?;
    let Asked { who, features, hold } = asked;
    if hold {
        let held = visitors::with(&state, &call.model, &who, move |learner| {
            let (id, prediction) = learner.hold(&read(learner.schema(), &features)?);
            Ok(with(told(&prediction), "id", id.into()))
        });
        let (answer, kept) = held.await?;
        return Ok(call.answer(answer, Some(kept)));
    }
    let looked = visitors::look(&state, &call.model, &who, move |learner| {
        Ok(told(&learner.predict_one(&read(learner.schema(), &features)?)))
    });
    let answer = looked.await?;
    Ok(call.answer(answer, None))
}

/// What is ranked.
#[derive(Deserialize, Clone)]
pub(crate) struct Wanted {
    #[serde(flatten)]
    who: Who,
    #[serde(default)]
    context: Value,
    #[serde(default = "twelve")]
    k: usize,
    /// What there is to recommend; without it, all items that the base knows.
    items: Option<Vec<Item>>,
    #[serde(default)]
    exclude: Vec<String>,
    /// Whether what this visitor has taught of is left out.
    #[serde(default)]
    unseen: bool,
}

/// An item and what is known of it.
#[derive(Deserialize, Clone)]
struct Item {
    id: String,
    #[serde(default)]
    features: Value,
}

fn twelve() -> usize {
    12
}

/// `POST /v1/models/{model}/recommend`
pub(crate) async fn recommend(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Said(wanted): Said<Wanted>,
) -> Result<Response, Problem> {
    let call = Call::begin(&state, &name, "recommend", &wanted.who)?;
    let who = wanted.who.clone();
    let catalogue = match &wanted.items {
        Some(_) => None,
        None => Some(call.model.catalogue().await?),
    };
    let done = visitors::with(&state, &call.model, &who, move |learner| {
        if let Some(mut fresh) = catalogue.as_deref().cloned() {
            let numbered = visitors::number()?;
            fresh.adopt(learner.clone());
            fresh.number_slates_from(numbered);
            *learner = fresh;
        }
        for Item { id, features } in wanted.items.iter().flatten() {
            let features = read(learner.schema(), features)?;
            learner.set_item(id, &features)?;
        }
        let exclude: Vec<&str> = wanted.exclude.iter().map(String::as_str).collect();
        let context = read(learner.schema(), &wanted.context)?;
        let (k, unseen) = (wanted.k.min(MOST), wanted.unseen);
        let slate = learner.recommend(&Query { context, k, exclude: &exclude, unseen, ..Query::default() });
        let items = slate.items.iter().map(|item| {
            json!({
                "item": item.item, "score": item.score, "probability": item.probability, "propensity": item.propensity,
            })
        });
        Ok(json!({ "id": slate.id, "items": items.collect::<Vec<_>>() }))
    });
    let (answer, kept) = done.await?;
    Ok(call.answer(answer, Some(kept)))
}

/// A number, or whether it was a click. 0 and false are labels.
#[derive(Deserialize, Clone, Copy)]
#[serde(untagged)]
enum Label {
    Flag(bool),
    Number(f32),
}

impl Label {
    fn number(self) -> f32 {
        match self {
            Label::Flag(flag) => u8::from(flag).into(),
            Label::Number(number) => number,
        }
    }
}

/// What is taught.
#[derive(Deserialize, Clone)]
pub(crate) struct Taught {
    #[serde(flatten)]
    who: Who,
    features: Value,
    label: Label,
    #[serde(default = "one")]
    weight: f32,
}

fn one() -> f32 {
    1.0
}

/// `POST /v1/models/{model}/learn`
pub(crate) async fn learn(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Said(taught): Said<Taught>,
) -> Result<Response, Problem> {
    let call = Call::begin(&state, &name, "learn", &taught.who)?;
    let Taught { who, features, label, weight } = taught;
    let done = visitors::with(&state, &call.model, &who, move |learner| {
        let features = read(learner.schema(), &features)?;
        Ok(told(&learner.learn_one(&features, label.number(), weight)?))
    });
    let (answer, kept) = done.await?;
    call.learnt(&answer, label);
    Ok(call.answer(answer, Some(kept)))
}

/// A label that comes late.
#[derive(Deserialize, Clone)]
pub(crate) struct Late {
    #[serde(flatten)]
    who: Who,
    /// What a prediction or a slate was answered with.
    id: u64,
    /// The item of a slate.
    item: Option<String>,
    label: Label,
    #[serde(default = "one")]
    weight: f32,
}

/// `POST /v1/models/{model}/label`
pub(crate) async fn label(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Said(late): Said<Late>,
) -> Result<Response, Problem> {
    let call = Call::begin(&state, &name, "label", &late.who)?;
    let Late { who, id, item, label, weight } = late;
    let subject = match item {
        Some(item) => Subject::Item { slate: id, item },
        None => Subject::Held(id),
    };
    let done = visitors::with(&state, &call.model, &who, move |learner| {
        Ok(told(&learner.label(&subject, label.number(), weight)?))
    });
    let (answer, kept) = done.await?;
    call.learnt(&answer, label);
    Ok(call.answer(answer, Some(kept)))
}

/// Whose figures.
#[derive(Deserialize, Clone)]
pub(crate) struct Whose {
    #[serde(flatten)]
    who: Who,
}

/// `POST /v1/models/{model}/figures`: how a visitor was predicted, by progressive validation.
pub(crate) async fn figures(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Said(Whose { who }): Said<Whose>,
) -> Result<Response, Problem> {
    let call = Call::begin(&state, &name, "figures", &who)?;
    let answer = visitors::look(&state, &call.model, &who, |learner| Ok(figures_of(learner))).await?;
    Ok(call.answer(answer, None))
}

fn figures_of(learner: &Learner) -> Value {
    let metrics = learner.metrics();
    let of = |score: &Score| {
        let all = &score.all;
        json!({
            "loss": all.loss(), "accuracy": all.accuracy(), "auc": all.auc(),
            "calibration_error": all.calibration_error(), "recent_loss": score.recent.loss(),
        })
    };
    json!({
        "events": metrics.events, "clicks": metrics.clicks, "base": of(&metrics.base), "personal": of(metrics.personal()),
        "slates": metrics.slates.slates, "hit_rate": metrics.slates.hit_rate(), "ndcg": metrics.slates.ndcg(),
        "drifts": learner.drifts(), "unsent_events": learner.unsent_events(),
    })
}

/// `DELETE /v1/models/{model}/visitors/{id}`
pub(crate) async fn forget(
    State(state): State<AppState>,
    Path((name, id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let model = named::model(&state, &name)?;
    state.store().forget_profile(&model.name, &id).await?;
    if let Some(challenger) = model.challenger() {
        state.store().forget_profile(&challenger.model, &id).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/models/{model}/calls`: how often each of these was asked for, and how long it took.
pub(crate) async fn calls(State(state): State<AppState>, Path(name): Path<String>) -> Result<Response, Problem> {
    let model = named::model(&state, &name)?;
    Ok(([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(model.calls.told())).into_response())
}

/// A call that is under way.
struct Call {
    state: AppState,
    model: Arc<Model>,
    kind: &'static str,
    began: Instant,
}

impl Call {
    fn begin(state: &AppState, name: &str, kind: &'static str, who: &Who) -> Result<Call, Problem> {
        let model = named::model(state, name)?;
        if state.is_draining() {
            return Err(Problem::draining());
        }
        let model = visitors::model_of(state, model, who);
        Ok(Call { state: state.clone(), model, kind, began: Instant::now() })
    }

    /// Tells listeners how a label was predicted, and of whom it is nobody.
    fn learnt(&self, answer: &Value, label: Label) {
        let predicted = ["probability", "base_probability"].map(|of| answer[of].as_f64().unwrap_or_default());
        self.model.calls.learnt(label.number().into(), predicted);
        let told = json!({ "label": label.number(), "probability": answer["probability"] });
        self.state.events().tell("learnt", &self.model.name, told);
    }

    fn answer(self, answer: Value, kept: Option<Kept>) -> Response {
        let answer = match kept {
            Some(Kept::There(profile)) => with(answer, "profile", profile.into()),
            Some(Kept::Here) | None => answer,
        };
        self.model.calls.count(self.kind, self.began.elapsed());
        let mut response = ([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response();
        response.headers_mut().insert(VERSION_HEADER, self.model.current().version.into());
        if let Ok(name) = HeaderValue::from_str(&self.model.name) {
            response.headers_mut().insert(MODEL_HEADER, name);
        }
        response
    }
}

fn told(prediction: &Prediction) -> Value {
    let Prediction { score, probability, base_probability, .. } = prediction;
    json!({ "score": score, "probability": probability, "base_probability": base_probability })
}

fn with(answer: Value, key: &str, value: Value) -> Value {
    let Value::Object(members) = answer else { return answer };
    let added: Map<String, Value> = [(key.to_owned(), value)].into_iter().collect();
    Value::Object(members.into_iter().chain(added).collect())
}

/// Features as a page gives them; none at all is none.
fn read(schema: &Schema, value: &Value) -> Result<Features, LearnError> {
    if value.is_null() {
        return Ok(Features::default());
    }
    Ok(Features::from_value(schema, &Told::parse(&value.to_string())?)?)
}

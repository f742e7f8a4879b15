//! `types.ts` says what the package answers: every answer is read into a struct that knows no other field, and each struct has
//! the fields and types that `types.ts` declares.
//!
//! The answers go through JSON, which hands over all that is there: serde-wasm-bindgen asks an object for the fields of the struct
//! and would not see one more.

use std::collections::{BTreeMap, HashSet};
use std::mem::discriminant;

use serde::Deserialize;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::script::run;

const TYPES: &str = include_str!("../../src/api/types.ts");

/// What has to be there and may be null. An `Option` could be missing.
#[derive(Deserialize)]
#[serde(untagged)]
#[allow(dead_code, reason = "it is only read")]
enum OrNull<T> {
    Value(T),
    Null(()),
}

#[derive(Deserialize)]
#[serde(untagged)]
#[allow(dead_code, reason = "it is only read")]
enum Serving {
    Named(Named),
    Shadow(f64),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Named {
    Base,
    Personal,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ProfileOrigin {
    New,
    Restored,
    Replaced,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Background {
    Open,
    Save,
    Sync,
}

/// `Consent`, which is the name of an event, too.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Allowed {
    Off,
    Personal,
    Sharing,
}

/// `Uint8Array` and `Date`, as they are written for the tests.
type Uint8Array = Vec<u8>;
type Date = String;

/// Structs under the names of JavaScript, and a list of their fields with types.
macro_rules! mirror {
    ($list:ident: $($name:ident { $($field:ident: $type:ty),* $(,)? })*) => {
        $(
            #[derive(Deserialize)]
            #[serde(deny_unknown_fields)]
            #[allow(dead_code, non_snake_case, reason = "it is only read")]
            struct $name { $($field: $type),* }
        )*
        const $list: &[(&str, &[(&str, &str)])] = &[
            $((stringify!($name), &[$((stringify!($field), stringify!($type))),*])),*
        ];
    };
}

mirror! {
    INTERFACES:
    Slate { id: ImpressionId, items: Vec<Recommended> }
    Recommended { id: String, score: f64, probability: f64, propensity: f64 }
    Popular { id: String, score: f64, probability: f64 }
    Similar { id: String, similarity: f64 }
    Prediction { score: f64, probability: f64, baseScore: f64, baseProbability: f64 }
    Held { id: ImpressionId, score: f64, probability: f64, baseScore: f64, baseProbability: f64 }
    Undone { sent: bool }
    Score { logLoss: OrNull<f64>, recentLogLoss: OrNull<f64>, all: Figures, window: Figures, recent: Figures }
    Figures {
        logLoss: OrNull<f64>,
        auc: OrNull<f64>,
        accuracy: OrNull<f64>,
        ctr: OrNull<f64>,
        predicted: OrNull<f64>,
        calibrationError: OrNull<f64>,
    }
    Metrics {
        events: f64,
        clicks: f64,
        skips: f64,
        personal: Score,
        base: Score,
        shadows: Vec<Score>,
        slates: SlateFigures,
        serving: Serving,
        weights: Vec<f64>,
        drifts: f64,
        evicted: Evicted,
        items: f64,
        unsent: f64,
        version: f64,
        profile: ProfileOrigin,
        saved: OrNull<bool>,
    }
    SlateFigures { count: f64, ndcg: OrNull<f64>, hitRate: OrNull<f64> }
    Evicted { slates: f64, rows: f64 }
    Taste { value: String, weight: f64 }
    Explanation { score: f64, terms: Vec<Term> }
    Term { feature: String, with: OrNull<String>, share: f64 }
    Uncertain { id: String, probability: f64, variance: f64 }
    SentDelta { bytes: Uint8Array, seq: f64, rows: f64, events: f64, acknowledged: bool, at: Date }
    NextDelta {
        bytes: Uint8Array,
        client: Uint8Array,
        seq: f64,
        version: f64,
        events: f64,
        baseLoss: f64,
        learnerLoss: f64,
        rows: Vec<ToldRow>,
    }
    ToldRow { name: OrNull<String>, numbers: Vec<f64> }
    SyncReport { sent: bool, acknowledged: OrNull<f64>, pulled: bool, version: f64 }
}

mirror! {
    EVENTS:
    Saved { revision: f64 }
    Merged {}
    Sent { seq: f64, bytes: Uint8Array }
    Acknowledged { seq: f64, repeat: bool, version: f64 }
    Pulled { version: f64 }
    Drift { drifts: f64 }
    Consent { consent: Allowed }
    Forgotten {}
    Error { during: Background, error: BrookletError }
}

/// An `Error`, whose message is JavaScript's.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "it is only read")]
struct BrookletError {
    name: String,
    code: String,
    message: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[allow(dead_code, reason = "it is only read")]
enum LearnerEvent {
    Saved(Saved),
    Merged(Merged),
    Sent(Sent),
    Acknowledged(Acknowledged),
    Pulled(Pulled),
    Drift(Drift),
    Consent(Consent),
    Forgotten(Forgotten),
    Error(Error),
}

/// A type of Rust as `types.ts` writes it.
fn in_typescript(rust: &str) -> String {
    let rust = rust.replace(' ', "");
    let inner = |outer: &str| rust.strip_prefix(outer)?.strip_suffix('>').map(in_typescript);
    if let Some(inner) = inner("OrNull<") {
        return format!("{inner} | null");
    }
    if let Some(inner) = inner("Vec<") {
        return format!("readonly {inner}[]");
    }
    match &*rust {
        "f64" => "number".into(),
        "bool" => "boolean".into(),
        "String" => "string".into(),
        "Allowed" => "Consent".into(),
        _ => rust,
    }
}

/// As JavaScript has it.
type ImpressionId = String;

/// The fields that a part of `types.ts` declares, with their types.
fn fields(part: &str) -> Vec<(String, String)> {
    let fields =
        part.lines().flat_map(|line| line.split("; ")).filter_map(|field| field.trim().strip_prefix("readonly "));
    let fields = fields.filter_map(|field| field.split_once(": "));
    fields.map(|(name, rest)| (name.into(), rest.trim_end_matches([';', ' ', '}']).into())).collect()
}

/// The interfaces that `types.ts` declares; those that extend another of them have its fields too.
fn interfaces() -> BTreeMap<&'static str, Vec<(String, String)>> {
    let mut interfaces = BTreeMap::new();
    for part in TYPES.split("export interface ").skip(1) {
        let (heading, body) = part.split_once('{').unwrap();
        let mut names = heading.split([' ', ',']).filter(|word| !word.is_empty() && *word != "extends");
        let name = names.next().unwrap().split('<').next().unwrap();
        let inherited = names.filter_map(|name| interfaces.get(name)).flatten().cloned();
        let all = inherited.chain(fields(body.split("\n}").next().unwrap())).collect();
        interfaces.insert(name, all);
    }
    interfaces
}

fn sorted(mut fields: Vec<(String, String)>) -> Vec<(String, String)> {
    fields.sort();
    fields
}

fn mirrored(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    sorted(fields.iter().map(|(name, rust)| ((*name).into(), in_typescript(rust))).collect())
}

#[wasm_bindgen_test]
fn each_struct_has_the_fields_that_are_declared() {
    let mut declared = interfaces();
    // What the package is given, and the error, which inherits from JavaScript's.
    for name in [
        "Features",
        "Item",
        "Columns",
        "Url",
        "Abort",
        "OpenOptions",
        "ModelOptions",
        "DriftOptions",
        "PrivacyOptions",
        "RecommendOptions",
        "SimilarOptions",
        "BrookletError",
        "Learner",
    ] {
        assert!(declared.remove(name).is_some(), "{name}");
    }
    for (name, fields) in INTERFACES {
        assert_eq!(declared.remove(name).map(sorted), Some(mirrored(fields)), "{name}");
    }
    assert!(declared.is_empty(), "no struct mirrors {declared:?}");

    let events = TYPES.lines().filter_map(|line| line.trim().strip_prefix("| { readonly type: "));
    let mut events: BTreeMap<&str, _> = events.map(|event| (event.split('"').nth(1).unwrap(), fields(event))).collect();
    for (name, fields) in EVENTS {
        assert_eq!(events.remove(&*name.to_lowercase()).map(sorted), Some(mirrored(fields)), "{name}");
    }
    assert!(events.is_empty(), "no struct mirrors {events:?}");
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "it is only read")]
struct Answers {
    slate: Slate,
    popular: Vec<Popular>,
    similar: Vec<Similar>,
    predictions: Vec<Prediction>,
    held: Held,
    undone: Undone,
    metrics: Vec<Metrics>,
    explanation: Explanation,
    tastes: Vec<Taste>,
    uncertain: Vec<Uncertain>,
    next: NextDelta,
    sent: SentDelta,
    reports: Vec<SyncReport>,
    events: Vec<LearnerEvent>,
}

#[wasm_bindgen_test]
async fn every_answer_is_what_its_type_says() {
    let answers = run(r#"
        const written = (key, value) => {
          if (value === undefined || (typeof value === "number" && !Number.isFinite(value))) throw new Error(`${key} is ${value}`);
          if (value instanceof Error) return { ...value, name: value.name, message: value.message };
          return value instanceof Uint8Array ? [...value] : value;
        };
        const events = [];
        let posts = 0;
        const { restore } = endpoint(({ method, headers, body }) => {
          if (method === "POST") return posts++ === 0 ? { status: 500 } : { body: { acknowledged: 1, repeat: false, version: 2 } };
          return headers["if-none-match"] === '"v2"' ? { status: 304 } : { body: bytes(2), headers: { etag: '"v2"' } };
        });
        const store = fresh();
        const onEvent = (event) => events.push(event);
        const options = {
          store, endpoint: "/films", syncEvents: 1, onEvent, shadows: [{ visitor: "rate" }],
          drift: { detector: "page-hinkley", tolerance: 0, threshold: 0.01 },
        };
        const learner = await open(options);
        const metrics = [learner.metrics()];
        const film = { item: "1", genres: ["Sci-Fi"], hour: 3 };
        const predictions = [learner.predictOne(film), learner.learnOne(film, 0), learner.learnOne(film, 1), learner.learnOne(film, 0)];
        const next = learner.whatIsSent();
        await until(() => events.some(({ type }) => type === "error"), "a failure in the background");
        const reports = [await learner.sync(), await learner.sync()];
        const slate = learner.recommend({ k: 3 });
        const [first, second, third] = slate.items.map(({ id }) => id);
        predictions.push(learner.click(slate, first), learner.skip(slate, second), learner.label(slate, third, 0.5));
        const plain = await open();
        const shelf = plain.recommend();
        plain.click(shelf, "1");
        const undone = plain.undo(shelf, "1");
        const held = learner.hold(film);
        predictions.push(learner.labelHeld(held, 1));
        const other = await open({ store, onEvent });
        [learner, other].forEach((tab) => tab.learnOne(film, 1));
        await other.save();
        await learner.save();
        for (const consent of ["off", "personal", "sharing"]) await other.setConsent(consent);
        metrics.push(learner.metrics(), other.metrics(), (await open()).metrics());
        const answers = {
          slate, popular: learner.popular({ k: 2 }), similar: learner.similar(first), predictions, held, undone, metrics, explanation: learner.explain(film), tastes: learner.taste("genres"),
          uncertain: learner.uncertain(), next, sent: learner.lastSent(), reports, events,
        };
        await other.forget();
        await Promise.all([learner.close(), other.close()]);
        restore();
        return JSON.stringify(answers, written);
    "#)
    .await;
    let answers: Answers =
        serde_json::from_str(&answers.as_string().unwrap()).unwrap_or_else(|error| panic!("{error}"));
    assert!(!answers.popular.is_empty() && !answers.similar.is_empty());
    assert!(!answers.tastes.is_empty() && !answers.uncertain.is_empty() && !answers.explanation.terms.is_empty());
    let kinds: HashSet<_> = answers.events.iter().map(discriminant).collect();
    assert_eq!(kinds.len(), EVENTS.len(), "every kind of event");
}

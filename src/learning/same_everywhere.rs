//! A life from `tests/same_everywhere.json`, whose digest the package in `pkg/` has to have too: `tests/e2e/package.test.mjs` lives the
//! same there, after link-time optimisation and wasm-opt.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use brooklet_core::{Base, Config, FeatureId, Features, Prediction, Query, Subject, Value};

use crate::learning::journal::Event;
use crate::learning::log::World;
use crate::learning::saved::Kept;
use crate::learning::session::Session;

const SCENARIO: &str = include_str!("../../tests/same_everywhere.json");
const BASE: &[u8] = include_bytes!("../../crates/core/tests/fixtures/base-v1-f16.safetensors");

/// What JavaScript would do. Names are no part of the digest.
struct Native;

impl World for Native {
    fn name(&self, _: FeatureId) -> Option<String> {
        None
    }

    fn number(&self, x: f64) -> String {
        format!("{x}")
    }

    fn text(&self, text: &str) -> String {
        Value::from(text).to_json()
    }
}

/// FNV-1a of the numbers' bits, the texts' bytes and the order in which they stand.
struct Digest(u64);

impl Digest {
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.bytes(&[0]),
            Value::Bool(on) => self.bytes(&[1 + u8::from(*on)]),
            Value::Number(x) => self.bytes(&x.to_le_bytes()),
            Value::String(text) => self.bytes(text.as_bytes()),
            Value::Array(elements) => elements.iter().for_each(|element| self.value(element)),
            Value::Object(fields) => {
                for (key, value) in fields {
                    self.bytes(key.as_bytes());
                    self.value(value);
                }
            }
        }
    }

    fn prediction(&mut self, predicted: &Prediction) {
        for x in [predicted.score, predicted.probability, predicted.base_score, predicted.base_probability] {
            self.value(&Value::Number(x.into()));
        }
    }
}

fn array<'a>(scenario: &'a Value, name: &str) -> &'a [Value] {
    scenario.field(name).and_then(Value::as_array).expect("it is in the file")
}

fn number(scenario: &Value, name: &str) -> f64 {
    scenario.field(name).and_then(Value::as_number).expect("it is in the file")
}

fn lived(scenario: &Value) -> u64 {
    let options = scenario.field("options").expect("it is in the file");
    let config = Config::from_value(options).expect("settings");
    let config = Config { log: true, seed: number(scenario, "seed") as u64, ..config };
    let log: (usize, Box<dyn World>) = (number(scenario, "log") as usize, Box::new(Native));
    let mut session =
        Session::open(Base::decode(BASE).expect("a base"), config, Kept::default(), 1, Some(log)).expect("settings");
    let schema = session.core().schema().clone();
    let features = |value: &Value| Features::from_value(&schema, value).expect("features");
    for item in array(scenario, "items") {
        let id = item.field("id").and_then(Value::as_str).expect("an id");
        session.set_item(id, &features(item.field("features").expect("features"))).expect("an item");
    }

    let inputs: Vec<Features> = array(scenario, "inputs").iter().map(features).collect();
    let (targets, verbs) = (array(scenario, "targets"), array(scenario, "verbs"));
    let mut digest = Digest(0xcbf2_9ce4_8422_2325);
    for step in 0..number(scenario, "steps") as usize {
        let input = &inputs[step % inputs.len()];
        let target = targets[step % targets.len()].as_number().expect("a target") as f32;
        digest.prediction(&session.core().predict_one(input));
        match verbs[step % verbs.len()].as_str() {
            Some("learnOne") => {
                let event = Event::Learnt { features: input.clone(), target, weight: 1.0 };
                let predicted = session.learn(event).expect("an event");
                digest.prediction(&predicted.expect("it is of one thing"));
            }
            Some("learnPrepared") => {
                digest.value(&Value::Number(session.core().probability(input).into()));
                let event = Event::Learnt { features: input.clone(), target, weight: 0.5 };
                let predicted = session.learn(event).expect("an event").expect("it is of one thing");
                digest.value(&Value::Number(predicted.probability.into()));
            }
            Some("recommend") => {
                let slate = session.recommend(&Query { context: input.clone(), k: 4, ..Query::default() });
                for (place, target) in [(1, 1.0), (0, 0.0), (2, target)] {
                    let subject = Subject::Item { slate: slate.id, item: slate.items[place].item.clone() };
                    let event = Event::Labelled { subject, target, weight: 1.0 };
                    let predicted = session.learn(event).expect("an event");
                    digest.prediction(&predicted.expect("it is of one thing"));
                }
            }
            Some("hold") => {
                let (id, predicted) = session.hold(input);
                digest.prediction(&predicted);
                let event = Event::Labelled { subject: Subject::Held(id), target, weight: 2.0 };
                session.learn(event).expect("an event");
            }
            Some("learnPair") => {
                let (preferred, other) = (input.clone(), inputs[(step + 1) % inputs.len()].clone());
                session.learn(Event::Compared { preferred, other, weight: 1.0 }).expect("an event");
            }
            verb => panic!("no verb: {verb:?}"),
        }
    }
    for line in session.log_text().lines() {
        digest.value(&Value::parse(line).expect("it is JSON"));
    }
    digest.0
}

#[test]
fn a_life_has_the_digest_that_it_has_in_the_package() {
    let scenario = Value::parse(SCENARIO).expect("it is JSON");
    let digest = format!("{:016x}", lived(&scenario));
    assert_eq!(Some(&*digest), scenario.field("digest").and_then(Value::as_str));
}

//! A small world that the tests share: a seed with named rows, and a stream of events. It is integers and arithmetic alone,
//! so it is the same in every environment.

#![allow(dead_code, reason = "every test file uses its own part")]

use brooklet_core::*;

/// xorshift64* (Vigna 2016).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 33) % n
    }

    /// From -1 to 1.
    pub(crate) fn signed(&mut self) -> f32 {
        self.below(1 << 20) as f32 / (1 << 19) as f32 - 1.0
    }
}

pub(crate) const GENRES: [&str; 6] = ["Action", "Comedy", "Drama", "Romance", "Sci-Fi", "War"];
pub(crate) const ITEMS: u64 = 40;

pub(crate) fn metadata(factors: usize, loss: Loss) -> Metadata {
    let width = 1 + factors;
    let mut covariance = vec![0.0; width * width];
    for i in 0..width {
        covariance[i * width + i] = 0.25;
    }
    let schema = Schema {
        private: vec!["age".into(), "home".into()],
        fields: vec!["item".into(), "genres".into()],
        rates: vec![FieldRate { field: "genres".into(), rate: 0.03125, adagrad: true }],
        ..Schema::new("user", "item")
    };
    let rates = Rates { private: 0.25, shared: 0.015625, delta: 0.0625 };
    let prior = Prior { mean: (0..width).map(|i| 0.125 * (i % 3) as f32).collect(), covariance, scale: 2.0 };
    Metadata {
        loss,
        w0: -0.25,
        calibration: Calibration { a: 1.5, b: -0.125 },
        thresholds: Thresholds {
            gate: 2.0,
            adwin_delta: 0.01,
            page_hinkley_tolerance: 0.125,
            page_hinkley_threshold: 6.0,
        },
        labels: Labels { positive: Some(4.0), map: vec![(1.0, 0.05), (5.0, 0.9)] },
        training: Value::Object(vec![("rows".into(), Value::Number(1000.0))]),
        ..Metadata::new("films", schema, rates, prior)
    }
}

pub(crate) fn rows(factors: usize) -> Rows {
    let mut random = Random(42);
    let items = (0..ITEMS).map(|i| format!("item={i}"));
    let names: Vec<String> = GENRES.iter().map(|g| format!("genres={g}")).chain(items).collect();
    Rows {
        ids: names.iter().map(|name| FeatureId::named(name)).collect(),
        rows: names.iter().flat_map(|_| (0..=factors).map(|_| 0.5 * random.signed()).collect::<Vec<_>>()).collect(),
        names: Some(names),
        ..Rows::default()
    }
}

/// A seed of 4 factors that ranks the whole catalogue by 2 numbers of an item and its popularity: of the even items the first says
/// something, of the odd ones the second, of what is of the genre War the second too, and the lower the number of an item, the more popular it is.
pub(crate) fn ranked() -> (Metadata, Rows) {
    let prior =
        CataloguePrior { mean: vec![0.125, 0.0625], covariance: vec![0.5, 0.0, 0.0, 0.25], click: 16.0, half: 2.0 };
    let rows = rows(4);
    let numbers = |name: &String| match name.strip_prefix("item=").map(|item| item.parse::<u16>().expect("a number")) {
        None if name == "genres=War" => [0.0, 2.0, 0.0],
        None => [0.0; 3],
        Some(item) => [f32::from(1 - item % 2), f32::from(item % 2), 0.5 - f32::from(item) / 64.0],
    };
    let catalogue = rows.names.iter().flatten().flat_map(numbers).collect();
    let metadata = Metadata { catalogue: Some(prior), ..metadata(4, Loss::Logistic) };
    (metadata, Rows { catalogue: Some(catalogue), ..rows })
}

pub(crate) fn seed(factors: usize, loss: Loss, precision: Precision) -> Vec<u8> {
    encode_base(&metadata(factors, loss), &rows(factors), precision).expect("the rows are fine")
}

pub(crate) fn base(factors: usize) -> Base {
    Base::decode(seed(factors, Loss::Logistic, Precision::F16)).expect("it was written")
}

pub(crate) fn object(fields: &[(&str, Value)]) -> Value {
    Value::Object(fields.iter().map(|(key, value)| (key.to_string(), value.clone())).collect())
}

pub(crate) fn genres(item: u64) -> Value {
    let genre = |i: u64| Value::from(GENRES[(i % 6) as usize]);
    Value::Array(if item.is_multiple_of(3) { vec![genre(item), genre(item / 3 + 1)] } else { vec![genre(item)] })
}

/// An input in which every kind of value occurs, some of it new to the seed.
pub(crate) fn input(random: &mut Random) -> Value {
    let item = random.below(ITEMS + 5);
    object(&[
        ("user", Value::from("somebody")),
        ("age", Value::Number(f64::from(random.signed()))),
        ("home", object(&[("town", Value::from("Ghent"))])),
        ("item", Value::String(item.to_string())),
        ("genres", genres(item)),
        ("hour", Value::Number(f64::from(random.signed()) * 3.0)),
        ("new", Value::Bool(random.below(2) == 0)),
        ("page", object(&[("kind", Value::from("shop")), ("depth", Value::Null)])),
    ])
}

/// Settings under which everything is on.
pub(crate) fn everything() -> Config {
    Config {
        shadows: vec![
            ModelConfig { visitor: VisitorStep::Diagonal, feedback: Feedback::Pairwise, ..ModelConfig::default() },
            ModelConfig { visitor: VisitorStep::Rate, rate_factor: 2.0, max_rows: 32, ..ModelConfig::default() },
        ],
        exploration: Exploration::Thompson,
        drift: Some((Detector::Adwin { delta: Some(0.05) }, DriftPolicy::Boost { forgetting: 0.02, events: 20 })),
        seed: 5,
        ..Config::default()
    }
}

/// A catalogue of all items.
pub(crate) fn stocked(config: Config) -> Learner {
    let mut learner = Learner::new(base(8), config).expect("the settings are fine");
    for item in 0..ITEMS {
        let features = named(&learner, &object(&[("genres", genres(item))]));
        learner.set_item(&item.to_string(), &features).expect("an item");
    }
    learner
}

pub(crate) fn named(learner: &Learner, value: &Value) -> Features {
    Features::from_value(learner.schema(), value).expect("the value is accepted")
}

pub(crate) fn shop(learner: &Learner, k: usize) -> Query<'static> {
    let context = named(learner, &object(&[("page", object(&[("kind", Value::from("shop"))]))]));
    Query { context, k, ..Query::default() }
}

/// Learns, ranks, holds, clicks and sends: a learner that has seen everything once.
pub(crate) fn lived() -> Learner {
    let mut learner = stocked(everything());
    let mut random = Random(7);
    for n in 0..200 {
        let features = named(&learner, &input(&mut random));
        let target = random.below(3) as f32 / 2.0;
        if n % 7 == 0 {
            let (held, _) = learner.hold(&features);
            if n % 2 == 0 {
                learner.label(&Subject::Held(held), target, 2.0).expect("it is held");
            }
        } else {
            learner.learn_one(&features, target, 1.0).expect("a label");
        }
        if n % 10 == 0 {
            let slate = learner.recommend(&shop(&learner, 6));
            learner.click(slate.id, &slate.items[2].item).expect("it is in the slate");
            learner.skip(slate.id, &slate.items[0].item).expect("it is in the slate");
        }
        if n == 120 {
            let delta = learner.prepare_delta([9; 16]).expect("it has learnt");
            learner.acknowledge(&delta);
        }
    }
    learner.prepare_delta([9; 16]).expect("it has learnt");
    learner
}

/// The digest of [`lived`], natively and in wasm.
pub(crate) const LIVED_DIGEST: u64 = 0x8c0d_08b4_a73f_e3a5;

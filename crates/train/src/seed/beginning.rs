//! A seed of no event at all: what is in the catalogue, known to nobody yet. Deltas make a good one of it.

use super::encode::object;
use super::sources::Sources;
use crate::error::{Context, Result};
use crate::input::SideTable;
use crate::maths::Rng;
use brooklet_core::{
    Evidence, FeatureId, FieldKind, Kind, Labels, Metadata, Precision, Prior, Rates, Rows, Schema, Value, encode_base,
};
use std::collections::BTreeSet;

/// Deviation of the factors. Of rows that are all zeros nobody could learn a factor: each is moved by how far the others are from zero.
const INIT: f32 = 0.1;
/// Variance of a visitor's weight and of each factor, so that a clear taste is worth about a logit.
const VARIANCE: f32 = 1.0;

/// What a seed of no event is made of.
pub(crate) struct Beginning<'a> {
    pub(crate) sources: &'a Sources,
    /// What the values of fields are.
    pub(crate) kinds: &'a [FieldKind],
    pub(crate) labels: Labels,
    pub(crate) factors: usize,
    /// Of the factors, which each feature draws by its id: so the order of the catalogue is no matter.
    pub(crate) seed: u64,
    pub(crate) precision: Precision,
    pub(crate) model: &'a str,
}

impl Beginning<'_> {
    /// The blob: a row of weight 0 and small random factors for each of these items and for all that `listed` says of them. No row was learnt
    /// from anything, so deltas may move each as far as they agree.
    pub(crate) fn encode<'i>(&self, items: impl Iterator<Item = &'i str>, listed: &SideTable) -> Result<Vec<u8>> {
        let Sources { columns, item_fields, user_fields, .. } = self.sources;
        let mut names = BTreeSet::new();
        for id in items {
            names.insert(format!("{}={id}", columns.item));
            names.extend(listed.of(id).map(|(field, text)| self.feature(field, text)));
        }
        let names: Vec<String> = names.into_iter().collect();
        let ids: Vec<FeatureId> = names.iter().map(|name| FeatureId::named(name)).collect();
        let rows = ids.iter().flat_map(|id| {
            let mut rng = Rng::new(self.seed, id.0);
            std::iter::once(0.0).chain((0..self.factors).map(move |_| INIT * rng.normal()))
        });
        let rows = Rows {
            rows: rows.collect(),
            evidence: Some(vec![Evidence::default(); ids.len()]),
            ids,
            names: Some(names),
            ..Rows::default()
        };
        let width = 1 + self.factors;
        let mut covariance = vec![0.0; width * width];
        covariance.iter_mut().step_by(width + 1).for_each(|variance| *variance = VARIANCE);
        let prior = Prior { mean: vec![0.0; width], covariance, scale: 1.0 };
        let schema = Schema {
            private: user_fields.clone(),
            fields: std::iter::once(&columns.item).chain(item_fields).chain(&columns.context).cloned().collect(),
            context: columns.context.clone(),
            kinds: self.kinds.to_vec(),
            ..Schema::new(&columns.user, &columns.item)
        };
        let mut training: Vec<(String, Value)> =
            self.sources.to_fields().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        training.extend([
            ("command".to_owned(), Value::from(concat!("brooklet ", env!("CARGO_PKG_VERSION")))),
            ("rows".to_owned(), Value::Number(0.0)),
            ("seed".to_owned(), Value::Number(self.seed as f64)),
            ("method".to_owned(), object([("name", Value::from("init"))])),
        ]);
        let rates = Rates { private: 0.3, shared: 0.005, delta: 0.2 };
        let metadata = Metadata {
            labels: self.labels.clone(),
            training: Value::Object(training),
            ..Metadata::new(self.model, schema, rates, prior)
        };
        encode_base(&metadata, &rows, self.precision).context("the model cannot be written")
    }

    /// The name of a feature, as a browser names it.
    fn feature(&self, field: &str, text: &str) -> String {
        match self.kinds.iter().find(|of| of.field == field).map(|of| of.kind) {
            Some(Kind::Numeric(_)) => field.to_owned(),
            _ => format!("{field}={text}"),
        }
    }
}

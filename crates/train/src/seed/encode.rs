//! From a trained model to the bytes of a seed.

use crate::data::{Dataset, LEAST_PEOPLE};
use crate::error::{Context, Result};
use crate::trainer::Model;
use brooklet_core::{Evidence, FeatureId, Loss, Metadata, Precision, Rows, Value, encode_base};

/// An object of metadata.
pub(crate) fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// The blob of a trained model. Rows of users, and of what few of them have in common, are left out unless the metadata say
/// otherwise. `events` are how many each row was learnt from, if the blob is to say so; `catalogue` is what each row ranks the whole
/// catalogue by, if the metadata have a prior for that.
pub(crate) fn encode(
    metadata: &Metadata,
    model: &Model,
    dataset: &Dataset,
    events: Option<&[u32]>,
    catalogue: Option<&[f32]>,
    precision: Precision,
) -> Result<Vec<u8>> {
    let mut rows = Rows { names: Some(Vec::new()), evidence: events.map(|_| Vec::new()), ..Rows::default() };
    let width = metadata.catalogue.as_ref().map_or(0, |prior| prior.mean.len() + 1);
    let curvature = if metadata.loss == Loss::Logistic { LOGISTIC_CURVATURE } else { 1.0 };
    for (row, &people) in dataset.people().iter().enumerate() {
        if !metadata.private_rows && people < LEAST_PEOPLE {
            continue;
        }
        let name = dataset.name(row);
        rows.ids.push(FeatureId::named(&name));
        rows.rows.extend_from_slice(model.row(row));
        if let Some(catalogue) = catalogue {
            let ranked = rows.catalogue.get_or_insert_default();
            ranked.extend_from_slice(&catalogue[row * width..(row + 1) * width]);
        }
        rows.names.get_or_insert_default().push(name);
        if let (Some(evidence), Some(events)) = (&mut rows.evidence, events) {
            evidence.push(Evidence::of(curvature * f64::from(events[row])));
        }
    }
    encode_base(metadata, &rows, precision).context("the model cannot be written")
}

/// The mean curvature of the logistic loss: what p (1 - p) comes to where a fifth to a third are clicks, and scores tell them apart.
const LOGISTIC_CURVATURE: f64 = 0.15;

//! What several unit tests share.

use crate::input::Columns;
use crate::watch::{Length, Progress, Watch};
use brooklet_core::{Base, FeatureId, Loss, Metadata, Precision, Prior, Rates, Rows, Schema, encode_base};
use std::sync::{Arc, Mutex};
use tempfile::NamedTempFile;

/// Keeps what is said.
#[derive(Default)]
pub(crate) struct Warnings(Mutex<Vec<String>>);

impl Warnings {
    pub(crate) fn said(self) -> Vec<String> {
        self.0.into_inner().unwrap()
    }
}

impl Watch for Warnings {
    fn begin(&self, _: &str, _: Length) -> Arc<dyn Progress> {
        Arc::new(())
    }

    fn warn(&self, warning: &str) {
        self.0.lock().unwrap().push(warning.to_owned());
    }
}

/// A file that is removed when the test ends.
pub(crate) fn temp_file(bytes: &(impl AsRef<[u8]> + ?Sized)) -> NamedTempFile {
    let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file
}

/// user,item,label,time under these names.
pub(crate) fn columns() -> Columns {
    let (user, item, label) = ("user".into(), "item".into(), "label".into());
    Columns { user, item, label, time: Some("time".into()), ..Columns::default() }
}

/// What a seed without factors says of itself.
pub(crate) fn metadata(loss: Loss) -> Metadata {
    let rates = Rates { private: 0.0, shared: 0.0, delta: 0.0 };
    let prior = Prior { mean: vec![0.0], covariance: vec![1.0], scale: 1.0 };
    Metadata { loss, ..Metadata::new("m", Schema::new("user", "item"), rates, prior) }
}

/// A seed without factors that gives each of these items the same weight.
pub(crate) fn base(metadata: &Metadata, items: &[String], weight: f32) -> Base {
    let features: Vec<String> = items.iter().map(|item| format!("item={item}")).collect();
    base_of(metadata, &features, weight)
}

/// The same of any features.
pub(crate) fn base_of(metadata: &Metadata, features: &[String], weight: f32) -> Base {
    let ids = features.iter().map(|name| FeatureId::named(name)).collect();
    let rows = Rows { ids, rows: vec![weight; features.len()], ..Rows::default() };
    Base::decode(encode_base(metadata, &rows, Precision::F16).unwrap()).unwrap()
}

/// A seed without factors that knows the items 0..n, all alike, and lets their rows learn fast.
pub(crate) fn base_of_items(n: usize) -> Base {
    let rates = Rates { private: 0.3, shared: 0.3, delta: 0.1 };
    let items: Vec<String> = (0..n).map(|item| item.to_string()).collect();
    base(&Metadata { rates, ..metadata(Loss::Logistic) }, &items, 0.0)
}

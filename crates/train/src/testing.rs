//! What several unit tests share.

use crate::input::Columns;
use brooklet_core::{
    Base, Calibration, FeatureId, Labels, Loss, Metadata, Precision, Prior, Rates, Rows, Schema, Thresholds, Value,
    encode_base,
};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A file that is removed when the test ends.
pub(crate) struct TempFile(PathBuf);

impl TempFile {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

pub(crate) fn temp_file(bytes: &(impl AsRef<[u8]> + ?Sized)) -> TempFile {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("brooklet-test-{}-{}.csv", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, bytes).unwrap();
    TempFile(path)
}

/// user,item,label,time under these names.
pub(crate) fn columns() -> Columns {
    let (user, item, label) = ("user".into(), "item".into(), "label".into());
    Columns { user, item, label, time: Some("time".into()), weight: None }
}

/// What a seed without factors says of itself.
pub(crate) fn metadata(loss: Loss) -> Metadata {
    Metadata {
        model: "m".into(),
        version: 1,
        factors: 0,
        loss,
        w0: 0.0,
        schema: Schema {
            visitor: "user".into(),
            item: "item".into(),
            private: Vec::new(),
            fields: vec!["item".into()],
            rates: Vec::new(),
        },
        rates: Rates { private: 0.0, shared: 0.0, delta: 0.0 },
        prior: Prior { mean: vec![0.0], covariance: vec![1.0], scale: 1.0, fade: 0.0 },
        calibration: Calibration::default(),
        thresholds: Thresholds::default(),
        labels: Labels::default(),
        private_rows: false,
        training: Value::Null,
    }
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

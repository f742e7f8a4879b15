//! What several unit tests share.

use brooklet_core::{Calibration, Labels, Loss, Metadata, Prior, Rates, Schema, Thresholds, Value};
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

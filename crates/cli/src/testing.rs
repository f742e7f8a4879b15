//! What several unit tests share.

use crate::input::Columns;
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

pub(crate) fn temp_file(text: &str) -> TempFile {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("brooklet-test-{}-{}.csv", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, text).unwrap();
    TempFile(path)
}

/// user,item,label,time under these names.
pub(crate) fn columns() -> Columns {
    Columns { user: "user".into(), item: "item".into(), label: "label".into(), time: Some("time".into()) }
}

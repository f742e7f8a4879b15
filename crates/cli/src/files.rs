//! Writing files so that none is half-written.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// Says at once what would be said after hours of work: that nothing can be written there.
pub(crate) fn ensure_writable(path: &Path) -> Result<()> {
    if path.is_dir() {
        bail!("cannot write {}: it is a folder: name a file in it", path.display());
    }
    if is_special(path) {
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        bail!("cannot write {}: there is no folder {}: make it first", path.display(), folder.display());
    }
    let unfinished = unfinished(path);
    std::fs::File::create(&unfinished)
        .and_then(|_| std::fs::remove_file(&unfinished))
        .with_context(|| format!("cannot write {}: name a place that you may write to", path.display()))
}

/// Writes a file under another name until it is whole: what is broken off must not leave what looks like a result.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    if is_special(path) {
        return std::fs::write(path, bytes).with_context(cannot);
    }
    let unfinished = unfinished(path);
    let written = std::fs::write(&unfinished, bytes).and_then(|()| std::fs::rename(&unfinished, path));
    if written.is_err() {
        // The complaint is about what could not be written; there may be nothing to remove.
        let _ = std::fs::remove_file(&unfinished);
    }
    written.with_context(cannot)
}

/// The last part of a path, for a title.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// A device or a pipe: renaming a file to its name would put the file in its place.
fn is_special(path: &Path) -> bool {
    path.metadata().is_ok_and(|there| !there.is_file() && !there.is_dir())
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".unfinished");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::NamedTempFile;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "old").unwrap();
        ensure_writable(file.path()).unwrap();
        assert_eq!(std::fs::read(file.path()).unwrap(), b"old");
        write_whole(file.path(), b"new").unwrap();
        assert_eq!(std::fs::read(file.path()).unwrap(), b"new");
        assert!(!unfinished(file.path()).exists());
    }

    #[test]
    fn a_folder_is_no_file() {
        let complaint = |path: &Path| format!("{:#}", ensure_writable(path).unwrap_err());
        assert!(complaint(&std::env::temp_dir()).contains("name a file in it"));
        let file = NamedTempFile::new().unwrap();
        let within = complaint(&file.path().join("x"));
        assert!(within.contains("make it first"), "{within}");
        assert!(write_whole(&file.path().join("x"), b"").is_err());
    }

    /// As root, a rename would replace the device for every program of the machine.
    #[cfg(unix)]
    #[test]
    fn a_device_is_written_to_and_not_replaced() {
        let null = Path::new("/dev/null");
        assert!(is_special(null));
        ensure_writable(null).unwrap();
        write_whole(null, b"gone").unwrap();
        assert!(is_special(null));
    }
}

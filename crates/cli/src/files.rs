//! What a run writes: never over what it reads, and never half.

use anyhow::{Context, Result, bail, ensure};
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Says at once what would be said, or lost, after hours of work: that nothing can be written there, that an output is one of the
/// inputs, or that two outputs are one file. Outputs come with the flags that name them.
pub(crate) fn ensure_outputs(
    outputs: &[(&str, Option<&Path>)],
    inputs: impl IntoIterator<Item = PathBuf>,
) -> Result<()> {
    let outputs: Vec<(&str, &Path)> = outputs.iter().filter_map(|(flag, path)| Some((*flag, (*path)?))).collect();
    for (_, path) in &outputs {
        ensure_writable(path)?;
    }
    let inputs: Vec<PathBuf> = inputs.into_iter().collect();
    for (n, (flag, path)) in outputs.iter().enumerate().filter(|(_, (_, path))| !is_special(path)) {
        if let Some((other, _)) = outputs[..n].iter().find(|(_, other)| is_same(path, other)) {
            bail!("{other} and {flag} are one file, {}: name another for one of them", path.display());
        }
        if let Some(input) = inputs.iter().find(|input| is_same(path, input)) {
            bail!(
                "{flag} {} is {}, which is read, and would be lost: name another file",
                path.display(),
                if *path == input { "a file".to_owned() } else { format!("the file {}", input.display()) }
            );
        }
    }
    Ok(())
}

fn ensure_writable(path: &Path) -> Result<()> {
    ensure!(!path.is_dir(), "cannot write {}: it is a folder: name a file in it", path.display());
    if is_special(path) {
        return Ok(());
    }
    let folder = folder(path);
    ensure!(folder.is_dir(), "cannot write {}: there is no folder {}: make it first", path.display(), folder.display());
    let unfinished = unfinished(path);
    unfinished.map(drop).with_context(|| format!("cannot write {}: name a place that you may write to", path.display()))
}

/// Whether two paths are one file, by name or by link. What is not there yet has a folder and a name.
fn is_same(a: &Path, b: &Path) -> bool {
    if let Ok(same) = same_file::is_same_file(a, b) {
        return same;
    }
    let place = |path: &Path| Some((folder(path).canonicalize().ok()?, path.file_name()?.to_owned()));
    place(a).is_some_and(|a| Some(a) == place(b))
}

/// Writes a file under another name until it is whole: what is broken off must not leave what looks like a result. Who writes
/// there at the same time has a name of his own, and the last who is through is the one whose file it is.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    if is_special(path) {
        return std::fs::write(path, bytes).with_context(cannot);
    }
    let mut file = unfinished(path).with_context(cannot)?;
    file.write_all(bytes).with_context(cannot)?;
    file.persist(path).map_err(|failed| failed.error).with_context(cannot)?;
    Ok(())
}

/// The last part of a path, for a title.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// A device or a pipe: renaming a file to its name would put the file in its place.
fn is_special(path: &Path) -> bool {
    path.metadata().is_ok_and(|there| !there.is_file() && !there.is_dir())
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file of a name that nobody else has, in the folder of the path, gone when it is dropped. Its readers are those of any new file.
fn unfinished(path: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.prefix(".brooklet-").suffix(".unfinished").tempfile_in(folder(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::NamedTempFile;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = NamedTempFile::new_in(folder.path()).unwrap();
        std::fs::write(file.path(), "old").unwrap();
        ensure_outputs(&[("--out", Some(file.path()))], []).unwrap();
        assert_eq!(std::fs::read(file.path()).unwrap(), b"old");
        write_whole(file.path(), b"new").unwrap();
        assert_eq!(std::fs::read(file.path()).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
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

    #[cfg(unix)]
    #[test]
    fn a_new_file_is_read_by_whom_any_new_file_is() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let [ours, usual] = ["ours", "usual"].map(|name| folder.path().join(name));
        write_whole(&ours, b"x").unwrap();
        std::fs::write(&usual, b"x").unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&usual));
    }

    #[test]
    fn one_file_has_many_names() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
        let round = folder.path().join(".").join("..").join(folder.path().file_name().unwrap()).join("a");
        assert!(is_same(&a, &round) && !is_same(&a, &b), "neither is there");
        std::fs::write(&a, "x").unwrap();
        assert!(is_same(&a, &round) && !is_same(&a, &b));
        std::fs::hard_link(&a, &b).unwrap();
        assert!(is_same(&a, &b));
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

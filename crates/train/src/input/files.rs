//! From what a person names to files.

use crate::error::{Context, Result};
use std::fs::{File, Metadata};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempPath;

/// The name under which standard input is read.
pub(crate) const STDIN: &str = "-";

/// The files that arguments name, in the order of the arguments; those of a pattern (`events/*.csv.gz`) in the order of
/// their names. A file that is there under the very name is that file, whatever characters it has.
pub fn expand(arguments: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = Vec::new();
    for argument in arguments {
        let pattern = argument.to_str().filter(|text| text.contains(['*', '?', '[']) && !argument.exists());
        let Some(pattern) = pattern else {
            files.push(argument.clone());
            continue;
        };
        let before = files.len();
        for path in glob::glob(pattern).with_context(|| format!("`{pattern}` is not a pattern of files"))? {
            let path = path.with_context(|| format!("cannot look for {pattern}"))?;
            if path.is_file() {
                files.push(path);
            }
        }
        if files.len() == before {
            bail!(Input, "no file matches {pattern}");
        }
    }
    ensure_distinct(&files)?;
    Ok(files)
}

/// Refuses files that are one, by name, by link or by what is in them: their events would count twice.
fn ensure_distinct(files: &[PathBuf]) -> Result<()> {
    let mut known: Vec<(&Path, PathBuf, u64)> = Vec::new();
    for file in files {
        // What is no regular file has no place and no content that could be compared.
        let length = file.metadata().ok().filter(Metadata::is_file).map_or(0, |file| file.len());
        let place = file.canonicalize().unwrap_or_else(|_| file.clone());
        for (other, their_place, their_length) in &known {
            let alike = || length > 0 && length == *their_length && same_bytes(file, other).unwrap_or(false);
            if place == *their_place || alike() {
                let also = if file == other { String::new() } else { format!(", also as {}", other.display()) };
                bail!(Input, "{} is named twice{also}, so its events would count twice", file.display());
            }
        }
        known.push((file, place, length));
    }
    Ok(())
}

/// Whether two files of one length hold the same.
fn same_bytes(a: &Path, b: &Path) -> std::io::Result<bool> {
    let (mut a, mut b) = (BufReader::new(File::open(a)?), BufReader::new(File::open(b)?));
    loop {
        let (left, right) = (a.fill_buf()?, b.fill_buf()?);
        let n = left.len().min(right.len());
        if n == 0 || left[..n] != right[..n] {
            return Ok(left.is_empty() && right.is_empty());
        }
        a.consume(n);
        b.consume(n);
    }
}

/// What a person calls several files.
pub fn title(arguments: &[PathBuf]) -> String {
    match arguments {
        [one] => one.display().to_string(),
        // The names of files may be those of people.
        several => format!("{} files", several.len()),
    }
}

/// A file to read, or standard input, as a person calls it.
#[derive(Debug, Clone)]
pub struct InputFile {
    name: PathBuf,
    /// What a pipe gave, kept so that it can be read again.
    kept: Option<Arc<TempPath>>,
}

impl InputFile {
    /// A file that is read once.
    pub fn once(name: &Path) -> InputFile {
        InputFile { name: name.to_owned(), kept: None }
    }

    /// A file that may be read several times: a pipe is read to its end and kept.
    pub fn again(name: &Path) -> Result<InputFile> {
        let once = InputFile::once(name);
        let pipe = name == Path::new(STDIN) || (name.exists() && !once.is_regular());
        if !pipe {
            return Ok(once);
        }
        let mut kept = tempfile::NamedTempFile::new().context("cannot keep what comes from a pipe")?;
        std::io::copy(&mut once.open()?, &mut kept)
            .with_context(|| format!("cannot keep what comes from {once} in {}", std::env::temp_dir().display()))?;
        Ok(InputFile { kept: Some(Arc::new(kept.into_temp_path())), ..once })
    }

    /// The files that it stands for, if it is a pattern.
    pub(crate) fn expand(&self) -> Result<Vec<InputFile>> {
        if self.kept.is_some() {
            return Ok(vec![self.clone()]);
        }
        Ok(expand(std::slice::from_ref(&self.name))?.iter().map(|path| InputFile::once(path)).collect())
    }

    /// Whether it has a size and a time of change, and can be read again.
    pub(crate) fn is_regular(&self) -> bool {
        self.path().metadata().is_ok_and(|there| there.is_file())
    }

    /// Bytes, as far as they are known.
    pub(crate) fn len(&self) -> u64 {
        self.path().metadata().map_or(0, |file| file.len())
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &Path {
        &self.name
    }

    pub(crate) fn open(&self) -> Result<Box<dyn Read>> {
        if self.path() == Path::new(STDIN) {
            return Ok(Box::new(std::io::stdin()));
        }
        Ok(Box::new(File::open(self.path()).with_context(|| format!("cannot open {self}"))?))
    }

    /// The same as a file that is read from its end; `whole` is all of it.
    pub(crate) fn seekable(&self, mut whole: impl Read) -> Result<File> {
        if self.is_regular() {
            return File::open(self.path()).with_context(|| format!("cannot open {self}"));
        }
        let mut file = tempfile::tempfile().context("cannot keep what comes from a pipe")?;
        std::io::copy(&mut whole, &mut file).with_context(|| format!("cannot keep what comes from {self}"))?;
        Ok(file)
    }

    fn path(&self) -> &Path {
        self.kept.as_ref().map_or(&*self.name, |kept| kept)
    }
}

impl std::fmt::Display for InputFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.name == Path::new(STDIN) { f.write_str("standard input") } else { self.name.display().fmt(f) }
    }
}

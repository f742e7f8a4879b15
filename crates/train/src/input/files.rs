//! From what a person names to files.

use crate::error::{Context, Result};
use std::fs::{File, Metadata};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

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

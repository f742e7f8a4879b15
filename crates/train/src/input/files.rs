//! From what a person names to files.

use crate::error::{Context, Result};
use std::path::{Path, PathBuf};

/// The name under which standard input is read.
pub(crate) const STDIN: &str = "-";

/// The files that arguments name, in the order of the arguments; those of a pattern (`events/*.csv.gz`) in the order of
/// their names. A file that is there under the very name is that file, whatever characters it has.
pub(crate) fn expand(arguments: &[PathBuf]) -> Result<Vec<PathBuf>> {
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
    let mut sorted: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    sorted.sort_unstable();
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        bail!(Input, "{} is named twice, so its events would count twice", pair[0].display());
    }
    Ok(files)
}

/// What a person calls several files.
pub fn title(arguments: &[PathBuf]) -> String {
    match arguments {
        [one] => one.display().to_string(),
        // The names of files may be those of people.
        several => format!("{} files", several.len()),
    }
}

//! Where our own tools lie, and where programs are looked for: below the workspace, whose shell takes this path, and the tools,
//! which are put there.

use std::env;
use std::path::PathBuf;

/// Where to look for a program, ours first.
pub(crate) fn search_path() -> Vec<PathBuf> {
    let ours = [folder().join("bin"), folder().join("node_modules/.bin")];
    let theirs = env::var_os("PATH").unwrap_or_default();
    ours.into_iter().chain(env::split_paths(&theirs)).collect()
}

pub(crate) fn folder() -> PathBuf {
    match env::var_os("BROOKLET_TOOLS") {
        Some(folder) => PathBuf::from(folder),
        None => {
            let home = env::home_dir().unwrap_or_else(env::temp_dir);
            home.join(".cache/brooklet/tools")
        }
    }
}

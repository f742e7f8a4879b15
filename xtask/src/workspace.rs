//! Where everything is, and a shell that stands at the root with our tools first on its path.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::places;

pub(crate) struct Workspace {
    pub(crate) shell: Shell,
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    metadata: Value,
}

impl Workspace {
    pub(crate) fn open() -> Result<Workspace> {
        let shell = Shell::new()?;
        let metadata = cmd!(shell, "cargo metadata --format-version 1").quiet().read()?;
        let metadata: Value = serde_json::from_str(&metadata)?;
        let folder = |key: &str| {
            let path = metadata[key].as_str();
            path.map(PathBuf::from).with_context(|| format!("cargo metadata has no {key}"))
        };
        let (root, target) = (folder("workspace_root")?, folder("target_directory")?);

        shell.change_dir(&root);
        shell.set_var("PATH", env::join_paths(places::search_path())?);
        Ok(Workspace { shell, root, target, metadata })
    }

    /// The first file of every library, command, test, example and benchmark of the workspace.
    pub(crate) fn target_roots(&self) -> Vec<PathBuf> {
        let packages = self.metadata["packages"].as_array().into_iter().flatten();
        let members = packages.filter(|p| p["source"].is_null());
        let targets = members.flat_map(|p| p["targets"].as_array().into_iter().flatten());
        targets.filter_map(|t| t["src_path"].as_str()).map(PathBuf::from).collect()
    }

    /// The version of a dependency that Cargo.lock has settled on.
    pub(crate) fn locked_version(&self, package: &str) -> Result<&str> {
        let packages = self.metadata["packages"].as_array();
        packages
            .into_iter()
            .flatten()
            .find(|p| p["name"] == package)
            .and_then(|p| p["version"].as_str())
            .with_context(|| format!("nothing in Cargo.lock depends on {package}"))
    }
}

/// When the newest of these files was written, looking into folders; what does not exist has no say.
pub(crate) fn newest(paths: impl IntoIterator<Item = impl AsRef<Path>>) -> Option<SystemTime> {
    paths.into_iter().filter_map(|p| age(p.as_ref())).max()
}

fn age(path: &Path) -> Option<SystemTime> {
    if path.is_dir() {
        let entries = fs::read_dir(path).ok()?;
        return newest(entries.filter_map(|e| Some(e.ok()?.path())));
    }
    fs::metadata(path).ok()?.modified().ok()
}

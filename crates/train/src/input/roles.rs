//! Which column is what, as far as somebody said: on the command line, or in a file beside the events.

use super::columns::Columns;
use super::files::STDIN;
use crate::error::{Context, Result};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Which column plays which role, as far as somebody said: on the command line or in a TOML file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roles {
    /// Column that holds the user [default: user].
    pub user: Option<String>,
    /// Column that holds the item [default: item].
    pub item: Option<String>,
    /// Column that holds the label: a rating, or 1 for a click and 0 for a skip [default: label].
    pub label: Option<String>,
    /// Column that holds the time, a number; without it the order of the file is the order of time.
    pub time: Option<String>,
    /// Column that holds the weight of an event, 0 or more; without it every event weighs 1.
    pub weight: Option<String>,
    /// Column that names the slate on which the item was shown, among those of its user.
    pub slate: Option<String>,
    /// Column that holds the item's place there, counted from 1.
    pub place: Option<String>,
    /// Column that holds the probability with which the item was chosen for its place.
    pub propensity: Option<String>,
}

impl Roles {
    /// What was said here, else what the file `named` says, else the file that is kept beside the data, else the defaults.
    pub(crate) fn columns(&self, named: Option<&Path>, events: &[PathBuf]) -> Result<Columns> {
        let found = named.map(Path::to_owned).or_else(|| roles_beside(events));
        let file = found.as_deref().map_or_else(|| Ok(Roles::default()), Roles::read)?;
        let role = |said: &Option<String>, kept: Option<String>| said.clone().or(kept);
        Ok(Columns {
            user: role(&self.user, file.user).unwrap_or_else(|| "user".into()),
            item: role(&self.item, file.item).unwrap_or_else(|| "item".into()),
            label: role(&self.label, file.label).unwrap_or_else(|| "label".into()),
            time: role(&self.time, file.time),
            weight: role(&self.weight, file.weight),
            slate: role(&self.slate, file.slate),
            place: role(&self.place, file.place),
            propensity: role(&self.propensity, file.propensity),
        })
    }

    fn read(path: &Path) -> Result<Roles> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} does not say which column is what", path.display()))
    }
}

/// The file beside these events that says which column is what, if there is one.
pub fn roles_beside(events: &[PathBuf]) -> Option<PathBuf> {
    beside(events).filter(|path| path.exists())
}

/// Where the roles of these files are kept: `events.toml` beside `events.csv.gz`, `roles.toml` among several files.
fn beside(events: &[PathBuf]) -> Option<PathBuf> {
    let first = events.first().filter(|file| file.as_path() != Path::new(STDIN))?;
    let folder = first.parent()?;
    if events.len() > 1 {
        return events.iter().all(|file| file.parent() == Some(folder)).then(|| folder.join("roles.toml"));
    }
    let stem = first.file_name()?.to_str()?.split('.').find(|part| !part.is_empty())?;
    Some(folder.join(format!("{stem}.toml")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_kept_beside_the_data() {
        let beside = |events: &[&str]| beside(&events.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(beside(&["data/events.csv.gz"]), Some("data/events.toml".into()));
        assert_eq!(beside(&["events"]), Some("events.toml".into()));
        assert_eq!(beside(&["d/a.csv", "d/b.csv"]), Some("d/roles.toml".into()));
        assert_eq!(beside(&["d/a.csv", "e/b.csv"]), None);
        assert_eq!(beside(&["-"]), None);
    }
}

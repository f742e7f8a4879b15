//! Which column is what, as far as somebody said: on the command line, or in a file beside the events.

use super::columns::Columns;
use super::files::{STDIN, title};
use super::guess::{Guess, guess};
use crate::error::{Context, Result};
use crate::watch::Watch;
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
    /// What was said here, else what the file `named` says, else the file that is kept beside the data; else the usual names, or
    /// what seems to be meant among the `names` that the first file has, which is told. Nothing is guessed where two could be meant.
    pub(crate) fn columns(
        &self,
        named: Option<&Path>,
        events: &[PathBuf],
        names: impl FnOnce() -> Result<Option<Vec<String>>>,
        watch: &dyn Watch,
    ) -> Result<Columns> {
        let found = named.map(Path::to_owned).or_else(|| roles_beside(events));
        let file = found.as_deref().map_or_else(|| Ok(Roles::default()), Roles::read)?;
        let said = |said: &Option<String>, kept: Option<String>| said.clone().or(kept);
        let (user, item, label) =
            (said(&self.user, file.user), said(&self.item, file.item), said(&self.label, file.label));
        let time = said(&self.time, file.time);
        let all = user.is_some() && item.is_some() && label.is_some() && time.is_some();
        let names = if all { None } else { names()? };
        let mut guesses = Guesses { names: names.unwrap_or_default(), taken: Vec::new(), doubts: Vec::new() };
        let user = user.map_or_else(|| guesses.needed("user", events), Ok)?;
        let item = item.map_or_else(|| guesses.needed("item", events), Ok)?;
        let label = label.map_or_else(|| guesses.needed("label", events), Ok)?;
        let time = time.or_else(|| guesses.time()).filter(|column| !column.is_empty());
        guesses.tell(events, watch);
        Ok(Columns {
            user,
            item,
            label,
            time,
            weight: said(&self.weight, file.weight),
            slate: said(&self.slate, file.slate),
            place: said(&self.place, file.place),
            propensity: said(&self.propensity, file.propensity),
            context: Vec::new(),
        })
    }

    fn read(path: &Path) -> Result<Roles> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} does not say which column is what", path.display()))
    }
}

/// What columns seem to be meant for.
struct Guesses {
    names: Vec<String>,
    taken: Vec<String>,
    doubts: Vec<String>,
}

impl Guesses {
    /// The column of a role that every file has: the role's own name, unless another column alone could be it.
    fn needed(&mut self, role: &str, events: &[PathBuf]) -> Result<String> {
        if self.names.iter().any(|name| name == role) {
            return Ok(role.to_owned());
        }
        match guess(role, &self.names) {
            Guess::Nothing => Ok(role.to_owned()),
            Guess::One(name) => {
                self.taken.push(format!("`{name}` for the {role} (--{role})"));
                Ok(name.to_owned())
            }
            Guess::Several(fit) => bail!(
                Input,
                "{}: there is no column `{role}`, and each of {} could be it: name the right one with --{role}",
                title(events),
                fit.join(", ")
            ),
        }
    }

    fn time(&mut self) -> Option<String> {
        match guess("time", &self.names) {
            Guess::Nothing => None,
            Guess::One(name) => {
                self.taken.push(format!("`{name}` for the time (--time)"));
                Some(name.to_owned())
            }
            Guess::Several(fit) => {
                self.doubts.push(format!("each of {} could be the time: name one with --time", fit.join(", ")));
                None
            }
        }
    }

    fn tell(self, events: &[PathBuf], watch: &dyn Watch) {
        let taken = (!self.taken.is_empty()).then(|| format!("taken {}", self.taken.join(", ")));
        let said: Vec<String> = taken.into_iter().chain(self.doubts).collect();
        if !said.is_empty() {
            watch.warn(&format!("{}: {}", title(events), said.join("; ")));
        }
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

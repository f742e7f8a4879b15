//! Which events, and how they are read.

use super::dialect::DialectArgs;
use anyhow::Result;
use brooklet_train::input::{BadRows, Columns, Dialect, Roles, expand, roles_beside, title};
use brooklet_train::training::EventFiles;
use std::path::{Path, PathBuf};

/// Where `--help` shows flags that name columns.
pub(super) const COLUMNS: &str = "Columns of the events";

/// Which events, and how they are read.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct EventArgs {
    /// Files of events, read as one: CSV, TSV or cells between ; or |, with a header line; JSON; Parquet; Arrow; event logs of
    /// browsers; plain or packed with gzip, zstd, bzip2 or xz. A pattern stands for the files that match it, sorted; - is standard
    /// input.
    #[arg(required = true)]
    events: Vec<PathBuf>,
    #[command(flatten)]
    columns: RoleArgs,
    #[command(flatten)]
    dialect: DialectArgs,
    /// TOML file that names the columns as the flags do, which come before it. Without it, events.toml beside events.csv,
    /// or roles.toml in the folder of several files.
    #[arg(long, value_name = "FILE")]
    roles: Option<PathBuf>,
    /// Leave out so many bad rows, or that share of all rows, before giving up.
    #[arg(long, default_value = "0", value_name = "ROWS or %")]
    bad_rows: BadRows,
    /// Memory for events; what is more is streamed from a file. The model and the names of users and items come on top.
    #[arg(long, default_value = "2G", value_name = "BYTES", value_parser = parse_bytes)]
    pub(crate) memory: usize,
    /// Keep the events, once read, in this folder for the next run upon the same files. Users' ids are in it.
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,
}

/// Which column plays which role.
#[derive(Debug, Clone, clap::Args)]
struct RoleArgs {
    /// Column that holds the user [default: user, or the one that is called like one].
    #[arg(long, value_name = "COLUMN", help_heading = COLUMNS)]
    user: Option<String>,
    /// Column that holds the item [default: item, or the one that is called like one].
    #[arg(long, value_name = "COLUMN", help_heading = COLUMNS)]
    item: Option<String>,
    /// Column that holds the label: a rating, or 1 for a click and 0 for a skip [default: label, or the one that is called like one].
    #[arg(long, value_name = "COLUMN", help_heading = COLUMNS)]
    label: Option<String>,
    /// Column that holds the time, numbers or dates [default: the one that is called like one; without it, or with "", the order of
    /// the file is the order of time].
    #[arg(long, value_name = "COLUMN", help_heading = COLUMNS)]
    time: Option<String>,
    /// Column that holds the weight of an event, 0 or more; without it every event weighs 1.
    #[arg(long, value_name = "COLUMN", help_heading = COLUMNS)]
    weight: Option<String>,
    #[command(flatten)]
    impression: ImpressionArgs,
}

/// Which columns tell of the slate on which the item of an event was shown.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ImpressionArgs {
    /// Column that names the slate on which the item was shown, among those of its user; events of one slate are one moment.
    #[arg(long, value_name = "COLUMN", help_heading = COLUMNS)]
    pub(crate) slate: Option<String>,
    /// Column that holds the item's place on its slate, counted from 1.
    #[arg(long, value_name = "COLUMN", help_heading = COLUMNS)]
    pub(crate) place: Option<String>,
    /// Column that holds the probability with which the item was chosen for its place.
    #[arg(long, value_name = "COLUMN", help_heading = COLUMNS)]
    pub(crate) propensity: Option<String>,
}

impl ImpressionArgs {
    /// What is named here, else what the columns have.
    pub(crate) fn name(&self, columns: &mut Columns) {
        let ImpressionArgs { slate, place, propensity } = self.clone();
        columns.slate = slate.or(columns.slate.take());
        columns.place = place.or(columns.place.take());
        columns.propensity = propensity.or(columns.propensity.take());
    }
}

impl EventArgs {
    /// As a person calls them.
    pub(crate) fn title(&self) -> String {
        title(&self.events)
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect.dialect()
    }

    /// The files that are read, as they are called.
    pub(crate) fn inputs(&self) -> Result<Vec<PathBuf>> {
        let mut inputs = expand(&self.events)?;
        inputs.extend(self.roles.clone().or_else(|| roles_beside(&inputs)));
        Ok(inputs)
    }

    /// What does not fit in memory goes into `folder`.
    pub(crate) fn files(&self, folder: &Path) -> EventFiles {
        let RoleArgs { user, item, label, time, weight, impression } = self.columns.clone();
        let ImpressionArgs { slate, place, propensity } = impression;
        EventFiles {
            paths: self.events.clone(),
            roles: Roles { user, item, label, time, weight, slate, place, propensity },
            roles_file: self.roles.clone(),
            dialect: self.dialect(),
            bad_rows: self.bad_rows,
            // The other half is the trainer's.
            memory: self.memory / 2,
            folder: folder.to_owned(),
            cache: self.cache.clone(),
        }
    }
}

/// Parses `256M`: a number of bytes, or of K, M or G of them.
fn parse_bytes(text: &str) -> Result<usize, String> {
    let (number, unit) = match text.trim_end_matches(|c: char| c.is_ascii_alphabetic()) {
        number if number.len() == text.len() => (number, 1),
        number => match &text[number.len()..] {
            "K" | "k" => (number, 1 << 10),
            "M" => (number, 1 << 20),
            "G" => (number, 1 << 30),
            _ => ("", 1),
        },
    };
    let bytes = number.parse::<usize>().ok().and_then(|number| number.checked_mul(unit));
    bytes.ok_or_else(|| format!("`{text}` is no amount of memory, as 256M or 4G are"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_in_bytes_or_thousands_of_them() {
        assert_eq!(parse_bytes("77"), Ok(77));
        assert_eq!(parse_bytes("256M"), Ok(256 << 20));
        assert_eq!(parse_bytes("2G"), Ok(2 << 30));
        for text in ["", "G", "1T", "-1", "1.5G", "99999999999999G"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }
}

//! How events of people to judge or tune on are read: as the seed was trained, unless somebody says otherwise.

use super::dialect::DialectArgs;
use super::events::{COLUMNS, ImpressionArgs};
use super::numbers::finite;
use anyhow::Result;
use brooklet_core::Base;
use brooklet_train::input::{Columns, Dialect, LabelRule};
use brooklet_train::seed::{self, Sources};
use std::path::PathBuf;

/// How events are read, where it is not as the seed says.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PeopleArgs {
    /// Column that holds the user, if not that of training.
    #[arg(long, value_name = "COLUMN", help_heading = COLUMNS)]
    user: Option<String>,
    /// Column that holds the item, if not that of training.
    #[arg(long, value_name = "COLUMN", help_heading = COLUMNS)]
    item: Option<String>,
    /// Column that holds the label, if not that of training.
    #[arg(long, value_name = "COLUMN", help_heading = COLUMNS)]
    label: Option<String>,
    /// A label of at least this is a click, any other a skip, whatever the seed says of labels.
    #[arg(long, value_name = "LABEL", value_parser = finite, help_heading = COLUMNS)]
    positive: Option<f32>,
    /// Column that holds the time, if not that of training; "" for none, so that the order of the file is the order of time.
    #[arg(long, value_name = "COLUMN", help_heading = COLUMNS)]
    time: Option<String>,
    #[command(flatten)]
    impression: ImpressionArgs,
    /// File of items, if it is not where it was in training.
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    pub(crate) items: Option<PathBuf>,
    /// File of users, if it is not where it was in training: a page gives their fields as the context.
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    pub(crate) users: Option<PathBuf>,
    #[command(flatten)]
    dialect: DialectArgs,
}

impl PeopleArgs {
    /// Where the data are.
    pub(crate) fn sources(&self, base: &Base) -> Result<Sources> {
        Ok(Sources { dialect: self.dialect(), ..Sources::of(base.metadata())?.moved(&self.items, &self.users) })
    }

    /// Which column of the events is what.
    pub(crate) fn columns(&self, sources: &Sources) -> Columns {
        let mut columns = sources.columns.clone();
        let Columns { user, item, label, time, .. } = &mut columns;
        for (said, column) in [(&self.user, user), (&self.item, item), (&self.label, label)] {
            said.iter().for_each(|said| column.clone_from(said));
        }
        if let Some(said) = &self.time {
            *time = Some(said.clone()).filter(|column| !column.is_empty());
        }
        self.impression.name(&mut columns);
        columns
    }

    /// What labels mean.
    pub(crate) fn rule(&self, base: &Base) -> LabelRule {
        let rule = seed::rule(base.metadata());
        match self.positive {
            // A map of the seed's labels says nothing of others.
            Some(positive) => LabelRule { positive: Some(positive), map: Vec::new(), ..rule },
            None => rule,
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect.dialect()
    }

    /// The files of items and users that are named.
    pub(crate) fn sides(&self) -> impl Iterator<Item = &PathBuf> {
        self.items.iter().chain(&self.users)
    }
}

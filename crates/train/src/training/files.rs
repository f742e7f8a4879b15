//! Where the data of a training are.

use crate::error::Result;
use crate::input::{
    BadRows, Columns, Dialect, Events, InputFile, LabelRule, Opened, Reading, Roles, expand, open, title,
};
use crate::watch::{Progress, Watch};
use std::path::PathBuf;
use std::sync::Arc;

/// Files of events, and how they are read.
#[derive(Debug, Clone)]
pub struct EventFiles {
    /// Read as one; a pattern (`events/*.csv.gz`) stands for the files that match it, `-` for standard input.
    pub paths: Vec<PathBuf>,
    /// Which column is what.
    pub roles: Roles,
    /// A TOML file that says so where `roles` does not; without one, that beside the events.
    pub roles_file: Option<PathBuf>,
    /// How they are written, and the files of items and users with them.
    pub dialect: Dialect,
    /// How many bad rows are left out before it is an error.
    pub bad_rows: BadRows,
    /// Events of more bytes than this are kept in a file.
    pub memory: usize,
    /// The folder of that file.
    pub folder: PathBuf,
    /// A folder in which events are kept for the next run, if they are to be.
    pub cache: Option<PathBuf>,
}

/// Everything that a seed is trained on.
#[derive(Debug, Clone)]
pub struct Files {
    /// Who did what.
    pub events: EventFiles,
    /// A CSV file of items. Event logs tell the fields of items without one.
    pub items: Option<PathBuf>,
    /// The columns of it that become features.
    pub item_fields: Vec<String>,
    /// A CSV file of users.
    pub users: Option<PathBuf>,
    /// The columns of it that become features. They are private: no delta has them.
    pub user_fields: Vec<String>,
    /// The columns of the events that become features of the moment: what a page gives as the context. They are shared.
    pub context_fields: Vec<String>,
}

impl EventFiles {
    /// Which column is what, and the first file, opened to find out, if it cannot be opened again.
    pub(crate) fn columns(&self, watch: &dyn Watch) -> Result<(Columns, Option<Opened>)> {
        let files = expand(&self.paths)?;
        let mut first = None;
        let names = || -> Result<Option<Vec<String>>> {
            let file = InputFile::once(&files[0]);
            let progress: Arc<dyn Progress> = Arc::new(());
            let opened = open(&file, self.dialect, &progress)?;
            let names = opened.names(self.dialect.quoting);
            first = (!file.is_regular()).then_some(opened);
            Ok(names)
        };
        let columns = self.roles.columns(self.roles_file.as_deref(), &files, names, watch)?;
        Ok((columns, first))
    }

    /// Reads them into memory.
    pub fn read(&self, rule: &LabelRule, watch: &dyn Watch) -> Result<(Columns, Events)> {
        let (columns, first) = self.columns(watch)?;
        let events = self.reading(&columns, rule, first, watch)?.read()?.events()?;
        Ok((columns, events))
    }

    /// As a person calls them.
    pub fn title(&self) -> String {
        title(&self.paths)
    }

    pub(crate) fn reading<'a>(
        &'a self,
        columns: &'a Columns,
        rule: &'a LabelRule,
        first: Option<Opened>,
        watch: &'a dyn Watch,
    ) -> Result<Reading<'a>> {
        Ok(Reading {
            first: first.into(),
            dialect: self.dialect,
            memory: self.memory,
            folder: self.folder.clone(),
            cache: self.cache.as_deref(),
            watch,
            ..Reading::new(&self.paths, columns, rule, self.bad_rows)?
        })
    }
}

/// The fields of the items with those of numbers that no `others` are.
pub(super) fn with_numeric(item_fields: &[String], others: &[String], numeric: &[String]) -> Vec<String> {
    let named = |field: &&String| !item_fields.contains(field) && !others.contains(field);
    item_fields.iter().chain(numeric.iter().filter(named)).cloned().collect()
}

/// A feature is known by its name, so no field may be two things.
pub(super) fn check_names(columns: &Columns, item_fields: &[String], user_fields: &[String]) -> Result<()> {
    let mut names: Vec<&String> = [&columns.user, &columns.item]
        .into_iter()
        .chain(item_fields)
        .chain(user_fields)
        .chain(&columns.context)
        .collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => bail!(Setting, "`{}` is named for two roles: rename one of the columns in its file", pair[0]),
        None => Ok(()),
    }
}

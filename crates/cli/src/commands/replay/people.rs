//! Who is replayed, and how.

use crate::args::PeopleArgs;
use crate::term::Bars;
use anyhow::{Result, ensure};
use brooklet_core::{Base, Config};
use brooklet_train::evaluate::{Judged, Visitors};
use brooklet_train::input::{Columns, Events, InputFile, LabelRule, SideTable, read_delays};
use brooklet_train::seed::Sources;
use brooklet_train::watch::{Length, Watch};
use std::path::Path;

/// How a replay is to be.
pub(super) struct Asked<'a> {
    /// How events are read, if not as in training.
    pub(super) people: &'a PeopleArgs,
    pub(super) delay: f64,
    pub(super) delay_column: Option<&'a str>,
    pub(super) freeze: &'a [usize],
    pub(super) config: Config,
    pub(super) threads: usize,
}

/// The events, as they were last read: seeds of the same columns and labels share them.
#[derive(Default)]
pub(super) struct People {
    read_as: Option<(Columns, LabelRule)>,
    pub(super) events: Events,
    /// Of the first seed, against which the others are held.
    pub(super) clicks: Vec<Option<bool>>,
}

impl People {
    pub(super) fn judge(&mut self, events: &InputFile, base: &Base, seed: &Path, asked: &Asked<'_>) -> Result<Judged> {
        let (sources, rule) = (asked.people.sources(base)?, asked.people.rule(base));
        let (users, items) =
            self.read(events, &sources, asked.people.columns(&sources), &rule, asked.delay_column, seed)?;
        let mut visitors = Visitors::new(base, &self.events, &rule, &users, &items)?;
        visitors.delay(asked.delay);
        let progress = Bars.begin("replaying visitors", Length::Steps(visitors.len()));
        let replayed = visitors.replay(base, &asked.config, asked.freeze, asked.threads, || progress.advance(1))?;
        Ok(Judged::new(&replayed, asked.freeze, rule.squared))
    }

    /// Reads the events, unless they are there as this seed reads them, and gives the fields of users and of items.
    fn read(
        &mut self,
        file: &InputFile,
        sources: &Sources,
        columns: Columns,
        rule: &LabelRule,
        delays: Option<&str>,
        seed: &Path,
    ) -> Result<(SideTable, SideTable)> {
        if self.read_as.as_ref().is_some_and(|(c, r)| *c == columns && r == rule) {
            return Ok((sources.read_users(&Bars)?, sources.read_items(&Bars)?));
        }
        let (mut events, users, items) = sources.people(file, &columns, rule, &Bars)?;
        if let Some(column) = delays {
            events = events.delayed(read_delays(file, sources.dialect, column, &Bars)?);
        }
        if let Some((first, _)) = &self.read_as {
            let same = |a: &str, b: &str| a == b;
            ensure!(
                same(&first.user, &columns.user)
                    && first.time == columns.time
                    && self.clicks.iter().copied().eq(events.clicks(rule)),
                "{} takes other events for clicks, or other columns for user and time, than the first seed: \
                 their figures cannot be compared; replay them one at a time",
                seed.display()
            );
        } else {
            self.clicks = events.clicks(rule).collect();
        }
        self.events = events;
        self.read_as = Some((columns, rule.clone()));
        Ok((users, items))
    }
}

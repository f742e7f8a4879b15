use super::bad::Tally;
use super::batch::Shape;
use super::cache::Cache;
use super::files::{STDIN, expand, title};
use super::json::JsonRows;
use super::log::LogRows;
use super::open::{Format, Opened, open};
use super::parquet::ParquetRows;
use super::row::{Reader, Row, Told};
use super::store::{Builder, Event, Sink, Spill, Store, Summary};
use super::table::{Table, TableRows};
use super::{BadRows, Columns, LabelRule, SideTable};
use crate::progress::Progress;
use crate::error::Result;
use std::path::{Path, PathBuf};

/// What is to be read, and how.
pub(crate) struct Reading<'a> {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) columns: &'a Columns,
    pub(crate) rule: &'a LabelRule,
    pub(crate) bad_rows: BadRows,
    /// Fields of items that the events themselves are to tell, which only event logs do.
    pub(crate) item_fields: &'a [String],
    /// Events of more bytes than this are kept in a file.
    pub(crate) memory: usize,
    /// Where that file is.
    pub(crate) folder: PathBuf,
    /// Where events are kept for the next run, if they are.
    pub(crate) cache: Option<&'a Path>,
}

impl<'a> Reading<'a> {
    /// Reads into memory, whatever it takes.
    pub(crate) fn new(
        arguments: &[PathBuf],
        columns: &'a Columns,
        rule: &'a LabelRule,
        bad_rows: BadRows,
    ) -> Result<Reading<'a>> {
        let files = expand(arguments)?;
        let folder = std::env::temp_dir();
        Ok(Reading { files, columns, rule, bad_rows, item_fields: &[], memory: usize::MAX, folder, cache: None })
    }

    /// Reads the events, or takes them from the cache if nothing has changed since.
    pub(crate) fn read(&self) -> Result<Store> {
        // What comes through a pipe has no time of change to be known by.
        let cache = self.cache.filter(|_| !self.files.iter().any(|file| file == Path::new(STDIN)));
        let Some(cache) = cache.map(|folder| Cache::new(folder, self)).transpose()? else {
            let (spill, summary) = self.fill(Spill::new(self.memory, &self.folder))?;
            return Ok(Store { summary, blocks: spill.finish()? });
        };
        if let Some(store) = cache.open(self.bad_rows) {
            return Ok(store);
        }
        let (file, summary) = self.fill(cache.create()?)?;
        cache.keep(file, summary)
    }

    /// Reads all files into one builder.
    fn fill<S: Sink>(&self, sink: S) -> Result<(S, Summary)> {
        let sizes = self.files.iter().map(|file| std::fs::metadata(file).map_or(0, |file| file.len()));
        let progress = Progress::bytes("reading events", sizes.sum());
        let mut tally = Tally::new(self.bad_rows);
        let mut warnings = Vec::new();
        let mut builder = Builder::new(sink, SideTable::of_fields(self.item_fields));
        for (n, file) in self.files.iter().enumerate() {
            let mut reader = self.open(file, &progress)?;
            let shape = Shape { weight: reader.weighs(self.columns), time: self.columns.time.is_some() };
            if n == 0 {
                builder.shape(shape);
            }
            ensure!(
                builder.summary().shape == shape, Input,
                "{} has weights and {} has not, or the other way round: train on one kind of file",
                file.display(),
                self.files[0].display()
            );
            while let Some(row) = reader.next()? {
                match row.and_then(|row| self.check(row)) {
                    Ok(event) => builder.push(event)?,
                    Err(why) => tally.add(reader.place(), &why)?,
                }
            }
            let Told { item_fields, warning } = reader.finish();
            builder.tell(&item_fields);
            warnings.extend(warning);
        }
        progress.done();
        let rows = builder.summary().rows as u64;
        warnings.extend(tally.conclude(rows + tally.count)?);
        warnings.iter().for_each(|warning| eprintln!("brooklet: {warning}"));
        ensure!(rows > 0, Input, "{} has a header and no rows", title(&self.files));
        let (sink, summary) = builder.finish(tally.count)?;
        if let Some(field) = self.item_fields.iter().find(|field| !summary.item_fields.tells(field)) {
            bail!(Input, "--item-fields names `{field}`, but no feature in {} is of it", title(&self.files));
        }
        Ok((sink, summary))
    }

    /// What a row means.
    fn check<'r>(&self, row: Row<'r>) -> Result<Event<'r>, String> {
        let Row { user, item, label, time, weight } = row;
        let wrong = |column: &str, cell: f64, why: &str| format!("column `{column}`: `{cell}` {why}");
        let target = self.rule.target(label as f32).map_err(|why| wrong(&self.columns.label, label, &why))?;
        let weight = weight.unwrap_or(1.0);
        if weight < 0.0 {
            let column = self.columns.weight.as_deref().unwrap_or("weight");
            return Err(wrong(column, weight, "is no weight: it must be 0 or more"));
        }
        let (label, weight) = (label as f32, weight as f32);
        Ok(Event { user, item, label, target, weight, time: time.unwrap_or_default() })
    }

    fn open(&self, path: &Path, progress: &Progress) -> Result<Box<dyn Reader>> {
        let columns = self.columns;
        let opened = open(path, progress)?;
        if let Opened::Text { format: Format::Log, text } = opened {
            return Ok(Box::new(LogRows::new(path, text, columns, self.item_fields)));
        }
        // Rows tell nothing of items; only the features in an event log do.
        let fields = self.item_fields.join(", ");
        ensure!(fields.is_empty(), Input, "--item-fields names {fields}, but no file has them: name it with --items");
        Ok(match opened {
            Opened::Parquet(file) => Box::new(ParquetRows::new(path, file, columns)?),
            Opened::Text { format: Format::Json, text } => Box::new(JsonRows::new(path, text, columns)),
            Opened::Text { format, text } => Box::new(TableRows::new(Table::new(path, format, text)?, columns)?),
        })
    }
}

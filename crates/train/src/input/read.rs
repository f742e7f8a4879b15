//! From files to events: opens each, checks its rows, and keeps them where they fit.

use super::bad::Tally;
use super::clock::Clock;
use super::files::{InputFile, expand, title};
use super::format::{
    ColumnarRows, Format, JsonRows, JsonText, LogRows, Opened, Reader, Row, Table, TableRows, Times, Told, open,
};
use super::store::{Builder, Cache, Event, Events, Shape, SideTable, Sink, Spill, Store, Summary};
use super::{BadRows, Columns, Dialect, LabelRule};
use crate::error::{Error, Result};
use crate::watch::{Length, Progress, Watch};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is to be read, and how.
pub(crate) struct Reading<'a> {
    pub(crate) files: Vec<InputFile>,
    /// The first of them, if it had to be opened to know the columns and cannot be opened again.
    pub(crate) first: RefCell<Option<Opened>>,
    pub(crate) dialect: Dialect,
    /// Whether the rule is a seed's, which a person can overrule in part alone.
    pub(crate) of_seed: bool,
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
    pub(crate) watch: &'a dyn Watch,
}

impl<'a> Reading<'a> {
    /// Reads into memory, whatever it takes.
    pub(crate) fn new(
        arguments: &[PathBuf],
        columns: &'a Columns,
        rule: &'a LabelRule,
        bad_rows: BadRows,
    ) -> Result<Reading<'a>> {
        let files = expand(arguments)?.iter().map(|file| InputFile::once(file)).collect();
        Ok(Reading::of(files, columns, rule, bad_rows))
    }

    /// The same of files that are known.
    pub(crate) fn of(
        files: Vec<InputFile>,
        columns: &'a Columns,
        rule: &'a LabelRule,
        bad_rows: BadRows,
    ) -> Reading<'a> {
        let folder = std::env::temp_dir();
        Reading {
            files,
            first: RefCell::default(),
            dialect: Dialect::default(),
            of_seed: false,
            columns,
            rule,
            bad_rows,
            item_fields: &[],
            memory: usize::MAX,
            folder,
            cache: None,
            watch: &(),
        }
    }

    /// Reads the events, or takes them from the cache if nothing has changed since.
    pub(crate) fn read(&self) -> Result<Store> {
        // What comes through a pipe has no time of change to be known by.
        let cache = self.cache.filter(|_| self.files.iter().all(InputFile::is_regular));
        let names: Vec<PathBuf> = self.files.iter().map(|file| file.name().to_owned()).collect();
        let Some(cache) = cache.map(|folder| Cache::new(folder, &names, &self.how())).transpose()? else {
            let (spill, summary) = self.fill(Spill::new(self.memory, &self.folder))?;
            return Ok(Store { summary, blocks: spill.finish()? });
        };
        if let Some(store) = cache.open(self.bad_rows, self.watch) {
            return Ok(store);
        }
        let (file, summary) = self.fill(cache.create()?)?;
        cache.keep(file, summary)
    }

    /// Everything but the files that the events depend on.
    fn how(&self) -> String {
        let Dialect { quoting, encoding } = self.dialect;
        let encoding = encoding.map_or("", |encoding| encoding.name());
        format!("{:?} {:?} {:?} {} {encoding}", self.columns, self.rule, self.item_fields, quoting.as_str())
    }

    /// Reads all files into one builder.
    fn fill<S: Sink>(&self, sink: S) -> Result<(S, Summary)> {
        let sizes = self.files.iter().map(InputFile::len);
        let progress = self.watch.begin("reading events", Length::Bytes(sizes.sum()));
        let mut tally = Tally::new(self.bad_rows);
        let mut warnings = Vec::new();
        let (mut clock, mut times) = (Clock::default(), (Times::default(), &self.files[0]));
        let mut builder = Builder::new(sink, SideTable::of_fields(self.item_fields), &self.columns.context);
        for (n, file) in self.files.iter().enumerate() {
            let mut reader = self.open(file, &progress)?;
            let shape = Shape { weight: reader.weighs(self.columns), ..Shape::of(self.columns) };
            if n == 0 {
                builder.shape(shape);
            }
            ensure!(
                builder.summary().shape == shape,
                Input,
                "{} has weights and {} has not, or the other way round: train on one kind of file",
                file,
                self.files[0]
            );
            while let Some(row) = reader.next()? {
                match row.and_then(|row| self.check(row)) {
                    Ok(event) => {
                        let time = event.time;
                        builder.push(event)?;
                        if shape.time {
                            clock.see(time, || reader.place());
                        }
                    }
                    Err(why) => tally.add(reader.place(), &why)?,
                }
            }
            let Told { item_fields, warning, times: written } = reader.finish();
            builder.tell(&item_fields);
            if written != Times::Unknown {
                let (before, other) = std::mem::replace(&mut times, (written, file));
                let [dates, numbers] = if written == Times::Dates { [file, other] } else { [other, file] };
                ensure!(
                    before == Times::Unknown || before == written,
                    Input,
                    "{dates} has dates as times and {numbers} has numbers: one unit is needed"
                );
            }
            warnings.extend(warning);
        }
        drop(progress);
        let rows = builder.summary().rows as u64;
        let title = self.title();
        warnings.extend(tally.conclude(rows + tally.count)?);
        warnings.extend(clock.conclude(times.0 == Times::Dates).map(|said| format!("{title}: {said}")));
        warnings.iter().for_each(|warning| self.watch.warn(warning));
        ensure!(rows > 0, Input, "{title} has a header and no rows");
        let (sink, summary) = builder.finish(tally.count)?;
        if let Some(field) = self.item_fields.iter().find(|field| !summary.item_fields.tells(field)) {
            bail!(Input, "--item-fields names `{field}`, but no feature in {title} is of it");
        }
        if let Some(field) = self.columns.context.iter().find(|field| !summary.occasions.contexts.tells(field)) {
            bail!(Input, "--context-fields names `{field}`, but no event in {title} has a value of it");
        }
        Ok((sink, summary))
    }

    /// What a person calls the files.
    fn title(&self) -> String {
        title(&self.files.iter().map(|file| file.name().to_owned()).collect::<Vec<_>>())
    }

    fn check<'r>(&self, row: Row<'r>) -> Result<Event<'r>, String> {
        let (rule, columns) = (self.rule, self.columns);
        if self.of_seed && rule.target(row.label as f32).is_err() {
            return Err(format!(
                "column `{}`: `{}` has no target by the seed's rule: say with --positive which labels are clicks",
                columns.label, row.label
            ));
        }
        check(row, columns, rule)
    }

    fn open(&self, file: &InputFile, progress: &Arc<dyn Progress>) -> Result<Box<dyn Reader>> {
        let columns = self.columns;
        let opened = match self.first.take() {
            Some(first) => first,
            None => open(file, self.dialect, progress)?,
        };
        let text = match opened {
            Opened::Columnar(batches) => {
                self.no_item_fields()?;
                return Ok(Box::new(ColumnarRows::new(batches, columns)?));
            }
            Opened::Text(text) => text,
        };
        text.said.iter().for_each(|said| self.watch.warn(said));
        if text.format == Format::Log {
            return Ok(Box::new(LogRows::new(file, text, columns, self.item_fields)));
        }
        self.no_item_fields()?;
        Ok(match text.format {
            Format::Table(separator) => {
                let table = Table::new(file, separator, text, self.dialect.quoting)?;
                table.said().iter().for_each(|said| self.watch.warn(said));
                Box::new(TableRows::new(table, columns)?)
            }
            Format::Objects => Box::new(JsonRows::new(JsonText::braces(file, text.body, text.line, text.end), columns)),
            Format::Json | Format::Log => {
                Box::new(JsonRows::new(JsonText::lines(file, text.body, text.line, text.end), columns))
            }
        })
    }

    /// Rows tell nothing of items; only the features in an event log do.
    fn no_item_fields(&self) -> Result<()> {
        let fields = self.item_fields.join(", ");
        ensure!(fields.is_empty(), Input, "--item-fields names {fields}, but no file has them: name it with --items");
        Ok(())
    }
}

/// What a row means.
fn check<'r>(row: Row<'r>, columns: &Columns, rule: &LabelRule) -> Result<Event<'r>, String> {
    let Row { user, item, label, time, weight, slate, place, propensity, context } = row;
    let wrong = |column: &str, cell: f64, why: &str| format!("column `{column}`: `{cell}` {why}");
    let numbers = [(&columns.label, Some(label)), (columns.weight.as_ref().unwrap_or(&columns.label), weight)];
    if let Some((column, Some(number))) = numbers.into_iter().find(|(_, x)| x.is_some_and(|x| !(x as f32).is_finite()))
    {
        return Err(wrong(column, number, "is too large: at most 3.4e38 in magnitude"));
    }
    let target = rule.target(label as f32).map_err(|why| wrong(&columns.label, label, &why))?;
    let weight = weight.unwrap_or(1.0);
    if weight < 0.0 {
        let column = columns.weight.as_deref().unwrap_or("weight");
        return Err(wrong(column, weight, "is no weight: it must be 0 or more"));
    }
    let place = place.unwrap_or(1.0);
    if place.fract() != 0.0 || !(1.0..=f64::from(u32::MAX)).contains(&place) {
        let column = columns.place.as_deref().unwrap_or("place");
        return Err(wrong(column, place, "is no place: they are counted 1, 2, 3 from the top"));
    }
    let propensity = propensity.unwrap_or(1.0);
    if !(propensity > 0.0 && propensity <= 1.0) {
        let column = columns.propensity.as_deref().unwrap_or("propensity");
        return Err(wrong(
            column,
            propensity,
            "is no propensity: what was shown had a chance above 0 and of at most 1",
        ));
    }
    let time = time.unwrap_or_default();
    let (label, weight, place, propensity) = (label as f32, weight as f32, place as u32, propensity as f32);
    Ok(Event { user, item, label, target, weight, time, slate, place, propensity, context })
}

/// Events of a file, or of those of a pattern, of any format, in memory. The first bad row is an error with its line number.
pub fn read_events(path: &Path, columns: &Columns, rule: &LabelRule, watch: &dyn Watch) -> Result<Events> {
    let paths = [path.to_owned()];
    Reading { watch, ..Reading::new(&paths, columns, rule, BadRows::Count(0))? }.read()?.events()
}

/// Events from anywhere, in memory, with what a rule makes of their labels. What one of them has beside
/// user, item and label, all have; the first that is wrong is an error with its number, counted from 1.
pub fn events_of<'r>(rows: impl IntoIterator<Item = Row<'r>>, columns: &Columns, rule: &LabelRule) -> Result<Events> {
    read_rows(rows, columns, rule)?.events()
}

/// The same as a store.
pub(crate) fn read_rows<'r>(
    rows: impl IntoIterator<Item = Row<'r>>,
    columns: &Columns,
    rule: &LabelRule,
) -> Result<Store> {
    let folder = std::env::temp_dir();
    let mut builder = Builder::new(Spill::new(usize::MAX, &folder), SideTable::default(), &columns.context);
    for (row, n) in rows.into_iter().zip(1..) {
        let Row { weight, time, slate, place, propensity, context, .. } = &row;
        let (weight, time, slate) = (weight.is_some(), time.is_some(), slate.is_some());
        let (place, propensity, context) = (place.is_some(), propensity.is_some(), context.is_some());
        let shape = Shape { weight, time, slate, place, propensity, context };
        if n == 1 {
            builder.shape(shape);
        }
        ensure!(
            builder.summary().shape == shape,
            Input,
            "event {n} has a time, a weight, a slate, a place, a propensity or a context and the first has not, or the other way round"
        );
        builder.push(check(row, columns, rule).map_err(|why| Error::Input(format!("event {n}: {why}")))?)?;
    }
    ensure!(builder.summary().rows > 0, Input, "there is no event");
    let (spill, summary) = builder.finish(0)?;
    Ok(Store { summary, blocks: spill.finish()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::told;
    use crate::testing::{columns, temp_file};

    const CLICKS: LabelRule = LabelRule { squared: false, positive: Some(4.0), map: Vec::new() };

    #[test]
    fn rows_come_by_user_in_order_of_time() {
        let file = temp_file("user,item,label,time\nb,x,5,2\na,x,3,9\nb,y,4,1\nb,z,1,2\n");
        let events = read_events(file.path(), &columns(), &CLICKS, &()).unwrap();
        assert_eq!(events.users.names().collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(events.item, [0, 0, 1, 2]);
        assert_eq!(events.target, [1.0, 0.0, 1.0, 0.0]);
        assert_eq!(events.by_user(), [vec![2, 0, 3], vec![1]]);
    }

    #[test]
    fn a_bad_row_is_named_by_file_line_and_column() {
        let cases = [
            ("user,item,label,time\na,x,5,1\na,y,five,2\n", ":3: column `label`: `five` is not a finite number"),
            ("user,item,label,time\na,x,NaN,1\n", ":2: column `label`: `NaN` is not a finite number"),
            ("user,item,label,time\n\n,x,5,1\n", ":3: column `user`: `` is empty"),
            ("user,item,label,time\na,x,5,1\na,x,5\n", ":3: the row has 3 cells, the header has 4"),
            ("user,item,label,time\na,x,5,now\n", ":2: column `time`: `now` is no time, neither a finite number"),
            ("user,item,label,time\r\na,x,5,1\r\na,x,?,1\r\n", ":3: column `label`: `?` is not"),
            ("user,item,label,time\na,\"x\ny\",5,1\na,x,?,1", ":4: column `label`: `?` is not"),
            ("who,item,label,time\na,x,5,1\n", ":1: there is no column `user`; the columns are who, item, label, time"),
            ("user,item,label,time\n", "has a header and no rows"),
            ("", "is empty"),
        ];
        for (text, expected) in cases {
            let file = temp_file(text);
            let error = told(&read_events(file.path(), &columns(), &CLICKS, &()).unwrap_err());
            assert!(error.contains(expected), "{error:?} lacks {expected:?}");
            assert!(error.contains(&file.path().display().to_string()), "{error:?} does not name the file");
        }
    }
}

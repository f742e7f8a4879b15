//! What a seed and the browser's learner upon it say of each event of a file, for analyses of one's own.

use super::replay::{Visitors, everyone};
use crate::error::{Context, Error, Result};
use crate::input::{Columns, Events};
use arrow_array::{ArrayRef, Float32Array, Float64Array, RecordBatch, StringArray};
use brooklet_core::{Base, Config};
use parquet::arrow::ArrowWriter;
use std::io::Write;
use std::sync::Arc;

/// Rows that are written at a time.
const BATCH: usize = 1 << 16;

/// Predictions of each event of a file, in its order, made before the event was learnt from.
pub struct Predictions<'a> {
    events: &'a Events,
    columns: &'a Columns,
    /// Probabilities of a click, by the learner and by the seed alone.
    personal: Vec<f32>,
    fixed: Vec<f32>,
}

impl<'a> Predictions<'a> {
    /// Replays `visitors`, who are everyone in `events`. The result does not depend on the number of threads.
    pub fn of(
        visitors: &Visitors,
        events: &'a Events,
        columns: &'a Columns,
        base: &Base,
        config: &Config,
        threads: usize,
        progress: impl Fn() + Sync,
    ) -> Result<Predictions<'a>> {
        let replayed = visitors.replay(base, config, &[], threads, progress)?;
        let (mut personal, mut fixed) = (vec![0.0; events.len()], vec![0.0; events.len()]);
        let by_user = events.by_user();
        for (user, replayed) in everyone(events).into_iter().zip(&replayed) {
            for (&row, outcome) in by_user[user as usize].iter().zip(&replayed.outcomes) {
                personal[row as usize] = outcome.personal.probability;
                fixed[row as usize] = outcome.fixed.probability;
            }
        }
        Ok(Predictions { events, columns, personal, fixed })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.personal.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.personal.len()
    }

    /// As CSV: user, item and label under the names of the events, the time if there is one, `personal`, `static`, and
    /// `propensity`, which is empty unless a column tells it.
    pub fn write_csv(&self, to: impl Write) -> Result<()> {
        let mut writer = csv::Writer::from_writer(to);
        let names = self.names();
        writer.write_record(&names)?;
        for row in 0..self.len() {
            let events = self.events;
            let mut cells = vec![
                events.users.name(events.user[row]).to_owned(),
                events.items.name(events.item[row]).to_owned(),
                events.label[row].to_string(),
            ];
            cells.extend(events.time.get(row).map(f64::to_string));
            cells.extend([self.personal[row].to_string(), self.fixed[row].to_string()]);
            cells.push(events.propensity.get(row).map_or_else(String::new, f32::to_string));
            writer.write_record(&cells)?;
        }
        Ok(writer.flush()?)
    }

    /// The same as Parquet, with null in place of what is empty.
    pub fn write_parquet(&self, to: impl Write + Send) -> Result<()> {
        let cannot = "cannot write the predictions as Parquet";
        let mut writer: Option<ArrowWriter<_>> = None;
        let mut to = Some(to);
        for begin in (0..self.len()).step_by(BATCH) {
            let batch = self.batch(begin..self.len().min(begin + BATCH)).context(cannot)?;
            if let Some(to) = to.take() {
                writer = Some(ArrowWriter::try_new(to, batch.schema(), None).context(cannot)?);
            }
            writer.as_mut().map_or(Ok(()), |writer| writer.write(&batch)).context(cannot)?;
        }
        match writer {
            Some(writer) => writer.close().map(drop).context(cannot),
            None => Err(Error::Input("there is no event to predict".into())),
        }
    }

    fn names(&self) -> Vec<String> {
        let Columns { user, item, label, time, .. } = self.columns;
        let time = time.as_ref().filter(|_| !self.events.time.is_empty());
        let told = [user, item, label].into_iter().chain(time).cloned();
        told.chain(["personal", "static", "propensity"].map(str::to_owned)).collect()
    }

    fn batch(&self, rows: std::ops::Range<usize>) -> Result<RecordBatch> {
        let Predictions { events, personal, fixed, .. } = self;
        let text = |ids: &[u32], name: &dyn Fn(u32) -> &'a str| -> ArrayRef {
            Arc::new(ids[rows.clone()].iter().map(|&id| Some(name(id))).collect::<StringArray>())
        };
        let numbers = |values: &[f32]| -> ArrayRef { Arc::new(Float32Array::from(values[rows.clone()].to_vec())) };
        let mut columns = vec![
            text(&events.user, &|id| events.users.name(id)),
            text(&events.item, &|id| events.items.name(id)),
            numbers(&events.label),
        ];
        if let Some(times) = events.time.get(rows.clone()) {
            columns.push(Arc::new(Float64Array::from(times.to_vec())));
        }
        columns.extend([numbers(personal), numbers(fixed)]);
        let propensity = rows.clone().map(|row| events.propensity.get(row).copied());
        columns.push(Arc::new(propensity.collect::<Float32Array>()));
        let named = self.names().into_iter().zip(columns).map(|(name, column)| (name, column, true));
        Ok(RecordBatch::try_from_iter_with_nullable(named)?)
    }
}

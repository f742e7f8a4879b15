use super::{Columns, LabelRule, Table};
use crate::progress::Progress;
use anyhow::{Result, bail};
use csv::ByteRecord;
use std::collections::HashMap;
use std::path::Path;

/// Rows of an events file, by column, with users and items numbered in the order they first appear.
#[derive(Debug, Default)]
pub(crate) struct Events {
    pub(crate) users: Interner,
    pub(crate) items: Interner,
    pub(crate) user: Vec<u32>,
    pub(crate) item: Vec<u32>,
    /// As in the file.
    pub(crate) label: Vec<f32>,
    /// What the model learns to predict: the label itself, 0 or 1, or a grade between.
    pub(crate) target: Vec<f32>,
    /// Empty if there is no time column.
    pub(crate) time: Vec<f64>,
    /// How long after its event each label arrived; empty if all did at once.
    pub(crate) delay: Vec<f64>,
}

impl Events {
    /// Reads a CSV file. The first bad row is an error with its line number.
    pub(crate) fn read(path: &Path, columns: &Columns, rule: &LabelRule) -> Result<Events> {
        let mut table = Table::open(path)?;
        let user = table.column(&columns.user, "--user")?;
        let item = table.column(&columns.item, "--item")?;
        let label = table.column(&columns.label, "--label")?;
        let time = columns.time.as_deref().map(|time| table.column(time, "--time")).transpose()?;
        let progress =
            Progress::bytes(&format!("reading {}", table.name), std::fs::metadata(path).map_or(0, |m| m.len()));
        let mut events = Events::default();
        let mut record = ByteRecord::new();
        while table.read(&mut record)? {
            let number = table.number(&record, label)? as f32;
            let target = rule.target(number).map_err(|why| table.bad(&record, label, &why))?;
            if let Some(time) = time {
                events.time.push(table.number(&record, time)?);
            }
            events.user.push(events.users.intern(table.id(&record, user)?));
            events.item.push(events.items.intern(table.id(&record, item)?));
            events.label.push(number);
            events.target.push(target);
            if events.user.len() % 65_536 == 0 {
                progress.at(record.position().map_or(0, csv::Position::byte));
            }
        }
        progress.done();
        if events.user.is_empty() {
            bail!("{} has a header and no rows", table.name);
        }
        Ok(events)
    }

    /// The events of some of the users, in the same order, with users and items numbered anew.
    pub(crate) fn of(&self, users: &[u32]) -> Events {
        let mut wanted = vec![false; self.users.len()];
        users.iter().for_each(|&user| wanted[user as usize] = true);
        let mut events = Events::default();
        for row in (0..self.len()).filter(|&row| wanted[self.user[row] as usize]) {
            events.user.push(events.users.intern(self.users.name(self.user[row])));
            events.item.push(events.items.intern(self.items.name(self.item[row])));
            events.label.push(self.label[row]);
            events.target.push(self.target[row]);
            events.time.extend(self.time.get(row));
        }
        events
    }

    pub(crate) fn len(&self) -> usize {
        self.user.len()
    }

    /// The rows of each user, in order of time; rows of one time stay in the order of the file.
    pub(crate) fn by_user(&self) -> Vec<Vec<u32>> {
        let mut rows = vec![Vec::new(); self.users.len()];
        for (row, &user) in self.user.iter().enumerate() {
            rows[user as usize].push(row as u32);
        }
        if !self.time.is_empty() {
            for rows in &mut rows {
                rows.sort_by(|&a, &b| self.time[a as usize].total_cmp(&self.time[b as usize]));
            }
        }
        rows
    }
}

/// Names and their numbers, counted from 0 in the order of first appearance.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interner {
    numbers: HashMap<Box<str>, u32>,
    names: Vec<Box<str>>,
}

impl Interner {
    pub(crate) fn intern(&mut self, name: &str) -> u32 {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let number = self.names.len() as u32;
        self.numbers.insert(name.into(), number);
        self.names.push(name.into());
        number
    }

    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    pub(crate) fn name(&self, number: u32) -> &str {
        &self.names[number as usize]
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{columns, temp_file};

    const CLICKS: LabelRule = LabelRule { squared: false, positive: Some(4.0), map: Vec::new() };

    #[test]
    fn rows_come_by_user_in_order_of_time() {
        let file = temp_file("user,item,label,time\nb,x,5,2\na,x,3,9\nb,y,4,1\nb,z,1,2\n");
        let events = Events::read(file.path(), &columns(), &CLICKS).unwrap();
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
            ("user,item,label,time\na,x,5,now\n", ":2: column `time`: `now` is not a finite number"),
            ("user,item,label,time\r\na,x,5,1\r\na,x,?,1\r\n", ":3: column `label`: `?` is not"),
            ("user,item,label,time\na,\"x\ny\",5,1\na,x,?,1", ":4: column `label`: `?` is not"),
            ("who,item,label,time\na,x,5,1\n", ":1: there is no column `user`; the columns are who, item, label, time"),
            ("user,item,label,time\n", "has a header and no rows"),
            ("", "is empty"),
        ];
        for (text, expected) in cases {
            let file = temp_file(text);
            let error = format!("{:#}", Events::read(file.path(), &columns(), &CLICKS).unwrap_err());
            assert!(error.contains(expected), "{error:?} lacks {expected:?}");
            assert!(error.contains(&file.path().display().to_string()), "{error:?} does not name the file");
        }
    }
}

use super::store::Summary;
use super::{BadRows, Batch, Columns, Interner, LabelRule, Reading};
use crate::error::Result;
use std::path::Path;
use std::sync::Arc;

/// Rows of events in memory, by column, with users and items numbered in the order they first appear.
#[derive(Debug, Default)]
pub(crate) struct Events {
    pub(crate) users: Arc<Interner>,
    pub(crate) items: Arc<Interner>,
    pub(crate) user: Vec<u32>,
    pub(crate) item: Vec<u32>,
    /// As in the file.
    pub(crate) label: Vec<f32>,
    /// What the model learns to predict: the label itself, 0 or 1, or a grade between.
    pub(crate) target: Vec<f32>,
    /// Empty if every row weighs 1.
    pub(crate) weight: Vec<f32>,
    /// Empty if there is no time column.
    pub(crate) time: Vec<f64>,
    /// How long after its event each label arrived; empty if all did at once.
    pub(crate) delay: Vec<f64>,
}

impl Events {
    /// Reads a file, or those of a pattern, of any format. The first bad row is an error with its line number.
    pub(crate) fn read(path: &Path, columns: &Columns, rule: &LabelRule) -> Result<Events> {
        Reading::new(&[path.to_owned()], columns, rule, BadRows::Count(0))?.read()?.events()
    }

    /// Some rows, or all, of the events that the summary is of.
    pub(crate) fn new(summary: &Summary, rows: Batch) -> Events {
        let Batch { user, item, target, weight, label, time } = rows;
        let (users, items) = (summary.users.clone(), summary.items.clone());
        Events { users, items, user, item, label, target, weight, time, delay: Vec::new() }
    }

    /// The events of some of the users, in the same order, with users and items numbered anew.
    pub(crate) fn of(&self, users: &[u32]) -> Events {
        let mut wanted = vec![false; self.users.len()];
        users.iter().for_each(|&user| wanted[user as usize] = true);
        let (mut events, mut people, mut items) = (Events::default(), Interner::default(), Interner::default());
        for row in (0..self.len()).filter(|&row| wanted[self.user[row] as usize]) {
            events.user.push(people.intern(self.users.name(self.user[row])));
            events.item.push(items.intern(self.items.name(self.item[row])));
            events.label.push(self.label[row]);
            events.target.push(self.target[row]);
            events.weight.extend(self.weight.get(row));
            events.time.extend(self.time.get(row));
        }
        (events.users, events.items) = (people.into(), items.into());
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

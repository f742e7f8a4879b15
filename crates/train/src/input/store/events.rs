//! Events in memory as a whole, for what is judged and tuned on.

use super::batch::Batch;
use super::interner::Interner;
use super::occasions::Occasions;
use super::summary::Summary;
use crate::input::LabelRule;
use std::collections::HashMap;
use std::sync::Arc;

/// Rows of events in memory, by column, with users and items numbered in the order they first appear.
#[derive(Debug, Default)]
pub struct Events {
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
    /// By number; empty if nothing tells the slates.
    pub(crate) slate: Vec<u32>,
    /// On the slate, counted from 1; empty if nothing tells the places.
    pub(crate) place: Vec<u32>,
    /// With which the item was chosen for its place; empty if nothing tells it.
    pub(crate) propensity: Vec<f32>,
    /// A user in a context, by its number among the occasions; empty if nothing tells contexts.
    pub(crate) occasion: Vec<u32>,
    pub(crate) occasions: Arc<Occasions>,
}

impl Events {
    /// Some rows, or all, of the events that the summary is of.
    pub(crate) fn new(summary: &Summary, rows: Batch) -> Events {
        let Batch { user, item, target, weight, label, time, slate, place, propensity, occasion } = rows;
        let (users, items) = (summary.users.clone(), summary.items.clone());
        let (occasions, delay) = (summary.occasions.clone(), Vec::new());
        Events {
            users,
            items,
            user,
            item,
            label,
            target,
            weight,
            time,
            delay,
            slate,
            place,
            propensity,
            occasion,
            occasions,
        }
    }

    /// The same with labels that come so long after their events, one a row, in the unit of the times.
    pub fn delayed(self, delay: Vec<f64>) -> Events {
        Events { delay, ..self }
    }

    /// How many users there are.
    pub fn users(&self) -> usize {
        self.users.len()
    }

    /// How many items there are.
    pub fn items(&self) -> usize {
        self.items.len()
    }

    /// Of each event whether it is a click; None if nothing says what a click is.
    pub fn clicks(&self, rule: &LabelRule) -> impl Iterator<Item = Option<bool>> {
        self.label.iter().zip(&self.target).map(|(&label, &target)| rule.click(label, target))
    }

    /// The events of some of the users, in the same order, with users and items numbered anew.
    pub(crate) fn of(&self, users: &[u32]) -> Events {
        let mut wanted = vec![false; self.users.len()];
        users.iter().for_each(|&user| wanted[user as usize] = true);
        let (mut events, mut people, mut items) = (Events::default(), Interner::default(), Interner::default());
        let mut occasions = Occasions::of_fields(self.occasions.contexts.fields());
        for row in (0..self.len()).filter(|&row| wanted[self.user[row] as usize]) {
            events.user.push(people.intern(self.users.name(self.user[row])));
            events.item.push(items.intern(self.items.name(self.item[row])));
            events.label.push(self.label[row]);
            events.target.push(self.target[row]);
            events.weight.extend(self.weight.get(row));
            events.time.extend(self.time.get(row));
            events.slate.extend(self.slate.get(row));
            events.place.extend(self.place.get(row));
            events.propensity.extend(self.propensity.get(row));
            if let Some(moment) = self.moment(row) {
                let user = events.user[events.user.len() - 1];
                events.occasion.push(occasions.enter(user, self.occasions.contexts.id(moment)));
            }
        }
        (events.users, events.items, events.occasions) = (people.into(), items.into(), occasions.into());
        events
    }

    /// The number of an event's context, if the events tell contexts.
    pub(crate) fn moment(&self, row: usize) -> Option<u32> {
        self.occasion.get(row).map(|&occasion| self.occasions.pairs[occasion as usize].1)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.user.is_empty()
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.user.len()
    }

    /// The rows of each user, in order of time; rows of one moment stay in the order of the file.
    pub(crate) fn by_user(&self) -> Vec<Vec<u32>> {
        let moments = self.moments();
        let mut rows = vec![Vec::new(); self.users.len()];
        for (row, &user) in self.user.iter().enumerate() {
            rows[user as usize].push(row as u32);
        }
        for rows in &mut rows {
            rows.sort_by(|&a, &b| moments[a as usize].total_cmp(&moments[b as usize]));
        }
        rows
    }

    /// When each event was shown: at its own time, or that of the first event of its slate. Without times, the number of the
    /// row is the time.
    pub(crate) fn moments(&self) -> Vec<f64> {
        let time = |row: usize| self.time.get(row).copied().unwrap_or(row as f64);
        let mut began: HashMap<u32, f64> = HashMap::new();
        for (row, slate) in self.slate.iter().enumerate() {
            let began = began.entry(*slate).or_insert(f64::INFINITY);
            *began = began.min(time(row));
        }
        (0..self.len()).map(|row| self.slate.get(row).map_or_else(|| time(row), |slate| began[slate])).collect()
    }
}

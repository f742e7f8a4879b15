//! What is learnt from, by number: which rows are active for whom, and events.

use std::borrow::Cow;

/// How many rows of each kind there are. Rows are numbered in this order. The fields of contexts stand behind those of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) users: usize,
    pub(crate) items: usize,
    pub(crate) user_fields: usize,
    pub(crate) item_fields: usize,
}

impl Layout {
    pub(crate) fn rows(&self) -> usize {
        self.users + self.items + self.user_fields + self.item_fields
    }
}

/// The rows that are active for each user, or for each item: its own first, then those of its fields.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entities {
    /// `rows[ends[i - 1]..ends[i]]` are those of entity i (compressed sparse rows).
    ends: Vec<u32>,
    rows: Vec<u32>,
    /// x of each of the rows: 1, but for those of numbers.
    values: Vec<f32>,
}

impl Entities {
    /// Adds an entity of rows with their values.
    pub(crate) fn push(&mut self, rows: impl IntoIterator<Item = (u32, f32)>) {
        for (row, value) in rows {
            self.rows.push(row);
            self.values.push(value);
        }
        self.ends.push(self.rows.len() as u32);
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    #[inline(always)]
    pub(crate) fn rows(&self, entity: u32) -> &[u32] {
        &self.rows[self.range(entity)]
    }

    /// The values of its rows.
    #[inline(always)]
    pub(crate) fn values(&self, entity: u32) -> &[f32] {
        &self.values[self.range(entity)]
    }

    /// Its rows and their values.
    #[inline(always)]
    pub(crate) fn active(&self, entity: u32) -> impl ExactSizeIterator<Item = (u32, f32)> + Clone {
        self.rows(entity).iter().copied().zip(self.values(entity).iter().copied())
    }

    #[inline(always)]
    fn range(&self, entity: u32) -> std::ops::Range<usize> {
        let entity = entity as usize;
        let start = if entity == 0 { 0 } else { self.ends[entity - 1] };
        start as usize..self.ends[entity] as usize
    }

    /// The same with those of one own row side by side, if there are such, and where each of them went.
    pub(crate) fn by_own_row(&self) -> (Cow<'_, Entities>, Vec<u32>) {
        let own = |entity: &u32| self.rows(*entity)[0];
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        if order.is_sorted_by_key(own) {
            return (Cow::Borrowed(self), order);
        }
        order.sort_by_key(own);
        let (mut sorted, mut place) = (Entities::default(), vec![0; order.len()]);
        for (at, &entity) in order.iter().enumerate() {
            sorted.push(self.active(entity));
            place[entity as usize] = at as u32;
        }
        (Cow::Owned(sorted), place)
    }

    /// Whether no entity has a field.
    fn is_plain(&self) -> bool {
        self.rows.len() == self.ends.len()
    }
}

/// One event: who, what, and the target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Event {
    /// Of the problem's users: where contexts are told, a user in a context.
    pub(crate) user: u32,
    pub(crate) item: u32,
    pub(crate) target: f32,
    /// How many events it counts as.
    pub(crate) weight: f32,
}

/// What a model is trained on, events aside.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) layout: Layout,
    /// Users; where contexts are told, users in contexts, of whom several have the own row of one user.
    pub(crate) users: Entities,
    pub(crate) items: Entities,
    /// For each row of a field, in order, the number of its field: the users' fields first.
    pub(crate) field_groups: Vec<u32>,
}

impl Problem {
    /// Whether every event is exactly two features, the user's row and the item's.
    pub(crate) fn is_plain(&self) -> bool {
        self.users.is_plain() && self.items.is_plain()
    }
}

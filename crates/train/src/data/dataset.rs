//! From files to what the trainer needs: numbered features with their names.

use super::holdout::event;
use super::kinds::number;
use crate::error::Result;
use crate::input::{Batch, Columns, Interner, SideTable, Store};
use crate::trainer::{Entities, Event, Layout, Problem};
use brooklet_core::{FieldKind, Kind};
use std::collections::HashSet;

/// Events, and the features of their users and items.
pub(crate) struct Dataset {
    pub(crate) store: Store,
    pub(crate) problem: Problem,
    pub(crate) columns: Columns,
    /// The names of the fields by their numbers.
    pub(crate) fields: Interner,
    user_fields: Interner,
    item_fields: Interner,
    /// The first row of the contexts' fields: those behind it up to the items' fields are theirs.
    pub(crate) contexts_from: usize,
}

impl Dataset {
    /// With the fields of users and items as these `kinds` say that they are; one that none says of is categories.
    pub(crate) fn new(
        store: Store,
        columns: Columns,
        users: &SideTable,
        items: &SideTable,
        kinds: &[FieldKind],
    ) -> Result<Dataset> {
        let summary = store.summary();
        let (mut user_fields, mut item_fields) = (Interner::default(), Interner::default());
        let mut groups = Groups::default();
        let user_rows = field_rows(summary.users.names(), users, kinds, &mut user_fields, &mut groups)?;
        let (contexts, of_users) = (&summary.occasions.contexts, user_fields.len());
        let context_rows = field_rows(contexts.ids(), contexts, kinds, &mut user_fields, &mut groups)?;
        let item_rows = field_rows(summary.items.names(), items, kinds, &mut item_fields, &mut groups)?;
        let layout = Layout {
            users: summary.users.len(),
            items: summary.items.len(),
            user_fields: user_fields.len(),
            item_fields: item_fields.len(),
        };
        fn entity(
            own: usize,
            fields: usize,
            rows: impl Iterator<Item = (u32, f32)>,
        ) -> impl Iterator<Item = (u32, f32)> {
            std::iter::once((own as u32, 1.0)).chain(rows.map(move |(row, value)| (fields as u32 + row, value)))
        }
        let fields = layout.users + layout.items;
        let (mut in_contexts, mut of_items) = (Entities::default(), Entities::default());
        if summary.shape.context {
            for &(user, context) in &summary.occasions.pairs {
                let rows = user_rows[user as usize].iter().chain(&context_rows[context as usize]);
                in_contexts.push(entity(user as usize, fields, rows.copied()));
            }
        } else {
            user_rows
                .iter()
                .enumerate()
                .for_each(|(user, rows)| in_contexts.push(entity(user, fields, rows.iter().copied())));
        }
        let item_fields_at = fields + layout.user_fields;
        for (item, rows) in item_rows.into_iter().enumerate() {
            of_items.push(entity(layout.users + item, item_fields_at, rows.into_iter()));
        }
        let problem = Problem { users: in_contexts, items: of_items, field_groups: groups.of_row, layout };
        let contexts_from = fields + of_users;
        Ok(Dataset { store, problem, columns, fields: groups.fields, user_fields, item_fields, contexts_from })
    }

    /// How many people each row tells of: a user's of one, that of a field of all who have it, an item's of nobody, which is
    /// no limit.
    pub(crate) fn people(&self) -> Vec<usize> {
        let Layout { users, items, user_fields, .. } = self.problem.layout;
        let fields = users + items..users + items + user_fields;
        let mut people = vec![usize::MAX; self.problem.layout.rows()];
        people[..users].fill(1);
        people[fields.clone()].fill(0);
        let mut met = HashSet::new();
        for user in 0..self.problem.users.len() as u32 {
            let (own, rows) = self.problem.users.rows(user).split_first().unwrap_or((&0, &[]));
            // A user who comes in two contexts counts once.
            let new = rows.iter().filter(|&&row| fields.contains(&(row as usize)) && met.insert((*own, row)));
            new.for_each(|&row| people[row as usize] += 1);
        }
        people
    }

    /// How many events each row takes part in.
    pub(crate) fn events(&self) -> Result<Vec<u32>> {
        let mut events = vec![0u32; self.problem.layout.rows()];
        let mut batch = Batch::default();
        for block in 0..self.store.blocks() {
            batch.clear();
            self.store.read(block, &mut batch)?;
            for row in 0..batch.len() {
                let Event { user, item, .. } = event(&batch, row);
                let rows = self.problem.users.rows(user).iter().chain(self.problem.items.rows(item));
                rows.for_each(|&row| events[row as usize] += 1);
            }
        }
        Ok(events)
    }

    /// How many rows take part in an event besides the user's, on average; None without an event. `events` are those of each row.
    pub(crate) fn rows_per_event(&self, events: &[u32]) -> Option<f32> {
        let shared = events[self.problem.layout.users..].iter().map(|&events| f64::from(events)).sum::<f64>();
        (self.store.len() > 0).then(|| (shared / self.store.len() as f64) as f32)
    }

    /// The name of a row's feature, as a browser names it.
    pub(crate) fn name(&self, row: usize) -> String {
        let Layout { users, items, user_fields, .. } = self.problem.layout;
        let own = |field: &str, names: &Interner, i: usize| format!("{field}={}", names.name(i as u32));
        let field = |names: &Interner, i: usize| names.name(i as u32).to_owned();
        if row < users {
            own(&self.columns.user, &self.store.summary().users, row)
        } else if row < users + items {
            own(&self.columns.item, &self.store.summary().items, row - users)
        } else if row < users + items + user_fields {
            field(&self.user_fields, row - users - items)
        } else {
            field(&self.item_fields, row - users - items - user_fields)
        }
    }
}

/// The fields in the order that they first appear, and for each feature of a field the number of that.
#[derive(Default)]
struct Groups {
    fields: Interner,
    of_row: Vec<u32>,
}

/// For each entity the numbers of its features, `field=category` or `field`, and their values.
fn field_rows<'a>(
    entities: impl Iterator<Item = &'a str>,
    side: &SideTable,
    kinds: &[FieldKind],
    names: &mut Interner,
    groups: &mut Groups,
) -> Result<Vec<Vec<(u32, f32)>>> {
    let scale = |field: &str| match kinds.iter().find(|of| of.field == field)?.kind {
        Kind::Numeric(scale) => Some(scale),
        Kind::Categorical | Kind::MultiHot => None,
    };
    let mut feature = |id: &str, field: &str, text: &str| {
        let (name, value) = match scale(field) {
            Some(scale) => (field.to_owned(), scale.apply(number(field, id, text)? as f32)),
            None => (format!("{field}={text}"), 1.0),
        };
        let known = names.len();
        let row = names.intern(&name);
        if names.len() > known {
            groups.of_row.push(groups.fields.intern(field));
        }
        Ok((row, value))
    };
    entities.map(|id| side.of(id).map(|(field, text)| feature(id, field, text)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{BadRows, Dialect, LabelRule, Reading, read_side};
    use crate::testing::{columns, temp_file};

    #[test]
    fn rows_are_named_as_a_browser_names_them() {
        let rule = LabelRule { squared: false, positive: None, map: Vec::new() };
        let events = temp_file("user,item,label,time\na,x,1,1\nb,y,0,1\n");
        let items = temp_file("item,genres\ny,Drama|War\nx,War\n");
        let users = temp_file("user,age\nb,25\n");
        let (columns, paths) = (columns(), [events.path().to_owned()]);
        let reading = Reading::new(&paths, &columns, &rule, BadRows::Count(0)).unwrap();
        let dataset = Dataset::new(
            reading.read().unwrap(),
            columns.clone(),
            &read_side(users.path(), Dialect::default(), ["user", ""], &["age".into()], "", &()).unwrap(),
            &read_side(items.path(), Dialect::default(), ["item", ""], &["genres".into()], "", &()).unwrap(),
            &[],
        )
        .unwrap();
        let names: Vec<String> = (0..dataset.problem.layout.rows()).map(|row| dataset.name(row)).collect();
        assert_eq!(names, ["user=a", "user=b", "item=x", "item=y", "age=25", "genres=War", "genres=Drama"]);
        assert_eq!(dataset.problem.items.rows(1), [3, 6, 5]);
        assert_eq!(dataset.problem.users.rows(0), [0]);
        assert_eq!(dataset.problem.users.rows(1), [1, 4]);
        assert_eq!(dataset.problem.field_groups, [0, 1, 1]);
        let everybody = usize::MAX;
        assert_eq!(dataset.people(), [1, 1, everybody, everybody, 1, everybody, everybody]);
    }
}

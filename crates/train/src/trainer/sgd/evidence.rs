//! What AdaGrad keeps of the rows, and the rows together with it.

use super::kernel::{Kind, Part};
use crate::trainer::{Model, Problem};

/// AdaGrad's sums of squared errors, a row each; empty unless the rates adapt.
pub(super) struct Evidence(pub(super) Vec<f32>);

/// All rows in one part.
pub(super) fn whole<'m>(problem: &Problem, model: &'m mut Model, evidence: &'m mut Evidence) -> Part<'m> {
    let (layout, width) = (&problem.layout, model.width());
    let (users, rest) = model.table_mut().split_at_mut(layout.users * width);
    let (items, fields) = rest.split_at_mut(layout.items * width);
    let most = evidence.0.len();
    let (user_evidence, rest) = evidence.0.split_at_mut(layout.users.min(most));
    let (item_evidence, field_evidence) = rest.split_at_mut(layout.items.min(most));
    Part {
        users: Kind { first: 0, rows: users, evidence: user_evidence },
        items: Kind { first: layout.users, rows: items, evidence: item_evidence },
        fields: Kind { first: layout.users + layout.items, rows: fields, evidence: field_evidence },
    }
}

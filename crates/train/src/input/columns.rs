//! What the columns of a file of events are called. Whoever reads events needs it, so it stands below them all.

/// Which column of the events plays which role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// The column that names the user.
    pub user: String,
    /// The column that names the item.
    pub item: String,
    /// The column of the label: a rating, or 1 for a click and 0 for a skip.
    pub label: String,
    /// Without one, the order of the file is the order of time.
    pub time: Option<String>,
    /// Without one, every event weighs 1.
    pub weight: Option<String>,
}

impl Default for Columns {
    /// `user`, `item` and `label`, without time or weight.
    fn default() -> Columns {
        Columns { user: "user".into(), item: "item".into(), label: "label".into(), time: None, weight: None }
    }
}

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
    /// What names the slate that an event's item stood on, among those of its user. Without one, every event is by itself.
    pub slate: Option<String>,
    /// The item's place there, counted from 1.
    pub place: Option<String>,
    /// The probability with which the item was chosen for its place.
    pub propensity: Option<String>,
    /// Those that tell of the moment what a page gives as the context: device, hour.
    pub context: Vec<String>,
}

/// What stands between the values of a context's columns: the unit separator, which no category has.
pub const BETWEEN: char = '\u{1f}';

impl Default for Columns {
    /// `user`, `item` and `label`, and nothing else.
    fn default() -> Columns {
        let [user, item, label] = ["user", "item", "label"].map(str::to_owned);
        let context = Vec::new();
        Columns { user, item, label, time: None, weight: None, slate: None, place: None, propensity: None, context }
    }
}

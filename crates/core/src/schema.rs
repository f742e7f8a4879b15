use alloc::string::String;
use alloc::vec::Vec;

/// What the fields of an input mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schema {
    /// The field that holds the visitor's id in the training data (`user`). In a browser it names the visitor row.
    pub visitor: String,
    /// The field that holds an item's id (`item`).
    pub item: String,
    /// Further fields whose rows never leave the device.
    pub private: Vec<String>,
    /// The shared fields that the seed was trained on, the item's among them, for people and for checks.
    pub fields: Vec<String>,
}

impl Schema {
    /// Whether `field`, a dotted path, is private or lies inside a private object.
    pub fn is_private(&self, field: &str) -> bool {
        self.private.iter().chain(core::iter::once(&self.visitor)).any(|private| {
            field.strip_prefix(private.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }
}

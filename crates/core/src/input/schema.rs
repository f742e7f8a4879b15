//! What the fields of an input mean to a model: which names the visitor, which the item, and which never leave the device. A seed
//! carries it, so that a page need not repeat it.

use crate::input::kind::{FieldKind, Kind};
use alloc::string::String;
use alloc::vec::Vec;

/// A field whose rows learn at a rate of their own.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldRate {
    /// The field, a dotted path.
    pub field: String,
    /// Its learning rate, 0 to 1000.
    pub rate: f32,
    /// Whether the rate of each row falls with what the row has learnt (AdaGrad, one accumulator a row).
    pub adagrad: bool,
}

/// What the fields of an input mean.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Schema {
    /// The field that holds the visitor's id in the training data (`user`). In a browser it names the visitor row.
    pub visitor: String,
    /// The field that holds an item's id (`item`).
    pub item: String,
    /// Further fields whose rows never leave the device.
    pub private: Vec<String>,
    /// The shared fields that the seed was trained on, the item's among them, for people and for checks.
    pub fields: Vec<String>,
    /// Those of them that tell of the moment and not of the item: what a page gives as the context. With the fields of `rates` at most 255.
    pub context: Vec<String>,
    /// Fields that do not learn at the general rate; at most 255.
    pub rates: Vec<FieldRate>,
    /// What the values of fields are, each field at most once. A field that is not here is what each of its values is.
    pub kinds: Vec<FieldKind>,
}

impl Schema {
    /// The schema of a model that knows visitors and items by these fields, and nothing else yet.
    pub fn new(visitor: &str, item: &str) -> Schema {
        Schema { visitor: visitor.into(), item: item.into(), fields: Vec::from([item.into()]), ..Schema::default() }
    }

    /// Whether `field`, a dotted path, is private or lies inside a private object.
    pub fn is_private(&self, field: &str) -> bool {
        self.private.iter().chain(core::iter::once(&self.visitor)).any(|private| {
            field.strip_prefix(private.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }

    /// The kind of a field, a dotted path, if the schema says.
    pub fn kind(&self, field: &str) -> Option<Kind> {
        self.kinds.iter().find(|of| of.field == field).map(|of| of.kind)
    }

    /// The place of the field among those with a rate of their own and then those of the context, plus one; 0 if it is neither.
    pub(crate) fn group(&self, field: &str) -> u8 {
        let mut named = self.rates.iter().map(|rate| &rate.field).chain(&self.context);
        named.position(|named| named == field).map_or(0, |at| (at + 1) as u8)
    }

    /// Whether features of a group are of the context.
    pub(crate) fn is_context(&self, group: u8) -> bool {
        let Some(at) = usize::from(group).checked_sub(1) else { return false };
        match self.rates.get(at) {
            // A context's field may have a rate of its own.
            Some(rate) => self.context.contains(&rate.field),
            None => at < self.rates.len() + self.context.len(),
        }
    }
}

//! Users in contexts: what an event is of, beside its item, where the events tell of the moment.

use super::codec::{Decoder, Encoder};
use super::side::SideTable;
use crate::error::Result;
use crate::input::BETWEEN;
use std::collections::HashMap;

/// Users in contexts, by number in the order in which they first came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Occasions {
    /// What the fields of each context are.
    pub(crate) contexts: SideTable,
    /// The user and the context of each.
    pub(crate) pairs: Vec<(u32, u32)>,
    numbers: HashMap<(u32, u32), u32>,
}

impl Occasions {
    pub(crate) fn of_fields(fields: &[String]) -> Occasions {
        Occasions { contexts: SideTable::of_fields(fields), ..Occasions::default() }
    }

    /// The number of a user in a context, which is the values of the fields in their order.
    pub(crate) fn enter(&mut self, user: u32, context: &str) -> u32 {
        let Occasions { contexts, pairs, numbers } = self;
        let number = contexts.number(context).unwrap_or_else(|| {
            let fields = contexts.fields().to_vec();
            let values = fields.iter().zip(context.split(BETWEEN));
            let values = values.flat_map(|(field, value)| value.split('|').map(|one| (field.as_str(), one.trim())));
            contexts.enter(context, values)
        });
        *numbers.entry((user, number)).or_insert_with(|| {
            pairs.push((user, number));
            pairs.len() as u32 - 1
        })
    }

    pub(super) fn encode(&self, to: &mut Encoder) {
        self.contexts.encode(to);
        to.number(self.pairs.len() as u64);
        self.pairs.iter().flat_map(|&(user, context)| [user, context]).for_each(|number| to.number(number.into()));
    }

    pub(super) fn decode(from: &mut Decoder<'_>) -> Result<Occasions> {
        let contexts = SideTable::decode(from)?;
        let count = from.number()?;
        let pair = |_| Ok((from.number()? as u32, from.number()? as u32));
        let pairs: Vec<(u32, u32)> = (0..count).map(pair).collect::<Result<_>>()?;
        let numbers = pairs.iter().copied().zip(0..).collect();
        Ok(Occasions { contexts, pairs, numbers })
    }
}

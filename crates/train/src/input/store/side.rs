//! The fields of items and of users: what a file or an event log says of them.

use super::codec::{Decoder, Encoder};
use super::interner::Interner;
use crate::error::Result;

/// What a file says about items or about users: the categories of the fields that were asked for.
#[derive(Debug, Clone, Default)]
pub struct SideTable {
    fields: Vec<String>,
    ids: Interner,
    /// For each id, its (field, category) pairs; a `|` inside a cell separates categories.
    categories: Vec<Vec<(u32, Box<str>)>>,
}

impl SideTable {
    /// A table of these fields that nothing is known of yet.
    pub fn of_fields(fields: &[String]) -> SideTable {
        SideTable { fields: fields.to_vec(), ..SideTable::default() }
    }

    /// The fields that it tells of.
    pub fn fields(&self) -> &[String] {
        &self.fields
    }

    /// Whether a field was asked for.
    pub(crate) fn wants(&self, field: &str) -> bool {
        self.fields.iter().any(|wanted| wanted == field)
    }

    /// Adds (field, category) pairs of an id; what is known already stays once, and fields that nobody asked for are nothing.
    pub fn add<'a>(&mut self, id: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) {
        self.enter(id, pairs);
    }

    /// The same; returns the number of the id.
    pub(crate) fn enter<'a>(&mut self, id: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> u32 {
        let number = self.ids.intern(id) as usize;
        self.categories.resize_with(self.ids.len(), Vec::new);
        for (field, category) in pairs {
            let Some(field) = self.fields.iter().position(|wanted| wanted == field) else { continue };
            let pair = (field as u32, category.into());
            if !category.is_empty() && !self.categories[number].contains(&pair) {
                self.categories[number].push(pair);
            }
        }
        number as u32
    }

    /// The number of an id.
    pub(crate) fn number(&self, id: &str) -> Option<u32> {
        self.ids.find(id)
    }

    /// The id of a number.
    pub(crate) fn id(&self, number: u32) -> &str {
        self.ids.name(number)
    }

    /// Whether any id has a category of this field.
    pub(crate) fn tells(&self, field: &str) -> bool {
        let wanted = self.fields.iter().position(|own| own == field);
        self.categories.iter().flatten().any(|(field, _)| Some(*field as usize) == wanted)
    }

    /// Whether an id was added.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.ids.find(id).is_some()
    }

    /// The ids that something is known of.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.ids.names()
    }

    /// The categories of a field that an id has.
    pub(crate) fn values<'a>(&'a self, id: &str, field: &'a str) -> impl Iterator<Item = &'a str> {
        self.of(id).filter(move |(own, _)| *own == field).map(|(_, category)| category)
    }

    pub(crate) fn encode(&self, to: &mut Encoder) {
        to.texts(self.fields.iter().map(String::as_str));
        to.texts(self.ids.names());
        for categories in &self.categories {
            to.number(categories.len() as u64);
            for (field, category) in categories {
                to.number((*field).into());
                to.text(category);
            }
        }
    }

    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<SideTable> {
        let fields = from.texts()?.map(|field| Ok(field?.to_owned())).collect::<Result<Vec<_>>>()?;
        let ids = from.interner()?;
        let mut side = SideTable { fields, ids, categories: Vec::new() };
        for _ in 0..side.ids.len() {
            let count = from.number()?;
            let pairs = (0..count).map(|_| Ok((from.number()? as u32, from.text()?.into()))).collect::<Result<_>>()?;
            side.categories.push(pairs);
        }
        Ok(side)
    }

    /// The (field, category) pairs of an id; none if the file does not list it.
    pub(crate) fn of<'a>(&'a self, id: &str) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let categories = self.ids.find(id).map_or(&[][..], |number| &self.categories[number as usize]);
        categories.iter().map(|(field, category)| (self.fields[*field as usize].as_str(), &**category))
    }
}

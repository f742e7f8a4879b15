//! A seed taken apart, so that a part of it can be replaced; and the people on whom that is tried.

use crate::error::Result;
use crate::evaluate::{Bucket, Estimate, Replayed, Visitors};
use crate::input::{Events, LabelRule, SideTable};
use brooklet_core::{Base, Config, Metadata, Precision, Rows, encode_base};

#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) metadata: Metadata,
    pub(super) rows: Rows,
    precision: Precision,
}

impl Draft {
    pub(super) fn of(base: &Base) -> Draft {
        Draft { metadata: base.metadata().clone(), rows: Rows::of(base), precision: base.precision() }
    }

    pub(super) fn base(&self) -> Result<Base> {
        Ok(Base::decode(encode_base(&self.metadata, &self.rows, self.precision)?)?)
    }
}

/// The people, and how to read them.
pub struct Bench {
    pub(super) events: Events,
    pub(super) rule: LabelRule,
    pub(super) users: SideTable,
    pub(super) items: SideTable,
    pub(super) threads: usize,
}

impl Bench {
    /// `rule` is what labels mean, as the seed says; `users` and `items` are their fields. The result does not depend on the number
    /// of threads.
    pub fn new(events: Events, rule: LabelRule, users: SideTable, items: SideTable, threads: usize) -> Bench {
        Bench { events, rule, users, items, threads }
    }

    /// Some of the people. A seed with other rates of its fields makes other features, so they are made anew for each.
    pub(super) fn visitors(&self, who: &[u32], base: &Base) -> Result<Visitors> {
        Visitors::of(who, base, &self.events, &self.rule, &self.users, &self.items)
    }

    pub(super) fn replay(&self, who: &[u32], draft: &Draft, config: &Config) -> Result<Vec<Replayed>> {
        let base = draft.base()?;
        Ok(self.visitors(who, &base)?.replay(&base, config, &[], self.threads, || {})?)
    }

    /// The figures of a replay over all events.
    pub(super) fn judge(&self, replayed: &[Replayed]) -> Bucket<Estimate> {
        Bucket::all(replayed, self.rule.squared)
    }
}

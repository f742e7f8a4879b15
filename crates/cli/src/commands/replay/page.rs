//! The report of a replay, for people.

use super::people::{Asked, People};
use crate::files::file_name;
use crate::largest::{Largest, notes};
use crate::report::{Report as Page, TOP, Told};
use anyhow::Result;
use brooklet_core::Base;
use brooklet_train::evaluate::Judged;
use brooklet_train::maths::mean;
use std::path::Path;

/// Writes it: who was replayed, and what is said of each seed.
pub(super) fn write(
    path: &Path,
    asked: &Asked<'_>,
    events: &Path,
    people: &People,
    seeds: &[&Path],
    bases: &[Base],
    judged: &[Judged],
) -> Result<()> {
    let users = people.events.users();
    let clicks = mean(people.clicks.iter().flatten().map(|click| f64::from(u8::from(*click))));
    let mut facts = vec![
        ("events", format!("{} of {}", people.events.len(), events.display())),
        ("visitors", users.to_string()),
        ("items", people.events.items().to_string()),
        ("share of clicks", clicks.map_or("-".to_owned(), |share| format!("{:.1} %", 100.0 * share))),
    ];
    facts.extend((asked.delay > 0.0).then(|| ("labels late by", asked.delay.to_string())));
    facts.extend(asked.delay_column.iter().map(|column| ("labels late by", format!("column {column}"))));
    let mut models = Vec::new();
    for ((seed, base), judged) in seeds.iter().zip(bases).zip(judged) {
        let metadata = base.metadata();
        let (rows, factors) = (base.len(), metadata.factors);
        let told = format!("{} version {}, {rows} rows, {factors} factors", metadata.model, metadata.version);
        facts.push(("seed", format!("{}: {told}", seed.display())));
        models.push(Told {
            name: seed.display().to_string(),
            judged: Some(judged),
            largest: Largest::new(base, TOP, &notes(base, asked.people.items.as_deref(), asked.people.dialect())?),
        });
    }
    let page = Page {
        title: &format!("Replay of {}", file_name(events)),
        facts,
        epochs: &[],
        people: format!("{users} visitors whom the seed never saw"),
        models,
    };
    page.write(path)
}

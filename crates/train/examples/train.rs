//! Trains a seed of events in memory, then replays people whom it never saw: each event is predicted, then learnt from.
//!
//! `cargo run -p brooklet-train --example train`

use brooklet_core::{Base, Config};
use brooklet_train::evaluate::{FREEZE, Judged, Visitors};
use brooklet_train::input::{Columns, Row, SideTable, events_of};
use brooklet_train::maths::cores;
use brooklet_train::seed::rule;
use brooklet_train::training::{Recipe, Training};
use std::error::Error;

/// Who was shown what, and whether they clicked. One half of the people likes films of even numbers, the other half odd ones, and
/// every eleventh time it is the other way round.
fn shown(people: std::ops::Range<usize>) -> Vec<(String, String, bool)> {
    let person = |u: usize| {
        (0..60).map(move |n| {
            let film = (u * 13 + n * 7) % 60;
            let click = (u + film).is_multiple_of(2) != (u + n).is_multiple_of(11);
            (format!("person {u}"), format!("film {film}"), click)
        })
    };
    people.flat_map(person).collect()
}

fn rows(shown: &[(String, String, bool)]) -> impl Iterator<Item = Row<'_>> {
    shown.iter().map(|(user, item, click)| {
        let label = if *click { 1.0 } else { 0.0 };
        Row { user, item, label, ..Row::default() }
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let known = shown(0..400);
    let recipe = Recipe { factors: 4, model: "films".into(), ..Recipe::default() };
    let nothing = SideTable::default;
    let training = Training::of_events(&recipe, Columns::default(), rows(&known), nothing(), nothing(), &())?;
    let made = training.seed()?;
    println!("{} events, {} epochs, a seed of {} bytes", made.rows, made.epochs, made.bytes.len());

    let base = Base::decode(made.bytes)?;
    let (rule, strangers) = (rule(base.metadata()), shown(400..500));
    let events = events_of(rows(&strangers), &Columns::default(), &rule)?;
    let visitors = Visitors::new(&base, &events, &rule, &nothing(), &nothing())?;
    let replayed = visitors.replay(&base, &Config::default(), &FREEZE, cores(), || {})?;
    let judged = Judged::new(&replayed, &FREEZE, rule.squared);
    for bucket in &judged.figures.buckets {
        let auc =
            |figure: &Option<_>| figure.as_ref().map_or(f64::NAN, |of: &brooklet_train::evaluate::Estimate| of.value);
        println!(
            "event {:>5}: AUC {:.3} personal, {:.3} static",
            bucket.bucket,
            auc(&bucket.personal.auc),
            auc(&bucket.fixed.auc)
        );
    }
    Ok(())
}

//! Steps upon a seed, each kept if it pays on people whom the seed never saw.

use super::draft::{Bench, Draft};
use super::steps;
use super::thresholds::Chosen;
use crate::error::Result;
use crate::evaluate::{Difference, Estimate, Score};
use crate::maths::Rng;
use crate::seed::object;
use crate::watch::{Length, Watch};
use brooklet_core::{Base, Config, Metadata, Value};
use serde::Serialize;

/// Fewer people than this are no ground to choose on, in two halves of which one is cut in two again.
const LEAST_PEOPLE: usize = 20;

/// What tuning did, and what came of it.
#[derive(Debug, Serialize)]
pub struct Tuning {
    /// People on whom was chosen.
    pub chosen_on: usize,
    /// People who are judged.
    pub judged_on: usize,
    /// Of the seed as it was given, over the people judged.
    pub given: Score<Estimate>,
    /// What was tried, in order.
    pub steps: Vec<Step>,
    /// Of the seed that was written, and how much it is above the one given.
    pub tuned: Score<Estimate>,
    /// With the standard error over people.
    pub difference: Score<Difference>,
    /// What was chosen for the gate and the detectors.
    pub thresholds: Chosen,
}

/// One step.
#[derive(Debug, Serialize)]
pub struct Step {
    /// What is changed: `prior scale`.
    pub step: String,
    /// None if nothing paid, so that all stays as it was.
    pub chosen: Option<String>,
    /// How much the loss of the best choice is above the one before, over the people on whom it was chosen.
    pub choosing: Option<Difference>,
    /// How much its figures are above those before, over the people judged.
    pub difference: Option<Score<Difference>>,
}

/// Tunes a seed on some of these people, and judges what came of it on the others. `random` draws who is who; `title` is what a
/// person calls the events, for the seed to tell.
pub fn tune(base: &Base, bench: &Bench, random: u64, title: &str, watch: &dyn Watch) -> Result<(Base, Tuning)> {
    let people = bench.events.users.len();
    ensure!(
        people >= LEAST_PEOPLE,
        Setting,
        "{title} has {people} people, too few to choose on some and judge on others: give at least {LEAST_PEOPLE}"
    );
    let mut clicks = bench.events.clicks(&bench.rule).flatten();
    let first = clicks.next();
    ensure!(
        bench.rule.squared || first.is_none() || clicks.any(|click| Some(click) != first),
        Setting,
        "{title}: every event is a {}: there is nothing to tell apart, so nothing to tune on",
        if first == Some(true) { "click" } else { "skip" }
    );
    let mut drawn: Vec<u32> = (0..people as u32).collect();
    Rng::new(random, 0).shuffle(&mut drawn);
    let (choosing, judging) = drawn.split_at(people / 2);

    let score = |draft: &Draft| -> Result<Score<Estimate>> {
        Ok(bench.judge(&bench.replay(judging, draft, &Config::default())?).personal)
    };
    let mut draft = Draft::of(base);
    let steps = steps::all(base.metadata());
    let given = score(&draft)?;
    let mut now = given.clone();
    let mut told = Vec::new();
    let tries = steps.iter().map(|step| 1 + step.changes.len()).sum();
    let progress = watch.begin("tuning on people held out", Length::Steps(tries));
    for step in steps {
        let taken = step.take(bench, choosing, &draft, || progress.advance(1))?;
        let mut tried = Step { step: step.name, chosen: None, choosing: taken.difference, difference: None };
        if let Some((chosen, better)) = taken.kept {
            let after = score(&better)?;
            progress.note(&format!("{}: {chosen}", tried.step));
            tried = Step { chosen: Some(chosen), difference: Some(after.minus(&now)), ..tried };
            (draft, now) = (better, after);
        }
        told.push(tried);
    }
    drop(progress);
    let thresholds = Chosen::on(bench, choosing, judging, &draft)?;
    draft.metadata.thresholds = thresholds.over(&draft.metadata.thresholds);
    record(&mut draft.metadata, title, random, people, &told);
    let tuned = draft.base()?;
    let report = Tuning {
        chosen_on: choosing.len(),
        judged_on: judging.len(),
        difference: now.minus(&given),
        given,
        steps: told,
        tuned: now,
        thresholds,
    };
    Ok((tuned, report))
}

/// Says in the seed what it was tuned on, and how.
fn record(metadata: &mut Metadata, title: &str, random: u64, people: usize, steps: &[Step]) {
    let kept =
        steps.iter().filter_map(|Step { step, chosen, .. }| Some((step.clone(), Value::from(chosen.as_deref()?))));
    let tuned = object([
        ("events", Value::from(title)),
        ("people", Value::Number(people as f64)),
        ("random", Value::Number(random as f64)),
        ("steps", Value::Object(kept.collect())),
        ("thresholds", metadata.thresholds.to_value()),
    ]);
    if let Value::Object(training) = &mut metadata.training {
        training.retain(|(key, _)| key != "tuned");
        training.push(("tuned".to_owned(), tuned));
    }
}

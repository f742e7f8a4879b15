//! Replays an event log as the browser exports it: the same inputs in the same order, with the labels as late as they came.
//! Over the seed that the log was made with, every prediction must come out bit for bit; over another seed it is judged by
//! what really happened, and by what a greedy ranking with it would have earned (off-policy).

use crate::metrics::{auc, log_loss, mean};
use anyhow::{Context, Result, bail};
use brooklet_core::{Base, Config, Learner, Loss, Prediction, Record, Scored, Value};
use serde::Serialize;
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// What `--json` prints.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(crate) struct Report {
    records: usize,
    /// Whether the log was made with this very seed.
    same_seed: bool,
    predictions: usize,
    /// Those whose score has the very bits that the log has.
    identical: usize,
    largest_difference: f32,
    /// Inputs that were labelled, and how they were predicted when they were shown.
    labelled: usize,
    log_loss: Option<f64>,
    auc: Option<f64>,
    off_policy: Option<OffPolicy>,
}

/// The click rate that a greedy ranking by the replayed learner would have had on the labelled places of the log's slates.
#[derive(Debug, PartialEq, Serialize)]
struct OffPolicy {
    places: usize,
    /// Places at which it would have shown what was shown.
    agreed: usize,
    /// What the log itself earned.
    logged: f64,
    /// Inverse propensity scoring (Horvitz and Thompson 1952).
    ips: f64,
    /// The same, normalised by its own weights (Swaminathan and Joachims 2015).
    snips: Option<f64>,
}

pub(crate) fn replay(log: &Path, base: &Base, config: &Config) -> Result<Report> {
    let file = std::fs::File::open(log).with_context(|| format!("cannot read the log {}", log.display()))?;
    let mut replayed = Replayed::new(base, config);
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let at = || format!("{}:{}", log.display(), number + 1);
        let line = line.with_context(at)?;
        if line.trim().is_empty() {
            continue;
        }
        let record = Value::parse(&line).and_then(|value| Record::from_value(&value)).with_context(at)?;
        replayed.take(&record).with_context(at)?;
    }
    if replayed.learner.is_none() {
        bail!("{} has no record `opened` to begin from", log.display());
    }
    Ok(replayed.report())
}

pub(crate) fn print(report: &Report) {
    let figure = |x: Option<f64>| x.map_or("-".into(), |x| format!("{x:.4}"));
    println!("{} records, {} predictions", report.records, report.predictions);
    if report.same_seed {
        println!("{} of them bit for bit as logged", report.identical);
    } else {
        println!("another seed than the log was made with; the scores differ by up to {}", report.largest_difference);
    }
    let (loss, auc) = (figure(report.log_loss), figure(report.auc));
    println!("{} labelled inputs: log-loss {loss}, AUC {auc}", report.labelled);
    if let Some(OffPolicy { places, agreed, logged, ips, snips }) = &report.off_policy {
        println!("off-policy, {places} labelled places, {agreed} of them as this learner would have filled them:");
        println!("click rate logged {logged:.4}, IPS {ips:.4}, SNIPS {}", figure(*snips));
    }
}

struct Replayed<'a> {
    base: &'a Base,
    config: &'a Config,
    learner: Option<Learner>,
    report: Report,
    /// Log-loss of each labelled input; score and click.
    losses: Vec<f64>,
    scored: Vec<(f32, bool)>,
    /// By slate and item: the weight that off-policy estimates give what follows.
    places: HashMap<(u64, String), f64>,
    /// Weight and reward of each labelled place.
    rewards: Vec<(f64, f64)>,
}

impl<'a> Replayed<'a> {
    fn new(base: &'a Base, config: &'a Config) -> Replayed<'a> {
        let report = Report { same_seed: true, ..Report::default() };
        let (losses, scored, rewards) = (Vec::new(), Vec::new(), Vec::new());
        Replayed { base, config, learner: None, report, losses, scored, places: HashMap::new(), rewards }
    }

    fn take(&mut self, record: &Record) -> Result<()> {
        self.report.records += 1;
        if let Record::Opened { base, profile, .. } = record {
            return self.open(*base, profile);
        }
        // What comes before the first `opened` belongs to a state that nobody knows.
        let Some(learner) = &mut self.learner else { return Ok(()) };
        match record {
            Record::Shown { slate, items, pool } => {
                let weights = greedy_weights(learner, items, pool);
                self.places.extend(items.iter().zip(weights).map(|(item, w)| ((*slate, item.item.clone()), w)));
                let scores = learner.replay(record)?;
                self.compare(items.iter().map(|scored| scored.score).zip(scores));
            }
            Record::Held { scored, .. } => {
                let scores = learner.replay(record)?;
                self.compare([scored.score].into_iter().zip(scores));
            }
            Record::Labelled { slate, item, target, weight } => {
                let prediction = learner.label(*slate, item, *target, *weight)?;
                let click = self.judge(&prediction, *target);
                if let Some(weight) = self.places.remove(&(*slate, item.clone())) {
                    self.rewards.push((weight, f64::from(u8::from(click))));
                }
            }
            Record::Learnt { scored, target, weight } => {
                let prediction = learner.learn_one(&scored.features, *target, *weight)?;
                self.compare([(scored.score, prediction.score)]);
                self.judge(&prediction, *target);
            }
            other => {
                learner.replay(other)?;
            }
        }
        Ok(())
    }

    fn open(&mut self, digest: u64, profile: &[u8]) -> Result<()> {
        if digest == self.base.digest() {
            self.learner = Some(Learner::restore(self.base.clone(), self.config.clone(), profile)?);
        } else {
            // A profile made with other factors means nothing to this seed: its learner begins with the log and goes on.
            self.report.same_seed = false;
            self.learner.get_or_insert_with(|| Learner::new(self.base.clone(), self.config.clone()));
        }
        Ok(())
    }

    fn compare(&mut self, scores: impl IntoIterator<Item = (f32, f32)>) {
        for (logged, now) in scores {
            self.report.predictions += 1;
            self.report.identical += usize::from(logged.to_bits() == now.to_bits());
            self.report.largest_difference = self.report.largest_difference.max((logged - now).abs());
        }
    }

    fn judge(&mut self, prediction: &Prediction, target: f32) -> bool {
        let metadata = self.base.metadata();
        let click = target >= metadata.labels.click_target();
        self.report.labelled += 1;
        if metadata.loss == Loss::Logistic {
            self.losses.push(log_loss(prediction.probability, f32::from(u8::from(click))));
            self.scored.push((prediction.score, click));
        }
        click
    }

    fn report(self) -> Report {
        let places = self.rewards.len();
        let sum = |f: fn(&(f64, f64)) -> f64| self.rewards.iter().map(f).sum::<f64>();
        let off_policy = (places > 0).then(|| {
            let (weights, earned) = (sum(|(weight, _)| *weight), sum(|(weight, reward)| weight * reward));
            OffPolicy {
                places,
                agreed: self.rewards.iter().filter(|(weight, _)| *weight > 0.0).count(),
                logged: sum(|(_, reward)| *reward) / places as f64,
                ips: earned / places as f64,
                snips: (weights > 0.0).then(|| earned / weights),
            }
        });
        Report { log_loss: mean(self.losses), auc: auc(self.scored), off_policy, ..self.report }
    }
}

/// For each place, 1 / propensity if the learner too would have put its item there, given the places above; else 0.
fn greedy_weights(learner: &Learner, items: &[Scored], pool: &[Scored]) -> Vec<f64> {
    let score = |scored: &Scored| learner.predict_one(&scored.features).score;
    let shown: Vec<f32> = items.iter().map(score).collect();
    let best_left = pool.iter().map(score).fold(f32::NEG_INFINITY, f32::max);
    (0..items.len())
        .map(|place| {
            let best = shown[place..].iter().copied().fold(best_left, f32::max);
            let propensity = f64::from(items[place].propensity);
            if shown[place] >= best && propensity > 0.0 { 1.0 / propensity } else { 0.0 }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use brooklet_core::{Exploration, Features, Query};

    /// A log of a visitor who clicks item 1 alone, shown by chance: every item at the first place alike.
    #[test]
    fn a_seed_is_judged_by_what_it_would_have_shown() {
        let base = testing::base_of_items(4);
        let exploration = Exploration::EpsilonGreedy { epsilon: 1.0 };
        let config = Config { exploration, log: true, seed: 4, ..Config::default() };
        let mut learner = Learner::new(base.clone(), config.clone());
        learner.open_log();
        for item in 0..4 {
            learner.set_item(&item.to_string(), &Features::default()).unwrap();
        }
        let mut clicks = 0;
        for _ in 0..400 {
            let slate = learner.recommend(&Query { k: 1, ..Query::default() });
            let item = &slate.items[0].item;
            clicks += usize::from(item == "1");
            learner.label(slate.id, item, f32::from(u8::from(item == "1")), 1.0).unwrap();
        }
        let lines: Vec<String> = learner.take_log().iter().map(|record| record.to_value().to_json()).collect();
        let log = testing::temp_file(&lines.join("\n"));

        let report = replay(log.path(), &base, &Config { log: false, ..config }).unwrap();
        assert!(report.same_seed);
        assert_eq!((report.predictions, report.identical, report.labelled), (400, 400, 400));
        let off_policy = report.off_policy.unwrap();
        assert_eq!(off_policy.logged, clicks as f64 / 400.0);
        // It soon learns what is clicked; shown greedily, that would nearly always be clicked.
        assert!(
            off_policy.snips.unwrap() > 0.8 && (off_policy.ips - off_policy.snips.unwrap()).abs() < 0.3,
            "{off_policy:?}"
        );

        let other = testing::base_of_items(5);
        let report = replay(log.path(), &other, &Config::default()).unwrap();
        assert!(!report.same_seed && report.labelled == 400);
    }

    #[test]
    fn a_broken_log_is_named_with_its_line() {
        let error = |text: &str| {
            let log = testing::temp_file(text);
            format!("{:#}", replay(log.path(), &testing::base_of_items(2), &Config::default()).unwrap_err())
        };
        let wrong = error("\n{\"type\":\"named\",\"id\":\"00\",\"name\":\"x\"}\n");
        assert!(wrong.contains(".csv:2: "), "{wrong}");
        let empty = error("");
        assert!(empty.contains("opened"), "{empty}");
    }
}

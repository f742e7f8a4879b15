//! Replays an event log as the browser exports it: the same inputs in the same order, with the labels as late as they came.
//! Over the seed that the log was made with, every prediction must come out bit for bit; over another seed it is judged by
//! what really happened, and by what a greedy ranking with it would have earned (off-policy).

use super::estimate::Estimate;
use super::log_report::LogReport;
use super::off_policy::{Evidence, OffPolicy};
use crate::error::{Context, Error, Result};
use crate::input::{Dialect, Format, InputFile, Numbered, Opened, Text, open};
use crate::maths::log_loss;
use crate::watch::Progress;
use brooklet_core::{Base, Candidate, Config, Learner, Loss, Prediction, Record, Subject, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// Whether a file is an event log and no file of events: its first line is a record.
pub fn is_log(file: &InputFile, dialect: Dialect) -> bool {
    // Where there is no file to read, whoever reads it will say so.
    let Ok(Opened::Text(text)) = open(file, dialect, &nobody()) else { return false };
    // A log may be broken from its first line on; its reader will name the line.
    text.format == Format::Log || text.header.starts_with(b"{\"type\"")
}

/// Replays a log upon a seed. `settings` are the learner's: it is given those that the log tells, if it tells any, and may
/// refuse them.
pub fn replay_log(log: &InputFile, dialect: Dialect, base: &Base, settings: &Settings<'_>) -> Result<LogReport> {
    let Opened::Text(text) = open(log, dialect, &nobody())? else {
        bail!(Input, "{log} is no event log");
    };
    let Text { body, line, end, .. } = text;
    let mut lines = Numbered::new(body, line, end);
    let mut replayed = Replayed::new(base, settings);
    while let Some(line) = lines.next().with_context(|| format!("cannot read {log} further"))? {
        let record = std::str::from_utf8(line).map_err(Error::from).and_then(|line| {
            let value = Value::parse(line)?;
            Ok(Record::from_value(&value)?)
        });
        let taken = record.and_then(|record| replayed.take(&record));
        taken.with_context(|| format!("{log}:{}", lines.line))?;
    }
    if replayed.learner.is_none() {
        bail!(Input, "{log} has no record `opened` to begin from");
    }
    Ok(replayed.report())
}

/// A log is read at once.
fn nobody() -> Arc<dyn Progress> {
    Arc::new(())
}

/// The settings of a log's learner, given those that the log tells.
type Settings<'a> = dyn Fn(Option<&Config>) -> Result<Config> + 'a;

struct Replayed<'a> {
    base: &'a Base,
    settings: &'a Settings<'a>,
    learner: Option<Learner>,
    report: LogReport,
    /// What was labelled, by slate; an input without one stands by itself.
    units: Vec<Unit>,
    /// By slate or held prediction: its unit.
    slates: HashMap<u64, usize>,
    /// By item of a slate: what off-policy estimates make of what follows.
    places: HashMap<Subject, Evidence>,
}

/// What is drawn at once, where chance is reckoned with.
#[derive(Default)]
struct Unit {
    losses: Vec<f64>,
    scored: Vec<(f32, bool)>,
    /// Of each labelled place.
    rewards: Vec<Evidence>,
}

impl<'a> Replayed<'a> {
    fn new(base: &'a Base, settings: &'a Settings<'a>) -> Replayed<'a> {
        let report = LogReport { same_seed: true, ..LogReport::default() };
        let (units, slates) = (Vec::new(), HashMap::new());
        Replayed { base, settings, learner: None, report, units, slates, places: HashMap::new() }
    }

    fn take(&mut self, record: &Record) -> Result<()> {
        self.report.records += 1;
        if let Record::Opened { base, profile, config, .. } = record {
            return self.open(*base, profile, config.as_ref());
        }
        // What comes before the first `opened` belongs to a state that nobody knows.
        let Some(learner) = &mut self.learner else { return Ok(()) };
        match record {
            Record::Shown { slate, items, pool, listed } => {
                let evidence = greedy(learner, items, pool, *listed);
                let subject = |item: &Candidate| Subject::Item { slate: *slate, item: item.item.clone() };
                self.places.extend(items.iter().map(subject).zip(evidence));
                let scores = learner.replay(record)?;
                self.compare(items.iter().map(|scored| scored.score).zip(scores));
            }
            Record::Held { scored, .. } => {
                let scores = learner.replay(record)?;
                self.compare([scored.score].into_iter().zip(scores));
            }
            Record::Labelled { subject, target, weight } => {
                let prediction = learner.label(subject, *target, *weight)?;
                let (Subject::Item { slate, .. } | Subject::Held(slate)) = subject;
                let unit = *self.slates.entry(*slate).or_insert_with(|| {
                    self.units.push(Unit::default());
                    self.units.len() - 1
                });
                let click = self.judge(&prediction, *target, unit);
                if let Some(of) = self.places.remove(subject) {
                    self.units[unit].rewards.push(Evidence { reward: f64::from(u8::from(click)), ..of });
                }
            }
            Record::Learnt { scored, target, weight } => {
                let prediction = learner.learn_one(&scored.features, *target, *weight)?;
                self.compare([(scored.score, prediction.score)]);
                self.units.push(Unit::default());
                self.judge(&prediction, *target, self.units.len() - 1);
            }
            other => {
                learner.replay(other)?;
            }
        }
        Ok(())
    }

    fn open(&mut self, digest: u64, profile: &[u8], logged: Option<&Config>) -> Result<()> {
        let config = (self.settings)(logged)?;
        let base = self.base.clone();
        self.learner = Some(if digest == base.digest() {
            Learner::restore(base, config, profile)?
        } else {
            // A profile made with other factors means nothing to this seed: its learner begins with the log and goes on, by
            // other settings if the page has come to others.
            self.report.same_seed = false;
            match self.learner.take() {
                None => Learner::new(base, config)?,
                Some(learner) if *learner.config() == config => learner,
                Some(learner) => Learner::restore(base, config, &learner.profile())?,
            }
        });
        Ok(())
    }

    fn compare(&mut self, scores: impl IntoIterator<Item = (f32, f32)>) {
        for (logged, now) in scores {
            self.report.predictions += 1;
            self.report.identical += usize::from(logged.to_bits() == now.to_bits());
            self.report.largest_difference = self.report.largest_difference.max((logged - now).abs());
        }
    }

    fn judge(&mut self, prediction: &Prediction, target: f32, unit: usize) -> bool {
        let metadata = self.base.metadata();
        let click = target >= metadata.labels.click_target();
        self.report.labelled += 1;
        if metadata.loss == Loss::Logistic {
            let unit = &mut self.units[unit];
            unit.losses.push(log_loss(prediction.probability, f32::from(u8::from(click))));
            unit.scored.push((prediction.score, click));
        }
        click
    }

    fn report(self) -> LogReport {
        let units = &self.units;
        let rewards: Vec<Vec<Evidence>> = units.iter().map(|unit| unit.rewards.clone()).collect();
        let off_policy = OffPolicy::new(&rewards);
        let losses = units.iter().map(|unit| (unit.losses.iter().sum(), unit.losses.len() as f64));
        let scored: Vec<Vec<(f32, bool)>> = units.iter().map(|unit| unit.scored.clone()).collect();
        LogReport { log_loss: Estimate::ratio(losses), auc: Estimate::auc(&scored), off_policy, ..self.report }
    }
}

/// What each place tells of a greedy ranking by the learner, given the places above: it would have put its best item there, and
/// expects a click of that as it predicts it, before it learns of any.
fn greedy(learner: &Learner, items: &[Candidate], pool: &[Candidate], listed: bool) -> Vec<Evidence> {
    // What ranks, and the probability of a click.
    let judged = |of: &Candidate| {
        let click = learner.predict_one(&of.features).probability;
        (learner.ranks_by(&of.features, listed), f64::from(click))
    };
    let better = |best: (f32, f64), other: (f32, f64)| if other.0 > best.0 { other } else { best };
    let shown: Vec<(f32, f64)> = items.iter().map(judged).collect();
    let best_left = pool.iter().map(judged).fold((f32::NEG_INFINITY, 0.0), better);
    let place = |place: usize| {
        let best = shown[place + 1..].iter().copied().fold(better(shown[place], best_left), better);
        let propensity = f64::from(items[place].propensity);
        let agrees = shown[place].0 >= best.0 && propensity > 0.0;
        let weight = if agrees { 1.0 / propensity } else { 0.0 };
        Evidence { count: 1.0, weight, reward: 0.0, expected: shown[place].1, direct: best.1 }
    };
    (0..items.len()).map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::super::estimate::Difference;
    use super::super::log_report::LogDifferences;
    use super::*;
    use crate::error::told;
    use crate::testing;
    use brooklet_core::{
        CataloguePrior, Exploration, FeatureId, Features, Metadata, ModelConfig, Precision, Query, Rows, encode_base,
    };

    /// What the log tells, and otherwise this.
    fn otherwise(config: Config) -> impl Fn(Option<&Config>) -> Result<Config> {
        move |logged| Ok(logged.unwrap_or(&config).clone())
    }

    #[test]
    fn a_log_is_told_from_events_by_its_first_line() {
        for (text, expected) in [
            ("\n {\"type\":\"opened\"\n", true),
            ("{\"name\":\"x\",\"type\":\"named\",\"id\":\"279a8b0c2f1d6733\"}\n", true),
            ("user,item,label\n", false),
            ("{\"user\":\"a\",\"type\":1}\n", false),
            ("", false),
        ] {
            let file = testing::temp_file(text);
            assert_eq!(is_log(&InputFile::once(file.path()), Dialect::default()), expected, "{text}");
        }
    }

    /// A log of a visitor who clicks item 1 alone, shown by chance: every item at the first place alike.
    #[test]
    fn a_seed_is_judged_by_what_it_would_have_shown() {
        let base = testing::base_of_items(4);
        let exploration = Exploration::EpsilonGreedy { epsilon: 1.0 };
        let config = Config { exploration, log: true, seed: 4, ..Config::default() };
        let mut learner = Learner::new(base.clone(), config).unwrap();
        learner.open_log();
        for item in 0..4 {
            learner.set_item(&item.to_string(), &Features::default()).unwrap();
        }
        let mut clicks = 0;
        for _ in 0..400 {
            let slate = learner.recommend(&Query { k: 1, ..Query::default() });
            let item = &slate.items[0].item;
            clicks += usize::from(item == "1");
            learner
                .label(&Subject::Item { slate: slate.id, item: item.into() }, f32::from(u8::from(item == "1")), 1.0)
                .unwrap();
        }
        let lines: Vec<String> = learner.take_log().iter().map(|record| record.to_value().to_json()).collect();
        let log = testing::temp_file(&lines.join("\n"));

        let report =
            replay_log(&InputFile::once(log.path()), Dialect::default(), &base, &otherwise(Config::default())).unwrap();
        assert!(report.same_seed);
        assert_eq!((report.predictions, report.identical, report.labelled), (400, 400, 400));
        let off_policy = report.off_policy.unwrap();
        assert_eq!(off_policy.logged, clicks as f64 / 400.0);
        // It soon learns what is clicked; shown greedily, that would nearly always be clicked.
        let [ips, snips] = [&off_policy.ips, &off_policy.snips].map(|figure| figure.as_ref().unwrap().value);
        assert!(snips > 0.8 && (ips - snips).abs() < 0.3, "{off_policy:?}");

        let other = testing::base_of_items(5);
        let report =
            replay_log(&InputFile::once(log.path()), Dialect::default(), &other, &otherwise(Config::default()))
                .unwrap();
        assert!(!report.same_seed && report.labelled == 400);
    }

    #[test]
    fn a_seed_that_ranks_the_catalogue_is_judged_by_that_unless_the_page_named_the_candidates() {
        // What was shown puts item 0 first, the catalogue item 1.
        let prior = CataloguePrior { mean: vec![1.0], covariance: vec![0.01], click: 1.0, half: 1.0 };
        let metadata = Metadata { catalogue: Some(prior), ..testing::metadata(Loss::Logistic) };
        let ids = ["item=0", "item=1"].map(FeatureId::named).to_vec();
        let catalogue = Some(vec![0.0, 0.0, 0.5, 0.0]);
        let rows = Rows { ids, rows: vec![1.0, 0.0], catalogue, ..Rows::default() };
        let base = Base::decode(encode_base(&metadata, &rows, Precision::F16).unwrap()).unwrap();
        let exploration = Exploration::EpsilonGreedy { epsilon: 1.0 };
        let model = ModelConfig { rate_factor: 0.0, ..ModelConfig::default() };
        let config = Config { exploration, log: true, seed: 8, model, ..Config::default() };
        for (listed, best) in [(false, "1"), (true, "0")] {
            let mut learner = Learner::new(base.clone(), config.clone()).unwrap();
            learner.open_log();
            for item in ["0", "1"] {
                learner.set_item(item, &Features::default()).unwrap();
            }
            let mut shown = 0;
            for _ in 0..40 {
                let include = listed.then_some(&["0", "1"][..]);
                let slate = learner.recommend(&Query { k: 1, include, ..Query::default() });
                shown += usize::from(slate.items[0].item == best);
                learner.skip(slate.id, &slate.items[0].item).unwrap();
            }
            let lines: Vec<String> = learner.take_log().iter().map(|record| record.to_value().to_json()).collect();
            let log = testing::temp_file(&lines.join("\n"));
            let still = otherwise(Config::default());
            let report = replay_log(&InputFile::once(log.path()), Dialect::default(), &base, &still).unwrap();
            assert_eq!(report.off_policy.unwrap().agreed, shown, "listed: {listed}");
        }
    }

    #[test]
    fn each_seed_is_judged_by_its_own_policy_on_the_same_log() {
        // Items 0 and 1 were shown 4 times each at even chances; 0 is clicked 3 times, 1 once.
        let likes = |item: &str| testing::base(&testing::metadata(Loss::Logistic), &[item.to_owned()], 1.0);
        let scored = |item: &str, propensity: f32| {
            let metadata = testing::metadata(Loss::Logistic);
            let mut features = Features::builder(&metadata.schema);
            features.text("item", item).unwrap();
            Candidate { item: item.to_owned(), features: features.finish(), score: 0.0, propensity }
        };
        let opened = Record::Opened { model: "m".into(), version: 1, base: 0, profile: vec![], config: None };
        let mut records = vec![opened];
        for slate in 0..8u64 {
            let (shown, other) = if slate % 2 == 0 { ("0", "1") } else { ("1", "0") };
            let (items, pool) = (vec![scored(shown, 0.5)], vec![scored(other, 0.0)]);
            records.push(Record::Shown { slate, items, pool, listed: false });
            let target = f32::from(u8::from(matches!(slate, 0 | 2 | 4 | 1)));
            let subject = Subject::Item { slate, item: shown.into() };
            records.push(Record::Labelled { subject, target, weight: 1.0 });
        }
        let lines: Vec<String> = records.iter().map(|record| record.to_value().to_json()).collect();
        let log = testing::temp_file(&lines.join("\n"));
        // A learner that learns nothing: its policy is the seed's.
        let model = ModelConfig { rate_factor: 0.0, ..ModelConfig::default() };
        let still = otherwise(Config { model, ..Config::default() });
        let [first, second] = ["0", "1"]
            .map(|item| replay_log(&InputFile::once(log.path()), Dialect::default(), &likes(item), &still).unwrap());
        for (report, rate) in [(&first, 0.75), (&second, 0.25)] {
            let OffPolicy { places, agreed, logged, ips, snips, .. } = report.off_policy.as_ref().unwrap();
            assert_eq!((*places, *agreed, *logged), (8, 4, 0.5));
            assert_eq!([ips, snips].map(|figure| figure.as_ref().unwrap().value), [rate, rate]);
        }
        let LogDifferences { ips, .. } = second.minus(&first);
        // By slate, second minus first: -2 three times, 2 once, 0 four times; mean -.5, variance 14 / 7 of eight.
        let Some(Difference { by, error: Some(error) }) = ips else { panic!("a difference with its error") };
        assert!((by + 0.5).abs() < 1e-12 && (error - (2.0f64 / 8.0).sqrt()).abs() < 1e-12, "{by} {error}");
    }

    #[test]
    fn a_broken_log_is_named_with_its_line() {
        let error = |text: &str| {
            let log = testing::temp_file(text);
            told(
                &replay_log(
                    &InputFile::once(log.path()),
                    Dialect::default(),
                    &testing::base_of_items(2),
                    &otherwise(Config::default()),
                )
                .unwrap_err(),
            )
        };
        let wrong = error("\n{\"type\":\"named\",\"id\":\"00\",\"name\":\"x\"}\n");
        assert!(wrong.contains(".csv:2: "), "{wrong}");
        let empty = error("");
        assert!(empty.contains("opened"), "{empty}");
    }
}

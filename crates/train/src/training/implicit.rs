//! A seed that ranks the whole catalogue: from events to what the implicit trainer needs, what it is to choose, and the seed of it.

use super::files::{Files, check_names};
use super::recipe::{self, Descent, Recipe};
use crate::data::Dataset;
use crate::error::Result;
use crate::evaluate::platt;
use crate::input::{Events, LabelRule};
use crate::maths::Rng;
use crate::seed::{Sources, encode, object};
use crate::trainer::Model;
use crate::trainer::implicit::{AFTER, Newcomer, Pairs, Person, Weights, factors, ladder, missing, newcomer, scores};
use crate::watch::{Length, Watch};
use brooklet_core::{Calibration, Labels, Loss, Metadata, Prior, Rates, Schema, Value};
use serde::Serialize;

/// Passes over all rows: with three steps of conjugate gradients each, more change nothing that people held out notice.
const PASSES: usize = 12;
/// People held out: at most so many, and at most a tenth.
const HELD_OUT: usize = 500;
/// People that candidates are trained on: what is best for so many is best for more.
const CHOOSE_ON: usize = 20_000;
/// People that what people are like is found of, and of a candidate: k (k + 1) / 2 numbers.
const PEOPLE: usize = 2000;
const CANDIDATE_PEOPLE: usize = 600;
/// Clicks that somebody who is held out needs, and of how many one is hidden.
const CLICKS: usize = 5;
/// Variance of what the popular adds for a stranger: small, so that clicks do not teach it, and it only fades.
const POPULAR_VARIANCE: f64 = 0.01;

/// What is learnt of what was shown and not clicked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Passed {
    /// Nothing: as if it had not been shown.
    Ignored,
    /// That it is a 0, which weighs as much as a click.
    Skips,
    /// That it was chosen to be seen, if not liked: labels count from .3 for the least to 1 for the largest.
    Graded,
}

impl Passed {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Passed::Ignored => "ignored",
            Passed::Skips => "skips",
            Passed::Graded => "graded",
        }
    }
}

/// What was chosen for a seed of all pairs, and how it ranks for people held out.
#[derive(Debug, Serialize)]
pub struct Implicit {
    /// Events that it was made of.
    pub rows: usize,
    /// Their users.
    pub users: usize,
    /// Their items.
    pub items: usize,
    /// From start to end.
    pub seconds: f64,
    /// People held out.
    pub held_out: usize,
    /// What is learnt of what was shown and not clicked.
    pub passed: Passed,
    /// alpha0, the weight of a pair of which nothing is known.
    pub unshown: f64,
    /// Pull of rows toward zero, for each of their pairs.
    pub regularisation: f64,
    /// Variance of a click around its score.
    pub noise: f64,
    /// Clicks after which what all like counts half.
    pub half: f64,
    /// NDCG@100 of the people held out after 0, 1, 3, 5, 10, 20 and all clicks that are known.
    pub ndcg: Vec<f64>,
}

/// What is chosen on people held out.
#[derive(Debug, Clone, Copy)]
struct Settings {
    passed: Passed,
    weights: Weights,
    noise: f64,
    half: f64,
}

/// Events with the means to learn from them.
struct Data<'a> {
    events: &'a Events,
    rule: &'a LabelRule,
    labels: (f32, f32),
    factors: usize,
    threads: usize,
    seed: u64,
    watch: &'a dyn Watch,
}

/// Trains a seed of all pairs, and tells what was chosen for it. Events have no weights, users and items no fields.
pub fn train_implicit(recipe: &Recipe, files: &Files, watch: &dyn Watch) -> Result<(Vec<u8>, Implicit)> {
    ensure!(
        recipe.descent == Descent::default() && recipe.loss == recipe::Loss::Logistic,
        Setting,
        "--rate, --l2, --batch and --loss have no meaning for --method implicit, which chooses for itself: leave them out"
    );
    ensure!(
        !recipe.keep_users && !recipe.report,
        Setting,
        "--keep-users and --report are not known to --method implicit: leave them out"
    );
    ensure!(recipe.factors >= 2, Setting, "--factors {} is too few for --method implicit: at least 2", recipe.factors);
    ensure!(
        recipe.factors <= brooklet_core::MAX_FACTORS,
        Setting,
        "--factors {} is too many: at most {}",
        recipe.factors,
        brooklet_core::MAX_FACTORS
    );
    ensure!(
        recipe.negatives == 0 && recipe.label_map.is_empty() && recipe.epochs.is_none(),
        Setting,
        "--negatives, --label-map and --epochs have no meaning for --method implicit, which chooses for itself: leave them out"
    );
    ensure!(
        files.item_fields.is_empty() && files.user_fields.is_empty(),
        Setting,
        "--item-fields and --user-fields are not learnt by --method implicit: leave them out, or take --method bayes"
    );
    let columns = files.events.columns()?;
    ensure!(columns.weight.is_none(), Setting, "--weight is not learnt by --method implicit: leave it out");
    check_names(&columns, &[], &[])?;
    let rule = LabelRule { squared: false, positive: recipe.positive, map: Vec::new() };
    let sources = Sources {
        events: files.events.title(),
        items: None,
        users: None,
        item_fields: Vec::new(),
        user_fields: Vec::new(),
        columns,
    };
    let (store, users, items) = sources.read(files.events.reading(&sources.columns, &rule, watch)?)?;
    let events = store.events()?;
    let labels = store.summary().labels;
    // The last factor is what the popular adds for a stranger.
    let (threads, seed) = (recipe.threads.max(1), recipe.seed);
    let data = Data { events: &events, rule: &rule, labels, factors: recipe.factors - 1, threads, seed, watch };
    let (settings, calibration, held_out, ndcg) = data.choose();

    let everyone: Vec<u32> = (0..events.users.len() as u32).collect();
    let fitted = data.fit(&everyone, settings.passed, settings.weights);
    let newcomer = fitted.newcomer(settings, PEOPLE, seed);
    let missing = missing(&fitted.popularity, &fitted.q, &newcomer);
    let dataset = Dataset::new(store, sources.columns.clone(), &users, &items);
    let layout = dataset.problem.layout;
    let mut model = Model::new(&layout, recipe.factors, 0.0, seed);
    let width = model.width();
    let rows = model.table_mut()[layout.users * width..].chunks_exact_mut(width).take(layout.items);
    for ((row, q), missing) in rows.zip(fitted.q.chunks_exact(data.factors)).zip(&missing) {
        row[1..recipe.factors].copy_from_slice(q);
        row[recipe.factors] = *missing;
    }
    let report = Implicit {
        rows: events.len(),
        users: layout.users,
        items: layout.items,
        seconds: 0.0,
        held_out,
        passed: settings.passed,
        unshown: settings.weights.unshown,
        regularisation: settings.weights.reg,
        noise: settings.noise,
        half: settings.half,
        ndcg,
    };
    let schema = Schema::new(&sources.columns.user, &sources.columns.item);
    // Items' rows are told from all events; one visitor's clicks teach the visitor row alone.
    let rates = Rates { private: 0.3, shared: 0.0, delta: 0.2 };
    let metadata = Metadata {
        loss: Loss::SquaredClicks,
        calibration,
        labels: Labels { positive: recipe.positive, map: Vec::new() },
        training: provenance(&sources, &report, labels, threads, seed),
        ..Metadata::new(&recipe.model, schema, rates, prior(&newcomer, settings.half))
    };
    // An item's row was learnt from its clicks: all that was not clicked says the same of every item.
    let mut evidence = vec![0; layout.rows()];
    let clicked = (0..events.len()).filter(|&row| data.click(row));
    clicked.for_each(|row| evidence[layout.users + events.item[row] as usize] += 1);
    let bytes = encode(&metadata, &model, &dataset, Some(&evidence), recipe.precision)?;
    Ok((bytes, report))
}

/// Items' rows, what they were learnt from, and how many people clicked each.
struct Trained {
    q: Vec<f32>,
    k: usize,
    pairs: Pairs,
    popularity: Vec<f32>,
}

impl Trained {
    fn newcomer(&self, settings: Settings, most: usize, seed: u64) -> Newcomer {
        newcomer(&self.pairs, &self.q, self.k, settings.weights, settings.noise, most, seed)
    }
}

impl Data<'_> {
    fn click(&self, row: usize) -> bool {
        self.rule.click(self.events.label[row], self.events.target[row]).unwrap_or(false)
    }

    /// What a row says, if anything.
    fn target(&self, row: usize, passed: Passed) -> Option<f32> {
        let (least, most) = self.labels;
        match passed {
            Passed::Graded if most > least => Some(0.3 + 0.7 * (self.events.label[row] - least) / (most - least)),
            _ if self.click(row) => Some(1.0),
            Passed::Skips => Some(0.0),
            _ => None,
        }
    }

    fn fit(&self, people: &[u32], passed: Passed, weights: Weights) -> Trained {
        let items = self.events.items.len();
        let mut number = vec![None; self.events.users.len()];
        people.iter().zip(0u32..).for_each(|(&person, at)| number[person as usize] = Some(at));
        let rows = (0..self.events.len())
            .filter_map(|row| Some((row, number[self.events.user[row] as usize]?, self.events.item[row])));
        let told = rows.clone().filter_map(|(row, person, item)| Some((person, item, self.target(row, passed)?)));
        let pairs = Pairs::new(people.len(), items, told);
        let mut popularity = vec![0.0f32; items];
        for (_, _, item) in rows.filter(|(row, ..)| self.click(*row)) {
            popularity[item as usize] += 1.0;
        }
        popularity.iter_mut().for_each(|x| *x /= people.len().max(1) as f32);
        let q = factors(&pairs, self.factors, weights, PASSES, self.threads, self.seed);
        Trained { q, k: self.factors, pairs, popularity }
    }

    /// Settings and calibration by people held out, how many they are, and their NDCG.
    fn choose(&self) -> (Settings, Calibration, usize, Vec<f64>) {
        let weights = Weights { unshown: 0.1, reg: 0.01 };
        let mut best = Settings { passed: Passed::Ignored, weights, noise: 0.05, half: 4.0 };
        let (rest, people) = self.hold_out();
        if people.is_empty() {
            return (best, Calibration::default(), 0, Vec::new());
        }
        let progress = self.watch.begin("choosing on people held out", Length::Steps(11));
        let judge = |trained: &Trained, settings: Settings| -> (f64, Vec<f64>) {
            let newcomer = trained.newcomer(settings, CANDIDATE_PEOPLE, self.seed);
            let missing = missing(&trained.popularity, &trained.q, &newcomer);
            let ndcg = ladder(&trained.q, trained.k, &newcomer, &missing, settings.half, &people);
            (ndcg.iter().sum::<f64>() / ndcg.len() as f64, ndcg)
        };
        let mut trained = self.fit(&rest, best.passed, best.weights);
        let (mut most, mut ndcg) = judge(&trained, best);
        // One thing after another: what is shown and passed over, alpha0, the regularisation.
        let steps: [fn(Settings) -> Vec<Settings>; 3] = [
            |s| [Passed::Skips, Passed::Graded].map(|passed| Settings { passed, ..s }).to_vec(),
            |s| [0.25, 0.5, 1.5, 2.5].map(|by| s.weighing(by, 1.0)).to_vec(),
            |s| [0.3, 0.6, 2.0].map(|by| s.weighing(1.0, by)).to_vec(),
        ];
        for step in steps {
            for settings in step(best) {
                let other = self.fit(&rest, settings.passed, settings.weights);
                let (mean, figures) = judge(&other, settings);
                if mean > most {
                    (best, most, ndcg, trained) = (settings, mean, figures, other);
                    progress.note(&format!("NDCG@100 {mean:.4}"));
                }
                progress.advance(1);
            }
        }
        for noise in [best.noise * 0.6, best.noise * 1.5] {
            let settings = Settings { noise, ..best };
            let (mean, figures) = judge(&trained, settings);
            if mean > most {
                (best, most, ndcg) = (settings, mean, figures);
            }
            progress.advance(1);
        }
        let chosen = trained.newcomer(best, CANDIDATE_PEOPLE, self.seed);
        let lacking = missing(&trained.popularity, &trained.q, &chosen);
        for half in [1.0, 2.0, 8.0, 16.0] {
            let figures = ladder(&trained.q, trained.k, &chosen, &lacking, half, &people);
            let mean = figures.iter().sum::<f64>() / figures.len() as f64;
            if mean > most {
                (best, most, ndcg) = (Settings { half, ..best }, mean, figures);
            }
        }
        drop(progress);
        let mut scored = Vec::new();
        for person in &people {
            let weight = 1.0 / (person.hidden.len() + person.passed.len()) as f64;
            // A map for every stage: of few clicks scores are small, and chances are not.
            for after in AFTER {
                let clicks = &person.known[..after.min(person.known.len())];
                let share = best.half / (best.half + clicks.len() as f64);
                let scores = scores(&trained.q, trained.k, &chosen, &lacking, share as f32, clicks);
                let labels =
                    person.hidden.iter().map(|item| (item, true)).chain(person.passed.iter().map(|item| (item, false)));
                scored.extend(labels.map(|(item, click)| (scores[*item as usize], click, weight)));
            }
        }
        (best, platt(scored), people.len(), ndcg)
    }

    /// People to train on, and some to choose by.
    fn hold_out(&self) -> (Vec<u32>, Vec<Person>) {
        let by_user = self.events.by_user();
        let clicks = |person: &u32| by_user[*person as usize].iter().filter(|row| self.click(**row as usize)).count();
        let mut busy: Vec<u32> = (0..by_user.len() as u32).filter(|person| clicks(person) >= CLICKS).collect();
        let mut rng = Rng::new(self.seed, u64::MAX);
        rng.shuffle(&mut busy);
        busy.truncate(HELD_OUT.min(by_user.len() / 10));
        let mut held = vec![false; by_user.len()];
        busy.iter().for_each(|person| held[*person as usize] = true);
        let person = |&person: &u32| {
            let mut of = Person::default();
            let (mut clicked, mut passed) = (Vec::new(), Vec::new());
            for &row in &by_user[person as usize] {
                let item = self.events.item[row as usize];
                if self.click(row as usize) { clicked.push(item) } else { passed.push(item) }
            }
            let mut order: Vec<usize> = (0..clicked.len()).collect();
            rng.shuffle(&mut order);
            let mut hidden = vec![false; clicked.len()];
            order[..clicked.len() / CLICKS].iter().for_each(|at| hidden[*at] = true);
            for (item, hidden) in clicked.into_iter().zip(hidden) {
                if hidden { of.hidden.push(item) } else { of.known.push(item) }
            }
            of.passed = passed;
            of
        };
        let people = busy.iter().map(person).collect();
        let mut rest: Vec<u32> = (0..by_user.len() as u32).filter(|person| !held[*person as usize]).collect();
        if rest.len() > CHOOSE_ON {
            rng.shuffle(&mut rest);
            rest.truncate(CHOOSE_ON);
        }
        (rest, people)
    }
}

impl Settings {
    fn weighing(self, unshown: f64, reg: f64) -> Settings {
        let Weights { unshown: a, reg: b } = self.weights;
        Settings { weights: Weights { unshown: a * unshown, reg: b * reg }, ..self }
    }
}

/// The prior of a row (w, then v): the newcomer's, beside what the popular adds, which is 1 and fades.
fn prior(newcomer: &Newcomer, half: f64) -> Prior {
    let k = newcomer.mean.len();
    let width = k + 2;
    let own = newcomer.covariance();
    let (mut mean, mut covariance) = (vec![0.0; width], vec![0.0; width * width]);
    for f in 0..k {
        mean[1 + f] = newcomer.mean[f] as f32;
        for g in 0..k {
            covariance[(1 + f) * width + 1 + g] = own[f * k + g] as f32;
        }
    }
    mean[width - 1] = 1.0;
    covariance[width * width - 1] = POPULAR_VARIANCE as f32;
    // After n observations of weight g that it is 0, N(1, s) is at 1 / (1 + n g s).
    Prior { mean, covariance, scale: 1.0, fade: (1.0 / (half * POPULAR_VARIANCE)) as f32 }
}

fn provenance(sources: &Sources, report: &Implicit, labels: (f32, f32), threads: usize, seed: u64) -> Value {
    let number = |x: f64| Value::Number(x);
    let mut fields: Vec<(String, Value)> =
        sources.to_fields().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let method = object([
        ("name", Value::from("implicit")),
        ("passed", Value::from(report.passed.as_str())),
        ("unshown", number(report.unshown)),
        ("regularisation", number(report.regularisation)),
        ("noise", number(report.noise)),
        ("half", number(report.half)),
    ]);
    let more = [
        ("command", Value::from(concat!("brooklet ", env!("CARGO_PKG_VERSION")))),
        ("rows", number(report.rows as f64)),
        ("users_seen", number(report.users as f64)),
        ("labels", Value::Array(vec![number(labels.0.into()), number(labels.1.into())])),
        ("epochs", number(PASSES as f64)),
        ("seed", number(seed as f64)),
        ("threads", number(threads as f64)),
        ("method", method),
    ];
    fields.extend(more.into_iter().map(|(key, value)| (key.to_owned(), value)));
    Value::Object(fields)
}

//! What ranks the whole catalogue: from events to what the trainer of all pairs needs, and the settings that suit people who were held out.

use crate::data::Dataset;
use crate::error::Result;
use crate::input::{Events, LabelRule};
use crate::maths::Rng;
use crate::seed::object;
use crate::trainer::implicit::{
    Factors, Fields, Moments, Newcomer, Pairs, Person, Weights, factors, ladder, missing, newcomer,
};
use crate::watch::{Length, Watch};
use brooklet_core::{CataloguePrior, Value};
use serde::Serialize;
use std::collections::HashSet;
use std::time::Instant;

/// People held out: at most so many, and at most a tenth.
const HELD_OUT: usize = 500;
/// People that candidates are trained on: what is best for so many is best for more.
const CHOOSE_ON: usize = 20_000;
/// Numbers of a row of candidates: each costs its cube for each of the people below.
const CHOOSE_FACTORS: usize = 64;
/// People that what people are like is found of, k (k + 1) / 2 numbers, and of a candidate. Of more factors than candidates have fewer people, by
/// that much, so that time grows with the square.
const PEOPLE: usize = 2000;
const CANDIDATE_PEOPLE: usize = 600;
/// What a skip may weigh beside a click.
const SKIPS: [f32; 3] = [1.0, 0.3, 0.1];
/// Clicks that somebody who is held out needs, and of how many one is hidden.
const CLICKS: usize = 5;

/// What is learnt of what was shown and not clicked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Passed {
    /// Nothing: as if it had not been shown.
    Ignored,
    /// That it is a 0, of a weight of its own.
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

/// What was chosen for ranking the whole catalogue, and how that ranks for people held out.
#[derive(Debug, Clone, Serialize)]
pub struct Implicit {
    /// People held out.
    pub held_out: usize,
    /// What is learnt of what was shown and not clicked.
    pub passed: Passed,
    /// What a skip weighs beside a click, if it counts.
    pub skip: f64,
    /// alpha0, the weight of a pair of which nothing is known.
    pub unshown: f64,
    /// Pull of rows toward zero, for each of their pairs.
    pub regularisation: f64,
    /// Variance of a click around its score.
    pub noise: f64,
    /// Clicks after which popularity counts half.
    pub half: f64,
    /// Seconds that learning from everybody with these settings took, choosing them left out.
    pub seconds: f64,
    /// NDCG@100, with 64 factors at most, of the people held out after 0, 1, 3, 5, 10, 20 and all clicks that are known.
    pub ndcg: Vec<f64>,
}

/// What ranks the whole catalogue.
pub(super) struct Catalogue {
    /// c + 1 numbers for each row of the layout.
    pub(super) rows: Vec<f32>,
    pub(super) prior: CataloguePrior,
    pub(super) chosen: Implicit,
}

/// What is chosen on people held out.
#[derive(Debug, Clone, Copy)]
struct Settings {
    passed: Passed,
    skip: f32,
    weights: Weights,
    noise: f64,
    half: f64,
}

/// Events with the means to learn from them.
pub(super) struct Data<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) events: &'a Events,
    pub(super) rule: &'a LabelRule,
    /// The least and the largest label.
    pub(super) labels: (f32, f32),
    /// Whether what was not clicked was drawn, so that it says nothing.
    pub(super) drawn: bool,
    /// Numbers of a row, what popularity adds among them.
    pub(super) factors: usize,
    /// Passes over all rows.
    pub(super) passes: usize,
    pub(super) threads: usize,
    pub(super) seed: u64,
    pub(super) watch: &'a dyn Watch,
}

/// Items' rows with what their fields add, the fields' rows, what they were learnt from, and the share of people who clicked each.
struct Trained {
    q: Vec<f32>,
    fields: Vec<f32>,
    /// Those of the contexts' fields.
    contexts: Vec<f32>,
    k: usize,
    pairs: Pairs,
    popularity: Vec<f32>,
}

impl Trained {
    fn newcomer(&self, weights: Weights, most: usize, seed: u64) -> Newcomer {
        newcomer(&self.pairs, &self.q, self.k, weights, most, seed)
    }
}

impl Data<'_> {
    /// Learns with settings chosen on people held out.
    pub(super) fn learn(&self) -> Result<Catalogue> {
        let (settings, held_out, ndcg) = Data { factors: self.factors.min(CHOOSE_FACTORS), ..*self }.choose();
        let everyone: Vec<u32> = (0..self.events.users.len() as u32).collect();
        let start = Instant::now();
        let fitted = self.fit(&everyone, settings);
        let people = PEOPLE * CHOOSE_FACTORS / self.factors.max(CHOOSE_FACTORS);
        let newcomer = fitted.newcomer(settings.weights, people, self.seed);
        let seconds = start.elapsed().as_secs_f64();
        let missing = missing(&fitted.popularity, &fitted.q, &newcomer);
        let (layout, width) = (self.dataset.problem.layout, self.factors);
        let mut rows = vec![0.0; layout.rows() * width];
        let k = fitted.k;
        let (items, fields) = rows[layout.users * width..].split_at_mut(layout.items * width);
        let (before, fields) = fields.split_at_mut(layout.user_fields * width);
        let contexts = &mut before[(self.dataset.contexts_from - layout.users - layout.items) * width..];
        for (row, context) in contexts.chunks_exact_mut(width).zip(fitted.contexts.chunks_exact(k)) {
            row[..k].copy_from_slice(context);
        }
        for (row, field) in fields.chunks_exact_mut(width).zip(fitted.fields.chunks_exact(k)) {
            row[..k].copy_from_slice(field);
        }
        for (at, row) in items.chunks_exact_mut(width).enumerate() {
            row[..k].copy_from_slice(&fitted.q[at * k..][..k]);
            for field in self.fields(at) {
                row.iter_mut().zip(&fitted.fields[field * k..][..k]).for_each(|(x, field)| *x -= field);
            }
            row[k] = missing[at];
        }
        let narrow = |xs: &[f64]| xs.iter().map(|x| *x as f32).collect();
        let prior = CataloguePrior {
            mean: narrow(&newcomer.mean),
            covariance: narrow(&newcomer.covariance()),
            click: (1.0 / settings.noise) as f32,
            half: settings.half as f32,
        };
        let chosen = Implicit {
            held_out,
            passed: settings.passed,
            skip: settings.skip.into(),
            unshown: settings.weights.unshown,
            regularisation: settings.weights.reg,
            noise: settings.noise,
            half: settings.half,
            seconds,
            ndcg,
        };
        Ok(Catalogue { rows, prior, chosen })
    }

    fn click(&self, row: usize) -> bool {
        self.rule.click(self.events.label[row], self.events.target[row]).unwrap_or(false)
    }

    /// The numbers of an item's fields.
    fn fields(&self, item: usize) -> Vec<usize> {
        let problem = &self.dataset.problem;
        let first = problem.layout.users + problem.layout.items + problem.layout.user_fields;
        problem.items.rows(item as u32)[1..].iter().map(|row| *row as usize - first).collect()
    }

    fn weight(&self, row: usize) -> f32 {
        self.events.weight.get(row).copied().unwrap_or(1.0)
    }

    /// What a row says and what that weighs, if it says anything.
    fn target(&self, row: usize, passed: Passed, skip: f32) -> Option<(f32, f32)> {
        let ((least, most), weight) = (self.labels, self.weight(row));
        match passed {
            Passed::Graded if most > least => {
                Some((0.3 + 0.7 * (self.events.label[row] - least) / (most - least), weight))
            }
            _ if self.click(row) => Some((1.0, weight)),
            Passed::Skips => Some((0.0, skip * weight)),
            _ => None,
        }
    }

    fn fit(&self, people: &[u32], Settings { passed, skip, weights, .. }: Settings) -> Trained {
        let items = self.events.items.len();
        let mut number = vec![None; self.events.users.len()];
        people.iter().zip(0u32..).for_each(|(&person, at)| number[person as usize] = Some(at));
        let rows = (0..self.events.len())
            .filter_map(|row| Some((row, number[self.events.user[row] as usize]?, self.events.item[row])));
        let moments = self.moments(&number, people.len());
        let told = rows.clone().filter_map(|(row, person, item)| {
            let (target, weight) = self.target(row, passed, skip)?;
            let who = moments.as_ref().map_or(person, |(_, numbers)| numbers[self.events.occasion[row] as usize]);
            Some((who, item, target, weight))
        });
        let moments = moments.as_ref().map(|(moments, _)| moments);
        let pairs = Pairs::new(moments.map_or(people.len(), |moments| moments.occasions.len()), items, told);
        let mut popularity = vec![0.0f32; items];
        for (row, _, item) in rows.filter(|(row, ..)| self.click(*row)) {
            popularity[item as usize] += self.weight(row);
        }
        popularity.iter_mut().for_each(|x| *x /= people.len().max(1) as f32);
        let k = self.factors - 1;
        let of = |item| self.fields(item);
        let fields = Fields { count: self.dataset.problem.layout.item_fields, of: &of };
        let learnt = factors(&pairs, &fields, moments, k, weights, self.passes, self.threads, self.seed);
        let Factors { q, fields, contexts, people } = learnt;
        Trained { q, fields, contexts, k, pairs: people.unwrap_or(pairs), popularity }
    }

    /// The moments of people who have a `number`, if the events tell moments, and the number of each occasion among theirs.
    fn moments(&self, number: &[Option<u32>], people: usize) -> Option<(Moments, Vec<u32>)> {
        if self.events.occasion.is_empty() {
            return None;
        }
        let (problem, first) = (&self.dataset.problem, self.dataset.contexts_from);
        let fields_from = problem.layout.users + problem.layout.items;
        let rows = first - fields_from..problem.layout.user_fields;
        let (mut occasions, mut numbers) = (Vec::new(), Vec::new());
        for (occasion, (user, _)) in (0..).zip(&self.events.occasions.pairs) {
            numbers.push(occasions.len() as u32);
            let Some(person) = number[*user as usize] else { continue };
            let context = problem.users.active(occasion).filter(|(row, _)| *row as usize >= first);
            occasions.push((person, context.map(|(row, x)| (row - first as u32, x)).collect()));
        }
        let fields = &problem.field_groups[rows];
        let least = fields.iter().min().copied().unwrap_or(0);
        let fields = fields.iter().map(|field| field - least).collect();
        Some((Moments { fields, occasions, people }, numbers))
    }

    /// Settings by people held out, how many they are, and their NDCG.
    fn choose(&self) -> (Settings, usize, Vec<f64>) {
        let weights = Weights { unshown: 0.15, reg: 0.01 };
        let mut best = Settings { passed: Passed::Ignored, skip: 1.0, weights, noise: 0.035, half: 8.0 };
        let (rest, people) = self.hold_out();
        if people.is_empty() {
            return (best, 0, Vec::new());
        }
        let progress = self.watch.begin("choosing on people held out", Length::Steps(17));
        // What was fitted, with its newcomer and how that ranks.
        let judge = |trained: &Trained, newcomer: &Newcomer, settings: Settings| -> (f64, Vec<f64>) {
            let missing = missing(&trained.popularity, &trained.q, newcomer);
            let Settings { noise, half, .. } = settings;
            let ndcg = ladder(&trained.q, trained.k, newcomer, &missing, [noise, half], &people);
            (ndcg.iter().sum::<f64>() / ndcg.len() as f64, ndcg)
        };
        let fit = |settings: Settings| {
            let trained = self.fit(&rest, settings);
            let newcomer = trained.newcomer(settings.weights, CANDIDATE_PEOPLE, self.seed);
            (trained, newcomer)
        };
        let (mut trained, mut newcomer) = fit(best);
        let (mut most, mut ndcg) = judge(&trained, &newcomer, best);
        // One thing after another: what is shown and passed over, alpha0, the regularisation.
        let steps: [fn(Settings) -> Vec<Settings>; 3] = [
            |s| {
                let skips = SKIPS.map(|skip| Settings { passed: Passed::Skips, skip, ..s });
                skips.into_iter().chain([Settings { passed: Passed::Graded, skip: 1.0, ..s }]).collect()
            },
            |s| [0.33, 0.67, 1.5, 2.5].map(|by| s.weighing(by, 1.0)).to_vec(),
            |s| [0.3, 0.6, 2.0].map(|by| s.weighing(1.0, by)).to_vec(),
        ];
        for step in steps.into_iter().skip(usize::from(self.drawn)) {
            for settings in step(best) {
                let other = fit(settings);
                let (mean, figures) = judge(&other.0, &other.1, settings);
                if mean > most {
                    (best, most, ndcg, (trained, newcomer)) = (settings, mean, figures, other);
                    progress.note(&format!("NDCG@100 {mean:.4}"));
                }
                progress.advance(1);
            }
        }
        // What does not need anything fitted anew: how sure a click is, then when popularity counts half.
        let steps: [fn(Settings) -> Vec<Settings>; 2] = [
            |s| [0.7, 1.4, 2.0].map(|by| Settings { noise: s.noise * by, ..s }).to_vec(),
            |s| [2.0, 4.0, 16.0].map(|half| Settings { half, ..s }).to_vec(),
        ];
        for step in steps {
            for settings in step(best) {
                let (mean, figures) = judge(&trained, &newcomer, settings);
                if mean > most {
                    (best, most, ndcg) = (settings, mean, figures);
                }
                progress.advance(1);
            }
        }
        (best, people.len(), ndcg)
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
            let rows = by_user[person as usize].iter().map(|row| *row as usize).filter(|row| self.click(*row));
            // What was clicked twice must not be known and hidden both.
            let mut met = HashSet::new();
            let clicked: Vec<u32> = rows.map(|row| self.events.item[row]).filter(|item| met.insert(*item)).collect();
            let mut order: Vec<usize> = (0..clicked.len()).collect();
            rng.shuffle(&mut order);
            let mut hidden = vec![false; clicked.len()];
            order[..clicked.len() / CLICKS].iter().for_each(|at| hidden[*at] = true);
            let mut of = Person::default();
            for (item, hidden) in clicked.into_iter().zip(hidden) {
                if hidden { of.hidden.push(item) } else { of.known.push(item) }
            }
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

impl Implicit {
    /// What a seed's metadata say of its method.
    pub(super) fn provenance(&self) -> Value {
        let Implicit { passed, skip, unshown, regularisation, noise, half, .. } = self;
        let numbers = [*skip, *unshown, *regularisation, *noise, *half].map(Value::Number);
        let [skip, unshown, regularisation, noise, half] = numbers;
        object([
            ("name", Value::from("implicit")),
            ("passed", Value::from(passed.as_str())),
            ("skip", skip),
            ("unshown", unshown),
            ("regularisation", regularisation),
            ("noise", noise),
            ("half", half),
        ])
    }
}

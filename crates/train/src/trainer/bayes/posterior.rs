//! Variational Bayesian factorization machines: the posterior of every row is kept as a Gaussian, mean and covariance, and
//! found in closed form given all the others (Lim and Teh 2007), under hierarchical priors that are learnt as well
//! (Salakhutdinov and Mnih 2008; Freudenthaler, Schmidt-Thieme and Rendle 2011). Nothing is left to tune.

use super::fields::Fields;
use super::group::{Group, Sums};
use super::likelihood::Likelihood;
use super::linear::dot;
use super::side::{Seen, Side};
use crate::trainer::{Event, Model, Problem};
use std::borrow::Cow;

/// How to learn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    /// Learn the target itself instead of its log-odds.
    pub(crate) squared: bool,
    /// The result does not depend on how many there are.
    pub(crate) threads: usize,
    pub(crate) seed: u64,
}

/// What is known of a visitor before the first event: mean and covariance of the row over w0.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Visitor {
    pub(crate) mean: Vec<f64>,
    pub(crate) covariance: Vec<f64>,
}

/// The posterior, and the events that it is learnt from.
pub(crate) struct Bayes<'a> {
    threads: usize,
    users: Side<'a>,
    items: Side<'a>,
    /// The users' own rows as they were last learnt, each with what is not known of it.
    population: Sums,
    likelihood: Likelihood,
    /// Sum of the events' weights.
    weight: f64,
    /// Whether a target is neither 0 nor 1.
    graded: bool,
    /// Hyper-mean of the users' weight: the score of a model of nothing else.
    level: f64,
}

/// Deviation of the items' factors at the start.
const INIT: f64 = 0.1;
/// The most that an event's precision may grow to: of targets that are met exactly it would have no end.
const MOST_PRECISE: f64 = 1e4;

impl<'a> Bayes<'a> {
    pub(crate) fn new(problem: &'a Problem, events: &[Event], factors: usize, config: &Config) -> Bayes<'a> {
        let d = 1 + factors;
        let weight = events.iter().map(|event| f64::from(event.weight)).sum::<f64>().max(1e-9);
        let mean = |of: &dyn Fn(f64) -> f64| {
            events.iter().map(|event| f64::from(event.weight) * of(event.target.into())).sum::<f64>() / weight
        };
        let target = mean(&|target| target);
        let p = target.clamp(1e-4, 1.0 - 1e-4);
        let (level, precision) = match config.squared {
            true => (target, 1.0 / mean(&|x| (x - target).powi(2)).max(1.0 / MOST_PRECISE)),
            false => ((p / (1.0 - p)).ln(), 1.0),
        };
        let graded = events.iter().any(|event| event.target != 0.0 && event.target != 1.0);
        let seen = |other, event: &Event| Seen { other, target: event.target, weight: event.weight };
        // A user in two contexts is two, whose own row is one.
        let (entities, place) = problem.users.by_own_row();
        let user = |event: &Event| place[event.user as usize];
        let by_user = events.iter().map(|event| (user(event), seen(event.item, event))).collect();
        let by_item = events.iter().map(|event| (event.item, seen(user(event), event))).collect();
        let first = problem.layout.users + problem.layout.items;
        let (user_groups, item_groups) = problem.field_groups.split_at(problem.layout.user_fields);
        let user_fields = Fields::new(&entities, first, user_groups, d);
        let item_fields = Fields::new(&problem.items, first + user_groups.len(), item_groups, d);
        let users = Side::new(entities, by_user, user_fields, Group::new(d, level));
        let mut items = Side::new(Cow::Borrowed(&problem.items), by_item, item_fields, Group::new(d, 0.0));
        items.scatter(INIT, config.seed);
        let likelihood = Likelihood { squared: config.squared, precision };
        let population = Sums::new(d);
        Bayes { threads: config.threads, users, items, population, likelihood, weight, graded, level }
    }

    /// Goes once over all rows; `model` becomes the posterior's mean.
    pub(crate) fn epoch(&mut self, model: &mut Model) {
        let users = self.users.learn(&self.items.moments, self.likelihood, self.threads);
        self.users.group.learn(&users.own, self.level);
        self.population = users.own;
        let items = self.items.learn(&self.users.moments, self.likelihood, self.threads);
        self.items.group.learn(&items.own, 0.0);
        if self.likelihood.squared {
            self.likelihood.precision = (self.weight / items.squares.max(1e-9)).min(MOST_PRECISE);
        } else if self.graded {
            self.likelihood.precision = (items.variances / items.squares.max(1e-9)).clamp(1.0, MOST_PRECISE);
        }
        self.write(model);
    }

    /// The users' mean is written into the other rows, so that a user of whom nothing is known is a row of zeros: what a mean
    /// (m, u) adds to a score, m + <u, sum of the other rows' factors>, is w0's and the other rows' weights' to hold.
    fn write(&self, model: &mut Model) {
        let d = 1 + model.factors();
        let mean = &self.users.group.mean;
        model.w0 = mean[0] as f32;
        let width = model.width();
        let (users, others) = model.table_mut().split_at_mut(self.users.own.len() / d * width);
        for (row, out) in self.users.own.chunks_exact(d).zip(users.chunks_exact_mut(width)) {
            out.iter_mut().zip(row).zip(mean).for_each(|((out, x), mean)| *out = (x - mean) as f32);
        }
        let rows = [&self.items.own, &self.users.fields.rows, &self.items.fields.rows];
        let rows = rows.into_iter().flat_map(|rows| rows.chunks_exact(d));
        for (row, out) in rows.zip(others.chunks_exact_mut(width)) {
            out.iter_mut().zip(row).for_each(|(out, x)| *out = *x as f32);
            out[0] += dot(&mean[1..], &row[1..]) as f32;
        }
    }

    /// The population of users apart from their fields, which a page that knows them gives as the context.
    pub(crate) fn visitor(&self) -> Visitor {
        let sums = &self.population;
        let mean = sums.mean().iter().zip(&self.users.group.mean).map(|(x, mean)| x - mean).collect();
        Visitor { mean, covariance: sums.covariance() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maths::{Rng, sigmoid};
    use crate::trainer::{Entities, Layout};

    const NOISE: f32 = 0.5;

    /// 60 users and 50 items, each with one of five categories where `fields` says so.
    fn problem(fields: bool) -> Problem {
        valued(fields, |_| 1.0)
    }

    /// The same with the values of the items' fields.
    fn valued(fields: bool, of_items: fn(u32) -> f32) -> Problem {
        let count = if fields { 5 } else { 0 };
        let layout = Layout { users: 60, items: 50, user_fields: count, item_fields: count };
        let entities = |n: u32, own: u32, first: u32| {
            let mut entities = Entities::default();
            let value = |i: u32| if own > 0 { of_items(i) } else { 1.0 };
            let rows = |i: u32| [(own + i, 1.0), (first + i % 5, value(i))];
            (0..n).for_each(|i| entities.push(rows(i).into_iter().take(if fields { 2 } else { 1 })));
            entities
        };
        let field_groups = if fields { vec![0, 0, 0, 0, 0, 1, 1, 1, 1, 1] } else { Vec::new() };
        Problem { users: entities(60, 0, 110), items: entities(50, 60, 115), layout, field_groups }
    }

    /// Noisy scores of a known model, or clicks by them; of the users from `first` on.
    fn events(problem: &Problem, n: usize, first: usize, squared: bool, seed: u64) -> Vec<Event> {
        let mut truth = Model::new(&problem.layout, 3, 0.7, 99);
        let (width, mut rng) = (truth.width(), Rng::new(98, 0));
        truth.table_mut().chunks_exact_mut(width).for_each(|row| row[0] = 0.5 * rng.normal());
        for row in truth.table_mut().chunks_exact_mut(width).skip(110) {
            row[..4].fill_with(|| 0.7 * rng.normal());
        }
        truth.w0 = 3.0;
        let mut rng = Rng::new(seed, 1);
        let mut events: Vec<Event> = (0..n)
            .map(|_| Event {
                user: (first + rng.below(60 - first)) as u32,
                item: rng.below(50) as u32,
                target: 0.0,
                weight: 1.0,
            })
            .collect();
        let scores = truth.scores(problem, &events);
        for (event, score) in events.iter_mut().zip(scores) {
            event.target = match squared {
                true => score + NOISE * rng.normal(),
                false => f32::from(u8::from(rng.unit() < f64::from(sigmoid(score - 3.0)))),
            };
        }
        events
    }

    fn learn(problem: &Problem, events: &[Event], squared: bool, threads: usize) -> (Model, Visitor) {
        let mut model = Model::new(&problem.layout, 3, 0.0, 0);
        let mut bayes = Bayes::new(problem, events, 3, &Config { squared, threads, seed: 5 });
        (0..30).for_each(|_| bayes.epoch(&mut model));
        (model, bayes.visitor())
    }

    fn rmse(problem: &Problem, model: &Model, events: &[Event]) -> f32 {
        let scores = model.scores(problem, events);
        let squares = scores.iter().zip(events).map(|(score, event)| (score - event.target).powi(2));
        (squares.sum::<f32>() / events.len() as f32).sqrt()
    }

    #[test]
    fn what_can_be_known_is_found() {
        let numbers = valued(true, |i| 1.5 * (i % 4) as f32 - 2.0);
        for (fields, problem) in [("none", problem(false)), ("categories", problem(true)), ("numbers", numbers)] {
            let (train, test) = (events(&problem, 2500, 0, true, 1), events(&problem, 1000, 0, true, 2));
            let (model, _) = learn(&problem, &train, true, 1);
            let error = rmse(&problem, &model, &test);
            // Nothing can be below the noise.
            assert!(error < 1.25 * NOISE, "fields {fields}: {error}");
        }
    }

    #[test]
    fn fields_tell_of_users_without_events() {
        let problem = problem(true);
        let train: Vec<Event> = events(&problem, 2500, 10, true, 1);
        let new: Vec<Event> = events(&problem, 2500, 0, true, 3).into_iter().filter(|event| event.user < 10).collect();
        let (model, _) = learn(&problem, &train, true, 1);
        let mut blind = model.clone();
        let width = blind.width();
        blind.table_mut().chunks_exact_mut(width).skip(110).take(5).for_each(|row| row.fill(0.0));
        let (error, without) = (rmse(&problem, &model, &new), rmse(&problem, &blind, &new));
        assert!(error < 0.9 * without, "{error} with the users' fields, {without} without");
        // Nothing is known of them themselves.
        assert!(model.row(3).iter().all(|x| x.abs() < 0.01), "{:?}", model.row(3));
    }

    #[test]
    fn the_visitor_is_the_population() {
        let problem = problem(false);
        let (_, visitor) = learn(&problem, &events(&problem, 6000, 0, true, 1), true, 1);
        // Users' weights were drawn with deviation .5; the factors' share depends on the rotation, their sum does not.
        assert!((visitor.covariance[0].sqrt() - 0.5).abs() < 0.2, "{}", visitor.covariance[0]);
        assert!(visitor.mean[0].abs() < 0.2, "{:?}", visitor.mean);
        assert!((0..4).all(|i| visitor.covariance[i * 5] > 0.0));
    }

    #[test]
    fn clicks_are_learnt_and_threads_change_nothing() {
        let problem = problem(true);
        let train = events(&problem, 3000, 0, false, 1);
        let (model, visitor) = learn(&problem, &train, false, 1);
        assert_eq!((model.clone(), visitor), learn(&problem, &train, false, 3));
        let test = events(&problem, 1500, 0, false, 2);
        let loss = |model: &Model| -> f64 {
            let scores = model.scores(&problem, &test);
            let losses = scores.iter().zip(&test).map(|(s, e)| crate::maths::log_loss(sigmoid(*s), e.target));
            losses.sum::<f64>() / test.len() as f64
        };
        let learnt = loss(&model);
        assert!(learnt < 0.58, "{learnt}");
    }

    #[test]
    fn an_event_of_weight_two_is_two_events() {
        let problem = problem(true);
        let once = events(&problem, 400, 0, true, 1);
        let twice: Vec<Event> = once.iter().flat_map(|event| [*event; 2]).collect();
        let heavy: Vec<Event> = once.iter().map(|event| Event { weight: 2.0, ..*event }).collect();
        let ((a, _), (b, _)) = (learn(&problem, &twice, true, 1), learn(&problem, &heavy, true, 1));
        let (a, b) = (a.scores(&problem, &once), b.scores(&problem, &once));
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 0.01));
    }
}

//! Variational Bayesian factorization machines: the posterior of every row is kept as a Gaussian, mean and covariance, and
//! found in closed form given all the others (Lim and Teh 2007), under hierarchical priors that are learnt as well
//! (Salakhutdinov and Mnih 2008; Freudenthaler, Schmidt-Thieme and Rendle 2011). Nothing is left to tune.

mod fields;
mod group;
mod linear;
mod moments;
mod side;

use super::{Event, Model, Problem};
use fields::Fields;
use group::Group;
use linear::dot;
use side::{Seen, Side};

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

/// How much a target says of a score.
#[derive(Debug, Clone, Copy)]
struct Likelihood {
    squared: bool,
    /// Of the squared loss, that of the noise. Of the logistic loss, how many clicks or skips an event counts as: a graded
    /// target is less noisy than a click (the inverse dispersion of a quasi-binomial model; McCullagh and Nelder 1989).
    precision: f64,
}

/// The posterior, and the events that it is learnt from.
pub(crate) struct Bayes<'a> {
    threads: usize,
    users: Side<'a>,
    items: Side<'a>,
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
        let by_user = events.iter().map(|event| (event.user, seen(event.item, event))).collect();
        let by_item = events.iter().map(|event| (event.item, seen(event.user, event))).collect();
        let first = problem.layout.users + problem.layout.items;
        let (user_groups, item_groups) = problem.field_groups.split_at(problem.layout.user_fields);
        let user_fields = Fields::new(&problem.users, first, user_groups, d);
        let item_fields = Fields::new(&problem.items, first + user_groups.len(), item_groups, d);
        let users = Side::new(&problem.users, by_user, user_fields, Group::new(d, level));
        let mut items = Side::new(&problem.items, by_item, item_fields, Group::new(d, 0.0));
        items.scatter(INIT, config.seed);
        let likelihood = Likelihood { squared: config.squared, precision };
        Bayes { threads: config.threads, users, items, likelihood, weight, graded, level }
    }

    /// Goes once over all rows; `model` becomes the posterior's mean.
    pub(crate) fn epoch(&mut self, model: &mut Model) {
        let users = self.users.learn(&self.items.moments, self.likelihood, self.threads);
        self.users.group.learn(&users.own, self.level);
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

    /// The population of users, each with what is not known of them.
    pub(crate) fn visitor(&self) -> Visitor {
        let sums = self.users.population();
        let mean = sums.mean().iter().zip(&self.users.group.mean).map(|(x, mean)| x - mean).collect();
        Visitor { mean, covariance: sums.covariance() }
    }
}

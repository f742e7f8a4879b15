//! Stochastic gradient descent over a fixed set of events.

use super::batch::Batch;
use super::config::{BLOCK, Config, Objective};
use super::evidence::{Evidence, whole};
use super::kernel::{self, Pair};
use super::step::Step;
use super::strata::Strata;
use crate::error::Result;
use crate::maths::Rng;
use crate::trainer::{Event, Model, Problem, Source, Stream};

pub(crate) struct Sgd<'a> {
    problem: &'a Problem,
    config: &'a Config,
    events: Events<'a>,
    evidence: Evidence,
    /// The w0 that a model of nothing else would have.
    level: f32,
    epoch: usize,
}

/// The events, as each way of going over them wants them.
enum Events<'a> {
    /// Shuffled once; every epoch goes over the blocks in another order.
    Shuffled(Vec<Event>),
    Strata(Strata),
    /// Not in memory all at once.
    Streamed(Box<dyn Stream + 'a>),
    /// Clicks, and the items that each user skipped.
    Pairs {
        clicks: Vec<Event>,
        skips: Vec<Vec<u32>>,
    },
}

impl<'a> Sgd<'a> {
    /// Pairs are learnt from what is in memory alone.
    pub(crate) fn new(problem: &'a Problem, events: impl Into<Source<'a>>, config: &'a Config) -> Sgd<'a> {
        let events = events.into();
        let level = level(events.mean(), config.objective);
        let evidence = Evidence(vec![0.0; if config.adaptive { problem.layout.rows() } else { 0 }]);
        let mut events = match events {
            Source::Memory(events) => events,
            Source::Stream(stream) => {
                return Sgd { problem, config, events: Events::Streamed(stream), evidence, level, epoch: 0 };
            }
        };
        Rng::new(config.seed, u64::MAX).shuffle(&mut events);
        let events = if config.objective == Objective::Pairs {
            let mut skips = vec![Vec::new(); problem.users.len()];
            let clicked = |event: &Event| event.target > 0.5;
            events.iter().filter(|event| !clicked(event)).for_each(|e| skips[e.user as usize].push(e.item));
            Events::Pairs { clicks: events.into_iter().filter(clicked).collect(), skips }
        } else if config.threads > 1 && config.batch == 1 {
            Events::Strata(Strata::new(problem, events, config.threads))
        } else {
            Events::Shuffled(events)
        };
        Sgd { problem, config, events, evidence, level, epoch: 0 }
    }

    /// Starts a fresh model from the w0 that one of nothing else would have.
    pub(crate) fn start(&self, model: &mut Model) {
        model.w0 = self.level;
    }

    /// Goes once over all events.
    pub(crate) fn epoch(&mut self, model: &mut Model) -> Result<()> {
        let rate = self.config.rate / (1.0 + self.config.decay * self.epoch as f32);
        let step = Step::new(self.config, rate, &self.problem.field_groups);
        let (problem, width) = (self.problem, model.width());
        self.epoch += 1;
        let mut rng = Rng::new(self.config.seed, self.epoch as u64 | 1 << 63);
        let (config, evidence, turn) = (self.config, &mut self.evidence, self.epoch);
        // The blocks in random order.
        let mut one_thread = |events: &[Event], model: &mut Model, evidence: &mut Evidence| {
            let mut w0 = model.w0;
            let mut batch = (config.batch > 1).then(|| Batch::new(problem.layout.rows(), width));
            let mut blocks: Vec<&[Event]> = events.chunks(if batch.is_some() { config.batch } else { BLOCK }).collect();
            rng.shuffle(&mut blocks);
            let mut part = whole(problem, model, evidence);
            for events in blocks {
                match &mut batch {
                    Some(batch) => batch.learn(problem, events, &step, &mut w0, &mut part),
                    None => kernel::run(problem, width, BLOCK, events, &step, &mut w0, &mut part),
                }
            }
            model.w0 = w0;
        };
        match &mut self.events {
            Events::Strata(strata) => {
                strata.epoch(problem, &step, model, evidence, turn);
                return Ok(());
            }
            Events::Streamed(stream) => {
                return stream.epoch(turn, &mut |events| {
                    if config.threads > 1 && config.batch == 1 {
                        let strata = Strata::new(problem, std::mem::take(events), config.threads);
                        return strata.epoch(problem, &step, model, evidence, turn);
                    }
                    one_thread(events, model, evidence);
                });
            }
            Events::Pairs { clicks, skips } => {
                let mut pairs: Vec<Pair> = clicks
                    .iter()
                    .filter_map(|&event| {
                        let skips = &skips[event.user as usize];
                        // Who skipped nothing has nothing to compare a click with.
                        (!skips.is_empty()).then(|| Pair { event, other: skips[rng.below(skips.len())] })
                    })
                    .collect();
                rng.shuffle(&mut pairs);
                kernel::run_pairs(problem, width, &pairs, &step, &mut whole(problem, model, evidence));
            }
            Events::Shuffled(events) => {
                one_thread(events, model, evidence);
            }
        }
        Ok(())
    }
}

/// The w0 that a model of nothing else would have.
fn level(mean: f64, objective: Objective) -> f32 {
    let p = mean.clamp(1e-4, 1.0 - 1e-4);
    match objective {
        Objective::Squared => mean as f32,
        Objective::Logistic => (p / (1.0 - p)).ln() as f32,
        Objective::Pairs => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::L2;
    use super::*;
    use crate::maths::sigmoid;
    use crate::trainer::model::WIDTHS;
    use crate::trainer::{Entities, Layout};

    fn config(squared: bool) -> Config {
        let l2 = L2 { w: 0.0, user: 0.0, item: 0.0, fields: vec![0.0; 2] };
        let objective = if squared { Objective::Squared } else { Objective::Logistic };
        Config {
            objective,
            rate: 1e-3,
            decay: 0.0,
            field_rate: 1.0,
            adaptive: false,
            batch: 1,
            l2,
            threads: 1,
            seed: 3,
        }
    }

    /// `users` and `items` with no field, or each with two of five.
    fn problem(users: usize, items: usize, fields: bool) -> Problem {
        let per_side = if fields { 5 } else { 0 };
        let layout = Layout { users, items, user_fields: per_side, item_fields: per_side };
        let entities = |n: usize, own: usize, first_field: usize| {
            let mut entities = Entities::default();
            for i in 0..n {
                let rows = [own + i, first_field + i % 5, first_field + (i + 2) % 5];
                // The last field is a number.
                let valued = rows.into_iter().zip([1.0, 1.0, 0.3 * (i % 5) as f32 - 0.6]);
                entities.push(valued.take(if fields { 3 } else { 1 }).map(|(row, x)| (row as u32, x)));
            }
            entities
        };
        Problem {
            users: entities(users, 0, users + items),
            items: entities(items, users, users + items + per_side),
            field_groups: (0..2 * per_side as u32).map(|row| row / 5).collect(),
            layout,
        }
    }

    /// Clicks of a known model.
    fn events(problem: &Problem, n: usize) -> Vec<Event> {
        let truth = Model::new(&problem.layout, 4, 1.0, 99);
        let mut rng = Rng::new(11, 0);
        let mut draw = || Event {
            user: rng.below(problem.users.len()) as u32,
            item: rng.below(problem.items.len()) as u32,
            target: rng.unit() as f32,
            weight: 1.0,
        };
        let mut events: Vec<Event> = (0..n).map(|_| draw()).collect();
        let scores = truth.scores(problem, &events);
        for (event, score) in events.iter_mut().zip(scores) {
            event.target = f32::from(u8::from(event.target < sigmoid(score)));
        }
        events
    }

    fn exact_loss(problem: &Problem, model: &Model, event: &Event, squared: bool) -> f64 {
        let rows = || problem.users.active(event.user).chain(problem.items.active(event.item));
        let mut score = f64::from(model.w0);
        let row = |row: u32| model.row(row as usize);
        for (n, (i, x)) in rows().enumerate() {
            score += f64::from(x) * f64::from(row(i)[0]);
            for (j, y) in rows().skip(n + 1) {
                let product = row(i)[1..].iter().zip(&row(j)[1..]).map(|(a, b)| f64::from(*a) * f64::from(*b));
                score += f64::from(x) * f64::from(y) * product.sum::<f64>();
            }
        }
        let target = f64::from(event.target);
        if squared { 0.5 * (score - target).powi(2) } else { (1.0 + score.exp()).ln() - target * score }
    }

    /// One step must move every number by -rate times the derivative of the loss, found by finite differences.
    #[test]
    fn a_step_follows_the_gradient() {
        for (fields, squared, factors) in [
            (false, false, 3),
            (false, true, 7),
            (true, false, 16),
            (true, true, 5),
            (false, false, 0),
            (true, false, 0),
        ] {
            let problem = problem(3, 4, fields);
            let event = Event { user: 1, item: 2, target: 0.3, weight: 1.0 };
            for (batch, adaptive) in [(1, false), (1, true), (8, false), (8, true)] {
                let config = Config { batch, adaptive, ..config(squared) };
                let mut before = Model::new(&problem.layout, factors, 0.5, 1);
                let (width, mut rng) = (before.width(), Rng::new(2, 0));
                for row in before.table_mut().chunks_exact_mut(width) {
                    row[..=factors].fill_with(|| 0.5 * rng.normal());
                }
                let mut after = before.clone();
                Sgd::new(&problem, vec![event], &config).epoch(&mut after).unwrap();
                for at in 0..before.table().len() {
                    let moved = f64::from(after.table()[at] - before.table()[at]);
                    let derivative = if at % width <= factors {
                        let shifted = |by: f32| {
                            let mut model = before.clone();
                            model.table_mut()[at] += by;
                            let step = f64::from(model.table()[at]) - f64::from(before.table()[at]);
                            (exact_loss(&problem, &model, &event, squared), step)
                        };
                        let ((up, a), (down, b)) = (shifted(0.01), shifted(-0.01));
                        (up - down) / (a - b)
                    } else {
                        0.0
                    };
                    let expected = -1e-3 * derivative;
                    assert!(
                        (moved - expected).abs() < 2e-6,
                        "fields {fields} lane {at}: moved {moved}, not {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn l2_pulls_each_group_toward_zero() {
        let problem = problem(1, 1, true);
        let l2 = L2 { w: 1.0, user: 2.0, item: 3.0, fields: vec![4.0; 2] };
        let config = Config { l2, ..config(true) };
        let mut model = Model::new(&problem.layout, 1, 0.0, 1);
        // Factors that do not interact, and a target that is met: nothing is left to move a number but the pull.
        let width = model.width();
        model.table_mut().chunks_exact_mut(width).for_each(|row| row[0] = 0.1);
        model.table_mut()[1] = 0.1;
        let event = Event {
            user: 0,
            item: 0,
            target: model.scores(&problem, &[Event { user: 0, item: 0, target: 0.0, weight: 1.0 }])[0],
            weight: 1.0,
        };
        let before = model.clone();
        Sgd::new(&problem, vec![event], &config).epoch(&mut model).unwrap();
        for (row, (after, before)) in
            model.table().chunks_exact(width).zip(before.table().chunks_exact(width)).enumerate()
        {
            let active = problem.users.rows(0).contains(&(row as u32)) || problem.items.rows(0).contains(&(row as u32));
            let kept = if active { 1.0 - 1e-3 } else { 1.0 };
            assert!((after[0] - kept * before[0]).abs() < 1e-7, "row {row}");
        }
        assert!((model.table()[1] - 0.1 * (1.0 - 2e-3)).abs() < 1e-7);
    }

    #[test]
    fn an_event_of_weight_two_steps_twice_as_far() {
        let problem = problem(3, 4, true);
        let moved = |weight, batch| {
            let config = Config { batch, ..config(true) };
            let mut model = Model::new(&problem.layout, 3, 0.5, 1);
            let before = model.clone();
            Sgd::new(&problem, vec![Event { user: 1, item: 2, target: 0.3, weight }], &config)
                .epoch(&mut model)
                .unwrap();
            let moved = model.table().iter().zip(before.table()).map(|(a, b)| a - b);
            moved.collect::<Vec<f32>>()
        };
        for batch in [1, 8] {
            let (once, twice) = (moved(1.0, batch), moved(2.0, batch));
            assert!(once.iter().any(|x| x.abs() > 1e-4));
            assert!(once.iter().zip(&twice).all(|(a, b)| (2.0 * a - b).abs() < 1e-6));
        }
    }

    #[test]
    fn a_batch_sums_up_its_events() {
        let problem = problem(3, 4, true);
        let moved = |copies| {
            let config = Config { batch: 8, ..config(true) };
            let mut model = Model::new(&problem.layout, 3, 0.5, 1);
            let before = model.clone();
            let event = Event { user: 1, item: 2, target: 0.3, weight: 1.0 };
            Sgd::new(&problem, vec![event; copies], &config).epoch(&mut model).unwrap();
            let moved = model.table().iter().zip(before.table()).map(|(a, b)| a - b);
            moved.collect::<Vec<f32>>()
        };
        let (one, five) = (moved(1), moved(5));
        assert!(one.iter().zip(&five).all(|(a, b)| (5.0 * a - b).abs() < 1e-6));
    }

    #[test]
    fn pairs_teach_what_is_rather_clicked() {
        let problem = problem(40, 30, true);
        let events = events(&problem, 6000);
        let order = |model: &Model| {
            let scores = model.scores(&problem, &events);
            crate::maths::auc(scores.into_iter().zip(&events).map(|(s, e)| (s, e.target > 0.5)).collect()).unwrap()
        };
        let config = Config { objective: Objective::Pairs, rate: 0.05, ..config(false) };
        let mut model = Model::new(&problem.layout, 4, 0.1, 1);
        let before = order(&model);
        let mut sgd = Sgd::new(&problem, events.clone(), &config);
        (0..20).for_each(|_| sgd.epoch(&mut model).unwrap());
        let after = order(&model);
        assert!(before < 0.6 && after > 0.75, "{before} {after}");
    }

    #[test]
    fn same_seed_same_bits() {
        for (threads, adaptive) in [(1, false), (1, true), (2, false), (3, true)] {
            let problem = problem(30, 40, true);
            let run = |seed| {
                let config = Config { seed, threads, adaptive, rate: 0.05, ..config(false) };
                let mut model = Model::new(&problem.layout, 6, 0.1, seed);
                let mut sgd = Sgd::new(&problem, events(&problem, 3000), &config);
                (0..3).for_each(|_| sgd.epoch(&mut model).unwrap());
                model
            };
            assert_eq!(run(1), run(1));
            assert_ne!(run(1), run(2));
        }
    }

    #[test]
    fn threads_learn_as_much_as_one() {
        for fields in [false, true] {
            let problem = problem(60, 80, fields);
            let events = events(&problem, 40_000);
            let loss = |threads| {
                let config = Config { rate: 0.05, threads, ..config(false) };
                let mut model = Model::new(&problem.layout, 4, 0.1, 1);
                let mut sgd = Sgd::new(&problem, events.clone(), &config);
                (0..8).for_each(|_| sgd.epoch(&mut model).unwrap());
                let losses = events.iter().map(|event| exact_loss(&problem, &model, event, false));
                losses.sum::<f64>() / events.len() as f64
            };
            let (one, four) = (loss(1), loss(4));
            assert!(one < 0.6, "{one}");
            // Another order alone moves the loss by .02.
            assert!(four < one + 0.05, "one thread {one}, four {four}");
        }
    }

    #[test]
    fn every_width_is_compiled() {
        let problem = problem(5, 5, true);
        let events = events(&problem, 200);
        for width in WIDTHS {
            for factors in [width / 2, width - 1] {
                let mut model = Model::new(&problem.layout, factors, 0.1, 1);
                let before = model.clone();
                Sgd::new(&problem, events.clone(), &config(false)).epoch(&mut model).unwrap();
                assert!(model.is_finite() && model != before, "{factors} factors");
            }
        }
    }
}

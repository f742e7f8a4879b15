use super::model::WIDTHS;
use super::problem::{Event, Problem};
use super::rows::{Owned, Rows, Shared};
use super::{Model, Rng, Source};
use anyhow::Result;

/// How to descend.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    /// Learn the target itself instead of its log-odds.
    pub(crate) squared: bool,
    /// Learning rate of the first epoch; that of epoch e, counted from 0, is `rate / (1 + decay e)`.
    pub(crate) rate: f32,
    pub(crate) decay: f32,
    /// What the rate is multiplied with for rows of fields: they take part in many more events than any user or item.
    pub(crate) field_rate: f32,
    pub(crate) l2: L2,
    /// One thread gives the same bits for the same seed; more share the table without locks.
    pub(crate) threads: usize,
    pub(crate) seed: u64,
}

/// The pull of each row toward zero, at every event that it takes part in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct L2 {
    /// Of weights.
    pub(crate) w: f32,
    /// Of the factors of users' own rows.
    pub(crate) user: f32,
    /// Of the factors of items' own rows.
    pub(crate) item: f32,
    /// Of the factors of fields.
    pub(crate) field: f32,
}

/// Events between two corrections of w0, and the unit that epochs are shuffled and threads are fed by.
const BLOCK: usize = 512;

/// Stochastic gradient descent over a fixed set of events.
pub(crate) struct Sgd<'a> {
    problem: &'a Problem,
    config: &'a Config,
    events: Source<'a>,
    epoch: usize,
}

impl<'a> Sgd<'a> {
    pub(crate) fn new(problem: &'a Problem, events: impl Into<Source<'a>>, config: &'a Config) -> Sgd<'a> {
        let mut events = events.into();
        if let Source::Memory(events) = &mut events {
            // Once; every epoch goes over the blocks in another order.
            Rng::new(config.seed, u64::MAX).shuffle(events);
        }
        Sgd { problem, config, events, epoch: 0 }
    }

    /// The w0 that a model of nothing else would have.
    pub(crate) fn start(&self, model: &mut Model) {
        let mean = self.events.mean();
        let mean = if self.config.squared {
            mean
        } else {
            let p = mean.clamp(1e-4, 1.0 - 1e-4);
            (p / (1.0 - p)).ln()
        };
        model.w0 = mean as f32;
    }

    /// Goes once over all events.
    pub(crate) fn epoch(&mut self, model: &mut Model) -> Result<()> {
        let Sgd { problem, config, ref mut events, epoch } = *self;
        let rate = config.rate / (1.0 + config.decay * epoch as f32);
        self.epoch += 1;
        let mut order = Rng::new(config.seed, self.epoch as u64 | 1 << 63);
        let step = Step::new(config, rate);
        let (plain, width) = (problem.is_plain(), model.width());
        let shared = (config.threads > 1).then(|| Shared::new(model.table()));
        events.epoch(self.epoch, &mut |events| {
            let mut blocks: Vec<&[Event]> = events.chunks(BLOCK).collect();
            order.shuffle(&mut blocks);
            let mut w0 = model.w0;
            let Some(shared) = &shared else {
                run(problem, plain, width, &blocks, &step, &mut w0, &mut Owned(model.table_mut()));
                model.w0 = w0;
                return;
            };
            let share = blocks.len().div_ceil(config.threads).max(1);
            let ends: Vec<f32> = std::thread::scope(|scope| {
                let threads: Vec<_> = blocks
                    .chunks(share)
                    .map(|blocks| {
                        let step = &step;
                        scope.spawn(move || {
                            let mut w0 = w0;
                            run(problem, plain, width, blocks, step, &mut w0, &mut &*shared);
                            w0
                        })
                    })
                    .collect();
                // A thread that panicked has nothing to give; the panic is passed on.
                threads.into_iter().map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
            });
            model.w0 = ends.iter().sum::<f32>() / ends.len().max(1) as f32;
        })?;
        if let Some(shared) = shared {
            shared.copy_to(model.table_mut());
        }
        Ok(())
    }
}

/// The constants of one epoch.
struct Step {
    squared: bool,
    rate: f32,
    user: Pace,
    item: Pace,
    field: Pace,
}

/// How the rows of one kind move.
#[derive(Clone, Copy)]
struct Pace {
    rate: f32,
    /// What regularisation leaves of the weight and of the factors.
    keep_w: f32,
    keep_v: f32,
}

impl Step {
    fn new(config: &Config, rate: f32) -> Step {
        let L2 { w, user, item, field } = config.l2;
        let pace = |rate: f32, v: f32| {
            let keep = |l2: f32| (1.0 - rate * l2).max(0.0);
            Pace { rate, keep_w: keep(w), keep_v: keep(v) }
        };
        let field = pace(rate * config.field_rate, field);
        Step { squared: config.squared, rate, user: pace(rate, user), item: pace(rate, item), field }
    }

    /// The derivative of the loss by the score.
    #[inline(always)]
    fn error(&self, score: f32, target: f32) -> f32 {
        (if self.squared { score } else { fast_sigmoid(score) }) - target
    }
}

/// Runs the loop that was compiled for this width.
fn run<R: Rows>(
    problem: &Problem,
    plain: bool,
    width: usize,
    blocks: &[&[Event]],
    step: &Step,
    w0: &mut f32,
    rows: &mut R,
) {
    macro_rules! widths {
        ($($w:literal)*) => {
            match width {
                $($w if plain => run_blocks(blocks, step, w0, |w0, event| {
                    plain_event::<$w, R>(rows, step, w0, event, problem.layout.users as u32)
                }),
                $w => run_blocks(blocks, step, w0, |w0, event| side_event::<$w, R>(rows, step, w0, event, problem)),)*
                _ => unreachable!("a model's width is one of {WIDTHS:?}"),
            }
        };
    }
    widths!(4 8 12 16 20 24 28 36 68 132 260);
}

/// Goes over blocks. w0 moves between blocks only: inside one it would chain every event to the one before.
#[inline(always)]
fn run_blocks(blocks: &[&[Event]], step: &Step, w0: &mut f32, mut learn: impl FnMut(f32, &Event) -> f32) {
    for block in blocks {
        let mut errors = 0.0;
        for event in *block {
            errors += learn(*w0, event);
        }
        *w0 -= step.rate * errors / block.len() as f32;
    }
}

/// One step on an event of two features. Returns the derivative of the loss by the score.
#[inline(always)]
fn plain_event<const W: usize, R: Rows>(rows: &mut R, step: &Step, w0: f32, event: &Event, items: u32) -> f32 {
    let item_row = items + event.item;
    let u: [f32; W] = rows.read(event.user);
    let i: [f32; W] = rows.read(item_row);
    let score = w0 + u[0] + i[0] + (lanes_dot(&u, &i) - u[0] * i[0]);
    let error = step.error(score, event.target);
    let g = step.rate * error;
    let (mut new_u, mut new_i) = ([0.0; W], [0.0; W]);
    for l in 0..W {
        new_u[l] = step.user.keep_v * u[l] - g * i[l];
        new_i[l] = step.item.keep_v * i[l] - g * u[l];
    }
    new_u[0] = step.user.keep_w * u[0] - g;
    new_i[0] = step.item.keep_w * i[0] - g;
    rows.write(event.user, new_u);
    rows.write(item_row, new_i);
    error
}

/// One step on an event with side features. Returns the derivative of the loss by the score.
#[inline(always)]
fn side_event<const W: usize, R: Rows>(rows: &mut R, step: &Step, w0: f32, event: &Event, problem: &Problem) -> f32 {
    let (user, item) = (problem.users.rows(event.user), problem.items.rows(event.item));
    // Lane by lane, S = sum v and Q = sum v^2; the interactions are (S^2 - Q) / 2.
    let (mut sum, mut squares) = ([0.0; W], [0.0; W]);
    for &row in user.iter().chain(item) {
        let v: [f32; W] = rows.read(row);
        for l in 0..W {
            sum[l] += v[l];
            squares[l] += v[l] * v[l];
        }
    }
    let mut twice = [0.0; W];
    for l in 0..W {
        twice[l] = sum[l] * sum[l] - squares[l];
    }
    twice[0] = 0.0;
    let score = w0 + sum[0] + 0.5 * lanes_sum(&twice);
    let error = step.error(score, event.target);
    for (entity, own) in [(user, step.user), (item, step.item)] {
        let mut pace = own;
        for &row in entity {
            let v: [f32; W] = rows.read(row);
            let mut new = [0.0; W];
            let g = pace.rate * error;
            for l in 0..W {
                // d score / d v_i = S - v_i
                new[l] = pace.keep_v * v[l] - g * (sum[l] - v[l]);
            }
            new[0] = pace.keep_w * v[0] - g;
            rows.write(row, new);
            pace = step.field;
        }
    }
    error
}

/// Four partial sums in a fixed order, which is what a vector register holds.
#[inline(always)]
fn lanes_dot<const W: usize>(a: &[f32; W], b: &[f32; W]) -> f32 {
    let mut sums = [0.0; 4];
    for (a, b) in a.as_chunks::<4>().0.iter().zip(b.as_chunks::<4>().0) {
        for l in 0..4 {
            sums[l] += a[l] * b[l];
        }
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3])
}

#[inline(always)]
fn lanes_sum<const W: usize>(a: &[f32; W]) -> f32 {
    let mut sums = [0.0; 4];
    for a in a.as_chunks::<4>().0 {
        for l in 0..4 {
            sums[l] += a[l];
        }
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3])
}

/// The logistic function to about 1e-6, without a call: e^x = 2^n e^r, with a polynomial for |r| <= ln 2 / 2.
#[inline(always)]
fn fast_sigmoid(x: f32) -> f32 {
    // Adding and subtracting 1.5 * 2^23 rounds to the nearest whole number.
    const ROUND: f32 = 12_582_912.0;
    const LN_2: f32 = std::f32::consts::LN_2;
    let x = (-x).clamp(-80.0, 80.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN_2;
    let poly =
        1.0 + r * (1.0 + r * (0.5 + r * (0.166_666_67 + r * (0.041_666_67 + r * (0.008_333_334 + r * 0.001_388_889)))));
    let power = f32::from_bits(((shifted.to_bits() as i32 + 127 - ROUND.to_bits() as i32) << 23) as u32);
    1.0 / (1.0 + poly * power)
}

#[cfg(test)]
mod tests {
    use super::super::{Entities, Layout, sigmoid};
    use super::*;

    fn config(squared: bool) -> Config {
        let l2 = L2 { w: 0.0, user: 0.0, item: 0.0, field: 0.0 };
        Config { squared, rate: 1e-3, decay: 0.0, field_rate: 1.0, l2, threads: 1, seed: 3 }
    }

    /// `users` and `items` with no field, or each with two of five.
    fn problem(users: usize, items: usize, fields: bool) -> Problem {
        let per_side = if fields { 5 } else { 0 };
        let layout = Layout { users, items, user_fields: per_side, item_fields: per_side };
        let entities = |n: usize, own: usize, first_field: usize| {
            let mut entities = Entities::default();
            for i in 0..n {
                let rows = [own + i, first_field + i % 5, first_field + (i + 2) % 5];
                entities.push(rows.into_iter().take(if fields { 3 } else { 1 }).map(|row| row as u32));
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
        let rows = || problem.users.rows(event.user).iter().chain(problem.items.rows(event.item));
        let mut score = f64::from(model.w0);
        let row = |row: u32| model.row(row as usize);
        for (n, &i) in rows().enumerate() {
            score += f64::from(row(i)[0]);
            for &j in rows().skip(n + 1) {
                score += row(i)[1..].iter().zip(&row(j)[1..]).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
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
            let config = config(squared);
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
                assert!((moved - expected).abs() < 2e-6, "fields {fields} lane {at}: moved {moved}, not {expected}");
            }
        }
    }

    #[test]
    fn l2_pulls_each_group_toward_zero() {
        let problem = problem(1, 1, true);
        let l2 = L2 { w: 1.0, user: 2.0, item: 3.0, field: 4.0 };
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
    fn same_seed_same_bits() {
        let problem = problem(30, 40, true);
        let run = |seed| {
            let config = Config { seed, rate: 0.05, ..config(false) };
            let mut model = Model::new(&problem.layout, 6, 0.1, seed);
            let mut sgd = Sgd::new(&problem, events(&problem, 3000), &config);
            (0..3).for_each(|_| sgd.epoch(&mut model).unwrap());
            model
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
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
            // So small a table makes threads meet all the time, and another order alone moves the loss by .02.
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

    #[test]
    fn the_fast_sigmoid_is_close() {
        for i in -40_000..40_000 {
            let x = i as f32 * 0.0025;
            let (fast, exact) = (f64::from(fast_sigmoid(x)), 1.0 / (1.0 + f64::from(-x).exp()));
            assert!((fast - exact).abs() < 2e-6, "{x}: {fast} {exact}");
        }
        assert!(fast_sigmoid(f32::MAX) <= 1.0 && fast_sigmoid(f32::MIN) >= 0.0);
    }
}

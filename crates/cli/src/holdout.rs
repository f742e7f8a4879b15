//! Which events are kept from training, and what for.

use crate::input::Events;
use crate::trainer::Rng;
use clap::ValueEnum;

/// Users need so many events to be held out for tuning.
pub(crate) const TUNE_EVENTS: usize = 20;
/// At least so many people are needed to tune on, and at most so many are taken.
const TUNE_USERS: std::ops::RangeInclusive<usize> = 20..=600;
/// The share of the people that is held out for tuning.
const TUNE_SHARE: f64 = 0.1;
/// The share of the other people's rows, or of the other people, that is held out for validation.
const VALIDATION_SHARE: f64 = 0.05;
/// The random stream that people and rows are held out by.
const STREAM: u64 = u64::MAX - 1;

/// What validation is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HoldOut {
    /// Any events
    Random,
    /// The last events
    Time,
    /// All events of some users
    Users,
}

/// Rows by what they are for, and the people who are held out for tuning.
pub(crate) struct Split {
    pub(crate) train: Vec<u32>,
    pub(crate) validation: Vec<u32>,
    pub(crate) people: Vec<u32>,
}

impl Split {
    pub(crate) fn new(events: &Events, validate: HoldOut, seed: u64) -> Split {
        let mut counts = vec![0; events.users.len()];
        events.user.iter().for_each(|&user| counts[user as usize] += 1);
        let mut people: Vec<u32> =
            (0..counts.len() as u32).filter(|&user| counts[user as usize] >= TUNE_EVENTS).collect();
        let mut rng = Rng::new(seed, STREAM);
        rng.shuffle(&mut people);
        let wanted = (people.len() as f64 * TUNE_SHARE) as usize;
        people.truncate(if wanted >= *TUNE_USERS.start() { wanted.min(*TUNE_USERS.end()) } else { 0 });
        people.sort_unstable();
        let mut held = vec![false; counts.len()];
        people.iter().for_each(|&user| held[user as usize] = true);
        let mut rows: Vec<u32> =
            (0..events.len() as u32).filter(|&row| !held[events.user[row as usize] as usize]).collect();
        let mut draw = || rng.unit() < VALIDATION_SHARE;
        let (validation, train) = match validate {
            HoldOut::Random => rows.into_iter().partition(|_| draw()),
            HoldOut::Users => {
                let drawn: Vec<bool> = (0..counts.len()).map(|_| draw()).collect();
                rows.into_iter().partition(|&row| drawn[events.user[row as usize] as usize])
            }
            HoldOut::Time => {
                if !events.time.is_empty() {
                    rows.sort_by(|&a, &b| events.time[a as usize].total_cmp(&events.time[b as usize]));
                }
                let last = rows.split_off(rows.len() - (rows.len() as f64 * VALIDATION_SHARE) as usize);
                (last, rows)
            }
        };
        Split { train, validation, people }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::LabelRule;
    use crate::testing::{columns, temp_file};

    #[test]
    fn each_hold_out_keeps_what_it_says_from_training() {
        let rows: String = (0..4000).map(|i| format!("u{},i{},1,{}\n", i % 300, i % 7, 9000 - i)).collect();
        let file = temp_file(&format!("user,item,label,time\n{rows}"));
        let rule = LabelRule { squared: false, positive: None, map: Vec::new() };
        let events = Events::read(file.path(), &columns(), &rule).unwrap();
        for how in [HoldOut::Random, HoldOut::Time, HoldOut::Users] {
            let Split { train, validation, people } = Split::new(&events, how, 1);
            assert!(people.is_empty(), "nobody has {TUNE_EVENTS} events");
            assert_eq!(train.len() + validation.len(), 4000, "{how:?}");
            assert!((100..300).contains(&validation.len()), "{how:?}: {}", validation.len());
            let users =
                |rows: &[u32]| rows.iter().map(|&r| events.user[r as usize]).collect::<std::collections::HashSet<_>>();
            let latest = |rows: &[u32]| rows.iter().map(|&r| events.time[r as usize]).fold(0.0, f64::max);
            let earliest = |rows: &[u32]| rows.iter().map(|&r| events.time[r as usize]).fold(f64::MAX, f64::min);
            assert_eq!(users(&train).is_disjoint(&users(&validation)), how == HoldOut::Users);
            assert_eq!(latest(&train) < earliest(&validation), how == HoldOut::Time);
        }
    }
}

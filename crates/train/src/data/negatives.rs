//! Skips for data that hold clicks alone: items that the user has no event with, drawn by how often they occur.

use crate::input::Events;
use crate::maths::Rng;
use std::collections::HashSet;

/// The random stream that they are drawn from.
const STREAM: u64 = u64::MAX - 2;
/// Draws before a user who has met nearly everything gets fewer.
const TRIES: usize = 20;

/// Adds `per_click` skips after every event, at its time. They do not repeat what the user has met.
pub(crate) fn add_negatives(events: &mut Events, per_click: usize, seed: u64) {
    let mut rng = Rng::new(seed, STREAM);
    let clicks = events.len();
    // They stood on no slate, and all events are on one or none is.
    events.slate.clear();
    events.place.clear();
    events.propensity.clear();
    let mut met: HashSet<(u32, u32)> = events.user.iter().copied().zip(events.item.iter().copied()).collect();
    for row in 0..clicks {
        let user = events.user[row];
        for _ in 0..per_click {
            // An event's item, at random: items are drawn by their popularity.
            let drawn = (0..TRIES).map(|_| events.item[rng.below(clicks)]).find(|&item| !met.contains(&(user, item)));
            let Some(item) = drawn else { continue };
            met.insert((user, item));
            events.user.push(user);
            events.item.push(item);
            events.label.push(0.0);
            events.target.push(0.0);
            if !events.weight.is_empty() {
                events.weight.push(1.0);
            }
            if let Some(&time) = events.time.get(row) {
                events.time.push(time);
            }
            if let Some(&occasion) = events.occasion.get(row) {
                events.occasion.push(occasion);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{LabelRule, read_events};
    use crate::testing::{columns, temp_file};

    #[test]
    fn skips_are_of_items_that_the_user_has_not_met() {
        let rows: String = (0..400).map(|i| format!("u{},i{},1,{i}\n", i % 20, i * 7 % 90)).collect();
        let file = temp_file(&format!("user,item,label,time\n{rows}"));
        let rule = LabelRule { squared: false, positive: None, map: Vec::new() };
        let mut events = read_events(file.path(), &columns(), &rule, &()).unwrap();
        let clicked: HashSet<(u32, u32)> = events.user.iter().copied().zip(events.item.iter().copied()).collect();
        add_negatives(&mut events, 2, 3);
        assert!((1100..=1200).contains(&events.len()), "{}", events.len());
        let mut skipped = HashSet::new();
        for row in 400..events.len() {
            let pair = (events.user[row], events.item[row]);
            assert!(!clicked.contains(&pair) && skipped.insert(pair));
            assert_eq!(events.target[row], 0.0);
        }
        assert_eq!(events.time.len(), events.len());
    }
}

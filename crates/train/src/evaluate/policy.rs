//! What a policy that is written down as a table would have earned on a log of impressions.

use super::off_policy::{Evidence, OffPolicy};
use crate::error::Result;
use crate::input::{Columns, Dialect, Events, InputFile, read_cells};
use crate::watch::Watch;
use serde::Serialize;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Parts of the units; what is expected of a place is learnt of the other parts, so that its own reward is no part of it.
const PARTS: usize = 10;
/// The probabilities of a place may sum to so much more or less than 1: they were rounded, or counted.
const ROUNDED: f64 = 0.01;

/// With which probability a policy shows each item, the same to everybody.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Policy {
    /// By place, counted from 1; 0 is any place.
    places: BTreeMap<u32, HashMap<String, f64>>,
}

/// What a policy would have earned.
#[derive(Debug, PartialEq, Serialize)]
pub struct PolicyReport {
    /// Who is drawn by themselves: errors and intervals are over them.
    pub users: usize,
    /// Each estimate.
    #[serde(flatten)]
    pub off_policy: OffPolicy,
    /// The mean of the weights, which is about 1 if the propensities are right.
    pub mean_weight: f64,
    /// So many places of equal weight would tell as much (Kish 1965).
    pub effective_places: f64,
    /// How much of what the policy would show the log showed at least once, there. What it never showed counts for nothing in `ips`.
    pub covered: f64,
}

impl Policy {
    /// Reads a table with the columns `probability`, the item's as the events call it, and that of the place if the events have one and the
    /// policy differs by place.
    pub fn read(file: &InputFile, dialect: Dialect, columns: &Columns, watch: &dyn Watch) -> Result<Policy> {
        let mut policy = Policy::default();
        read_cells(
            file,
            dialect,
            watch,
            &|header| {
                let own = [header.column("probability", "--policy")?, header.column(&columns.item, "--item")?];
                let place = columns.place.iter().filter(|place| header.names.contains(place));
                let place = place.map(|place| header.column(place, "--place"));
                own.into_iter().map(Ok).chain(place).collect()
            },
            &mut |cells| {
                let text = |cell: &[String]| cell.join("|");
                let (probability, item) = (text(&cells[0]), text(&cells[1]));
                let chance = probability.trim().parse().ok().filter(|x| (0.0..=1.0).contains(x));
                let chance =
                    chance.ok_or_else(|| format!("column `probability`: `{probability}` is not from 0 to 1"))?;
                let place = match cells.get(2) {
                    None => 0,
                    Some(cell) => match text(cell).trim().parse() {
                        Ok(place) if place > 0 => place,
                        _ => return Err(format!("`{}` is no place: they are counted from 1", text(cell))),
                    },
                };
                match policy.places.entry(place).or_default().insert(item.clone(), chance) {
                    None => Ok(()),
                    Some(_) => Err(format!(
                        "`{item}` is listed twice: keep one of the rows, or name the column of its place with --place"
                    )),
                }
            },
        )?;
        policy.check(file)?;
        Ok(policy)
    }

    fn check(&self, file: &InputFile) -> Result<()> {
        ensure!(!self.places.is_empty(), Input, "{file} lists no item");
        for (place, items) in &self.places {
            // In an order that does not depend on the hasher's.
            let mut chances: Vec<f64> = items.values().copied().collect();
            chances.sort_unstable_by(f64::total_cmp);
            let sum: f64 = chances.iter().sum();
            let of = if *place == 0 { String::new() } else { format!(" of place {place}") };
            ensure!(
                (1.0 - ROUNDED..=1.0 + ROUNDED).contains(&sum),
                Input,
                "{file}: the probabilities{of} sum to {sum}, and not to 1"
            );
        }
        Ok(())
    }

    /// The probabilities of a place.
    fn at(&self, place: u32) -> Option<&HashMap<String, f64>> {
        self.places.get(&0).or_else(|| self.places.get(&place))
    }

    /// What it would have earned where these events were shown, each with its propensity: the mean target of a place. Units are users.
    pub fn judge(&self, events: &Events) -> Result<PolicyReport> {
        ensure!(!events.is_empty(), Input, "there is no event");
        ensure!(
            !events.propensity.is_empty(),
            Setting,
            "off-policy estimates need the probability with which each item was shown: name its column with --propensity"
        );
        let place = |row: usize| events.place.get(row).copied().unwrap_or(0);
        let mut chances: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        for row in 0..events.len() {
            if let Entry::Vacant(entry) = chances.entry(place(row)) {
                let Some(policy) = self.at(place(row)) else {
                    bail!(Input, "the policy says nothing of place {}, at which something was shown", place(row));
                };
                entry.insert(events.items.names().map(|item| policy.get(item).copied().unwrap_or(0.0)).collect());
            }
        }
        let models: Vec<Expected> = (0..PARTS).map(|part| Expected::without(part, events)).collect();
        // Of what the policy shows and the log never did nothing but the mean is known.
        let direct = |model: &Expected, chances: &[f64]| {
            let known: f64 = chances.iter().zip(&model.of_item).map(|(chance, rate)| chance * rate).sum();
            known + (1.0 - chances.iter().sum::<f64>()).max(0.0) * model.mean
        };
        let direct: BTreeMap<u32, Vec<f64>> = chances
            .iter()
            .map(|(place, chances)| (*place, models.iter().map(|model| direct(model, chances)).collect()))
            .collect();
        let mut units = vec![Vec::new(); events.users.len()];
        for row in 0..events.len() {
            let (user, item, place) = (events.user[row] as usize, events.item[row] as usize, place(row));
            units[user].push(Evidence {
                count: events.weight.get(row).copied().unwrap_or(1.0).into(),
                weight: chances[&place][item] / f64::from(events.propensity[row]),
                reward: events.target[row].into(),
                expected: models[user % PARTS].of_item[item],
                direct: direct[&place][user % PARTS],
            });
        }
        let Some(off_policy) = OffPolicy::new(&units) else { bail!(Input, "no event weighs anything") };
        let sum = |of: fn(&Evidence) -> f64| units.iter().flatten().map(of).sum::<f64>();
        let (weights, squares) = (sum(|of| of.count * of.weight), sum(|of| of.count * of.weight * of.weight));
        let shown: BTreeSet<(u32, u32)> = (0..events.len()).map(|row| (place(row), events.item[row])).collect();
        let places = chances.len() as f64;
        let covered: f64 = shown.iter().map(|(place, item)| chances[place][*item as usize]).sum();
        Ok(PolicyReport {
            users: events.users.len(),
            off_policy,
            mean_weight: weights / sum(|of| of.count),
            effective_places: if squares > 0.0 { weights * weights / squares } else { 0.0 },
            covered: (covered / places).min(1.0),
        })
    }
}

/// The click rate that is expected of each item, drawn toward the mean as far as chance makes items differ (empirical Bayes).
struct Expected {
    mean: f64,
    of_item: Vec<f64>,
}

impl Expected {
    /// Of the users who are not of this part.
    fn without(part: usize, events: &Events) -> Expected {
        let mut items = vec![(0.0, 0.0); events.items.len()];
        for row in (0..events.len()).filter(|row| events.user[*row] as usize % PARTS != part) {
            let count = f64::from(events.weight.get(row).copied().unwrap_or(1.0));
            let (shown, earned) = &mut items[events.item[row] as usize];
            *shown += count;
            *earned += count * f64::from(events.target[row]);
        }
        let (shown, earned) = items.iter().fold((0.0, 0.0), |sum, item| (sum.0 + item.0, sum.1 + item.1));
        let mean = if shown > 0.0 { earned / shown } else { 0.0 };
        // By moments: sum n (rate - mean)^2 is on average noise (items - 1) + between (sum n - sum n^2 / sum n).
        let noise = mean * (1.0 - mean).max(0.0);
        let met = items.iter().filter(|(n, _)| *n > 0.0);
        let spread: f64 = met.clone().map(|(n, earned)| n * (earned / n - mean).powi(2)).sum();
        let size = shown - met.clone().map(|(n, _)| n * n).sum::<f64>() / shown;
        let between = (spread - noise * (met.count() as f64 - 1.0)) / size;
        // Impressions at the mean rate that an item is thought to have had.
        let prior = if between > 0.0 { noise / between } else { f64::INFINITY };
        let rate =
            |(n, earned): &(f64, f64)| if prior.is_finite() { (earned + prior * mean) / (n + prior) } else { mean };
        Expected { mean, of_item: items.iter().map(|item| if item.0 > 0.0 { rate(item) } else { mean }).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::told;
    use crate::input::{BadRows, LabelRule, Reading};
    use crate::maths::Rng;
    use crate::testing::temp_file;

    fn columns() -> Columns {
        let [place, propensity] = ["place", "propensity"].map(|column| Some(column.to_owned()));
        Columns { place, propensity, ..Columns::default() }
    }

    fn events(text: &str) -> Events {
        let (file, columns) = (temp_file(text), columns());
        let rule = LabelRule { squared: false, positive: None, map: Vec::new() };
        let paths = [file.path().to_owned()];
        Reading::new(&paths, &columns, &rule, BadRows::Count(0)).unwrap().read().unwrap().events().unwrap()
    }

    fn policy(text: &str) -> Result<Policy, String> {
        let file = temp_file(text);
        Policy::read(&InputFile::once(file.path()), Dialect::default(), &columns(), &()).map_err(|e| told(&e))
    }

    #[test]
    fn each_estimate_finds_what_another_policy_earns() {
        // Ten items, shown by chance in two places; the policy shows the best one in the first place and any in the second.
        let (rate, seed) = (|item: usize| 0.05 + 0.04 * item as f64, 3);
        let mut rng = Rng::new(seed, 0);
        let mut text = "user,item,label,place,propensity\n".to_owned();
        for user in 0..6000 {
            for place in 1..=2 {
                let item = rng.below(10);
                text += &format!("u{user},{item},{},{place},0.1\n", u8::from(rng.unit() < rate(item)));
            }
        }
        let best: String = (0..10).map(|item| format!("{item},1,{}\n{item},2,.1\n", u8::from(item == 9))).collect();
        let report = policy(&format!("item,place,probability\n{best}")).unwrap().judge(&events(&text)).unwrap();
        let truth = 0.5 * (rate(9) + (0..10).map(rate).sum::<f64>() / 10.0);
        let OffPolicy { ips, snips, dr, intervals, places, .. } = &report.off_policy;
        for (estimate, interval) in [(ips, intervals.ips), (snips, intervals.snips), (dr, intervals.dr)] {
            let estimate = estimate.as_ref().unwrap();
            let error = estimate.error().unwrap();
            assert!((estimate.value - truth).abs() < 3.0 * error, "seed {seed}: {estimate:?}, in truth {truth}");
            let interval = interval.unwrap();
            assert!(interval.holds(truth) && interval.high - interval.low < 5.0 * error, "{interval:?}");
        }
        let error = |of: &Option<super::super::Estimate>| of.as_ref().unwrap().error().unwrap();
        assert!(error(dr) < error(ips), "a model of the rewards makes it surer");
        assert_eq!((*places, report.users), (12_000, 6000));
        assert!((report.mean_weight - 1.0).abs() < 0.05 && (report.covered - 1.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, expected) in [
            ("item,probability\na,.5\n", "sum to 0.5, and not to 1"),
            ("item,probability\na,1.5\n", ":2: column `probability`: `1.5` is not from 0 to 1"),
            ("item,probability\na,.5\na,.5\n", "`a` is listed twice"),
            ("item,place,probability\na,0,1\n", "`0` is no place"),
            ("item,chance\na,1\n", "there is no column `probability`"),
            ("item,probability\n", "lists no item"),
        ] {
            let error = policy(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let shown = events("user,item,label,place,propensity\nu,a,1,2,.5\n");
        let error = policy("item,place,probability\na,1,1\n").unwrap().judge(&shown).unwrap_err();
        assert!(told(&error).contains("says nothing of place 2"), "{}", told(&error));
        let without = Events { propensity: Vec::new(), ..shown };
        let error = policy("item,probability\na,1\n").unwrap().judge(&without).unwrap_err();
        assert!(told(&error).contains("--propensity"), "{}", told(&error));
    }

    #[test]
    fn what_the_log_never_showed_is_told() {
        let shown = events("user,item,label,place,propensity\nu,a,1,1,.5\nv,a,0,1,.5\n");
        let report = policy("item,probability\na,.25\nb,.75\n").unwrap().judge(&shown).unwrap();
        assert_eq!((report.covered, report.mean_weight, report.effective_places), (0.25, 0.5, 2.0));
    }
}

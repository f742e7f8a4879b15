//! How well a seed ranks the whole catalogue for people whom it never saw, with the browser's own learner: each learns the first clicks that are
//! known of them, and the rest is looked for among all items (Liang, Krishnan, Hoffman and Jebara 2018).

use super::replay::{item_features, moment_features};
use crate::error::{Context, Result};
use crate::input::{Events, SideTable};
use crate::maths::{in_parallel, ndcg};
use crate::seed;
use brooklet_core::{Base, Config, FeatureId, Features, Learner, Query};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// Places that recall is told for, and NDCG.
const RECALL: [usize; 2] = [20, 50];
const NDCG: [usize; 2] = [10, 100];

/// Means over people. Recall is divided by the lesser of the places and the number hidden.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Ranked {
    /// By places.
    pub recall: BTreeMap<usize, f64>,
    /// By places.
    pub ndcg: BTreeMap<usize, f64>,
}

/// After so many clicks of each person.
#[derive(Debug, Serialize)]
pub struct AfterClicks {
    /// How many.
    pub clicks: usize,
    /// Means over people.
    #[serde(flatten)]
    pub figures: Ranked,
}

/// How a seed ranks.
#[derive(Debug, Serialize)]
pub struct TopN {
    /// People of whom something is hidden.
    pub users: usize,
    /// Items of the seed.
    pub items: usize,
    /// Of a ranking as a stranger's of the seed, if it ranks the whole catalogue by something of its own, else by how much of each item it
    /// was learnt from, if it says so.
    pub popularity: Option<Ranked>,
    /// After so many clicks as were asked for.
    pub after: Vec<AfterClicks>,
    /// After all clicks that are known.
    pub all: Ranked,
}

/// One person: items known in order, items hidden.
struct Person<'a> {
    known: Vec<&'a str>,
    /// In which context each of those was clicked, if that is known.
    moments: Vec<u32>,
    hidden: Vec<&'a str>,
}

/// Ranks for everybody in `hidden`, after each of these numbers of clicks that are `known` of them, in order of time, and after all.
/// `fields` are those of the items. The figures do not depend on the number of threads.
pub fn top_n(
    base: &Base,
    known: &Events,
    hidden: &Events,
    fields: &SideTable,
    after: &[usize],
    threads: usize,
) -> Result<TopN> {
    let items = items(base)?;
    let features = |id: &String| item_features(base, id, fields).with_context(|| format!("item `{id}`"));
    let catalogue: HashMap<&str, Features> =
        items.iter().map(|id| Ok((id.as_str(), features(id)?))).collect::<Result<_>>()?;
    let people = people(known, hidden);
    let moments = moment_features(base, known)?;
    let popular = popular(base, &items, &catalogue);
    let stages: Vec<usize> = after.iter().copied().chain([usize::MAX]).collect();
    let judged =
        in_parallel(people.len(), threads.max(1), |at| judge(base, &items, &catalogue, &moments, &people[at], &stages));
    let judged: Vec<Vec<Ranked>> = judged.into_iter().collect::<Result<_>>()?;
    let of = |n: usize| mean(judged.iter().map(|person| &person[n]));
    let popularity = popular.map(|ranking| {
        let figures: Vec<Ranked> =
            people.iter().map(|person| person.figures(ranking.iter().map(String::as_str))).collect();
        mean(figures.iter())
    });
    Ok(TopN {
        users: people.len(),
        items: items.len(),
        popularity,
        after: after.iter().enumerate().map(|(n, &clicks)| AfterClicks { clicks, figures: of(n) }).collect(),
        all: of(after.len()),
    })
}

/// The items of a seed, by name.
fn items(base: &Base) -> Result<Vec<String>> {
    let items: Vec<String> = seed::items(base).map(str::to_owned).collect();
    let field = &base.metadata().schema.item;
    ensure!(!items.is_empty(), Seed, "the seed names no items of `{field}`: they are what is ranked");
    Ok(items)
}

/// The people of whom something is hidden.
fn people<'a>(known: &'a Events, hidden: &'a Events) -> Vec<Person<'a>> {
    let (rows, found) = (known.by_user(), hidden.by_user());
    let of = |(user, found): (usize, &Vec<u32>)| {
        let known_rows = known.users.find(hidden.users.name(user as u32)).map(|user| &rows[user as usize]);
        let moments = known_rows.into_iter().flatten().filter_map(|&row| known.moment(row as usize));
        Person {
            moments: moments.collect(),
            known: known_rows.into_iter().flatten().map(|&row| known.items.name(known.item[row as usize])).collect(),
            hidden: found.iter().map(|&row| hidden.items.name(hidden.item[row as usize])).collect(),
        }
    };
    found.iter().enumerate().map(of).collect()
}

/// Items in order of popularity, as far as the seed tells.
fn popular(base: &Base, items: &[String], catalogue: &HashMap<&str, Features>) -> Option<Vec<String>> {
    let field = &base.metadata().schema.item;
    let popularity = |id: &String| {
        let row = base.find(FeatureId::named(&format!("{field}={id}")))?;
        let Some(prior) = &base.metadata().catalogue else {
            return Some((base.evidence(row)?.amount() as f32, id.clone()));
        };
        let mut numbers = vec![0.0; base.catalogue_width()];
        let rows = catalogue[id.as_str()].shared().iter().filter_map(|feature| base.find(feature.id));
        let score = rows.map(|row| {
            base.catalogue_into(row, &mut numbers);
            prior.mean.iter().chain(&[1.0]).zip(&numbers).map(|(u, x)| u * x).sum::<f32>()
        });
        Some((score.sum(), id.clone()))
    };
    let mut ranking: Vec<(f32, String)> = items.iter().map(popularity).collect::<Option<_>>()?;
    ranking.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    Some(ranking.into_iter().map(|(_, id)| id).collect())
}

fn judge(
    base: &Base,
    items: &[String],
    catalogue: &HashMap<&str, Features>,
    moments: &[Features],
    person: &Person<'_>,
    after: &[usize],
) -> Result<Vec<Ranked>> {
    let mut learner = Learner::new(base.clone(), Config::default())?;
    for id in items {
        learner.set_item(id, &catalogue[id.as_str()])?;
    }
    let mut wanted: Vec<usize> = after.iter().map(|&clicks| clicks.min(person.known.len())).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let (mut learnt, mut figures) = (0, BTreeMap::new());
    for clicks in wanted {
        for (n, id) in person.known.iter().enumerate().take(clicks).skip(learnt) {
            // What the seed does not know is no item of the catalogue, and teaches nothing.
            let Some(features) = learner.item(id) else { continue };
            let moment = person.moments.get(n).map(|&moment| moments[moment as usize].union(features));
            let input = moment.unwrap_or_else(|| features.clone());
            learner.learn_one(&input, 1.0, 1.0)?;
        }
        learnt = clicks;
        let slate = learner.recommend(&Query { k: NDCG[1], exclude: &person.known, ..Query::default() });
        figures.insert(clicks, person.figures(slate.items.iter().map(|item| item.item.as_str())));
    }
    Ok(after.iter().map(|&clicks| figures[&clicks.min(person.known.len())].clone()).collect())
}

impl Person<'_> {
    /// Of a ranking, best first, in which what is known is passed over.
    fn figures<'b>(&self, ranking: impl Iterator<Item = &'b str>) -> Ranked {
        let ranking = ranking.filter(|item| !self.known.contains(item)).take(NDCG[1]);
        let places: Vec<usize> =
            ranking.enumerate().filter(|(_, item)| self.hidden.contains(item)).map(|(place, _)| place).collect();
        let most = self.hidden.len();
        let within = |cut: usize| places.iter().filter(|place| **place < cut).count();
        let recall = RECALL.map(|cut| (cut, within(cut) as f64 / cut.min(most) as f64));
        let ndcg = NDCG.map(|cut| (cut, ndcg(places.iter().copied(), most, cut)));
        Ranked { recall: recall.into(), ndcg: ndcg.into() }
    }
}

fn mean<'a>(all: impl Iterator<Item = &'a Ranked> + Clone) -> Ranked {
    let people = all.clone().count().max(1) as f64;
    let mut mean = Ranked::default();
    for figures in all {
        figures.recall.iter().for_each(|(at, x)| *mean.recall.entry(*at).or_default() += x / people);
        figures.ndcg.iter().for_each(|(at, x)| *mean.ndcg.entry(*at).or_default() += x / people);
    }
    mean
}

//! One simulation: who does what, the two trainings, the population between them, and what came of it.

use super::exposure::share_of_top;
use super::federate::{Federated, Taught, federate};
use super::population::{Judge, Population};
use crate::error::Result;
use crate::evaluate::{Outcome, Replayed, Visitors, item_features};
use crate::input::Events;
use crate::maths::{Rng, auc, cores, in_parallel, log_loss, mean};
use crate::training::Training;
use crate::watch::{Length, Watch};
use brooklet_core::{Base, Config, FeatureId, FoldConfig, Privacy};
use serde::Serialize;
use std::sync::Arc;

/// The share of central training's gain that is enough.
const ENOUGH: f64 = 0.95;
/// Items that hostile visits push.
const TARGETS: usize = 20;
/// The random stream that users and targets are drawn by.
const DRAW: u64 = u64::MAX - 2;

/// How the population is divided, and how it behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The share of the users that the seed is trained on; 0 begins with a seed of all items and no event.
    pub seed_users: f64,
    /// The share of the users that send deltas. The rest is judged.
    pub client_users: f64,
    /// The share of the users on whose events the endpoint judges every version before it publishes it.
    pub judge_users: f64,
    /// Events of a visit, after which the client posts a delta; 1 or more. Where a column tells the slates, a visit is a slate.
    pub visit: usize,
    /// Deltas of a version; 1 or more.
    pub cut: usize,
    /// How often the clients' events pass, each time as those of new visitors; 1 or more.
    pub passes: usize,
    /// Between a visit's pull of the base and its delta, from 0 to so many versions are published.
    pub stale: usize,
    /// The share of visits that end before their delta is posted; it goes with the next visit's, if there is one.
    pub drop_out: f64,
    /// The share of visits that are hostile: each pushes the same 20 items as hard as the endpoint lets it.
    pub hostile: f64,
    /// How deltas are folded.
    pub fold: FoldConfig,
    /// The noise that the endpoint adds to each version, as a multiple of what one client may do to it; 0 is none. With noise new items have rows
    /// because the endpoint lists all items, as an operator has to.
    pub noise_multiplier: f64,
    /// What devices hide of a visitor.
    pub privacy: Privacy,
}

impl Default for Settings {
    /// A fifth of the users make the seed, three fifths are honest clients, a fifth is judged.
    fn default() -> Settings {
        Settings {
            seed_users: 0.2,
            client_users: 0.6,
            judge_users: 0.0,
            visit: 5,
            cut: 50,
            passes: 1,
            stale: 4,
            drop_out: 0.1,
            hostile: 0.0,
            fold: FoldConfig::default(),
            noise_multiplier: 0.0,
            privacy: Privacy::default(),
        }
    }
}

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Simulated {
    /// How many people did what.
    #[serde(skip)]
    pub people: Crowd,
    /// The seed as it was trained, on the people who are judged.
    pub seed: Figures,
    /// The last version that the clients' deltas made of it.
    pub federated: Figures,
    /// Versions on the way, evenly spaced, and which of them and the last had the highest log-loss.
    pub versions: Vec<Version>,
    /// That with the highest log-loss.
    pub worst: Version,
    /// Candidates that were held back, and by how many standard errors clients ever reported to be served worse than before.
    pub held_back: u64,
    /// The largest regret that clients reported.
    pub regret: f64,
    /// A seed trained anew on the events of both.
    pub central: Figures,
    /// AUC of an order by how often the people of both clicked each item.
    pub popularity: Option<f64>,
    /// How many visitors had taught the first version that is looked at whose base alone has a higher AUC.
    pub passes_popularity: Option<usize>,
    /// How many had taught the first that has 95 % of what central training gains over the seed in log-loss.
    pub reaches: Option<usize>,
    /// The share of the log-loss that central training gains over the seed that the deltas gained.
    pub closed: Option<f64>,
    /// Versions that were published.
    pub rounds: u64,
    /// Deltas that were folded, hostile ones among them.
    pub deltas: u64,
    /// Bytes of deltas that a client sent, on average.
    pub bytes_up_per_user: f64,
    /// Bytes that a client fetched, on average: a base once, then what has changed, compressed by zstd.
    pub bytes_down_per_user: f64,
    /// How far hostile visits moved the mean weight of the items that they push, in logits.
    pub target_shift: f64,
    /// By how much they raised the log-loss.
    pub log_loss_shift: Option<f64>,
    /// The share of the first 20 places, in the rankings of all items for the people judged, that these items have without hostile visits and with.
    pub target_share: [f64; 2],
}

/// A version on the people judged.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Version {
    /// Its number.
    pub version: u64,
    /// How many people had taught it by then, by how many deltas.
    pub visitors: usize,
    /// The deltas.
    pub deltas: u64,
    /// Its figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// Over all events of all people judged: each predicted, then learnt from.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Figures {
    /// Mean cross-entropy over events.
    pub log_loss: Option<f64>,
    /// Over all events together.
    pub auc: Option<f64>,
    /// The same by the base alone, which learns from nobody.
    pub fixed_auc: Option<f64>,
}

/// Simulates the users of a training: trains on some of them, and anew on these and the clients.
pub fn simulate(job: &Training<'_>, args: &Settings) -> Result<Simulated> {
    let events = job.dataset.store.events()?;
    let people = People::draw(args, events.users.len(), job.seed)?;
    let train = |users: &[u32]| -> Result<Base> { Ok(Base::decode(job.of(events.of(users))?.seed()?.bytes)?) };
    let from_nothing = people.seed.is_empty();
    let seed = if from_nothing { Base::decode(job.beginning()?)? } else { train(&people.seed)? };
    let central = train(&[people.seed.as_slice(), &people.clients].concat())?;

    let clients = people.visitors(&people.clients, &seed, &events, job)?;
    let judged = people.visitors(&people.judged, &seed, &events, job)?;
    let teachers = [people.seed.as_slice(), &people.clients].concat();
    let known = events.of(if from_nothing { &people.clients } else { &people.seed });
    let pushed = targets(job, &known);
    let features = |item: &&str| FeatureId::named(&format!("{}={item}", job.dataset.columns.item));
    let targets: Vec<FeatureId> = pushed.iter().map(features).collect();
    let mut fold = args.fold.clone();
    if args.noise_multiplier > 0.0 {
        fold.items = Some(Arc::new(events.items.names().map(|item| features(&item)).collect()));
    }
    let page = |item: &str| Ok((item.to_owned(), item_features(&seed, item, &job.items)?));
    let population = Population {
        noise_multiplier: args.noise_multiplier,
        privacy: args.privacy,
        items: events.items.names().map(page).collect::<Result<_>>()?,
        visit: args.visit,
        cut: args.cut,
        passes: args.passes,
        stale: args.stale,
        drop_out: args.drop_out,
        hostile: args.hostile,
        targets: targets.clone(),
        fold,
        from_nothing,
        seed: job.seed,
    };
    let operator = people.visitors(&people.operator, &seed, &events, job)?;
    let of_operator = |base: &Base| -> Result<f64, brooklet_core::Error> {
        let replayed = operator.replay(base, &Config::default(), &[], 1, || {})?;
        // Of no event at all nothing can be told, and the judge is not asked.
        Ok(figures(&replayed).log_loss.unwrap_or(f64::INFINITY))
    };
    let gate = (!operator.is_empty()).then_some(&of_operator as &Judge<'_>);
    let mut runs = vec![population.clone()];
    if args.hostile > 0.0 {
        runs.push(Population { hostile: 0.0, ..population.clone() });
    }
    let progress = job.watch.begin("clients' visits", Length::Steps(population.visits(&clients) * runs.len()));
    let done = in_parallel(runs.len(), cores(), |i| federate(&seed, &clients, &runs[i], gate, &*progress));
    drop(progress);
    let done: Vec<Federated> = done.into_iter().collect::<Result<_>>()?;
    let (federated, honest) = (&done[0], &done[done.len() - 1]);

    let judge = |base: &Base| judge(&judged, base, job.watch);
    let users = people.clients.len() as f64;
    let [seed, central] = [judge(&seed)?, judge(&central)?];
    let [figures, unharmed] = [judge(&federated.base)?, judge(&honest.base)?];
    let items: Vec<&str> = events.items.names().collect();
    let share = |base: &Base| share_of_top(base, &judged, &items, &job.items, &pushed);
    let with = share(&federated.base)?;
    // If nobody is hostile both are one run.
    let without = if done.len() > 1 { share(&honest.base)? } else { with };
    let last = (federated.base.clone(), federated.taught);
    let looks = federated.on_the_way.iter().chain([&last]);
    let version = |(base, Taught { visitors, deltas }): &(Base, Taught)| {
        let figures = judge(base)?;
        Ok(Version { version: base.metadata().version, visitors: *visitors, deltas: *deltas, figures })
    };
    let versions: Vec<Version> = looks.map(version).collect::<Result<_>>()?;
    let by_loss = |a: &&Version, b: &&Version| {
        let loss = |version: &Version| version.figures.log_loss.unwrap_or(f64::INFINITY);
        loss(a).total_cmp(&loss(b))
    };
    let worst = *versions.iter().max_by(by_loss).unwrap_or(&versions[0]);
    let minus = |a: Option<f64>, b: Option<f64>| Some(a? - b?);
    let gain = |figures: Figures| minus(seed.log_loss, figures.log_loss);
    let popularity = popularity(job, &events, &teachers, &people.judged);
    let first = |enough: &dyn Fn(&Version) -> Option<bool>| {
        versions.iter().find(|version| enough(version) == Some(true)).map(|version| version.visitors)
    };
    let passes_popularity = first(&|version| Some(version.figures.fixed_auc? > popularity?));
    let reaches = first(&|version| Some(gain(version.figures)? >= ENOUGH * gain(central)?));
    Ok(Simulated {
        people: people.crowd(),
        closed: gain(figures).zip(gain(central)).map(|(ours, theirs)| ours / theirs),
        seed,
        central,
        popularity,
        passes_popularity,
        reaches,
        federated: figures,
        versions,
        worst,
        held_back: federated.held_back,
        regret: federated.regret,
        rounds: federated.rounds,
        deltas: federated.deltas,
        bytes_up_per_user: federated.bytes_up as f64 / users,
        bytes_down_per_user: federated.bytes_down as f64 / users,
        target_shift: weight(&federated.base, &targets) - weight(&honest.base, &targets),
        log_loss_shift: minus(figures.log_loss, unharmed.log_loss),
        target_share: [without, with],
    })
}

/// How many people did what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crowd {
    /// People whom the seed is trained on.
    pub seed: usize,
    /// People who send deltas.
    pub clients: usize,
    /// People who are judged.
    pub judged: usize,
}

/// Who does what.
struct People {
    seed: Vec<u32>,
    clients: Vec<u32>,
    judged: Vec<u32>,
    /// On whom the operator judges.
    operator: Vec<u32>,
}

impl People {
    fn draw(args: &Settings, users: usize, seed_of_draw: u64) -> Result<People> {
        for (flag, share) in
            [("--drop-out", args.drop_out), ("--hostile", args.hostile), ("--judge-users", args.judge_users)]
        {
            ensure!((0.0..1.0).contains(&share), Setting, "{flag} {share} is not a share from 0 to below 1");
        }
        let count = |share: f64| (users as f64 * share).round() as usize;
        let (seed, clients) = (count(args.seed_users), count(args.client_users));
        let operator = count(args.judge_users);
        ensure!(
            args.seed_users >= 0.0
                && args.client_users > 0.0
                && (seed > 0 || args.seed_users == 0.0)
                && clients > 0
                && seed + clients + operator < users,
            Setting,
            "--seed-users {} and --client-users {} of {users} users must each leave at least one: for the seed, as a \
             client, and to be judged",
            args.seed_users,
            args.client_users
        );
        let mut people: Vec<u32> = (0..users as u32).collect();
        Rng::new(seed_of_draw, DRAW).shuffle(&mut people);
        let mut judged = people.split_off(seed + clients);
        let clients = people.split_off(seed);
        // Whom the operator has is nobody else.
        let operator = judged.split_off(judged.len() - operator);
        Ok(People { seed: people, clients, judged, operator })
    }

    fn crowd(&self) -> Crowd {
        Crowd { seed: self.seed.len(), clients: self.clients.len(), judged: self.judged.len() }
    }

    fn visitors(&self, people: &[u32], base: &Base, events: &Events, job: &Training<'_>) -> Result<Visitors> {
        Visitors::of(people, base, events, &job.rule, &job.users, &job.items)
    }
}

/// Items drawn from those of these events.
fn targets<'a>(job: &Training<'_>, events: &'a Events) -> Vec<&'a str> {
    let mut items: Vec<&str> = events.items.names().collect();
    Rng::new(job.seed, DRAW - 1).shuffle(&mut items);
    items.truncate(TARGETS);
    items
}

/// The AUC, on some people, of an order of items by how often others clicked them.
fn popularity(job: &Training<'_>, events: &Events, teachers: &[u32], judged: &[u32]) -> Option<f64> {
    let click = |row: usize| job.rule.click(events.label[row], events.target[row]);
    let mut clicks = vec![0u32; events.items.len()];
    let by_user = events.by_user();
    let rows = |people: &[u32]| -> Vec<usize> {
        people.iter().flat_map(|&person| by_user[person as usize].iter().map(|&row| row as usize)).collect()
    };
    for row in rows(teachers) {
        clicks[events.item[row] as usize] += u32::from(click(row)?);
    }
    let scored = |row: usize| Some((clicks[events.item[row] as usize] as f32, click(row)?));
    auc(rows(judged).into_iter().filter_map(scored).collect())
}

/// The mean weight of features.
fn weight(base: &Base, features: &[FeatureId]) -> f64 {
    let mut row = vec![0.0; base.width()];
    let weights = features.iter().filter_map(|feature| {
        base.row_into(base.find(*feature)?, &mut row);
        Some(f64::from(row[0]))
    });
    weights.sum::<f64>() / features.len() as f64
}

fn judge(people: &Visitors, base: &Base, watch: &dyn Watch) -> Result<Figures> {
    let progress = watch.begin("judging", Length::Steps(people.len()));
    let replayed = people.replay(base, &Config::default(), &[], cores(), || progress.advance(1))?;
    Ok(figures(&replayed))
}

pub(super) fn figures(replayed: &[Replayed]) -> Figures {
    let outcomes: Vec<&Outcome> = replayed.iter().flat_map(|visitor| &visitor.outcomes).collect();
    let judged = || outcomes.iter().filter_map(|outcome| Some((outcome.personal, outcome.click?)));
    Figures {
        log_loss: mean(judged().map(|(predicted, click)| log_loss(predicted.probability, f32::from(u8::from(click))))),
        auc: auc(judged().map(|(predicted, click)| (predicted.score, click)).collect()),
        fixed_auc: auc(outcomes.iter().filter_map(|outcome| Some((outcome.fixed.score, outcome.click?))).collect()),
    }
}

use super::train::Recipe;
use crate::federation::{Federated, Judge, Population, federate};
use crate::input::Events;
use crate::job::Job;
use crate::metrics::{auc, log_loss, mean};
use crate::numbers::shown;
use crate::progress::Progress;
use crate::progressive::{Outcome, Replayed, Visitors, cores, in_parallel};
use crate::trainer::Rng;
use anyhow::{Context, Result, ensure};
use brooklet_core::{Base, Config, Error, FeatureId, FoldConfig};
use serde::Serialize;

/// Items that hostile visits push.
const TARGETS: usize = 20;
/// The random stream that users and targets are drawn by.
const DRAW: u64 = u64::MAX - 2;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    recipe: Recipe,
    /// The share of the users that the seed is trained on.
    #[arg(long, default_value_t = 0.2, value_name = "SHARE")]
    seed_users: f64,
    /// The share of the users that send deltas. The rest is judged.
    #[arg(long, default_value_t = 0.6, value_name = "SHARE")]
    client_users: f64,
    /// The share of the users on whose events the endpoint judges every version before it publishes it.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    judge_users: f64,
    /// Events of a visit, after which the client posts a delta.
    #[arg(long, default_value_t = 5, value_name = "EVENTS", value_parser = clap::value_parser!(u32).range(1..))]
    visit: u32,
    /// Deltas after which the next version is cut: they are folded, and it is published.
    #[arg(long, default_value_t = 50, value_name = "DELTAS", value_parser = clap::value_parser!(u32).range(1..))]
    cut: u32,
    /// How often the clients' events pass, each time as those of new visitors.
    #[arg(long, default_value_t = 1, value_name = "TIMES", value_parser = clap::value_parser!(u32).range(1..))]
    passes: u32,
    /// Between a visit's pull of the base and its delta, from 0 to so many versions are published.
    #[arg(long, default_value_t = 4, value_name = "VERSIONS")]
    stale: u32,
    /// The share of visits that end before their delta is posted; it goes with the next visit's, if there is one.
    #[arg(long, default_value_t = 0.1, value_name = "SHARE")]
    drop_out: f64,
    /// The share of visits that are hostile: each pushes the same 20 items as hard as the endpoint lets it.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    hostile: f64,
    /// Longest (L2) that the change of one row by one delta may be; a longer one is shortened to it.
    #[arg(long, default_value_t = FoldConfig::default().clip, value_name = "LENGTH")]
    clip: f32,
    /// The farthest that deltas move a weight from the seed's, in deviations of what the seed leaves open.
    #[arg(long, default_value_t = FoldConfig::default().reach, value_name = "DISTANCE")]
    reach: f32,
    /// Print one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    /// The seed as it was trained, on the people who are judged.
    seed: Figures,
    /// The last version that the clients' deltas made of it.
    federated: Figures,
    /// Versions on the way, evenly spaced, and which of them and the last had the highest log-loss.
    versions: Vec<Version>,
    worst: Version,
    /// Candidates that were held back, and by how many standard errors clients ever reported to be served worse than before.
    held_back: u64,
    regret: f64,
    /// A seed trained anew on the events of both.
    central: Figures,
    /// The share of the log-loss that central training gains over the seed that the deltas gained.
    closed: Option<f64>,
    rounds: u64,
    deltas: u64,
    bytes_up_per_user: f64,
    bytes_down_per_user: f64,
    /// How far hostile visits moved the mean weight of the items that they push, in logits.
    target_shift: f64,
    /// By how much they raised the log-loss.
    log_loss_shift: Option<f64>,
}

/// A version on the people judged.
#[derive(Debug, Clone, Copy, Serialize)]
struct Version {
    version: u64,
    #[serde(flatten)]
    figures: Figures,
}

/// Over all events of all people judged: each predicted, then learnt from.
#[derive(Debug, Clone, Copy, Serialize)]
struct Figures {
    log_loss: Option<f64>,
    auc: Option<f64>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let job = Job::new(&args.recipe, &std::env::temp_dir())?;
    let events = job.dataset.store.events()?;
    let people = People::draw(args, events.users.len())?;
    let train = |users: &[u32]| -> Result<Base> { Ok(Base::read(job.of(events.of(users)).seed()?.bytes)?) };
    let seed = train(&people.seed)?;
    let central = train(&[people.seed.as_slice(), &people.clients].concat())?;

    let clients = people.visitors(&people.clients, &seed, &events, &job)?;
    let judged = people.visitors(&people.judged, &seed, &events, &job)?;
    let targets = targets(&job, events.of(&people.seed), args);
    let population = Population {
        visit: args.visit as usize,
        cut: args.cut as usize,
        passes: args.passes as usize,
        stale: args.stale as usize,
        drop_out: args.drop_out,
        hostile: args.hostile,
        targets: targets.clone(),
        fold: FoldConfig { clip: args.clip, reach: args.reach, ..FoldConfig::default() },
        precision: job.precision,
        seed: args.recipe.method.seed,
    };
    let operator = people.visitors(&people.operator, &seed, &events, &job)?;
    let of_operator = |base: &Base| -> Result<f64, Error> {
        let replayed = operator.replay(base, &Config::default(), &[], 1, || {})?;
        // Of no event at all nothing can be told, and the judge is not asked.
        Ok(figures(&replayed).log_loss.unwrap_or(f64::INFINITY))
    };
    let gate = (operator.len() > 0).then_some(&of_operator as &Judge<'_>);
    let mut runs = vec![population.clone()];
    if args.hostile > 0.0 {
        runs.push(Population { hostile: 0.0, ..population.clone() });
    }
    let progress = Progress::steps("clients' visits", population.visits(&clients) * runs.len());
    let done = in_parallel(runs.len(), cores(), |i| federate(&seed, &clients, &runs[i], gate, &progress));
    progress.done();
    let done: Vec<Federated> = done.into_iter().collect::<Result<_>>()?;
    let (federated, honest) = (&done[0], &done[done.len() - 1]);

    let judge = |base: &Base| judge(&judged, base);
    let users = people.clients.len() as f64;
    let [seed, central] = [judge(&seed)?, judge(&central)?];
    let [figures, unharmed] = [judge(&federated.base)?, judge(&honest.base)?];
    let looks = federated.on_the_way.iter().chain([&federated.base]);
    let version = |base: &Base| Ok(Version { version: base.metadata().version, figures: judge(base)? });
    let versions: Vec<Version> = looks.map(version).collect::<Result<_>>()?;
    let by_loss = |a: &&Version, b: &&Version| {
        let loss = |version: &Version| version.figures.log_loss.unwrap_or(f64::INFINITY);
        loss(a).total_cmp(&loss(b))
    };
    let worst = *versions.iter().max_by(by_loss).context("there is a last version")?;
    let minus = |a: Option<f64>, b: Option<f64>| Some(a? - b?);
    let gain = |figures: Figures| minus(seed.log_loss, figures.log_loss);
    let report = Report {
        closed: gain(figures).zip(gain(central)).map(|(ours, theirs)| ours / theirs),
        seed,
        central,
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
    };
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report, &people);
    }
    Ok(())
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
    fn draw(args: &Args, users: usize) -> Result<People> {
        for (flag, share) in
            [("--drop-out", args.drop_out), ("--hostile", args.hostile), ("--judge-users", args.judge_users)]
        {
            ensure!((0.0..1.0).contains(&share), "{flag} {share} is not a share from 0 to below 1");
        }
        let count = |share: f64| (users as f64 * share).round() as usize;
        let (seed, clients) = (count(args.seed_users), count(args.client_users));
        let operator = count(args.judge_users);
        ensure!(
            args.seed_users > 0.0
                && args.client_users > 0.0
                && seed > 0
                && clients > 0
                && seed + clients + operator < users,
            "--seed-users {} and --client-users {} of {users} users must each leave at least one: for the seed, as a \
             client, and to be judged",
            args.seed_users,
            args.client_users
        );
        let mut people: Vec<u32> = (0..users as u32).collect();
        Rng::new(args.recipe.method.seed, DRAW).shuffle(&mut people);
        let mut judged = people.split_off(seed + clients);
        let clients = people.split_off(seed);
        // Whom the operator has is nobody else.
        let operator = judged.split_off(judged.len() - operator);
        Ok(People { seed: people, clients, judged, operator })
    }

    fn visitors(&self, people: &[u32], base: &Base, events: &Events, job: &Job) -> Result<Visitors> {
        Visitors::of(people, base, events, &job.rule, &job.users, &job.items)
    }
}

/// The features of items drawn from those that the seed knows.
fn targets(job: &Job, events: Events, args: &Args) -> Vec<FeatureId> {
    let mut items: Vec<&str> = events.items.names().collect();
    Rng::new(args.recipe.method.seed, DRAW - 1).shuffle(&mut items);
    items.truncate(TARGETS);
    items.iter().map(|item| FeatureId::named(&format!("{}={item}", job.dataset.columns.item))).collect()
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

fn judge(people: &Visitors, base: &Base) -> Result<Figures> {
    let progress = Progress::steps("judging", people.len());
    let replayed = people.replay(base, &Config::default(), &[], cores(), || progress.step())?;
    progress.done();
    Ok(figures(&replayed))
}

fn figures(replayed: &[Replayed]) -> Figures {
    let outcomes: Vec<&Outcome> = replayed.iter().flat_map(|visitor| &visitor.outcomes).collect();
    let judged = || outcomes.iter().filter_map(|outcome| Some((outcome.personal, outcome.click?)));
    Figures {
        log_loss: mean(judged().map(|(predicted, click)| log_loss(predicted.probability, f32::from(u8::from(click))))),
        auc: auc(judged().map(|(predicted, click)| (predicted.score, click)).collect()),
    }
}

fn print(report: &Report, people: &People) {
    println!(
        "{} users for the seed, {} clients, {} judged",
        people.seed.len(),
        people.clients.len(),
        people.judged.len()
    );
    println!("{:<12} {:>9} {:>9}", "", "log-loss", "AUC");
    let Report { seed, federated, central, worst, .. } = *report;
    let worst_version = format!("version {}", worst.version);
    let lines = [("seed", seed), ("federated", federated), (&worst_version, worst.figures), ("central", central)];
    for (name, figures) in lines {
        println!("{name:<12} {:>9} {:>9}", shown(figures.log_loss), shown(figures.auc));
    }
    if let Some(closed) = report.closed {
        println!("deltas closed {:.1} % of the gap in log-loss", 100.0 * closed);
    }
    println!("version {} was the worst of {} looked at", worst.version, report.versions.len());
    println!(
        "{} candidates were held back; the largest regret was {:.1} standard errors",
        report.held_back, report.regret
    );
    println!("{} deltas in {} rounds", report.deltas, report.rounds);
    println!("{:.0} bytes up and {:.0} down a client", report.bytes_up_per_user, report.bytes_down_per_user);
    println!(
        "hostile visits moved their targets by {:.3}, the log-loss by {}",
        report.target_shift,
        shown(report.log_loss_shift)
    );
}

//! Simulates a population: a seed of some users, deltas of others, judged on the rest.

use crate::args::{RecipeArgs, not_negative, share_of};
use crate::term::{Bars, shown};
use anyhow::Result;
use brooklet_core::{FoldConfig, Privacy};
use brooklet_train::simulate::{Settings, Simulated, simulate};
use brooklet_train::training::{Method, Recipe, Training};

const EXAMPLES: &str = "\
Examples:
  brooklet simulate ratings.csv --positive 4
  brooklet simulate ratings.csv --positive 4 --seed-users 0 --items items.csv --item-fields genres";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    recipe: RecipeArgs,
    /// The share of the users that the seed is trained on; 0 begins with a seed of all items and no event, as `init` makes one.
    #[arg(long, default_value_t = 0.2, value_name = "SHARE", value_parser = share_of)]
    seed_users: f64,
    /// The share of the users that send deltas. The rest is judged.
    #[arg(long, default_value_t = 0.6, value_name = "SHARE", value_parser = share_of)]
    client_users: f64,
    /// The share of the users on whose events the endpoint judges every version before it publishes it.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = share_of)]
    judge_users: f64,
    /// Events of a visit, after which the client posts a delta; with --slate a visit is a slate.
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
    #[arg(long, default_value_t = 0.1, value_name = "SHARE", value_parser = share_of)]
    drop_out: f64,
    /// The share of visits that are hostile: each pushes the same 20 items as hard as the endpoint lets it.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = share_of)]
    hostile: f64,
    /// The most that one client may push one row of the model in a version, as the length (L2 norm) of its gradient; a longer push is
    /// shortened to this length.
    #[arg(long, default_value_t = FoldConfig::default().clip, value_name = "LENGTH", value_parser = not_negative)]
    clip: f32,
    /// The most that one client may push all rows of the model together in a version, as the length (L2 norm) of its gradient.
    #[arg(long, default_value_t = FoldConfig::default().influence, value_name = "LENGTH", value_parser = not_negative)]
    influence: f32,
    /// How many clients have to meet a new feature before it has a row in the model.
    #[arg(long, default_value_t = FoldConfig::default().quorum, value_name = "CLIENTS")]
    quorum: usize,
    /// The farthest that all deltas together may move a weight from the seed's value, in standard deviations of the seed's
    /// uncertainty about that weight.
    #[arg(long, default_value_t = FoldConfig::default().reach, value_name = "DEVIATIONS", value_parser = not_negative)]
    reach: f32,
    /// Noise on every version, as `serve` adds it: its standard deviation as a multiple of --influence.
    #[arg(long, default_value_t = 0.0, value_name = "MULTIPLE", value_parser = not_negative)]
    noise_multiplier: f32,
    /// Noise on every device: the standard deviation of what is added to each number of a row in a delta, whose gradient is no longer than 1.
    #[arg(long, default_value_t = 0.0, value_name = "DEVIATION", value_parser = not_negative)]
    device_noise: f32,
    /// So many items that the visitor never met are in each delta, too.
    #[arg(long, default_value_t = 0, value_name = "ITEMS", value_parser = clap::value_parser!(u32).range(..=256))]
    padding: u32,
    /// No device tells of a row under two client keys.
    #[arg(long)]
    unlinkable: bool,
    /// Print one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let Args { clip, influence, reach, quorum, .. } = *args;
    let fold = FoldConfig { clip, influence, reach, quorum, ..FoldConfig::default() };
    fold.check()?;
    let files = args.recipe.files(&std::env::temp_dir());
    let recipe = args.recipe.recipe()?;
    // Deltas teach what tells a click from a skip. What ranks the whole catalogue beside it would be trained for nothing.
    let recipe = Recipe { method: recipe.method.or(Some(Method::Sgd)), ..recipe };
    let training = Training::read(&recipe, &files, &Bars)?;
    let settings = Settings {
        seed_users: args.seed_users,
        client_users: args.client_users,
        judge_users: args.judge_users,
        visit: args.visit as usize,
        cut: args.cut as usize,
        passes: args.passes as usize,
        stale: args.stale as usize,
        drop_out: args.drop_out,
        hostile: args.hostile,
        fold,
        noise_multiplier: args.noise_multiplier.into(),
        privacy: Privacy { noise: args.device_noise, padding: args.padding, unlinkable: args.unlinkable },
    };
    let simulated = simulate(&training, &settings)?;
    if args.json {
        println!("{}", serde_json::to_string(&simulated)?);
    } else {
        print(&simulated);
    }
    Ok(())
}

fn print(report: &Simulated) {
    println!(
        "{} users for the seed, {} clients, {} judged",
        report.people.seed, report.people.clients, report.people.judged
    );
    println!("{:<12} {:>9} {:>9}", "", "log-loss", "AUC");
    let Simulated { seed, federated, central, worst, .. } = *report;
    let worst_version = format!("version {}", worst.version);
    let lines = [("seed", seed), ("federated", federated), (&worst_version, worst.figures), ("central", central)];
    for (name, figures) in lines {
        println!("{name:<12} {:>9} {:>9}", shown(figures.log_loss), shown(figures.auc));
    }
    if let Some(closed) = report.closed {
        println!("deltas closed {:.1} % of the gap in log-loss", 100.0 * closed);
    }
    if let Some(popularity) = report.popularity {
        let after = |visitors: Option<usize>| visitors.map_or("-".to_owned(), |n| n.to_string());
        println!(
            "order by clicks has AUC {popularity:.4}: the base alone passed it after {} visitors; 95 % of the gap were closed after {}",
            after(report.passes_popularity),
            after(report.reaches)
        );
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
    let [without, with] = report.target_share.map(|share| 100.0 * share);
    println!("the targets hold {with:.2} % of the first 20 places, {without:.2} % without hostile visits");
}

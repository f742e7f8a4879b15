//! The versions of a model that a running endpoint serves: what there is, and what an operator does to it.

use crate::endpoint::Endpoint;
use crate::term::day;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  brooklet model versions --model films
  brooklet model rollback --model films 17
  brooklet model publish --model films 3
  brooklet model subtract --model films 00112233445566778899aabbccddeeff
  BROOKLET_TOKEN=... brooklet model pin --server http://10.0.0.5:8787 --model films 17";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Args)]
struct Of {
    #[command(flatten)]
    endpoint: Endpoint,
    /// The name of the model.
    #[arg(long, env = "BROOKLET_MODEL", default_value = "model", value_name = "NAME")]
    model: String,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show the versions and what they were judged by, and the candidates that were not published.
    Versions(VersionsArgs),
    /// Publish the rows of an older version as the next one.
    Rollback(VersionArgs),
    /// Hold a version, whatever comes in, until `unpin`.
    Pin(VersionArgs),
    /// Let new versions be published again.
    Unpin(Of),
    /// Delete the base of an older version, and the deltas that went into it.
    Delete(VersionArgs),
    /// Publish a candidate that was rejected, or one on trial before its time.
    Publish(CandidateArgs),
    /// End the trial of a candidate, or delete a rejected one.
    Reject(CandidateArgs),
    /// Take what a client key has sent out of the model, as far as it is kept.
    Subtract(ClientArgs),
    /// Fold kept deltas again.
    Refold(RefoldArgs),
    /// Fold what is pending now.
    Fold(Of),
    /// Show the models of a server.
    List(Endpoint),
    /// Bring a seed: a new model, or one that takes over from what a model has become.
    Upload(UploadArgs),
    /// Write the base that is out to a file.
    Download(DownloadArgs),
    /// Delete a model with all that clients have taught it.
    Remove(Of),
    /// Compare a model with another that a share of the clients has in its place.
    Challenge(ChallengeArgs),
    /// Show the comparison.
    Compare(Of),
    /// End the comparison.
    EndChallenge(Of),
}

#[derive(Debug, clap::Args)]
struct UploadArgs {
    #[command(flatten)]
    of: Of,
    /// The seed, as `brooklet train` writes it.
    #[arg(value_name = "SEED")]
    seed: PathBuf,
}

#[derive(Debug, clap::Args)]
struct DownloadArgs {
    #[command(flatten)]
    of: Of,
    /// File to write it to.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
struct ChallengeArgs {
    #[command(flatten)]
    of: Of,
    /// The other model.
    #[arg(value_name = "NAME")]
    challenger: String,
    /// The share of the clients that has it.
    #[arg(long, default_value_t = 0.1)]
    share: f64,
}

#[derive(Debug, clap::Args)]
struct VersionsArgs {
    #[command(flatten)]
    of: Of,
    /// Print the JSON that the endpoint answers.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct VersionArgs {
    #[command(flatten)]
    of: Of,
    /// The version that is meant.
    #[arg(value_name = "VERSION")]
    number: u64,
}

#[derive(Debug, clap::Args)]
struct CandidateArgs {
    #[command(flatten)]
    of: Of,
    /// The number that `versions` shows.
    #[arg(value_name = "ID")]
    id: u64,
}

#[derive(Debug, clap::Args)]
struct ClientArgs {
    #[command(flatten)]
    of: Of,
    /// The key: 32 hexadecimal digits.
    #[arg(value_name = "KEY")]
    key: String,
}

#[derive(Debug, clap::Args)]
struct RefoldArgs {
    #[command(flatten)]
    of: Of,
    /// The version to begin from; without it the oldest that is kept.
    #[arg(long, value_name = "N")]
    from: Option<u64>,
}

impl Of {
    fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Result<Value> {
        self.endpoint.ask(method, &format!("/v1/models/{}{path}", self.model), body.as_ref())
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let (of, method, path, body) = match &args.action {
        Action::Versions(VersionsArgs { of, json }) => return versions(of, *json),
        Action::Rollback(VersionArgs { of, number }) => {
            (of, "POST", "/rollback".into(), Some(json!({ "version": number })))
        }
        Action::Pin(VersionArgs { of, number }) => (of, "PUT", "/pin".into(), Some(json!({ "version": number }))),
        Action::Unpin(of) => (of, "DELETE", "/pin".into(), None),
        Action::Delete(VersionArgs { of, number }) => (of, "DELETE", format!("/versions/{number}"), None),
        Action::Publish(CandidateArgs { of, id }) => (of, "POST", format!("/candidates/{id}/publish"), None),
        Action::Reject(CandidateArgs { of, id }) => (of, "DELETE", format!("/candidates/{id}"), None),
        Action::Subtract(ClientArgs { of, key }) => (of, "DELETE", format!("/clients/{key}"), None),
        Action::Refold(RefoldArgs { of, from }) => (of, "POST", "/refold".into(), Some(json!({ "from": from }))),
        Action::Fold(of) => (of, "POST", "/fold".into(), None),
        Action::List(endpoint) => return list(endpoint),
        Action::Upload(args) => return upload(args),
        Action::Download(DownloadArgs { of, out }) => {
            let base = of.endpoint.fetch(&format!("/v1/models/{}", of.model))?;
            return std::fs::write(out, base).with_context(|| format!("cannot write {}", out.display()));
        }
        Action::Remove(of) => (of, "DELETE", String::new(), None),
        Action::Challenge(ChallengeArgs { of, challenger, share }) => {
            (of, "PUT", "/challenger".into(), Some(json!({ "model": challenger, "share": share })))
        }
        Action::Compare(of) => (of, "GET", "/challenger".into(), None),
        Action::EndChallenge(of) => (of, "DELETE", "/challenger".into(), None),
    };
    tell(&of.ask(method, &path, body)?);
    Ok(())
}

/// A line of an answer's members.
fn tell(answer: &Value) {
    let members = answer.as_object().into_iter().flatten();
    let members: Vec<String> = members.map(|(name, value)| format!("{name} {}", plain(value))).collect();
    println!("{}", if members.is_empty() { "done".into() } else { members.join(", ") });
}

fn list(endpoint: &Endpoint) -> Result<()> {
    let answer = endpoint.ask("GET", "/v1/models", None)?;
    for model in answer["models"].as_array().into_iter().flatten() {
        let (version, rows, pending) = (&model["version"], &model["rows"], &model["pending_deltas"]);
        println!("{}: version {version}, {rows} rows, {pending} deltas pending", plain(&model["name"]));
    }
    Ok(())
}

fn upload(UploadArgs { of, seed }: &UploadArgs) -> Result<()> {
    let bytes = std::fs::read(seed).with_context(|| format!("cannot read {}", seed.display()))?;
    let answer = of.endpoint.send("PUT", &format!("/v1/models/{}", of.model), "application/octet-stream", &bytes)?;
    tell(&serde_json::from_slice(&answer).context("the server does not answer as an endpoint does")?);
    Ok(())
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn versions(of: &Of, as_json: bool) -> Result<()> {
    let answer = of.ask("GET", "/versions", None)?;
    if as_json {
        println!("{answer}");
        return Ok(());
    }
    let pinned = if answer["pinned"] == true { ", pinned" } else { "" };
    println!("{}: version {}{pinned}", of.model, answer["version"]);
    println!("version    made      by        deltas    rows     bytes  step   loss before     after  kept");
    for row in answer["versions"].as_array().into_iter().flatten() {
        println!("{}", line(&row["version"].to_string(), &plain(&row["made"]["by"]), row));
    }
    let candidates = answer["candidates"].as_array().map_or(&[][..], Vec::as_slice);
    if !candidates.is_empty() {
        println!("candidates that are not published");
    }
    for row in candidates {
        println!("{}", line(&format!("#{}", row["id"]), &plain(&row["state"]), row));
    }
    Ok(())
}

fn line(name: &str, by: &str, row: &Value) -> String {
    let made = &row["made"];
    let figure = |value: &Value, digits: usize| value.as_f64().map_or("-".into(), |x| format!("{x:.digits$}"));
    format!(
        "{name:>7}  {}  {by:8}  {:>6}  {:>6}  {:>8}  {:>4}  {:>12}  {:>8}  {}",
        day(row["created"].as_u64().unwrap_or_default()),
        row["deltas"],
        row["rows"],
        row["bytes"],
        figure(&made["step"], 2),
        figure(&made["loss_before"], 5),
        figure(&made["loss"], 5),
        if row["retained"] == true { "yes" } else { "no" },
    )
}

const FOLD: &str = "\
Examples:
  brooklet fold --model films --from 17 --to 18
  brooklet fold --model films --from 12 --to 18 --out 18.safetensors";

#[derive(Debug, clap::Args)]
#[command(after_help = FOLD)]
pub(crate) struct FoldArgs {
    #[command(flatten)]
    of: Of,
    /// The version to begin from; it has to be kept.
    #[arg(long, value_name = "N")]
    from: u64,
    /// The version to come to.
    #[arg(long, value_name = "N")]
    to: u64,
    /// File to write its base to.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Makes a version again of the deltas that went into it. The endpoint answers only if it has the bytes that were published.
pub(crate) fn fold(args: &FoldArgs) -> Result<()> {
    let FoldArgs { of, from, to, out } = args;
    let base = of.endpoint.fetch(&format!("/v1/models/{}/versions/{to}/rebuilt?from={from}", of.model))?;
    if let Some(out) = out {
        std::fs::write(out, &base).with_context(|| format!("cannot write {}", out.display()))?;
    }
    println!("version {to} comes of version {from} with the bytes that were published: {} of them", base.len());
    Ok(())
}

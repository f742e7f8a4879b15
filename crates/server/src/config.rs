//! What an operator can set, once for the command line, the environment and programs that embed the server: a doc comment here is
//! the text of `brooklet serve --help`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use brooklet_core::{Base, Error, FoldConfig, Judging, Precision};
use clap::builder::{OsStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser};
use ipnet::IpNet;

use crate::budget::Budget;
use crate::log::LogFormat;
use crate::store::{PostgresUrl, SqliteConfig};
use crate::token::Scope;

/// Everything the endpoint can be told. The command line's `serve` takes it as its options; each can also come from the
/// environment.
#[derive(Debug, Clone, clap::Args)]
#[non_exhaustive]
pub struct Config {
    /// Address and port to listen on; with port 0 the system picks a free port
    #[arg(long, env = "BROOKLET_LISTEN", default_value_t = LISTEN, value_name = "ADDRESS")]
    pub listen: SocketAddr,

    /// Address and port for metrics and stats, which are then not served at --listen
    #[arg(long, env = "BROOKLET_OPERATE_LISTEN", value_name = "ADDRESS")]
    pub operate_listen: Option<SocketAddr>,

    /// What needs no token (see `brooklet token`): `read` is downloading bases, `ingest` is that and sending deltas, `operate` is metrics and stats;
    /// repeat the option for several. Without it, everything on a loopback address and nothing on another
    #[arg(long, env = "BROOKLET_OPEN", value_delimiter = ',', value_name = "SCOPE", value_parser = openable())]
    pub open: Vec<Scope>,

    /// Folder for the database of models and deltas, unless --store names a database. It is created if it does not exist; only one server at a time can use it
    #[arg(
        long,
        env = "BROOKLET_DATA",
        value_name = "DIR",
        default_value = "",
        hide_default_value = true,
        value_parser = OsStringValueParser::new().map(PathBuf::from)
    )]
    pub data: PathBuf,

    /// PostgreSQL database for models and deltas in place of a folder, which any number of servers can use: `postgres://user:password@host:5432/name`, or
    /// `@one:5432,two:5432/name` where a standby takes over; `?sslmode=verify-full` encrypts. Better said in the environment, for others see a command line
    #[arg(long, env = "BROOKLET_STORE", hide_env_values = true, value_name = "URL")]
    pub store: Option<PostgresUrl>,

    /// Name of the model in URLs, as in /v1/models/NAME: 1 to 64 lower-case letters, digits, `.`, `_` and `-`, no dot first
    #[arg(long, env = "BROOKLET_MODEL", default_value = MODEL, value_name = "NAME")]
    pub model: String,

    /// Seed file that `brooklet train` wrote. It becomes the model's first version; if the data folder already has this model, the
    /// stored versions are served and the seed is ignored
    #[arg(long, env = "BROOKLET_SEED", value_name = "FILE")]
    pub seed: Option<PathBuf>,

    /// Folder of web pages to serve at `/`; dot files and links that lead out of it are left out
    #[arg(long, env = "BROOKLET_WWW", value_name = "DIR")]
    pub www: Option<PathBuf>,

    /// Folder of the built npm package to serve at `/pkg/`
    #[arg(long, env = "BROOKLET_PKG", value_name = "DIR")]
    pub pkg: Option<PathBuf>,

    /// CSV file of the items that the page recommends, to serve at `/catalogue.csv`
    #[arg(long, env = "BROOKLET_CATALOGUE", value_name = "FILE")]
    pub catalogue: Option<PathBuf>,

    /// One more file to serve, written as `/url=path`; repeat the option for several files
    #[arg(long = "file", env = "BROOKLET_FILES", value_delimiter = ',', value_name = "/URL=PATH")]
    pub files: Vec<Mount>,

    /// Origin whose pages may call the server from a browser, such as `https://example.org`; repeat the option for several. Without it
    /// all origins may, which gives nothing away: the server has no cookies, and a page has no token that it was not given
    #[arg(long = "allow-origin", env = "BROOKLET_ALLOW_ORIGIN", value_delimiter = ',', value_name = "ORIGIN",
          value_parser = origin)]
    pub allow_origins: Vec<String>,

    /// Publish a new version as soon as this many deltas are waiting
    #[arg(long, env = "BROOKLET_FOLD_DELTAS", default_value_t = FOLD_DELTAS, value_name = "N",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub fold_deltas: u64,

    /// Publish a new version when a delta has waited this long, even if few are waiting (but see --version-clients); 0 waits for --fold-deltas however long
    /// it takes
    #[arg(long, env = "BROOKLET_FOLD_SECONDS", default_value_t = FOLD_SECONDS, value_name = "SECONDS")]
    pub fold_seconds: u64,

    /// Publish no version that fewer clients taught than this: what a version changes must not be one visitor's
    #[arg(long, env = "BROOKLET_VERSION_CLIENTS", default_value_t = VERSION_CLIENTS, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..))]
    pub version_clients: u32,

    /// Publish at most one version in so many seconds, whatever comes in; each takes what waits by then, up to 65536 deltas
    #[arg(long, env = "BROOKLET_VERSION_SECONDS", default_value_t = VERSION_SECONDS, value_name = "SECONDS")]
    pub version_seconds: u64,

    /// Give a new version to this many of a hundred clients first, and to all once these are not served worse; 0 gives it to all at once
    #[arg(long, env = "BROOKLET_CANARY_SHARE", default_value_t = 0, value_name = "PERCENT",
          value_parser = clap::value_parser!(u8).range(0..=50))]
    pub canary_share: u8,

    /// How long they have it first, at least
    #[arg(long, env = "BROOKLET_CANARY_SECONDS", default_value_t = CANARY_SECONDS, value_name = "SECONDS")]
    pub canary_seconds: u64,

    /// How many deltas must report how well their clients were served, of these and of the others, before all have it
    #[arg(long, env = "BROOKLET_CANARY_REPORTS", default_value_t = CANARY_REPORTS, value_name = "N")]
    pub canary_reports: u64,

    /// How many clients have to meet a new feature before it has a row in the model; until then what they learnt of it waits
    #[arg(long, env = "BROOKLET_QUORUM", default_value_t = FoldConfig::default().quorum, value_name = "CLIENTS")]
    pub quorum: usize,

    /// File of the features that may get rows, one a line and named as `inspect` names them, such as `item=2571`. They get theirs when the
    /// first client meets them, and all other new features never do. It takes the place of --quorum
    #[arg(long, env = "BROOKLET_ITEMS", value_name = "FILE")]
    pub items: Option<PathBuf>,

    /// The most that one client may push one row of the model in a version, as the length (L2 norm) of its gradient; a longer push is
    /// shortened to this length
    #[arg(long, env = "BROOKLET_CLIP", default_value_t = FoldConfig::default().clip, value_name = "LENGTH",
          value_parser = fold_number(|fold, clip| fold.clip = clip))]
    pub clip: f32,

    /// The most that one client may push all rows of the model together in a version, as the length (L2 norm) of its gradient
    #[arg(long, env = "BROOKLET_INFLUENCE", default_value_t = FoldConfig::default().influence, value_name = "LENGTH",
          value_parser = fold_number(|fold, influence| fold.influence = influence))]
    pub influence: f32,

    /// The farthest that all deltas together may move a weight from the seed's value, in standard deviations of the seed's
    /// uncertainty about that weight
    #[arg(long, env = "BROOKLET_REACH", default_value_t = FoldConfig::default().reach, value_name = "DEVIATIONS",
          value_parser = fold_number(|fold, reach| fold.reach = reach))]
    pub reach: f32,

    /// Refuse a delta whose base is more than this many versions behind the current version
    #[arg(long, env = "BROOKLET_HORIZON", default_value_t = FoldConfig::default().horizon, value_name = "VERSIONS")]
    pub horizon: u64,

    /// The most rows that the model may grow to; what deltas say of further new features is left out
    #[arg(long, env = "BROOKLET_MAX_ROWS", default_value_t = FoldConfig::default().max_rows, value_name = "ROWS")]
    pub max_rows: usize,

    /// Add noise to every version: Gaussian, this many times what one client may do to it (--influence), to all rows. New features then have rows only
    /// if they are on the list of --items, and clients' reports hold nothing back. What it hides and what it costs is in docs/privacy.md
    #[arg(long, env = "BROOKLET_NOISE_MULTIPLIER", value_name = "TIMES", value_parser = positive)]
    pub noise_multiplier: Option<f64>,

    /// The most that all versions with noise together may tell of one client, as epsilon of differential privacy; when it is reached deltas are taken in
    /// and no version is published any more
    #[arg(long, env = "BROOKLET_NOISE_EPSILON", default_value_t = NOISE_EPSILON, value_name = "EPSILON", value_parser = positive)]
    pub noise_epsilon: f64,

    /// The probability that they tell more
    #[arg(long, env = "BROOKLET_NOISE_DELTA", default_value_t = NOISE_DELTA, value_name = "DELTA", value_parser = probability)]
    pub noise_delta: f64,

    /// Number format of published versions: with steps, browsers download a byte a number and from then on what has changed; int8 takes about
    /// half the bytes of f16, and rounds more
    #[arg(long, env = "BROOKLET_PRECISION", value_parser = precision(), default_value = PRECISION.as_str(), value_name = "PRECISION")]
    pub precision: Precision,

    /// How many versions can still be downloaded. Older ones are deleted, with the deltas that went into them
    #[arg(long, env = "BROOKLET_RETAIN_VERSIONS", default_value_t = RETAIN_VERSIONS, value_name = "N",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub retain_versions: u64,

    /// Refuse a delta that is larger than this as sent. Browsers send at most 64 KiB from a page that is being closed
    #[arg(long, env = "BROOKLET_MAX_DELTA_BYTES", default_value_t = MAX_DELTA_BYTES, value_name = "BYTES")]
    pub max_delta_bytes: usize,

    /// Refuse a delta that is larger than this after decompression
    #[arg(long, env = "BROOKLET_MAX_INFLATED_BYTES", default_value_t = MAX_INFLATED_BYTES, value_name = "BYTES")]
    pub max_inflated_bytes: usize,

    /// Refuse a delta of more rows than this
    #[arg(long, env = "BROOKLET_MAX_DELTA_ROWS", default_value_t = MAX_DELTA_ROWS, value_name = "ROWS")]
    pub max_delta_rows: usize,

    /// The most memory that deltas take while they are read and written; further ones are refused with 503 for the moment
    #[arg(long, env = "BROOKLET_MAX_PENDING_BYTES", default_value_t = MAX_PENDING_BYTES, value_name = "BYTES")]
    pub max_pending_bytes: usize,

    /// How often one address may ask in a minute, and at once; 0 is as often as it likes. Programs on this machine may always ask, unless they are
    /// trusted proxies
    #[arg(long, env = "BROOKLET_RATE_ADDRESS", default_value_t = RATE_ADDRESS, value_name = "N")]
    pub rate_address: u32,

    /// How many deltas one client key may send in a minute, and at once; 0 is as many as it likes
    #[arg(long, env = "BROOKLET_RATE_KEY", default_value_t = RATE_KEY, value_name = "N")]
    pub rate_key: u32,

    /// Network of proxies whose `X-Forwarded-For` says who asks, such as `10.0.0.0/8` or `127.0.0.1/32`; repeat the option for several. The header
    /// counts from no other address
    #[arg(long = "trusted-proxy", env = "BROOKLET_TRUSTED_PROXIES", value_delimiter = ',', value_name = "NETWORK")]
    pub trusted_proxies: Vec<IpNet>,

    /// The most connections that are open at once; further ones are told to come back
    #[arg(long, env = "BROOKLET_MAX_CONNECTIONS", default_value_t = MAX_CONNECTIONS, value_name = "N")]
    pub max_connections: usize,

    /// The most of them from one address; a proxy's that is trusted and this machine's are not counted
    #[arg(long, env = "BROOKLET_MAX_ADDRESS_CONNECTIONS", default_value_t = MAX_ADDRESS_CONNECTIONS, value_name = "N")]
    pub max_address_connections: usize,

    /// The most bytes of a request's headers
    #[arg(long, env = "BROOKLET_MAX_HEADER_BYTES", default_value_t = MAX_HEADER_BYTES, value_name = "BYTES")]
    pub max_header_bytes: usize,

    /// Close a connection whose next request's headers are not there after so long, or that takes nothing of an answer for so long
    #[arg(long, env = "BROOKLET_IDLE_SECONDS", default_value_t = IDLE_SECONDS, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub idle_seconds: u64,

    /// Refuse a delta that has not arrived after so long
    #[arg(long, env = "BROOKLET_BODY_SECONDS", default_value_t = BODY_SECONDS, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub body_seconds: u64,

    /// The most room that the deltas of a model may take in the store, as they were sent; further ones are refused with 507 until folded ones
    /// are deleted, see --retain-versions
    #[arg(long, env = "BROOKLET_QUOTA", default_value_t = SqliteConfig::default().quota, value_name = "BYTES")]
    pub quota: u64,

    /// The most profiles that are kept of visitors who learn here under an id, of each model; other callers keep theirs themselves
    #[arg(long, env = "BROOKLET_MAX_PROFILES", default_value_t = MAX_PROFILES, value_name = "N")]
    pub max_profiles: u64,

    /// The most deltas that one database commit makes durable
    #[arg(long, env = "BROOKLET_COMMIT_BATCH", default_value_t = SqliteConfig::default().commit_batch, value_name = "N",
          hide = true)]
    pub commit_batch: usize,

    /// File to write the log to, instead of standard error. At SIGHUP it is opened anew, so that it can be moved away
    #[arg(long, env = "BROOKLET_LOG_FILE", value_name = "FILE")]
    pub log_file: Option<PathBuf>,

    /// How the log is written
    #[arg(long, env = "BROOKLET_LOG_FORMAT", value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,

    /// After SIGTERM, wait this long for requests that are being answered and for a fold
    #[arg(long, env = "BROOKLET_DRAIN_SECONDS", default_value_t = DRAIN_SECONDS, value_name = "SECONDS")]
    pub drain_seconds: u64,

    /// Decides whether a candidate for the next version is worse than the current one; the command line makes it from `--judge`
    #[arg(skip)]
    pub judge: Option<Judge>,
}

/// The mean loss of a base on events that the operator holds out: a version that raises it is not published.
#[derive(Clone)]
pub struct Judge(Arc<Loss>);

type Loss = dyn Fn(&Base) -> Result<f64, Error> + Send + Sync;

impl Judge {
    /// By a function, which may take its time: a fold waits for it, acknowledgements do not.
    pub fn new(loss: impl Fn(&Base) -> Result<f64, Error> + Send + Sync + 'static) -> Judge {
        Judge(Arc::new(loss))
    }

    pub(crate) fn judging(&self) -> &Judging<'static> {
        &*self.0
    }
}

impl std::fmt::Debug for Judge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Judge")
    }
}

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8787);
const MODEL: &str = "model";
const PRECISION: Precision = Precision::Steps;
const NOISE_EPSILON: f64 = 8.0;
const NOISE_DELTA: f64 = 1e-6;
const FOLD_DELTAS: u64 = 1000;
const FOLD_SECONDS: u64 = 300;
const VERSION_CLIENTS: u32 = 50;
const VERSION_SECONDS: u64 = 600;
const CANARY_SECONDS: u64 = 3600;
const CANARY_REPORTS: u64 = 50;
const RETAIN_VERSIONS: u64 = 20;
const MAX_DELTA_BYTES: usize = 64 << 10;
const MAX_INFLATED_BYTES: usize = 256 << 10;
const MAX_DELTA_ROWS: usize = 8192;
const MAX_PENDING_BYTES: usize = 64 << 20;
const RATE_ADDRESS: u32 = 600;
const RATE_KEY: u32 = 60;
const MAX_PROFILES: u64 = 10_000;
const MAX_CONNECTIONS: usize = 1024;
const MAX_ADDRESS_CONNECTIONS: usize = 64;
const MAX_HEADER_BYTES: usize = 16 << 10;
const IDLE_SECONDS: u64 = 30;
const BODY_SECONDS: u64 = 30;
const DRAIN_SECONDS: u64 = 10;

impl Config {
    /// The defaults, with the store in this folder.
    pub fn new(data: impl Into<PathBuf>) -> Config {
        let FoldConfig { clip, influence, reach, horizon, max_rows, quorum, items: _ } = FoldConfig::default();
        Config {
            listen: LISTEN,
            operate_listen: None,
            open: Vec::new(),
            data: data.into(),
            store: None,
            model: MODEL.into(),
            seed: None,
            www: None,
            pkg: None,
            catalogue: None,
            files: Vec::new(),
            allow_origins: Vec::new(),
            fold_deltas: FOLD_DELTAS,
            fold_seconds: FOLD_SECONDS,
            version_clients: VERSION_CLIENTS,
            version_seconds: VERSION_SECONDS,
            canary_share: 0,
            canary_seconds: CANARY_SECONDS,
            canary_reports: CANARY_REPORTS,
            quorum,
            items: None,
            clip,
            influence,
            reach,
            horizon,
            max_rows,
            noise_multiplier: None,
            noise_epsilon: NOISE_EPSILON,
            noise_delta: NOISE_DELTA,
            precision: PRECISION,
            retain_versions: RETAIN_VERSIONS,
            max_delta_bytes: MAX_DELTA_BYTES,
            max_inflated_bytes: MAX_INFLATED_BYTES,
            max_delta_rows: MAX_DELTA_ROWS,
            max_pending_bytes: MAX_PENDING_BYTES,
            rate_address: RATE_ADDRESS,
            rate_key: RATE_KEY,
            trusted_proxies: Vec::new(),
            max_connections: MAX_CONNECTIONS,
            max_address_connections: MAX_ADDRESS_CONNECTIONS,
            max_header_bytes: MAX_HEADER_BYTES,
            idle_seconds: IDLE_SECONDS,
            body_seconds: BODY_SECONDS,
            quota: SqliteConfig::default().quota,
            max_profiles: MAX_PROFILES,
            commit_batch: SqliteConfig::default().commit_batch,
            log_file: None,
            log_format: LogFormat::default(),
            drain_seconds: DRAIN_SECONDS,
            judge: None,
        }
    }

    /// Whether a request for this needs a token at an address of the server's.
    pub(crate) fn needs_token(&self, scope: Scope, at: SocketAddr) -> bool {
        let nothing_said = self.open.is_empty() || Some(at) == self.operate_listen;
        let open = self.open.iter().any(|open| open.allows(scope));
        !(open || nothing_said && is_loopback(at))
    }

    /// An address that others than this machine reach, where nothing is said to be open to them.
    pub(crate) fn strangers_reach(&self) -> Option<SocketAddr> {
        let operate = self.operate_listen.filter(|at| self.needs_token(Scope::Operate, *at));
        let listen = Some(self.listen).filter(|at| self.open.is_empty() && !is_loopback(*at));
        listen.or(operate)
    }

    /// The noise of versions and what it keeps them within, if there is to be any.
    pub(crate) fn budget(&self) -> Option<Budget> {
        let multiplier = self.noise_multiplier?;
        Some(Budget { multiplier, epsilon: self.noise_epsilon, delta: self.noise_delta })
    }

    /// How deltas are weighed, but for the list of `items`. [`FoldConfig::check`] says whether the numbers are within their bounds.
    pub fn fold(&self) -> FoldConfig {
        let Config { clip, influence, reach, horizon, max_rows, quorum, .. } = *self;
        FoldConfig { clip, influence, reach, horizon, max_rows, quorum, items: None }
    }
}

/// A file and the path that it is served at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The path of the URL; it begins with a slash.
    pub url: String,
    /// The file.
    pub path: PathBuf,
}

impl FromStr for Mount {
    type Err = String;

    fn from_str(text: &str) -> Result<Mount, String> {
        match text.split_once('=') {
            // Braces, stars and colons could make it a pattern of the router.
            Some((url, path))
                if url.starts_with('/') && !url.contains(['{', '}', '*', ':', '?', '#']) && !path.is_empty() =>
            {
                Ok(Mount { url: url.into(), path: path.into() })
            }
            _ => Err(format!("`{text}` is not of the form /url=path")),
        }
    }
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

/// The scopes that can be open to everybody.
fn openable() -> impl TypedValueParser<Value = Scope> {
    PossibleValuesParser::new([Scope::Read, Scope::Ingest, Scope::Operate].map(Scope::as_str))
        .try_map(|name| name.parse::<Scope>())
}

/// The core's names of precisions, as clap lists them.
fn precision() -> impl TypedValueParser<Value = Precision> {
    let help = |of| match of {
        Precision::F16 => "Two bytes a number",
        Precision::Int8 => "One byte a number and four a row",
        Precision::Steps => "Whole multiples of a step a column, which browsers download in a byte a number",
    };
    let named = Precision::ALL.iter().map(|of| PossibleValue::new(of.as_str()).help(help(*of)));
    PossibleValuesParser::new(named.collect::<Vec<_>>()).try_map(|name| name.parse::<Precision>())
}

/// Reads one number of the fold's settings, within the bounds that the core knows.
fn fold_number(set: fn(&mut FoldConfig, f32)) -> impl Fn(&str) -> Result<f32, String> + Clone {
    move |text| {
        let number = text.parse().map_err(|_| format!("`{text}` is not a number"))?;
        let mut fold = FoldConfig::default();
        set(&mut fold, number);
        fold.check().map_err(|error| error.to_string())?;
        Ok(number)
    }
}

/// A number above 0.
fn positive(text: &str) -> Result<f64, String> {
    number_of(text, |number| number > 0.0 && number <= 1e6, "a number above 0 and at most a million")
}

/// A probability that is neither 0 nor 1.
fn probability(text: &str) -> Result<f64, String> {
    number_of(text, |number| number > 0.0 && number < 1.0, "a number above 0 and below 1")
}

fn number_of(text: &str, fits: impl Fn(f64) -> bool, expected: &str) -> Result<f64, String> {
    text.parse().ok().filter(|number| fits(*number)).ok_or_else(|| format!("`{text}` is not {expected}"))
}

/// An origin as browsers send it: `https://example.org`, no path, no slash at the end.
fn origin(text: &str) -> Result<String, String> {
    let authority = text.split_once("://").map_or("", |(_, authority)| authority);
    if authority.is_empty() || authority.contains('/') || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("`{text}` is not an origin such as https://example.org"));
    }
    Ok(text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command};

    use super::*;

    #[test]
    fn a_number_of_the_fold_is_held_to_the_bounds_of_the_core() {
        let command = Config::augment_args(Command::new("serve"));
        let read = |clip: &str| command.clone().try_get_matches_from(["serve", "--data", "store", clip]);
        assert_eq!(read("--clip=2.5").unwrap().get_one("clip"), Some(&2.5f32));
        let error = read("--clip=0").unwrap_err().to_string();
        assert!(error.contains("clip: expected a number above 0 and at most 1024, found 0"), "{error}");
        assert!(read("--reach=far").unwrap_err().to_string().contains("`far` is not a number"));
    }
}

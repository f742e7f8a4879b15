use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use brooklet_core::{Base, Error, FoldConfig, Judging, Precision};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// Everything the endpoint can be told. The command line's `serve` takes it as its options; each can also come from the
/// environment.
#[derive(Debug, Clone, clap::Args)]
#[non_exhaustive]
pub struct Config {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, env = "BROOKLET_LISTEN", default_value_t = LISTEN, value_name = "ADDRESS")]
    pub listen: SocketAddr,

    /// Folder of the store. It is created if it is not there; one server at a time may use it
    #[arg(long, env = "BROOKLET_DATA", value_name = "DIR")]
    pub data: PathBuf,

    /// Name under which the seed is published: lower-case letters, digits, `.`, `_` and `-`
    #[arg(long, env = "BROOKLET_MODEL", default_value = MODEL, value_name = "NAME")]
    pub model: String,

    /// Seed of the model. It becomes the first version; if the store has the model already, the stored versions win
    #[arg(long, env = "BROOKLET_SEED", value_name = "FILE")]
    pub seed: Option<PathBuf>,

    /// Folder to serve at `/`
    #[arg(long, env = "BROOKLET_WWW", value_name = "DIR")]
    pub www: Option<PathBuf>,

    /// Folder of the npm package, to serve at `/pkg/`
    #[arg(long, env = "BROOKLET_PKG", value_name = "DIR")]
    pub pkg: Option<PathBuf>,

    /// The items that the page shows, to serve at `/catalogue.csv`
    #[arg(long, env = "BROOKLET_CATALOGUE", value_name = "FILE")]
    pub catalogue: Option<PathBuf>,

    /// A further file to serve, as `/url=path`; may be given several times
    #[arg(long = "file", env = "BROOKLET_FILES", value_delimiter = ',', value_name = "/URL=PATH")]
    pub files: Vec<Mount>,

    /// Origins whose pages may call the endpoint; none given means all, for nothing here depends on who asks
    #[arg(long = "allow-origin", env = "BROOKLET_ALLOW_ORIGIN", value_delimiter = ',', value_name = "ORIGIN",
          value_parser = origin)]
    pub allow_origins: Vec<String>,

    /// Publish the next version once this many deltas are pending
    #[arg(long, env = "BROOKLET_FOLD_DELTAS", default_value_t = FOLD_DELTAS, value_name = "N",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub fold_deltas: u64,

    /// Publish the next version at the latest so long after the first pending delta; 0 for never
    #[arg(long, env = "BROOKLET_FOLD_SECONDS", default_value_t = FOLD_SECONDS, value_name = "SECONDS")]
    pub fold_seconds: u64,

    /// Longest (L2) that the change of one row by one delta may be; a longer one is shortened to it
    #[arg(long, env = "BROOKLET_CLIP", value_name = "LENGTH", value_parser = positive)]
    pub clip: Option<f32>,

    /// The farthest that deltas move a weight from the seed's, in deviations of what the seed leaves open
    #[arg(long, env = "BROOKLET_REACH", value_name = "DISTANCE", value_parser = positive)]
    pub reach: Option<f32>,

    /// How many versions behind the current one a delta's base may lie
    #[arg(long, env = "BROOKLET_HORIZON", value_name = "VERSIONS")]
    pub horizon: Option<u64>,

    /// Most rows that a base may grow to
    #[arg(long, env = "BROOKLET_MAX_ROWS", value_name = "ROWS")]
    pub max_rows: Option<usize>,

    /// How the factors of published versions are stored
    #[arg(long, env = "BROOKLET_PRECISION", value_parser = precision(), default_value = "f16", value_name = "PRECISION")]
    pub precision: Precision,

    /// How many versions stay available, with the deltas that went into them
    #[arg(long, env = "BROOKLET_RETAIN_VERSIONS", default_value_t = RETAIN_VERSIONS, value_name = "N",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub retain_versions: u64,

    /// Largest delta as sent. 64 KiB is what browsers let a page send while it closes
    #[arg(long, env = "BROOKLET_MAX_DELTA_BYTES", default_value_t = MAX_DELTA_BYTES, value_name = "BYTES")]
    pub max_delta_bytes: usize,

    /// Largest delta after decompression
    #[arg(long, env = "BROOKLET_MAX_INFLATED_BYTES", default_value_t = MAX_INFLATED_BYTES, value_name = "BYTES")]
    pub max_inflated_bytes: usize,

    /// Most deltas in one commit
    #[arg(long, env = "BROOKLET_COMMIT_BATCH", default_value_t = COMMIT_BATCH, value_name = "N", hide = true)]
    pub commit_batch: usize,

    /// How long requests in flight may take to finish after SIGTERM
    #[arg(long, env = "BROOKLET_DRAIN_SECONDS", default_value_t = DRAIN_SECONDS, value_name = "SECONDS")]
    pub drain_seconds: u64,

    /// What candidates for the next version are judged by. The command line makes it of `--judge`
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
const MODEL: &str = "default";
const FOLD_DELTAS: u64 = 1000;
const FOLD_SECONDS: u64 = 300;
const RETAIN_VERSIONS: u64 = 20;
const MAX_DELTA_BYTES: usize = 64 << 10;
const MAX_INFLATED_BYTES: usize = 256 << 10;
const COMMIT_BATCH: usize = 100;
const DRAIN_SECONDS: u64 = 10;

impl Config {
    /// The defaults, with the store in this folder.
    pub fn new(data: impl Into<PathBuf>) -> Config {
        Config {
            listen: LISTEN,
            data: data.into(),
            model: MODEL.into(),
            seed: None,
            www: None,
            pkg: None,
            catalogue: None,
            files: Vec::new(),
            allow_origins: Vec::new(),
            fold_deltas: FOLD_DELTAS,
            fold_seconds: FOLD_SECONDS,
            clip: None,
            reach: None,
            horizon: None,
            max_rows: None,
            precision: Precision::default(),
            retain_versions: RETAIN_VERSIONS,
            max_delta_bytes: MAX_DELTA_BYTES,
            max_inflated_bytes: MAX_INFLATED_BYTES,
            commit_batch: COMMIT_BATCH,
            drain_seconds: DRAIN_SECONDS,
            judge: None,
        }
    }

    /// How deltas are weighed: the core's defaults where nothing else was said.
    pub fn fold(&self) -> FoldConfig {
        let default = FoldConfig::default();
        FoldConfig {
            clip: self.clip.unwrap_or(default.clip),
            reach: self.reach.unwrap_or(default.reach),
            horizon: self.horizon.unwrap_or(default.horizon),
            max_rows: self.max_rows.unwrap_or(default.max_rows),
        }
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
            // Braces and stars would make it a pattern of the router.
            Some((url, path)) if url.starts_with('/') && !url.contains(['{', '}', '*']) && !path.is_empty() => {
                Ok(Mount { url: url.into(), path: path.into() })
            }
            _ => Err(format!("`{text}` is not of the form /url=path")),
        }
    }
}

/// The core's names of precisions, as clap lists them.
fn precision() -> impl TypedValueParser<Value = Precision> {
    let help = |of| match of {
        Precision::F16 => "Two bytes a number",
        Precision::Int8 => "One byte a number and four a row",
    };
    let named = Precision::ALL.iter().map(|of| PossibleValue::new(of.as_str()).help(help(*of)));
    PossibleValuesParser::new(named.collect::<Vec<_>>()).try_map(|name| name.parse::<Precision>())
}

fn positive(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        _ => Err(format!("`{text}` is not a positive number")),
    }
}

/// An origin as browsers send it: `https://example.org`, no path, no slash at the end.
fn origin(text: &str) -> Result<String, String> {
    let authority = text.split_once("://").map_or("", |(_, authority)| authority);
    if authority.is_empty() || authority.contains('/') || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("`{text}` is not an origin such as https://example.org"));
    }
    Ok(text.to_ascii_lowercase())
}

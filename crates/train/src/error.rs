//! What can go wrong, in one type: a caller tells the kinds apart, and the text says what to do.
//!
//! Where a text names a setting it spells it as the command does: `--label-map` is [`Recipe::label_map`](crate::training::Recipe).

/// Of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why nothing came of it. The text of each says what was found and what to do; [`source`](std::error::Error::source) says more
/// where there is more to say.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was read is not as it must be. The text names the file and, where there is one, the line.
    #[error("{0}")]
    Input(String),
    /// A setting is out of its bounds, or contradicts another one or the data.
    #[error("{0}")]
    Setting(String),
    /// A seed is not of the kind that this needs.
    #[error("{0}")]
    Seed(String),
    /// The model's numbers became infinite.
    #[error("training diverged: its numbers became infinite; {remedy}")]
    Diverged {
        /// What would have kept them finite.
        remedy: String,
    },
    /// A file could not be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A file is not of the format that it claims to be.
    #[error(transparent)]
    Format(Box<dyn std::error::Error + Send + Sync>),
    /// The model refuses what it was given.
    #[error(transparent)]
    Core(#[from] brooklet_core::Error),
    /// Something went wrong on the way to something else.
    #[error("{what}")]
    Within {
        /// Where, or in doing what.
        what: String,
        /// What went wrong.
        source: Box<Error>,
    },
}

macro_rules! formats {
    ($($error:ty),*) => {
        $(impl From<$error> for Error {
            fn from(error: $error) -> Error {
                Error::Format(Box::new(error))
            }
        })*
    };
}

formats!(
    arrow_schema::ArrowError,
    csv::Error,
    std::fmt::Error,
    glob::GlobError,
    glob::PatternError,
    parquet::errors::ParquetError,
    std::num::TryFromIntError,
    std::str::Utf8Error,
    toml::de::Error
);

/// Says where, or in doing what, an error arose.
pub(crate) trait Context<T> {
    /// In these words.
    fn context(self, what: &str) -> Result<T>;

    /// In words that are made if there is an error.
    fn with_context(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for Result<T, E> {
    fn context(self, what: &str) -> Result<T> {
        self.with_context(|| what.to_owned())
    }

    fn with_context(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Error::Within { what: what(), source: Box::new(error.into()) })
    }
}

/// Returns an error of a kind, with a text.
macro_rules! bail {
    ($kind:ident, $($text:tt)+) => {
        return Err($crate::error::Error::$kind(format!($($text)+)))
    };
}

/// The same unless something holds.
macro_rules! ensure {
    ($holds:expr, $kind:ident, $($text:tt)+) => {
        if !$holds {
            bail!($kind, $($text)+);
        }
    };
}

/// An error with all that is said of where it comes from, in one line.
pub(crate) fn told(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}

//! Why a server does not start, or a fold publishes nothing: what the operator reads.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use brooklet_core::Error;

use crate::store::StoreError;

/// Why the server did not start, or did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// A setting is not within its bounds.
    #[error(transparent)]
    BadSetting(Error),
    /// The address cannot be had.
    #[error("cannot listen on {address}: {error}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// Strangers reach the address, and nothing keeps them off.
    #[error(
        "strangers may reach {address}, and there is no token to tell them by: make one with `brooklet token make {store} --scope operate`, say with \
         --open what needs none, or listen on 127.0.0.1"
    )]
    NoToken {
        /// The address.
        address: SocketAddr,
        /// The options that name the store.
        store: String,
    },
    /// Nothing says where the store is.
    #[error("there is no store: name a folder with --data, or a PostgreSQL database with --store")]
    NoStore,
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is neither a seed nor a stored model.
    #[error(
        "there is no model to serve: give a seed with --seed (`brooklet train` makes one), or a data folder that has one"
    )]
    NoModel,
    /// The model's name does not suit a URL.
    #[error("`{0}` cannot name a model: use 1 to 64 lower-case letters, digits, `.`, `_` and `-`, no dot first")]
    BadName(String),
    /// The seed's file cannot be read.
    #[error("cannot read the seed {path}: {error}")]
    Seed {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The seed is not one.
    #[error("the seed {path} is of no use: {error}")]
    BadSeed {
        /// The file.
        path: PathBuf,
        /// What the core says.
        error: Error,
    },
    /// The seed holds rows that must not leave the house.
    #[error(
        "the seed {0} holds rows of single visitors, and would give them to everybody: train it without --keep-users"
    )]
    PrivateRows(PathBuf),
    /// A stored base is broken.
    #[error("the stored base of `{model}` is of no use: {error}")]
    BadStored {
        /// The model.
        model: String,
        /// What the core says.
        error: Error,
    },
    /// A folder to serve is not there.
    #[error("{flag} {path} cannot be served: {error}")]
    NoFolder {
        /// The option that names it.
        flag: &'static str,
        /// The folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A file to serve is not there.
    #[error("{said} cannot be served: {error}")]
    NoFile {
        /// The option, as it was given.
        said: String,
        /// What the system says.
        error: io::Error,
    },
    /// The list of items cannot be read.
    #[error("the list of items {path} is of no use: {error}")]
    Items {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: io::Error,
    },
    /// Two things are to be served at one address.
    #[error("{said} cannot be served: {url} is the address of {by}")]
    TakenAddress {
        /// The option, as it was given.
        said: String,
        /// The address.
        url: String,
        /// What has it already.
        by: String,
    },
    /// What is to be served lies in the store.
    #[error("{flag} {path} lies in the folder of --data, which is nobody else's: put it elsewhere")]
    StoreServed {
        /// The option that names it.
        flag: &'static str,
        /// The file or folder.
        path: PathBuf,
    },
    /// The network says no.
    #[error("the server failed: {0}")]
    Io(io::Error),
}

impl ServeError {
    /// A stable snake_case name of the variant.
    pub fn code(&self) -> &'static str {
        match self {
            ServeError::BadSetting(error) => error.code(),
            ServeError::Bind { .. } => "cannot_listen",
            ServeError::NoToken { .. } => "no_token",
            ServeError::NoStore => "no_store",
            ServeError::Store(_) => "store_unavailable",
            ServeError::NoModel => "no_model",
            ServeError::BadName(_) => "bad_name",
            ServeError::Seed { .. } => "unreadable_seed",
            ServeError::BadSeed { error, .. } => error.code(),
            ServeError::PrivateRows(_) => "private_rows",
            ServeError::BadStored { .. } => "bad_stored_base",
            ServeError::NoFolder { .. } => "no_folder",
            ServeError::Items { .. } => "unreadable_items",
            ServeError::NoFile { .. } => "no_file",
            ServeError::TakenAddress { .. } => "taken_address",
            ServeError::StoreServed { .. } => "store_served",
            ServeError::Io(_) => "io",
        }
    }
}

/// Why a fold published nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FoldError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The aggregate or the next base could not be made.
    #[error(transparent)]
    Core(#[from] Error),
    /// The computation panicked.
    #[error("the fold panicked")]
    Panicked,
}

/// Why a visitor that learns here could not.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LearnError {
    #[error(transparent)]
    Core(#[from] Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("this is no profile of this model here: begin a new one by sending none")]
    BadProfile,
    #[error("either `visitor`, whose profile is kept here, or `profile`, which you keep")]
    TwoProfiles,
    #[error("`visitor` is an id of 1 to {0} bytes")]
    BadId(usize),
    #[error("{0} profiles are kept, and no more may be (--max-profiles): keep it yourself, or send it again later")]
    NoRoom(u64),
    #[error("other requests of this visitor came first: send it again in a moment")]
    Busy,
    #[error("the system gives no random numbers")]
    NoEntropy,
    #[error("a learner panicked")]
    Panicked,
}

/// Why an operator's wish was not granted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OperateError {
    #[error(transparent)]
    Fold(#[from] FoldError),
    #[error("there is no version {version}; the current one is {newest}")]
    UnknownVersion { version: u64, newest: u64 },
    #[error("version {version} is not kept any more; the current one is {newest}")]
    Pruned { version: u64, newest: u64 },
    #[error("there is no candidate {0}")]
    UnknownCandidate(u64),
    #[error(
        "candidate {0} is of another time: another version came, or another candidate, or what it was made of is gone"
    )]
    Outdated(u64),
    #[error("`{0}` cannot name a model: use 1 to 64 lower-case letters, digits, `.`, `_` and `-`, no dot first")]
    BadName(String),
    #[error("this is no seed: {0}")]
    BadSeed(String),
    #[error("{0}")]
    NotRebuilt(String),
    #[error("{0}")]
    InUse(String),
}

impl From<StoreError> for OperateError {
    fn from(error: StoreError) -> OperateError {
        OperateError::Fold(error.into())
    }
}

impl From<Error> for OperateError {
    fn from(error: Error) -> OperateError {
        OperateError::Fold(error.into())
    }
}

use std::future::Future;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use crate::app::{AppState, app};
use crate::config::Config;
use crate::store::StoreError;

/// Serves until SIGTERM or SIGINT, then drains: nothing new is accepted, requests in flight are finished, what they
/// wrote is committed, and the log is emptied into the database.
pub async fn serve(config: Config) -> Result<(), ServeError> {
    Server::bind(config).await?.run(asked_to_stop()?).await
}

/// A server that has its address and its store, and does not serve yet.
pub struct Server {
    listener: TcpListener,
    state: AppState,
}

impl Server {
    /// Opens the store, registers the seed and takes the address.
    pub async fn bind(config: Config) -> Result<Server, ServeError> {
        let address = config.listen;
        let listener = TcpListener::bind(address).await.map_err(|error| ServeError::Bind { address, error })?;
        let state = AppState::open(config).await?;
        Ok(Server { listener, state })
    }

    /// Where it listens.
    pub fn address(&self) -> Result<SocketAddr, ServeError> {
        self.listener.local_addr().map_err(ServeError::Io)
    }

    /// What requests will share.
    pub fn state(&self) -> &AppState {
        &self.state
    }

    /// Serves until `stop` is ready, then drains.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), ServeError> {
        tracing::info!("listening on http://{}/", self.address()?);
        let Server { listener, state } = self;
        let (draining, mut is_draining) = watch::channel(false);
        let mut folders = state.start_folding(&is_draining);

        let stopped = {
            let state = state.clone();
            async move {
                stop.await;
                tracing::info!("draining");
                state.drain();
                // There are receivers: the folders and the deadline below.
                let _ = draining.send(true);
            }
        };
        let listener = listener.tap_io(|stream| {
            // Small answers should not wait for more to send. Without it they are late, not wrong.
            let _ = stream.set_nodelay(true);
        });
        let served = axum::serve(listener, app(state.clone())).with_graceful_shutdown(stopped);
        let patience = Duration::from_secs(state.config().drain_seconds);
        let deadline = async {
            let _ = is_draining.wait_for(|draining| *draining).await;
            tokio::time::sleep(patience).await;
        };
        tokio::select! {
            served = served => served.map_err(ServeError::Io)?,
            () = deadline => tracing::warn!("requests were still in flight after {} seconds", patience.as_secs()),
        }
        while folders.join_next().await.is_some() {}
        state.store().close().await?;
        tracing::info!("drained");
        Ok(())
    }
}

/// Writes the log to standard error: what `BROOKLET_LOG` says (`debug`, `brooklet_server=debug,tower_http=trace`),
/// `info` if it says nothing. Does nothing if the program has a log already.
pub fn init_logging() {
    let filter = EnvFilter::try_from_env("BROOKLET_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = io::stderr().is_terminal();
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(io::stderr).try_init();
}

/// Why the server did not start, or did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be had.
    #[error("cannot listen on {address}: {error}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
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
        error: brooklet_core::Error,
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
        error: brooklet_core::Error,
    },
    /// The network says no.
    #[error("the server failed: {0}")]
    Io(io::Error),
}

impl ServeError {
    /// A stable snake_case name of the variant.
    pub fn code(&self) -> &'static str {
        match self {
            ServeError::Bind { .. } => "cannot_listen",
            ServeError::Store(_) => "store_unavailable",
            ServeError::NoModel => "no_model",
            ServeError::BadName(_) => "bad_name",
            ServeError::Seed { .. } => "unreadable_seed",
            ServeError::BadSeed { error, .. } => error.code(),
            ServeError::PrivateRows(_) => "private_rows",
            ServeError::BadStored { .. } => "bad_stored_base",
            ServeError::Io(_) => "io",
        }
    }
}

/// Ready when the system asks the process to stop. The handlers are in place when this returns, not when it is awaited.
#[cfg(unix)]
fn asked_to_stop() -> Result<impl Future<Output = ()> + Send + 'static, ServeError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Io)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Io)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn asked_to_stop() -> Result<impl Future<Output = ()> + Send + 'static, ServeError> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

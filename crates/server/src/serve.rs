//! The life of a server: it takes its address, opens its store, serves until it is told to stop, and drains.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::Config;
use crate::error::ServeError;
use crate::fold;
use crate::follow;
use crate::log;
use crate::metrics::Metrics;
use crate::net::{self, Bounds};
use crate::router::{app, operations};
use crate::state::AppState;
use crate::store::Store;

/// Serves until SIGTERM or SIGINT, then drains: nothing new is accepted, requests in flight are finished, what they
/// wrote is committed, and the log is emptied into the database.
pub async fn serve(config: Config) -> Result<(), ServeError> {
    if config.log_file.is_some() {
        log_is_moved()?;
    }
    Server::bind(config).await?.run(asked_to_stop()?).await
}

/// A server that has its address and its store, and does not serve yet.
pub struct Server {
    listener: TcpListener,
    /// For metrics and stats, where they have an address of their own.
    operate: Option<TcpListener>,
    state: AppState,
}

impl Server {
    /// Opens the store, registers the seed and takes the address.
    pub async fn bind(config: Config) -> Result<Server, ServeError> {
        let (listener, operate) = (listen(config.listen).await?, operate(&config).await?);
        let state = AppState::open(config).await?;
        Ok(Server { listener, operate, state })
    }

    /// The same upon a store of the caller's.
    pub async fn with_store(
        config: Config,
        store: Arc<dyn Store>,
        metrics: Arc<Metrics>,
    ) -> Result<Server, ServeError> {
        let (listener, operate) = (listen(config.listen).await?, operate(&config).await?);
        let state = AppState::with_store(config, store, metrics).await?;
        Ok(Server { listener, operate, state })
    }

    /// Where it listens.
    pub fn address(&self) -> Result<SocketAddr, ServeError> {
        self.listener.local_addr().map_err(ServeError::Io)
    }

    /// Where it listens for whoever asks for metrics and stats, if that is another address.
    pub fn operate_address(&self) -> Option<SocketAddr> {
        self.operate.as_ref()?.local_addr().ok()
    }

    /// What requests will share.
    pub fn state(&self) -> &AppState {
        &self.state
    }

    /// Serves until `stop` is ready, then drains.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), ServeError> {
        tracing::info!("listening on http://{}/", self.address()?);
        if let Some(address) = self.operate_address() {
            tracing::info!("metrics and stats are at http://{address}/");
        }
        let Server { listener, operate, state } = self;
        let (draining, is_draining) = watch::channel(false);
        let folders = tokio::spawn(folders(state.clone(), is_draining.clone()));
        let unfinished = folders.abort_handle();

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
        let (bounds, metrics) = (Bounds::of(state.config()), state.metrics().clone());
        let operated = operate.map(|listener| {
            let at = state.config().operate_listen.unwrap_or(state.config().listen);
            let router = operations(state.clone(), at);
            net::serve(listener, router, bounds.clone(), metrics.clone(), drained(is_draining.clone()))
        });
        let served = net::serve(listener, app(state.clone()), bounds, metrics, stopped);
        let patience = Duration::from_secs(state.config().drain_seconds);
        let deadline = async {
            drained(is_draining).await;
            tokio::time::sleep(patience).await;
        };
        let done = async {
            tokio::join!(served, async {
                if let Some(operated) = operated {
                    operated.await;
                }
            });
            // It ends by itself, or is ended below.
            let _ = folders.await;
        };
        // A fold that does not end in time has published nothing, and its deltas wait for the next start.
        tokio::select! {
            () = done => {}
            () = deadline => tracing::warn!("requests or a fold were still under way after {} seconds", patience.as_secs()),
        }
        unfinished.abort();
        state.store().close().await?;
        tracing::info!("drained");
        Ok(())
    }
}

/// Folds each model, from when it comes to be served. Dropped, it leaves a fold that does not end unfinished.
async fn folders(state: AppState, is_draining: watch::Receiver<bool>) {
    let Some(mut arrived) = state.arrived().await else { return };
    let mut folders = JoinSet::new();
    folders.spawn(follow::run(state.clone(), is_draining.clone()));
    let draining = drained(is_draining);
    tokio::pin!(draining);
    loop {
        tokio::select! {
            model = arrived.recv() => match model {
                Some(model) => _ = folders.spawn(fold::supervise(state.clone(), model)),
                None => break,
            },
            () = &mut draining => break,
        }
    }
    while folders.join_next().await.is_some() {}
}

async fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|error| ServeError::Bind { address, error })
}

async fn operate(config: &Config) -> Result<Option<TcpListener>, ServeError> {
    match config.operate_listen {
        Some(address) => listen(address).await.map(Some),
        None => Ok(None),
    }
}

async fn drained(mut is_draining: watch::Receiver<bool>) {
    // Whoever would tell is gone: that is as good.
    let _ = is_draining.wait_for(|draining| *draining).await;
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

/// At SIGHUP the log's file is opened anew, as whoever moved it away expects.
#[cfg(unix)]
fn log_is_moved() -> Result<(), ServeError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = signal(SignalKind::hangup()).map_err(ServeError::Io)?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            log::reopen();
            tracing::info!("the log was opened anew");
        }
    });
    Ok(())
}

#[cfg(not(unix))]
fn log_is_moved() -> Result<(), ServeError> {
    Ok(())
}

#[cfg(not(unix))]
fn asked_to_stop() -> Result<impl Future<Output = ()> + Send + 'static, ServeError> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

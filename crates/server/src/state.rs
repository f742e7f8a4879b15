//! What all requests share: the settings, the store, the metrics, and each model with its current base in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use brooklet_core::{Aggregate, FeatureId, FoldConfig};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use crate::caller::Proxies;
use crate::config::Config;
use crate::error::ServeError;
use crate::metrics::Metrics;
use crate::model::{Current, Model};
use crate::mounts;
use crate::pace::Pace;
use crate::ready::{Readiness, Ready};
use crate::seed;
use crate::store::{Postgres, PostgresConfig, Sqlite, SqliteConfig, Store, StoreError};
use crate::token::Token;

/// How long tokens that were looked up are as good as the store's.
const FRESH: Duration = Duration::from_secs(1);

/// The tokens, and when they were looked up.
type Known = Mutex<Option<(Instant, Arc<[Token]>)>>;

/// What all requests share. Cloning shares it.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

struct Shared {
    config: Config,
    fold: FoldConfig,
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    models: BTreeMap<String, Arc<Model>>,
    draining: AtomicBool,
    readiness: Readiness,
    known: Known,
    proxies: Proxies,
    pace: Pace,
    room: Arc<Semaphore>,
}

impl AppState {
    /// Checks the settings, opens the store, registers the seed and loads every model's current base.
    pub async fn open(config: Config) -> Result<AppState, ServeError> {
        let metrics = Arc::new(Metrics::default());
        let (quota, commit_batch) = (config.quota, config.commit_batch);
        let store: Arc<dyn Store> = match &config.store {
            Some(url) => {
                let postgres = PostgresConfig { commit_batch, quota, ..PostgresConfig::default() };
                Arc::new(Postgres::open(url, &postgres, metrics.clone()).await?)
            }
            None => {
                let sqlite = SqliteConfig { commit_batch, quota, ..SqliteConfig::default() };
                Arc::new(Sqlite::open(&config.data, &sqlite, metrics.clone())?)
            }
        };
        AppState::with_store(config, store, metrics).await
    }

    /// The same on a store of the caller's.
    pub async fn with_store(
        config: Config,
        store: Arc<dyn Store>,
        metrics: Arc<Metrics>,
    ) -> Result<AppState, ServeError> {
        let fold = FoldConfig { items: items(&config)?, ..config.fold() };
        fold.check().map_err(ServeError::BadSetting)?;
        mounts::check(&config)?;
        if let Some(seed) = &config.seed {
            seed::register(store.as_ref(), &config.model, seed).await?;
        }
        let mut models = BTreeMap::new();
        for name in store.models().await? {
            let stored = store.current(&name).await?.ok_or(StoreError::UnknownModel)?;
            let base = stored.base.ok_or(StoreError::UnknownModel)?;
            let current = Current::decode(base, stored.created, config.precision)
                .map_err(|error| ServeError::BadStored { model: name.clone(), error })?;
            let pending = store.head(&name).await?.map_or(0, |head| head.pending);
            metrics.state(&name, current.version, pending);
            tracing::info!(model = name, version = current.version, pending, "serving");
            let spent = match config.budget() {
                Some(budget) => {
                    let stored = store.aggregate(&name, current.version).await?.ok_or(StoreError::UnknownModel)?;
                    let aggregate = Aggregate::decode(&stored)
                        .map_err(|error| ServeError::BadStored { model: name.clone(), error })?;
                    metrics.spent(&name, budget.spent(aggregate.spent()));
                    aggregate.spent()
                }
                None => 0.0,
            };
            let model = Model::new(name.clone(), current, pending, config.fold_deltas, spent);
            models.insert(name, Arc::new(model));
        }
        if models.is_empty() {
            return Err(ServeError::NoModel);
        }
        if let Some(address) = config.strangers_reach()
            && store.tokens().await?.is_empty()
        {
            let store = match &config.store {
                Some(_) => "--store ...".to_owned(),
                None => format!("--data {}", config.data.display()),
            };
            return Err(ServeError::NoToken { address, store });
        }
        Ok(AppState(Arc::new(Shared {
            fold,
            store,
            metrics,
            models,
            draining: AtomicBool::new(false),
            readiness: Readiness::default(),
            known: Known::default(),
            proxies: Proxies::new(&config.trusted_proxies),
            pace: Pace::new(config.rate_address, config.rate_key),
            room: Arc::new(Semaphore::new(config.max_pending_bytes.min(Semaphore::MAX_PERMITS))),
            config,
        })))
    }

    /// The store.
    pub fn store(&self) -> &dyn Store {
        self.0.store.as_ref()
    }

    /// From now on nothing new is taken in.
    pub(crate) fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Relaxed)
    }

    /// Whether deltas could be taken in and folded now.
    pub(crate) async fn ready(&self) -> Ready {
        self.0.readiness.of(self.store(), self.models()).await
    }

    /// The tokens as they were a second ago at the earliest.
    pub(crate) async fn tokens(&self) -> Result<Arc<[Token]>, StoreError> {
        let mut known = self.0.known.lock().await;
        if let Some((found, tokens)) = &*known
            && found.elapsed() < FRESH
        {
            return Ok(tokens.clone());
        }
        let tokens: Arc<[Token]> = self.store().tokens().await?.into();
        *known = Some((Instant::now(), tokens.clone()));
        Ok(tokens)
    }

    /// Room in memory for so many bytes, until it is dropped; None if there is none now.
    pub(crate) fn room(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        self.0.room.clone().try_acquire_many_owned(u32::try_from(bytes).ok()?).ok()
    }

    pub(crate) fn proxies(&self) -> &Proxies {
        &self.0.proxies
    }

    pub(crate) fn pace(&self) -> &Pace {
        &self.0.pace
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    /// How deltas are weighed.
    pub(crate) fn fold(&self) -> &FoldConfig {
        &self.0.fold
    }

    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.0.metrics
    }

    pub(crate) fn model(&self, name: &str) -> Option<&Arc<Model>> {
        self.0.models.get(name)
    }

    pub(crate) fn models(&self) -> impl Iterator<Item = &Arc<Model>> {
        self.0.models.values()
    }
}

/// The features that may get rows, if the operator lists them.
fn items(config: &Config) -> Result<Option<Arc<BTreeSet<FeatureId>>>, ServeError> {
    let Some(path) = &config.items else { return Ok(None) };
    let bad = |error| ServeError::Items { path: path.clone(), error };
    let text = fs::read_to_string(path).map_err(bad)?;
    let names: Vec<&str> = text.lines().map(str::trim).filter(|name| !name.is_empty()).collect();
    if let Some(name) = names.iter().find(|name| !name.contains('=')) {
        let said = format!("`{name}` is no feature, which is written as field=value");
        return Err(bad(std::io::Error::new(std::io::ErrorKind::InvalidData, said)));
    }
    Ok(Some(Arc::new(names.into_iter().map(FeatureId::named).collect())))
}

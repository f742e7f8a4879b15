//! What all requests share: the settings, the store, the metrics, and each model with its current base in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use brooklet_core::{Aggregate, FeatureId, FoldConfig, Report};
use tokio::sync::{Mutex, OnceCell, OwnedSemaphorePermit, Semaphore, mpsc};

use crate::caller::Proxies;
use crate::config::Config;
use crate::error::{LearnError, ServeError};
use crate::events::Events;
use crate::metrics::Metrics;
use crate::model::{Canary, Current, Model};
use crate::mounts;
use crate::pace::Pace;
use crate::ready::{Readiness, Ready};
use crate::seal::Seal;
use crate::seed;
use crate::store::{CandidateState, Postgres, PostgresConfig, Publication, Sqlite, SqliteConfig, Store, StoreError};
use crate::token::Token;

/// How long tokens that were looked up are as good as the store's.
const FRESH: Duration = Duration::from_secs(1);

/// The tokens, and when they were looked up.
type Known = Mutex<Option<(Instant, Arc<[Token]>)>>;

/// Both ends of the way from whoever takes a model in to whoever sees that it is folded.
struct Arrived {
    arrive: mpsc::UnboundedSender<Arc<Model>>,
    arrived: Mutex<Option<mpsc::UnboundedReceiver<Arc<Model>>>>,
}

/// What all requests share. Cloning shares it.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

struct Shared {
    config: Config,
    fold: FoldConfig,
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    models: RwLock<BTreeMap<String, Arc<Model>>>,
    /// Models that nobody folds yet.
    arrived: Arrived,
    events: Events,
    seal: OnceCell<Seal>,
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
            None if config.data.as_os_str().is_empty() => return Err(ServeError::NoStore),
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
        let (arrive, arrived) = mpsc::unbounded_channel();
        for name in store.models().await? {
            let model = Arc::new(load(store.as_ref(), &config, &metrics, &name).await?);
            // The other end is here.
            let _ = arrive.send(model.clone());
            models.insert(name, model);
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
            models: RwLock::new(models),
            arrived: Arrived { arrive, arrived: Mutex::new(Some(arrived)) },
            events: Events::default(),
            seal: OnceCell::new(),
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
        self.models().iter().for_each(|model| model.stop());
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Relaxed)
    }

    /// Whether deltas could be taken in and folded now.
    pub(crate) async fn ready(&self) -> Ready {
        self.0.readiness.of(self.store(), &self.models()).await
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

    /// What profiles are sealed with that others keep.
    pub(crate) async fn seal(&self) -> Result<&Seal, LearnError> {
        let begun = || async {
            let mut fresh = [0; 32];
            getrandom::fill(&mut fresh).map_err(|_| LearnError::NoEntropy)?;
            Ok(Seal::new(self.store().secret(fresh).await?))
        };
        self.0.seal.get_or_try_init(begun).await
    }

    /// Counts a delta that was taken in.
    pub(crate) fn took_in(&self, model: &Model, events: u32, report: &Report) {
        model.arrived(events);
        self.metrics().accepted(&model.name, events);
        if model.served.hear(model.current().version, report) {
            self.metrics().drifted(&model.name);
            tracing::warn!(model = model.name, "the losses that clients report have risen");
            self.events().tell("drift", &model.name, serde_json::json!({ "version": model.current().version }));
        }
    }

    /// What happens, for whoever listens.
    pub(crate) fn events(&self) -> &Events {
        &self.0.events
    }

    pub(crate) fn model(&self, name: &str) -> Option<Arc<Model>> {
        self.0.models.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    pub(crate) fn models(&self) -> Vec<Arc<Model>> {
        self.0.models.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Serves a model that has come into the store.
    pub(crate) async fn serve_model(&self, name: &str) -> Result<(), ServeError> {
        let model = Arc::new(load(self.store(), self.config(), self.metrics(), name).await?);
        let before = {
            let mut models = self.0.models.write().unwrap_or_else(PoisonError::into_inner);
            models.insert(name.into(), model.clone())
        };
        if let Some(before) = before {
            before.stop();
        }
        // Without a server nobody takes it.
        let _ = self.0.arrived.arrive.send(model);
        Ok(())
    }

    /// Serves a model no more.
    pub(crate) fn drop_model(&self, name: &str) {
        let model = self.0.models.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        if let Some(model) = model {
            model.stop();
        }
    }

    /// The models, each as it comes to be served. One can have it.
    pub(crate) async fn arrived(&self) -> Option<mpsc::UnboundedReceiver<Arc<Model>>> {
        self.0.arrived.arrived.lock().await.take()
    }
}

/// A model as the store has it.
async fn load(store: &dyn Store, config: &Config, metrics: &Metrics, name: &str) -> Result<Model, ServeError> {
    let bad = |error| ServeError::BadStored { model: name.into(), error };
    let stored = store.current(name).await?.ok_or(StoreError::UnknownModel)?;
    let base = stored.base.ok_or(StoreError::UnknownModel)?;
    let current = Current::decode(base, stored.created, config.precision).map_err(bad)?;
    let pending = store.head(name).await?.map_or(0, |head| head.pending);
    metrics.state(name, current.version, pending);
    tracing::info!(model = name, version = current.version, pending, "serving");
    let spent = match config.budget() {
        Some(budget) => {
            let aggregate = store.aggregate(name, current.version).await?.ok_or(StoreError::UnknownModel)?;
            let aggregate = Aggregate::decode(&aggregate).map_err(bad)?;
            metrics.spent(name, budget.spent(aggregate.spent()));
            aggregate.spent()
        }
        None => 0.0,
    };
    let model = Model::new(name.into(), current, pending, config.fold_deltas, spent);
    follow_operator(store, config, &model).await?;
    Ok(model)
}

/// Takes over what operators said of a model, here or at another process: what it is compared with, and who has what first.
pub(crate) async fn follow_operator(store: &dyn Store, config: &Config, model: &Model) -> Result<(), ServeError> {
    model.set_challenger(store.settings(&model.name).await?.challenger);
    let candidates = store.candidates(&model.name).await?;
    let canary = candidates.first().filter(|last| last.state == CandidateState::Canary && last.retained);
    if canary.map(|canary| canary.id) == model.canary().map(|canary| canary.id) {
        return Ok(());
    }
    let candidate = match canary {
        Some(canary) => store.candidate(&model.name, canary.id).await?,
        None => None,
    };
    let canary = match candidate {
        Some(candidate) => {
            let Publication { base, created, fold, .. } = candidate.publication;
            let current = Current::decode(base, created, config.precision)
                .map_err(|error| ServeError::BadStored { model: model.name.clone(), error })?;
            let taken = fold.taken.into_iter().collect();
            let (id, share) = (candidate.id, config.canary_share);
            Some(Canary { id, since: created, share, taken, current: current.into() })
        }
        None => None,
    };
    model.set_canary(canary).await;
    Ok(())
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

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::routing::{get, post};
use brooklet_core::{Aggregate, Base};
use tokio::sync::watch;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::services::{ServeDir, ServeFile};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;

use crate::config::{Config, Mount};
use crate::fold::{self, FoldError, Folded};
use crate::metrics::Metrics;
use crate::model::{Current, Model};
use crate::serve::ServeError;
use crate::sqlite::{Sqlite, SqliteConfig};
use crate::store::{FoldedVersion, Publication, Registered, Store};
use crate::{api, problem};

/// The version of a model that an answer is about.
pub(crate) const VERSION_HEADER: HeaderName = HeaderName::from_static("brooklet-version");

/// What all requests share. Cloning shares it.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

struct Shared {
    config: Config,
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    models: BTreeMap<String, Arc<Model>>,
    draining: AtomicBool,
}

impl AppState {
    /// Opens the embedded store, registers the seed and loads every model's current base.
    pub async fn open(config: Config) -> Result<AppState, ServeError> {
        let metrics = Arc::new(Metrics::default());
        let sqlite = SqliteConfig { commit_batch: config.commit_batch, ..SqliteConfig::default() };
        let store = Sqlite::open(&config.data, &sqlite, metrics.clone())?;
        AppState::with_store(config, Arc::new(store), metrics).await
    }

    /// The same on a store of the caller's.
    pub async fn with_store(
        config: Config,
        store: Arc<dyn Store>,
        metrics: Arc<Metrics>,
    ) -> Result<AppState, ServeError> {
        if let Some(seed) = &config.seed {
            register(store.as_ref(), &config.model, seed).await?;
        }
        let mut models = BTreeMap::new();
        for name in store.models().await? {
            let stored = store.current(&name).await?.and_then(|version| version.base);
            let base = stored.ok_or(crate::store::StoreError::UnknownModel)?;
            let current = Current::read(base).map_err(|error| ServeError::BadStored { model: name.clone(), error })?;
            let pending = store.stats(&name).await?.map_or(0, |stats| stats.pending_deltas);
            metrics.state(&name, current.version, pending);
            tracing::info!(model = name, version = current.version, pending, "serving");
            let model = Model::new(name.clone(), current, pending, config.fold_deltas);
            models.insert(name, Arc::new(model));
        }
        if models.is_empty() {
            return Err(ServeError::NoModel);
        }
        Ok(AppState(Arc::new(Shared { config, store, metrics, models, draining: AtomicBool::new(false) })))
    }

    /// Folds what is pending now, without waiting for more or for the time.
    pub async fn fold_now(&self, model: &str) -> Result<Folded, FoldError> {
        match self.model(model) {
            Some(model) => fold::fold(self, model).await,
            None => Ok(Folded::Nothing),
        }
    }

    /// The store.
    pub fn store(&self) -> &dyn Store {
        self.0.store.as_ref()
    }

    /// Starts a folder for every model; each ends after `stop` turns true.
    pub(crate) fn start_folding(&self, stop: &watch::Receiver<bool>) -> tokio::task::JoinSet<()> {
        let models = self.0.models.values();
        models.map(|model| fold::run(self.clone(), model.clone(), stop.clone())).collect()
    }

    /// From now on nothing new is taken in.
    pub(crate) fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Relaxed)
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn model(&self, name: &str) -> Option<&Arc<Model>> {
        self.0.models.get(name)
    }

    pub(crate) fn models(&self) -> impl Iterator<Item = &Arc<Model>> {
        self.0.models.values()
    }
}

/// The whole HTTP side as one service, without a socket.
pub fn app(state: AppState) -> Router {
    let config = state.config();
    let mut router = Router::new()
        .route("/v1/models/{model}", get(api::base::current))
        .route("/v1/models/{model}/versions/{version}", get(api::base::version))
        .route("/v1/models/{model}/deltas", post(api::deltas::accept))
        .route("/v1/models/{model}/stats", get(api::stats::stats))
        .route("/healthz", get(api::operations::healthz))
        .route("/metrics", get(api::operations::metrics))
        // The deltas' own limits are stricter, and are said in problem documents.
        .layer(DefaultBodyLimit::disable());
    router = files(router, config);
    router
        .layer(CatchPanicLayer::custom(problem::of_panic))
        .layer(axum::middleware::from_fn_with_state(state.clone(), problem::dress))
        .layer(SetResponseHeaderLayer::overriding(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
        .layer(cors(config))
        .layer(TraceLayer::new_for_http())
        .with_state(state)
}

/// The page's files. They are revalidated on every use, because a deployment replaces them under the same names.
fn files(router: Router<AppState>, config: &Config) -> Router<AppState> {
    let mut files = Router::new();
    let catalogue = config.catalogue.iter().map(|path| Mount { url: "/catalogue.csv".into(), path: path.clone() });
    for Mount { url, path } in catalogue.chain(config.files.iter().cloned()) {
        files = files.route_service(&url, ServeFile::new(path));
    }
    if let Some(pkg) = &config.pkg {
        files = files.nest_service("/pkg", ServeDir::new(pkg));
    }
    if let Some(www) = &config.www {
        files = files.fallback_service(ServeDir::new(www));
    }
    let revalidate = HeaderValue::from_static("no-cache");
    let files = files.layer(SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, revalidate));
    router.merge(files)
}

/// Pages of other origins may call the endpoint. It has no cookies and no secrets, so that grants nothing that a program
/// outside of a browser would not have.
fn cors(config: &Config) -> CorsLayer {
    let origins: Vec<HeaderValue> =
        config.allow_origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    let origins = if config.allow_origins.is_empty() { AllowOrigin::any() } else { AllowOrigin::list(origins) };
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::HEAD, Method::POST])
        .allow_headers([header::CONTENT_TYPE, header::CONTENT_ENCODING, header::IF_NONE_MATCH])
        .expose_headers([header::ETAG, header::RETRY_AFTER, VERSION_HEADER])
        .max_age(std::time::Duration::from_secs(86_400))
}

/// Makes the seed the model's first version, if the store has no such model yet.
async fn register(store: &dyn Store, model: &str, path: &Path) -> Result<(), ServeError> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    if model.is_empty() || model.len() > 64 || model.starts_with('.') || !model.chars().all(allowed) {
        return Err(ServeError::BadName(model.into()));
    }
    let bytes = fs::read(path).map_err(|error| ServeError::Seed { path: path.into(), error })?;
    let bytes = Bytes::from(bytes);
    let bad = |error| ServeError::BadSeed { path: path.into(), error };
    let base = Base::decode(bytes.as_ref()).map_err(bad)?;
    if base.metadata().private_rows {
        return Err(ServeError::PrivateRows(path.into()));
    }
    let etag = crate::etag::of(&bytes);
    let seed = Publication {
        version: base.metadata().version,
        aggregate: Aggregate::from_base(&base).encode().map_err(bad)?,
        etag: etag.clone(),
        rows: base.len() as u64,
        fold: FoldedVersion::default(),
        base: bytes,
    };
    let version = seed.version;
    match store.register(model, seed).await? {
        Registered::Added => tracing::info!(model, version, seed = %path.display(), "registered the seed"),
        Registered::Present => {
            let first = store.version(model, version).await?;
            if first.is_none_or(|first| first.etag != etag) {
                tracing::warn!(
                    model,
                    seed = %path.display(),
                    "the store has this model already, made from another seed; the stored versions are served. To start \
                     over with this seed, use another data folder or another model name"
                );
            }
        }
    }
    Ok(())
}

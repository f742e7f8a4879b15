//! The page's files: what an operator names, and nothing beside it.
//!
//! A folder gives out neither files that begin with a dot, nor what a link in it leads to elsewhere, nor the store if that lies in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use tower_http::services::{ServeDir, ServeFile};

use crate::config::{Config, Mount};
use crate::mounts::{PACKAGE, mounts};
use crate::state::AppState;

/// Said of a file under a name that a deployment gives to other bytes, and of one whose address has its version.
const REVALIDATED: &str = "no-cache";
const LASTING: &str = "public, max-age=31536000, immutable";

/// The routes of the page's files.
pub(crate) fn routes(config: &Config) -> Router<AppState> {
    let mut files = Router::new();
    for (_, Mount { url, path }) in mounts(config) {
        files = files.route_service(&url, ServeFile::new(path));
    }
    if let Some(pkg) = &config.pkg {
        files = files.nest(PACKAGE, folder(pkg, &config.data));
    }
    if let Some(www) = &config.www {
        files = files.merge(folder(www, &config.data));
    }
    files.layer(middleware::from_fn(cached))
}

/// How long a file may be kept: as long as anybody likes if its address has `?v=` and what tells it from what was there before.
async fn cached(request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let lasts = query.split('&').any(|part| part.strip_prefix("v=").is_some_and(|version| !version.is_empty()));
    let mut response = next.run(request).await;
    let given = response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
    let cache = if lasts && given { LASTING } else { REVALIDATED };
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static(cache));
    response
}

fn folder(root: &Path, data: &Path) -> Router<AppState> {
    let within = Within { root: root.into(), store: data.canonicalize().ok() };
    let guard = middleware::from_fn_with_state(Arc::new(within), guard);
    Router::new().fallback_service(tower::ServiceBuilder::new().layer(guard).service(ServeDir::new(root)))
}

/// What a folder gives out.
struct Within {
    root: PathBuf,
    store: Option<PathBuf>,
}

impl Within {
    /// Whether the path of a URL leads to something that is given out. What does not exist is not.
    fn gives(&self, path: &str) -> bool {
        let Ok(path) = percent_decode_str(path).decode_utf8() else { return false };
        let parts = || path.split('/').filter(|part| !part.is_empty());
        if parts().any(|part| part.starts_with('.') || part.contains('\\')) {
            return false;
        }
        let Ok(root) = self.root.canonicalize() else { return false };
        let place = parts().fold(root.clone(), |place, part| place.join(part));
        // Of a folder its index is given out.
        let place = if place.is_dir() { place.join("index.html") } else { place };
        let Ok(place) = place.canonicalize() else { return false };
        place.starts_with(root) && self.store.as_ref().is_none_or(|store| !place.starts_with(store))
    }
}

async fn guard(State(within): State<Arc<Within>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let given = tokio::task::spawn_blocking(move || within.gives(&path)).await;
    if given.unwrap_or(false) { next.run(request).await } else { StatusCode::NOT_FOUND.into_response() }
}

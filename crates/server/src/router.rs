//! Which address is answered by what, and what every answer goes through: one service that needs no socket, so that tests
//! and programs of others can call it as a function.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, Method, header};
use axum::routing::{delete, get, post, put};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;

use crate::config::Config;
use crate::http::access::{Needs, access, own_pages};
use crate::http::admit::admit;
use crate::http::encoded::{self, Encodings};
use crate::http::headers::VERSION_HEADER;
use crate::http::{
    base, dashboard, deltas, events, files, learning, models, openapi, operations, problem, stats, versions,
};
use crate::pace;
use crate::state::AppState;
use crate::token::Scope;

/// The whole HTTP side as one service, without a socket. Programs of others can merge routes of their own into it.
///
#[doc = include_str!("../HTTP.md")]
pub fn app(state: AppState) -> Router {
    let config = state.config();
    let at = config.listen;
    let read = Router::new()
        .route("/v1/models/{model}", get(base::current))
        .route("/v1/models/{model}/metadata", get(models::metadata))
        .route("/v1/models/{model}/names", get(base::names))
        .route("/v1/models/{model}/versions/{version}", get(base::version))
        .route("/v1/models/{model}/bases/{etag}", get(base::of_tag));
    let ingest = Router::new()
        .route("/v1/models/{model}/deltas", post(deltas::accept))
        .route("/v1/models/{model}/predict", post(learning::predict))
        .route("/v1/models/{model}/recommend", post(learning::recommend))
        .route("/v1/models/{model}/learn", post(learning::learn))
        .route("/v1/models/{model}/label", post(learning::label))
        .route("/v1/models/{model}/figures", post(learning::figures))
        .route("/v1/models/{model}/visitors/{visitor}", delete(learning::forget))
        // The deltas' own limits are stricter, and are said in problem documents.
        .layer(DefaultBodyLimit::disable());
    let mut router = health().route("/v1", get(models::service)).route("/openapi.json", get(openapi::openapi));
    if config.www.is_none() && config.files.iter().all(|mount| mount.url != "/") {
        router = router.route("/", get(models::service));
    }
    let mut router = router
        .merge(guarded(read, &state, config.needs_token(Scope::Read, at), Scope::Read))
        .merge(guarded(ingest, &state, config.needs_token(Scope::Ingest, at), Scope::Ingest));
    if config.operate_listen.is_none() {
        router = router.merge(operate(&state, at));
    }
    dressed(router.merge(files::routes(config)), state.clone()).with_state(state)
}

/// What is served at [`Config::operate_listen`].
pub(crate) fn operations(state: AppState, at: SocketAddr) -> Router {
    dressed(health().merge(operate(&state, at)), state.clone()).with_state(state)
}

/// What whoever looks after the server asks for. It tells nothing but how it is.
fn health() -> Router<AppState> {
    Router::new()
        .route("/livez", get(operations::livez))
        .route("/readyz", get(operations::readyz))
        .route("/healthz", get(operations::readyz))
}

fn operate(state: &AppState, at: SocketAddr) -> Router<AppState> {
    let routes = Router::new()
        .route("/v1/models/{model}/stats", get(stats::stats))
        .route("/v1/models/{model}/versions", get(versions::list))
        .route("/v1/models/{model}/versions/{version}", delete(versions::delete))
        .route("/v1/models/{model}/versions/{version}/rebuilt", get(versions::rebuilt))
        .route("/v1/models/{model}/calls", get(learning::calls))
        .route("/v1/models/{model}/fold", post(versions::fold))
        .route("/v1/models/{model}/rollback", post(versions::roll_back))
        .route("/v1/models/{model}/pin", put(versions::pin).delete(versions::unpin))
        .route("/v1/models/{model}/refold", post(versions::refold))
        .route("/v1/models/{model}/clients/{key}", delete(versions::subtract))
        .route("/v1/models/{model}/candidates/{id}", delete(versions::reject))
        .route("/v1/models/{model}/candidates/{id}/publish", post(versions::publish))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{model}", put(models::upload).delete(models::remove))
        .route(
            "/v1/models/{model}/challenger",
            put(models::challenge).get(models::compare).delete(models::end_challenge),
        )
        .route("/v1/events", get(events::events))
        .route("/metrics", get(operations::metrics))
        // A seed has its own limit.
        .layer(DefaultBodyLimit::disable())
        .route_layer(axum::middleware::from_fn(own_pages));
    // What the page shows needs a token, the page does not: it asks for one.
    let page = Router::new()
        .route("/dashboard", get(dashboard::begin))
        .route("/dashboard/", get(dashboard::page))
        .route("/dashboard/{file}", get(dashboard::file));
    guarded(routes, state, state.config().needs_token(Scope::Operate, at), Scope::Operate).merge(page)
}

fn guarded(routes: Router<AppState>, state: &AppState, needs_token: bool, scope: Scope) -> Router<AppState> {
    if !needs_token {
        return routes;
    }
    routes.route_layer(axum::middleware::from_fn_with_state(Needs { state: state.clone(), scope }, access))
}

/// What every answer goes through.
fn dressed(routes: Router<AppState>, state: AppState) -> Router<AppState> {
    // As one layer: the router boxes each that it is given, for every request.
    routes.layer(
        ServiceBuilder::new()
            .layer(TraceLayer::new_for_http())
            .layer(cors(state.config()))
            .layer(SetResponseHeaderLayer::overriding(
                header::X_CONTENT_TYPE_OPTIONS,
                HeaderValue::from_static("nosniff"),
            ))
            .layer(axum::middleware::from_fn_with_state(state.clone(), problem::dress))
            .layer(axum::middleware::from_fn_with_state(state, admit))
            .layer(CatchPanicLayer::custom(problem::of_panic))
            .layer(axum::middleware::from_fn_with_state(Encodings::default(), encoded::send)),
    )
}

/// Pages of other origins may call the endpoint. It has no cookies, and a page sends only the token that it was given, so that grants nothing that
/// a program outside of a browser would not have.
fn cors(config: &Config) -> CorsLayer {
    let origins: Vec<HeaderValue> =
        config.allow_origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    let origins = if config.allow_origins.is_empty() { AllowOrigin::any() } else { AllowOrigin::list(origins) };
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::HEAD, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::CONTENT_ENCODING, header::IF_NONE_MATCH])
        .expose_headers([header::ETAG, header::RETRY_AFTER, pace::LEFT, pace::POLICY, VERSION_HEADER])
        .max_age(std::time::Duration::from_secs(86_400))
}

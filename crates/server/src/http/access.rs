//! Whether whoever asks may: the token that a request brings, or that it needs none.

use axum::extract::{RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::clock::now;
use crate::http::problem::{Code, Problem};
use crate::state::AppState;
use crate::token::{self, Invalid, Scope};

/// What some routes need of whoever asks.
#[derive(Clone)]
pub(crate) struct Needs {
    pub(crate) state: AppState,
    pub(crate) scope: Scope,
}

/// Lets a request through that brings a token of the scope.
pub(crate) async fn access(
    State(Needs { state, scope }): State<Needs>,
    params: RawPathParams,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let model = params.iter().find_map(|(name, value)| (name == "model").then_some(value));
    let text = bearer(request.headers()).ok_or_else(|| {
        let detail = format!(
            "this needs a token for `{scope}`, sent as `Authorization: Bearer TOKEN`; `brooklet token make` makes one"
        );
        challenge(Code::TokenNeeded, detail, "Bearer")
    })?;
    let tokens = state.tokens().await?;
    let allowed = token::scope_of(text, &tokens, model, now() / 1000)
        .map_err(|Invalid(why)| challenge(Code::TokenRefused, why.into(), "Bearer error=\"invalid_token\""))?;
    if !allowed.allows(scope) {
        let detail = format!("this token is for `{allowed}`, and this needs one for `{scope}`");
        return Err(challenge(Code::ScopeRefused, detail, "Bearer error=\"insufficient_scope\""));
    }
    Ok(next.run(request).await)
}

/// Lets nothing be changed by a page of another origin, which a browser sends without asking: on loopback nothing else keeps it off.
pub(crate) async fn own_pages(request: Request, next: Next) -> Result<Response, Problem> {
    if is_foreign(request.headers()) && !request.method().is_safe() {
        let detail = "a page of another origin may not change anything here";
        return Err(Problem::new(Code::OriginRefused, detail));
    }
    Ok(next.run(request).await)
}

fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    text(header::ORIGIN).is_some_and(|origin| {
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        authority != text(header::HOST)
    })
}

fn challenge(code: Code, detail: String, how: &'static str) -> Problem {
    Problem::new(code, detail).header(header::WWW_AUTHENTICATE, HeaderValue::from_static(how))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

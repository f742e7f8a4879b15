//! What a caller can read: the package reads compact bases and patches, everybody else gets a safetensors file.

use axum::http::{HeaderMap, HeaderValue, header};

/// A compact base, see `brooklet_core::format::compact`.
pub(crate) const COMPACT: &str = "application/vnd.brooklet.base";
/// What makes one of another, see `brooklet_core::format::patch`.
pub(crate) const PATCH: &str = "application/vnd.brooklet.patch";

/// Whether `Accept` names this media type.
pub(crate) fn accepts(headers: &HeaderMap, media: &str) -> bool {
    let named = |value: &str| value.split(',').any(|range| range.split(';').next().unwrap_or("").trim() == media);
    headers.get_all(header::ACCEPT).iter().filter_map(|value: &HeaderValue| value.to_str().ok()).any(named)
}

//! What an address names.

use std::sync::Arc;

use crate::http::problem::Problem;
use crate::model::Model;
use crate::state::AppState;

/// The model of this name, if it is served.
pub(crate) fn model(state: &AppState, name: &str) -> Result<Arc<Model>, Problem> {
    state.model(name).ok_or_else(|| Problem::unknown_model(name))
}

//! What other processes upon the same store did, taken over: the versions that they published and the deltas that they took in.

use brooklet_core::Aggregate;
use tokio::sync::watch;

use crate::error::{FoldError, ServeError};
use crate::model::{Current, Model};
use crate::state::{AppState, follow_operator};
use crate::store::{Head, StoreError};

/// Looks whenever the store has changed, until told to stop.
pub(crate) async fn run(state: AppState, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = state.store().changed() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        if let Err(error) = follow_models(&state).await {
            tracing::debug!(%error, "what other processes serve is not known");
        }
        for model in state.models() {
            match catch_up(&state, &model).await {
                // Its own deltas may be counted twice until the next look.
                Ok(Some(head)) => model.set_pending(head.pending),
                Ok(None) => {}
                Err(error) => tracing::debug!(model = model.name, %error, "what other processes did is not known"),
            }
        }
    }
}

/// Serves the models that the store has, as operators want them served.
async fn follow_models(state: &AppState) -> Result<(), ServeError> {
    let names = state.store().models().await?;
    for name in &names {
        match state.model(name) {
            Some(model) => follow_operator(state.store(), state.config(), &model).await?,
            None => state.serve_model(name).await?,
        }
    }
    for model in state.models().iter().filter(|model| !names.contains(&model.name)) {
        state.drop_model(&model.name);
    }
    Ok(())
}

/// Serves the newest version from now on, if that is another. Returns how far the model is in the store.
pub(crate) async fn catch_up(state: &AppState, model: &Model) -> Result<Option<Head>, FoldError> {
    let store = state.store();
    let head = store.head(&model.name).await?;
    if head.is_none_or(|head| head.version <= model.current().version) {
        return Ok(head);
    }
    let _nobody_looks = model.publishing.write().await;
    let Some((created, base)) =
        store.current(&model.name).await?.and_then(|stored| Some((stored.created, stored.base?)))
    else {
        return Ok(head);
    };
    let current = Current::decode(base, created, state.config().precision)?;
    if current.version <= model.current().version {
        // Somebody else has been here.
        return Ok(head);
    }
    if let Some(budget) = state.config().budget() {
        let aggregate = store.aggregate(&model.name, current.version).await?.ok_or(StoreError::UnknownModel)?;
        let spent = Aggregate::decode(&aggregate)?.spent();
        model.spend(spent);
        state.metrics().spent(&model.name, budget.spent(spent));
    }
    tracing::info!(model = model.name, version = current.version, "serving what another process published");
    model.set_current(current).await;
    Ok(head)
}

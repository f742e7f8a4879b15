//! The last step of every way to a next version: into the store, then out.

use axum::body::Bytes;
use brooklet_core::{Aggregate, Base, Error, Precision};

use crate::model::{Current, Model};
use crate::state::AppState;
use crate::store::{Publication, StoreError};

/// A next version, made and not published.
pub(crate) struct Next {
    pub(crate) current: Current,
    pub(crate) publication: Publication,
    /// What all versions with noise cost when it is out.
    pub(crate) spent: f64,
}

impl Next {
    /// Of what a store kept, or what was just made.
    pub(crate) fn decode(publication: Publication, precision: Precision) -> Result<Next, Error> {
        let current = Current::decode(publication.base.clone(), publication.created, precision)?;
        let spent = Aggregate::decode(&publication.aggregate)?.spent();
        Ok(Next { current, publication, spent })
    }

    /// Of a base and what stands beside it.
    pub(crate) fn of(
        base: Vec<u8>,
        aggregate: &Aggregate,
        fold: crate::store::FoldedVersion,
        created: u64,
        precision: Precision,
    ) -> Result<Next, Error> {
        let current = Current::decode(Bytes::from(base), created, precision)?;
        let publication = Publication {
            version: current.version,
            base: current.bytes.clone(),
            aggregate: aggregate.encode()?,
            etag: current.etag.clone(),
            rows: current.rows as u64,
            created,
            fold,
        };
        Ok(Next { current, publication, spent: aggregate.spent() })
    }

    pub(crate) fn base(&self) -> Result<Base, Error> {
        Base::decode(self.current.bytes.as_ref())
    }
}

/// Publishes the next version; its number.
pub(crate) async fn publish(state: &AppState, model: &Model, next: Next) -> Result<u64, StoreError> {
    let Next { current, publication, spent } = next;
    let version = publication.version;
    let fold = &publication.fold;
    let (deltas, events, by) = (fold.taken.len() as u64, fold.events, fold.made.by);
    let taken = deltas + fold.set_aside.len() as u64;
    {
        let _nobody_looks = model.publishing.write().await;
        state.store().publish(&model.name, publication).await?;
        model.spend(spent);
        model.set_current(current).await;
    }
    model.taken(taken);
    if let Some(budget) = state.config().budget() {
        state.metrics().spent(&model.name, budget.spent(spent));
    }
    tracing::info!(model = model.name, version, deltas, events, ?by, "published");
    let told = serde_json::json!({ "version": version, "deltas": deltas, "events": events, "by": by });
    state.events().tell("published", &model.name, told);
    if let Some(old) = version.checked_sub(state.config().retain_versions) {
        // The version is out; what cannot be forgotten now is forgotten after the next one.
        if let Err(error) = state.store().prune(&model.name, 1..=old).await {
            tracing::warn!(model = model.name, %error, "old versions could not be pruned");
        }
    }
    Ok(version)
}

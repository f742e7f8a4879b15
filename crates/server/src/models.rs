//! Models come and go while the server runs: a seed that is uploaded is a new model, or takes over from what a model has become.

use axum::body::Bytes;
use brooklet_core::{Aggregate, Base, Fold};

use crate::clock::now;
use crate::error::{OperateError, ServeError};
use crate::model::Model;
use crate::operate::{alone, change_settings, computed, end_trial};
use crate::publish::{Next, publish};
use crate::seed;
use crate::state::AppState;
use crate::store::{By, Challenger, Comparison, FoldedVersion, Limit, Made, Registered, Reported, StoreError};

/// What became of a seed.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub(crate) struct Taken {
    /// The version that it is.
    pub(crate) version: u64,
    /// Whether the model is new.
    pub(crate) added: bool,
    /// Deltas that were pending and cannot be folded into a seed of other factors: they are set aside.
    pub(crate) set_aside: u64,
}

/// Serves a seed as a new model, or as the next version of one that is there.
pub(crate) async fn take_in(state: &AppState, name: &str, bytes: Bytes) -> Result<Taken, OperateError> {
    seed::check_name(name).map_err(|_| OperateError::BadName(name.into()))?;
    let read = bytes.clone();
    let publication =
        computed(state, move |_| seed::publication(read).map_err(|fault| OperateError::BadSeed(fault.to_string())))
            .await?;
    if let Some(model) = state.model(name) {
        return take_over(state, &model, bytes).await;
    }
    let version = publication.version;
    match state.store().register(name, publication).await? {
        Registered::Added => {}
        // Somebody else registered it meanwhile.
        Registered::Present => return Err(OperateError::InUse(format!("`{name}` has just come: send it again"))),
    }
    serve(state, name).await?;
    tracing::info!(model = name, version, "a model was uploaded");
    state.events().tell("model_added", name, serde_json::json!({ "version": version }));
    Ok(Taken { version, added: true, set_aside: 0 })
}

async fn serve(state: &AppState, name: &str) -> Result<(), OperateError> {
    state.serve_model(name).await.map_err(|error| match error {
        ServeError::Store(error) => error.into(),
        error => OperateError::BadSeed(error.to_string()),
    })
}

/// What was folded into the versions before stays there; what is pending is folded into the seed if it has as many factors.
async fn take_over(state: &AppState, model: &Model, bytes: Bytes) -> Result<Taken, OperateError> {
    let _alone = alone(state, model).await?;
    end_trial(state, model).await?;
    let current = model.current();
    let (before, spent) = (current.version, model.spent());
    let mut next = computed(state, move |state| {
        let precision = state.config().precision;
        let base = Base::decode(bytes.as_ref())?;
        let mut aggregate = Aggregate::from_base(&base).placed(before, spent);
        let nothing = Fold::new(state.fold(), before, aggregate.factors());
        let bytes = aggregate.publish(&nothing, 0.0, precision)?;
        let fold = FoldedVersion { made: Made { by: By::Seed, ..Made::default() }, ..FoldedVersion::default() };
        Ok(Next::of(bytes, &aggregate, fold, now(), precision)?)
    })
    .await?;
    if next.current.factors != current.factors {
        let all = Limit { deltas: i64::MAX as usize, of_a_client: i64::MAX as usize };
        let waiting = state.store().waiting(&model.name, all).await?;
        next.publication.fold.set_aside = waiting.iter().map(|delta| delta.id).collect();
    }
    let set_aside = next.publication.fold.set_aside.len() as u64;
    let version = publish(state, model, next).await?;
    Ok(Taken { version, added: false, set_aside })
}

/// Forgets a model and all that belongs to it.
pub(crate) async fn remove(state: &AppState, model: &Model) -> Result<(), OperateError> {
    for other in state.models() {
        let settings = state.store().settings(&other.name).await?;
        if settings.challenger.is_some_and(|challenger| challenger.model == model.name) {
            return Err(OperateError::InUse(format!("`{}` is the challenger of `{}`", model.name, other.name)));
        }
    }
    let _alone = alone(state, model).await?;
    state.drop_model(&model.name);
    state.store().remove(&model.name).await?;
    state.events().tell("model_removed", &model.name, serde_json::json!({}));
    Ok(())
}

/// Begins to compare a model with another.
pub(crate) async fn challenge(
    state: &AppState,
    model: &Model,
    challenger: &str,
    share: f64,
) -> Result<(), OperateError> {
    let other = state.model(challenger).filter(|other| other.name != model.name);
    let other = other.ok_or_else(|| OperateError::BadName(challenger.into()))?;
    let since = [model.current().version, other.current().version];
    let challenger = Challenger { model: challenger.into(), share, since };
    let settings = change_settings(state, model, |settings| settings.challenger = Some(challenger)).await?;
    model.set_challenger(settings.challenger);
    Ok(())
}

/// Ends the comparison.
pub(crate) async fn end_challenge(state: &AppState, model: &Model) -> Result<(), OperateError> {
    let settings = change_settings(state, model, |settings| settings.challenger = None).await?;
    model.set_challenger(settings.challenger);
    Ok(())
}

/// How the clients of both are served since it began: of the challenger's, beside the model's.
pub(crate) async fn compared(state: &AppState, model: &Model) -> Result<Option<(Challenger, Comparison)>, StoreError> {
    let Some(challenger) = state.store().settings(&model.name).await?.challenger else { return Ok(None) };
    let own = reported(state, &model.name, challenger.since[0]).await?;
    let others = reported(state, &challenger.model, challenger.since[1]).await?;
    Ok(Some((challenger, Comparison::of(&others, &own))))
}

/// What the deltas of all versions after one reported.
async fn reported(state: &AppState, name: &str, since: u64) -> Result<Reported, StoreError> {
    let versions = state.store().stats(name).await?.map_or_else(Vec::new, |stats| stats.versions);
    let later = versions.iter().filter(|version| version.version > since);
    Ok(later.fold(Reported::default(), |sum, version| sum.and(&version.made.reported)))
}

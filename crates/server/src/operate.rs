//! What an operator does to a model's versions. Numbers only grow: going back, too, is a version of its own, with the rows of the older one, so that no number
//! ever stands for two bases and deltas of what was gone back from are taken as of any older version.

use std::any::Any;

use brooklet_core::{Aggregate, Base, ClientKey, Fold, Taking};
use tokio::sync::MutexGuard;

use crate::clock::now;
use crate::error::{FoldError, OperateError};
use crate::fold::add;
use crate::follow::catch_up;
use crate::gzip;
use crate::model::Model;
use crate::publish::{Next, publish};
use crate::state::AppState;
use crate::store::{By, CandidateState, FoldedVersion, Judged, Made, ModelSettings, Settings, StoreError};
use crate::trial;

/// By how much the mean loss on the operator's events may rise in a refold: what rounding moves.
const TOLERANCE: f64 = 1e-5;

/// What became of a refold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refolded {
    Published(u64),
    /// It is worse on the operator's events, and is this candidate.
    Rejected(u64),
}

/// A version on the way from one to another.
struct Step {
    version: u64,
    made: Made,
}

/// Publishes the rows of an older version.
pub(crate) async fn roll_back(state: &AppState, model: &Model, to: u64) -> Result<u64, OperateError> {
    let _alone = alone(state, model).await?;
    go_back(state, model, to).await
}

/// The same, for whoever is alone with the model.
async fn go_back(state: &AppState, model: &Model, to: u64) -> Result<u64, OperateError> {
    let current = model.current();
    let aggregate = aggregate(state, model, to).await?;
    let made = Made {
        by: By::Rollback,
        parent: Some(to),
        settings: Some(Settings::of(state.fold(), state.config().precision, false)),
        ..Made::default()
    };
    end_trial(state, model).await?;
    let aggregate = aggregate.placed(current.version, model.spent());
    let next = computed(state, move |state| unchanged(&state, aggregate, made)).await?;
    Ok(publish(state, model, next).await?)
}

/// Holds the version that is out, or the rows of an older one, whatever comes in; the version that is out then.
pub(crate) async fn pin(state: &AppState, model: &Model, version: u64) -> Result<u64, OperateError> {
    // Until both are done: a fold between them would be what is held.
    let _alone = alone(state, model).await?;
    if model.current().version != version {
        go_back(state, model, version).await?;
    }
    set_pinned(state, model, true).await?;
    Ok(model.current().version)
}

/// Lets folds publish again.
pub(crate) async fn unpin(state: &AppState, model: &Model) -> Result<(), OperateError> {
    let _alone = alone(state, model).await?;
    set_pinned(state, model, false).await?;
    model.arrived.notify_one();
    Ok(())
}

async fn set_pinned(state: &AppState, model: &Model, pinned: bool) -> Result<(), OperateError> {
    set(state, model, |settings| settings.pinned = pinned).await?;
    state.events().tell(if pinned { "pinned" } else { "unpinned" }, &model.name, serde_json::json!({}));
    Ok(())
}

/// Changes what operators have set; what is set then.
pub(crate) async fn change_settings(
    state: &AppState,
    model: &Model,
    change: impl FnOnce(&mut ModelSettings),
) -> Result<ModelSettings, OperateError> {
    // Two changes at a time would each begin from what was there before both.
    let _alone = alone(state, model).await?;
    set(state, model, change).await
}

/// The same, for whoever is alone with the model.
async fn set(
    state: &AppState,
    model: &Model,
    change: impl FnOnce(&mut ModelSettings),
) -> Result<ModelSettings, OperateError> {
    let mut settings = state.store().settings(&model.name).await?;
    change(&mut settings);
    state.store().set_settings(&model.name, settings.clone()).await?;
    Ok(settings)
}

/// Forgets an older version's base and its deltas.
pub(crate) async fn forget_version(state: &AppState, model: &Model, version: u64) -> Result<(), OperateError> {
    let _alone = alone(state, model).await?;
    let newest = model.current().version;
    if version == newest {
        return Err(OperateError::InUse(format!("version {version} is the one that is out: go back to another first")));
    }
    state.store().version(&model.name, version).await?.ok_or(OperateError::UnknownVersion { version, newest })?;
    state.store().prune(&model.name, version..=version).await?;
    model.forget(version).await;
    Ok(())
}

/// Publishes a candidate that was rejected, or one on trial before its time.
pub(crate) async fn publish_candidate(state: &AppState, model: &Model, id: u64) -> Result<u64, OperateError> {
    let _alone = alone(state, model).await?;
    if let Some(canary) = model.canary().filter(|canary| canary.id == id) {
        let found = trial::compare(state, model, &canary).await?;
        return Ok(trial::accept(state, model, &canary, found).await?);
    }
    let candidate = state.store().candidate(&model.name, id).await?;
    let candidate = match candidate {
        Some(candidate) => candidate,
        None => {
            let known = state.store().candidates(&model.name).await?.iter().any(|known| known.id == id);
            return Err(if known { OperateError::Outdated(id) } else { OperateError::UnknownCandidate(id) });
        }
    };
    if candidate.publication.version != model.current().version + 1 {
        return Err(OperateError::Outdated(id));
    }
    end_trial(state, model).await?;
    let publication = candidate.publication;
    let next = computed(state, move |state| Ok(Next::decode(publication, state.config().precision)?)).await?;
    match publish(state, model, next).await {
        // One of its deltas was forgotten since.
        Err(StoreError::Conflict) => Err(OperateError::Outdated(id)),
        published => Ok(published?),
    }
}

/// Ends the trial of a candidate, or forgets one that was rejected.
pub(crate) async fn reject_candidate(state: &AppState, model: &Model, id: u64) -> Result<(), OperateError> {
    let _alone = alone(state, model).await?;
    if let Some(canary) = model.canary().filter(|canary| canary.id == id) {
        let found = trial::compare(state, model, &canary).await?;
        return Ok(trial::reject(state, model, &canary, Some(found)).await?);
    }
    match state.store().discard(&model.name, id).await? {
        true => Ok(()),
        false => Err(OperateError::UnknownCandidate(id)),
    }
}

/// Folds the kept deltas after version `from` again, as they were folded; from the oldest version that is kept if none is named.
pub(crate) async fn refold(state: &AppState, model: &Model, from: Option<u64>) -> Result<Refolded, OperateError> {
    let _alone = alone(state, model).await?;
    let from = match from {
        Some(from) => from,
        None => oldest(state, model).await?,
    };
    let next = refolded(state, model, from, None).await?;
    let judged = next.publication.fold.made.judged;
    end_trial(state, model).await?;
    let no_worse = judged.loss.zip(judged.loss_before).is_none_or(|(loss, before)| loss <= before + TOLERANCE);
    if no_worse {
        return Ok(Refolded::Published(publish(state, model, next).await?));
    }
    let id = state.store().propose(&model.name, CandidateState::Rejected, next.publication).await?;
    Ok(Refolded::Rejected(id))
}

/// Takes what a client key has sent out of the versions that are kept, and forgets it. Returns how many deltas that were, and the version without them if
/// any was in one.
pub(crate) async fn subtract(
    state: &AppState,
    model: &Model,
    client: ClientKey,
) -> Result<(u64, Option<u64>), OperateError> {
    let _alone = alone(state, model).await?;
    end_trial(state, model).await?;
    let store = state.store();
    let mut before = None;
    for step in steps(state, model, oldest(state, model).await?, model.current().version).await? {
        let is_in = store.folded(&model.name, step.version).await?.iter().any(|delta| delta.client == client);
        if is_in {
            before = step.made.parent;
            break;
        }
    }
    let version = match before {
        Some(from) => {
            let next = refolded(state, model, from, Some(client)).await?;
            Some(publish(state, model, next).await?)
        }
        None => None,
    };
    let deltas = store.forget(&model.name, client).await?;
    if let Some(stats) = store.stats(&model.name).await? {
        model.set_pending(stats.pending_deltas);
    }
    tracing::info!(model = model.name, deltas, version, "what a client had sent was taken out");
    Ok((deltas, version))
}

/// A version made again of what is kept, from the aggregate of an earlier one: its base, bit for bit if all of it is kept.
pub(crate) async fn rebuild(state: &AppState, model: &Model, from: u64, to: u64) -> Result<Vec<u8>, OperateError> {
    let newest = model.current().version;
    for version in [from, to] {
        state.store().version(&model.name, version).await?.ok_or(OperateError::UnknownVersion { version, newest })?;
    }
    let start = aggregate(state, model, from).await?;
    let steps = steps(state, model, from, to).await?;
    if steps.is_empty() {
        return Err(OperateError::NotRebuilt(format!("version {to} does not come after version {from}")));
    }
    Ok(walk(state, model, start, steps, None).await?.1)
}

async fn refolded(
    state: &AppState,
    model: &Model,
    from: u64,
    without: Option<ClientKey>,
) -> Result<Next, OperateError> {
    if state.config().budget().is_some() {
        let why = "its deltas were told of with noise, and are not told of a second time";
        return Err(OperateError::NotRebuilt(why.into()));
    }
    let current = model.current();
    let start = aggregate(state, model, from).await?;
    let steps = steps(state, model, from, current.version).await?;
    if steps.is_empty() {
        return Err(OperateError::NotRebuilt(format!("version {from} is the one that is out: nothing comes after it")));
    }
    let (aggregate, _) = walk(state, model, start, steps, without).await?;
    let mut made = Made {
        by: By::Refold,
        parent: Some(current.version),
        from: Some(from),
        settings: Some(Settings::of(state.fold(), state.config().precision, false)),
        ..Made::default()
    };
    let aggregate = aggregate.placed(current.version, model.spent());
    computed(state, move |state| {
        let next = unchanged(&state, aggregate, made.clone())?;
        let Some(judge) = &state.config().judge else { return Ok(next) };
        let judge = judge.judging();
        let [before, after] = [judge(&Base::decode(current.bytes.as_ref())?)?, judge(&next.base()?)?];
        made.judged = Judged { loss_before: Some(before), loss: Some(after), ..Judged::default() };
        let mut next = next;
        next.publication.fold.made = made;
        Ok(next)
    })
    .await
}

/// The next version of rows that stay as they are.
fn unchanged(state: &AppState, mut aggregate: Aggregate, made: Made) -> Result<Next, OperateError> {
    let precision = state.config().precision;
    let nothing = Fold::new(state.fold(), aggregate.version(), aggregate.factors());
    let base = aggregate.publish(&nothing, 0.0, precision)?;
    let fold = FoldedVersion { digest: nothing.digest(), made, ..FoldedVersion::default() };
    Ok(Next::of(base, &aggregate, fold, now(), precision)?)
}

/// The versions on the way from one to another, in order.
async fn steps(state: &AppState, model: &Model, from: u64, to: u64) -> Result<Vec<Step>, OperateError> {
    let (mut steps, mut at) = (Vec::new(), to);
    while at != from {
        let made = state.store().made(&model.name, at).await?.unwrap_or_default();
        let foreign = match made.by {
            By::Seed => true,
            // What it was made of begins there.
            By::Refold => made.from.is_none_or(|begun| from > begun),
            By::Fold | By::Rollback => false,
        };
        let parent = made.parent.filter(|parent| *parent < at && !foreign);
        let Some(parent) = parent else {
            let why = match (made.by, made.from) {
                (By::Refold, Some(begun)) => format!("version {at} was folded again from version {begun}: begin there"),
                (By::Seed, _) => format!("version {at} is a seed, and comes of no other version"),
                _ => format!("it is not known what version {at} was made of"),
            };
            return Err(OperateError::NotRebuilt(why));
        };
        steps.push(Step { version: at, made });
        at = parent;
    }
    steps.reverse();
    Ok(steps)
}

/// The oldest version that is kept from which the current one comes.
async fn oldest(state: &AppState, model: &Model) -> Result<u64, OperateError> {
    let stats = state.store().stats(&model.name).await?.ok_or(StoreError::UnknownModel)?;
    let mut at = stats.version;
    loop {
        let of = |version: u64| stats.versions.iter().find(|stats| stats.version == version && stats.retained);
        let parent = of(at).and_then(|stats| stats.made.parent).filter(|parent| *parent < at && of(*parent).is_some());
        match parent {
            Some(parent) => at = parent,
            None => return Ok(at),
        }
    }
}

/// Goes these steps, without what one client sent. The last base comes with what stands beside it.
async fn walk(
    state: &AppState,
    model: &Model,
    mut aggregate: Aggregate,
    steps: Vec<Step>,
    without: Option<ClientKey>,
) -> Result<(Aggregate, Vec<u8>), OperateError> {
    let mut base = Vec::new();
    for step in steps {
        let mut deltas = match step.made.by {
            By::Fold => state.store().folded(&model.name, step.version).await?,
            _ => Vec::new(),
        };
        deltas.retain(|delta| Some(delta.client) != without);
        deltas.sort_unstable_by_key(|delta| delta.client);
        (aggregate, base) = computed(state, move |state| {
            let settings = step.made.settings.as_ref().and_then(|settings| settings.again(state.fold()));
            let (config, precision) = settings.ok_or_else(|| {
                let version = step.version;
                OperateError::NotRebuilt(format!("version {version} has noise, or its list of items is another by now"))
            })?;
            let mut taking = Taking::new(aggregate.placed(step.version - 1, 0.0), &config);
            for delta in &deltas {
                // What cannot be added was set aside when it was folded, and is in no version.
                let _ = gzip::plain(&delta.bytes).is_ok_and(|plain| add(&mut taking, &plain).is_ok());
            }
            let share = step.made.judged.step.filter(|_| step.made.by == By::Fold).unwrap_or(0.0);
            let base = taking.publish(share, precision)?;
            Ok((taking.into_aggregate(), base))
        })
        .await?;
    }
    Ok((aggregate, base))
}

async fn aggregate(state: &AppState, model: &Model, version: u64) -> Result<Aggregate, OperateError> {
    let newest = model.current().version;
    state.store().version(&model.name, version).await?.ok_or(OperateError::UnknownVersion { version, newest })?;
    let stored =
        state.store().aggregate(&model.name, version).await?.ok_or(OperateError::Pruned { version, newest })?;
    computed(state, move |_| Ok(Aggregate::decode(&stored)?)).await
}

/// A candidate that was on trial is another's time's once something else is published.
pub(crate) async fn end_trial(state: &AppState, model: &Model) -> Result<(), OperateError> {
    match model.canary() {
        Some(canary) => Ok(trial::reject(state, model, &canary, None).await?),
        None => Ok(()),
    }
}

/// Nothing else is done to the model's versions as long as this is held, here or by another process upon the store.
pub(crate) struct Alone<'a> {
    _lead: Box<dyn Any + Send>,
    _here: MutexGuard<'a, ()>,
}

/// Waits for that, and serves what other processes did until then.
pub(crate) async fn alone<'a>(state: &AppState, model: &'a Model) -> Result<Alone<'a>, OperateError> {
    let here = model.folding.lock().await;
    let busy = || OperateError::InUse("another process folds this model: ask again in a moment".into());
    let lead = state.store().lead(&model.name).await?.ok_or_else(busy)?;
    catch_up(state, model).await?;
    Ok(Alone { _lead: lead, _here: here })
}

/// Off the threads that answer requests.
pub(crate) async fn computed<T: Send + 'static>(
    state: &AppState,
    work: impl FnOnce(AppState) -> Result<T, OperateError> + Send + 'static,
) -> Result<T, OperateError> {
    let state = state.clone();
    tokio::task::spawn_blocking(move || work(state)).await.map_err(|_| FoldError::Panicked)?
}

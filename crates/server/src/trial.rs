//! The canary: a share of the clients has the next version first, and what they report decides whether everybody gets it or nobody.
//!
//! Its deltas stay pending as long as it is tried, and so does what comes in meanwhile: all reports of the trial are among what is pending,
//! so that any process, also one that was started later, comes to the same figures.

use brooklet_core::Delta;

use crate::clock::now;
use crate::error::FoldError;
use crate::gzip;
use crate::model::{Canary, Model};
use crate::publish::{Next, publish};
use crate::state::AppState;
use crate::store::{CandidateState, Comparison, Limit, Pending, Reported, StoreError};

/// Reports of a trial that are looked at.
const MOST: usize = 8192;
/// Served worse by so many standard errors, a canary is over at once, if each group has sent so many reports. It is looked at again and again, so two
/// would often come by chance.
const REGRET: f64 = 3.0;
const LEAST: u64 = 20;

/// What a look at a canary came to.
pub(crate) enum Verdict {
    /// Everybody has it.
    Published(u64),
    /// Nobody gets it.
    Rejected,
    /// It goes on.
    Open,
}

/// Gives the share of the clients a candidate first.
pub(crate) async fn begin(state: &AppState, model: &Model, next: Next) -> Result<(), StoreError> {
    let (share, version) = (state.config().canary_share, next.publication.version);
    let taken = next.publication.fold.taken.iter().copied().collect();
    let since = next.publication.created;
    let id = state.store().propose(&model.name, CandidateState::Canary, next.publication).await?;
    tracing::info!(model = model.name, version, share, "a share of the clients has the next version first");
    state.events().tell("canary", &model.name, serde_json::json!({ "candidate": id, "version": version }));
    model.set_canary(Some(Canary { id, since, share, taken, current: next.current.into() })).await;
    Ok(())
}

/// Publishes a canary that has proved itself, and rejects one that serves worse.
pub(crate) async fn judge(state: &AppState, model: &Model, canary: &Canary) -> Result<Verdict, FoldError> {
    let found = compare(state, model, canary).await?;
    if found.regret().is_some_and(|regret| regret > REGRET) && found.reports.min(found.other_reports) >= LEAST {
        reject(state, model, canary, Some(found)).await?;
        return Ok(Verdict::Rejected);
    }
    let config = state.config();
    let over = now().saturating_sub(canary.since) >= 1000 * config.canary_seconds;
    if !over || found.reports.min(found.other_reports) < config.canary_reports {
        return Ok(Verdict::Open);
    }
    let version = accept(state, model, canary, found).await?;
    Ok(Verdict::Published(version))
}

/// Gives everybody what a share of the clients has.
pub(crate) async fn accept(
    state: &AppState,
    model: &Model,
    canary: &Canary,
    found: Comparison,
) -> Result<u64, FoldError> {
    let candidate = state.store().candidate(&model.name, canary.id).await?.ok_or(StoreError::Conflict)?;
    let mut publication = candidate.publication;
    publication.fold.made.trial = Some(found);
    Ok(publish(state, model, Next::decode(publication, state.config().precision)?).await?)
}

/// Nobody gets it, and its deltas are folded with the others.
pub(crate) async fn reject(
    state: &AppState,
    model: &Model,
    canary: &Canary,
    found: Option<Comparison>,
) -> Result<(), StoreError> {
    state.store().reject(&model.name, canary.id, found).await?;
    model.set_canary(None).await;
    let version = canary.current.version;
    tracing::warn!(model = model.name, version, ?found, "a canary is over, and its version is not published");
    state.events().tell("rejected", &model.name, serde_json::json!({ "candidate": canary.id, "version": version }));
    Ok(())
}

/// How the two groups were served since it began.
pub(crate) async fn compare(state: &AppState, model: &Model, canary: &Canary) -> Result<Comparison, FoldError> {
    let limit = Limit { deltas: canary.taken.len() + MOST, of_a_client: MOST };
    let mut since = state.store().waiting(&model.name, limit).await?;
    since.retain(|delta| !canary.taken.contains(&delta.id));
    let (deltas, version) = (state.store().deltas(&model.name, since).await?, canary.current.version);
    let compared = tokio::task::spawn_blocking(move || groups(&deltas, version));
    let [with, without] = compared.await.map_err(|_| FoldError::Panicked)?;
    Ok(Comparison::of(&with, &without))
}

/// What clients with that version report, and what the others do.
fn groups(deltas: &[Pending], version: u64) -> [Reported; 2] {
    let mut groups = [Reported::default(); 2];
    for Pending { bytes, .. } in deltas {
        let delta = gzip::plain(bytes).ok().and_then(|plain| Delta::decode(&plain).ok());
        if let Some(delta) = delta {
            groups[usize::from(delta.base_version != version)].add(&delta.report);
        }
    }
    groups
}

//! Visitors that learn here, because they cannot run the package: each has a profile as a browser has, which the caller keeps, sealed, or the store
//! does, under an id.
//!
//! A request restores the learner, does one thing, and keeps what it has become. What it learns goes into deltas like a browser's, with a key of its
//! own, through the same door: the profile with the delta is kept before the delta is sent, and without it after that, so that it is counted once.

use std::sync::Arc;

use brooklet_core::{Base, ClientKey, Config, Delta, Learner};
use xxhash_rust::xxh3::xxh3_64;

use crate::error::LearnError;
use crate::model::Model;
use crate::state::AppState;
use crate::store::{Append, Receipt, Store, StoreError};

/// Events that are worth a delta.
const EVENTS: u32 = 20;
/// How often a request begins anew because another of the same visitor came first.
const TRIES: usize = 8;
/// The longest id of a visitor.
const LONGEST_ID: usize = 128;

/// Whose learner it is.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub(crate) struct Who {
    /// An id under which the server keeps the profile.
    visitor: Option<String>,
    /// The profile as it was answered the last time; neither it nor an id begins a new one.
    profile: Option<String>,
}

/// What is kept where.
pub(crate) enum Kept {
    /// In the store.
    Here,
    /// By the caller.
    There(String),
}

/// The model that a visitor has: where another is tried beside it, a share of the ids has that.
pub(crate) fn model_of(state: &AppState, model: Arc<Model>, who: &Who) -> Arc<Model> {
    let Some((challenger, id)) = model.challenger().zip(who.visitor.as_ref()) else { return model };
    let place = xxh3_64(id.as_bytes()) as f64 / u64::MAX as f64;
    let other = (place < challenger.share).then(|| state.model(&challenger.model)).flatten();
    other.unwrap_or(model)
}

/// Does one thing with a visitor's learner; what it has become is kept.
pub(crate) async fn with<T: Send + 'static>(
    state: &AppState,
    model: &Arc<Model>,
    who: &Who,
    act: impl Fn(&mut Learner) -> Result<T, LearnError> + Clone + Send + 'static,
) -> Result<(T, Kept), LearnError> {
    check(who)?;
    let store = state.store();
    let seal = state.seal().await?;
    for _ in 0..TRIES {
        let (before, profile) = match (&who.visitor, &who.profile) {
            (Some(id), _) => match store.profile(&model.name, id).await? {
                Some((number, profile)) => (number, Some(profile)),
                None => (0, None),
            },
            (None, Some(sealed)) => (0, Some(seal.open(&model.name, sealed).ok_or(LearnError::BadProfile)?)),
            (None, None) => (0, None),
        };
        let (base, kept_here, act) = (model.current().bytes.clone(), who.visitor.is_some(), act.clone());
        let done = tokio::task::spawn_blocking(move || {
            let mut learner = learner(Base::decode(base.as_ref())?, profile.as_deref(), kept_here)?;
            let done = act(&mut learner)?;
            if learner.unsent_events() >= EVENTS {
                learner.prepare_delta(random()?);
            }
            Ok::<_, LearnError>((done, learner))
        });
        let (done, mut learner) = done.await.map_err(|_| LearnError::Panicked)??;
        let Some(id) = &who.visitor else {
            // The caller has what it had before if it does not hear the answer, and sends the same number again.
            send(state, model, &mut learner).await?;
            let sealed = seal.close(&model.name, &learner.profile()).ok_or(LearnError::NoEntropy)?;
            return Ok((done, Kept::There(sealed)));
        };
        if !keep(state, store, model, id, before, &learner).await? {
            continue;
        }
        if send(state, model, &mut learner).await? {
            // Whoever came meanwhile has the delta, too, and sends it as a repeat.
            keep(state, store, model, id, before + 1, &learner).await?;
        }
        return Ok((done, Kept::Here));
    }
    Err(LearnError::Busy)
}

/// Looks at a visitor's learner, and changes nothing.
pub(crate) async fn look<T: Send + 'static>(
    state: &AppState,
    model: &Arc<Model>,
    who: &Who,
    look: impl Fn(&Learner) -> Result<T, LearnError> + Send + 'static,
) -> Result<T, LearnError> {
    check(who)?;
    let profile = match (&who.visitor, &who.profile) {
        (Some(id), _) => state.store().profile(&model.name, id).await?.map(|(_, profile)| profile),
        (None, Some(sealed)) => Some(state.seal().await?.open(&model.name, sealed).ok_or(LearnError::BadProfile)?),
        (None, None) => None,
    };
    let (base, kept_here) = (model.current().bytes.clone(), who.visitor.is_some());
    let looked = tokio::task::spawn_blocking(move || {
        look(&learner(Base::decode(base.as_ref())?, profile.as_deref(), kept_here)?)
    });
    looked.await.map_err(|_| LearnError::Panicked)?
}

fn check(who: &Who) -> Result<(), LearnError> {
    match &who.visitor {
        Some(_) if who.profile.is_some() => Err(LearnError::TwoProfiles),
        Some(id) if id.is_empty() || id.len() > LONGEST_ID => Err(LearnError::BadId(LONGEST_ID)),
        _ => Ok(()),
    }
}

/// Whether it was kept: another request may have come first.
async fn keep(
    state: &AppState,
    store: &dyn Store,
    model: &Model,
    id: &str,
    before: u64,
    learner: &Learner,
) -> Result<bool, LearnError> {
    let most = state.config().max_profiles;
    let kept = store.keep_profile(&model.name, id, before, learner.profile(), most).await?;
    if !kept && before == 0 && store.profile(&model.name, id).await?.is_none() {
        return Err(LearnError::NoRoom(most));
    }
    Ok(kept)
}

/// As a browser's learner, with slates numbered from anywhere: the profile may be at two places at once.
fn learner(base: Base, profile: Option<&[u8]>, kept_here: bool) -> Result<Learner, LearnError> {
    let config = Config { seed: u64::from_le_bytes(random()?), ..Config::default() };
    let restored = profile.map(|profile| Learner::restore(base.clone(), config.clone(), profile));
    let mut learner = match restored {
        Some(Ok(learner)) => learner,
        // What the store keeps is of the model as it was before another seed took over.
        Some(Err(_)) if !kept_here => return Err(LearnError::BadProfile),
        Some(Err(_)) | None => Learner::new(base, config)?,
    };
    learner.number_slates_from(number()?);
    Ok(learner)
}

fn random<const N: usize>() -> Result<[u8; N], LearnError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| LearnError::NoEntropy)?;
    Ok(bytes)
}

/// Sends the delta that is ready, if there is one; whether that changed anything.
async fn send(state: &AppState, model: &Arc<Model>, learner: &mut Learner) -> Result<bool, LearnError> {
    let Some(pending) = learner.pending_delta() else { return Ok(false) };
    let delta = Delta::decode(&pending.bytes)?;
    let (client, seq, events): (ClientKey, u64, u32) = (delta.client, delta.seq, delta.events);
    let append = Append { model: model.name.clone(), client, seq, events, bytes: pending.bytes.clone().into() };
    match state.store().append(append).await {
        Ok(Receipt::Accepted) => {
            state.took_in(model, events, &delta.report);
            learner.acknowledge(&pending);
        }
        Ok(Receipt::Repeated) => learner.acknowledge(&pending),
        Ok(Receipt::Gap { .. }) => learner.reject(&pending, random()?),
        // It stays ready.
        Ok(Receipt::NoRoom) | Err(StoreError::Busy) => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    Ok(true)
}

/// A number for a slate, from anywhere: a double of JavaScript holds 53 bits.
pub(crate) fn number() -> Result<u64, LearnError> {
    Ok(u64::from_le_bytes(random()?) >> 12)
}

//! The fold: pending deltas into the next version, off the writer's thread.
//!
//! All that waits when it begins is in it, read and added some at a time. The sums are computed on what a reader saw; only the result goes through the writer, in one short transaction that
//! marks exactly the deltas that were read. So acknowledgements go on during a fold, and a process that dies in the
//! middle leaves every delta pending.

use std::sync::Arc;
use std::time::{Duration, Instant};

use brooklet_core::{Aggregate, Base, Delta, Error, FoldConfig, Release, Report, Taking};
use tokio::time::{sleep, sleep_until};
use tracing::Instrument;

use crate::clock::now;
use crate::config::Judge;
use crate::error::FoldError;
use crate::follow::catch_up;
use crate::gzip;
use crate::model::Model;
use crate::publish::{Next, publish};
use crate::state::AppState;
use crate::store::{By, CandidateState, FoldedVersion, Judged, Limit, Made, Pending, Reported, Settings, StoreError};
use crate::trial::{self, Verdict};

/// What one fold takes at most: its publication marks each of them, and commits wait for that. More waits for the next one.
const DELTAS: usize = 1 << 16;
/// And of all that as many clients as a version needs together.
const OF_A_CLIENT: usize = 8192;
/// How many are read and added at a time.
const AT_ONCE: usize = 256;

/// How long to wait after a fold that published nothing.
const PAUSE: Duration = Duration::from_secs(5);
/// How long until it is said again that nothing can be published.
const HOUR: Duration = Duration::from_secs(3600);

/// Folds one model until told to stop; if that panics, it begins anew.
pub(crate) async fn supervise(state: AppState, model: Arc<Model>) {
    while tokio::spawn(run(state.clone(), model.clone())).await.is_err() {
        tracing::error!(model = model.name, "the folder panicked and begins anew");
        state.metrics().restarted("folder");
        model.set_failing(true);
        // Whoever was told of the deltas that wait is gone.
        model.arrived.notify_one();
        sleep(PAUSE).await;
    }
}

/// Folds one model whenever enough is pending or the time is up, until told to stop. A fold that was begun is finished.
async fn run(state: AppState, model: Arc<Model>) {
    let mut stop = model.stopping();
    let after = match state.config().fold_seconds {
        0 => Duration::from_secs(u32::MAX.into()),
        seconds => Duration::from_secs(seconds),
    };
    // Whatever is pending when the server stops is still pending when it starts again.
    while !*stop.borrow() {
        while model.pending() == 0 {
            tokio::select! {
                () = model.arrived.notified() => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
        let version = model.current().version;
        // The time runs from the first pending delta: an idle server publishes nothing, and a delta that comes alone
        // gets as long as any for others to join it.
        let deadline = tokio::time::Instant::now() + after;
        while !model.has_enough() {
            tokio::select! {
                () = model.arrived.notified() => {}
                () = sleep_until(deadline) => break,
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
        // Pages have the last one for a while, whatever comes in.
        let next = model.current().created + 1000 * state.config().version_seconds;
        let wait = next.saturating_sub(now()).min(1000 * state.config().version_seconds);
        tokio::select! {
            () = sleep(Duration::from_millis(wait)) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        if model.current().version != version {
            // Another process has folded what was waited for.
            continue;
        }
        let mut pause = PAUSE;
        let span = tracing::debug_span!("fold", model = model.name);
        let folded = fold(&state, &model).instrument(span).await;
        model.set_failing(folded.is_err());
        match folded {
            Ok(Folded::Published(_)) => continue,
            Ok(Folded::Nothing) => {
                tracing::warn!(model = model.name, "deltas were counted that the store does not have")
            }
            // More have to come, or another process is at it.
            Ok(Folded::TooFew | Folded::Elsewhere) => {}
            Ok(Folded::OnTrial) => pause = Duration::from_secs((state.config().canary_seconds / 20).clamp(1, 60)),
            // Whoever lets go of it says so.
            Ok(Folded::Pinned) => pause = after.max(PAUSE),
            // Nothing is known that was not known now until more deltas have come.
            Ok(Folded::HeldBack) => pause = after.max(PAUSE),
            Ok(Folded::BudgetSpent) => {
                tracing::warn!(
                    model = model.name,
                    code = "privacy_budget_spent",
                    "no version is published any more, see --noise-epsilon; deltas are taken in as long as there is room"
                );
                pause = after.max(HOUR);
            }
            Err(error) => {
                tracing::error!(model = model.name, %error, "a fold failed; its deltas stay pending");
                state.metrics().fold_failed(&model.name);
            }
        }
        tokio::select! {
            () = sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// What came of a fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folded {
    /// This version is out.
    Published(u64),
    /// Every candidate was worse than the version that is out; the deltas wait for the next fold.
    HeldBack,
    /// A share of the clients has the next version first; nothing else is folded until they have reported.
    OnTrial,
    /// An operator holds the version that is out.
    Pinned,
    /// Fewer clients than a version needs have sent what is pending; it waits for others.
    TooFew,
    /// Another version would tell more of one client than `--noise-epsilon` allows. Deltas wait for an operator who allows more.
    BudgetSpent,
    /// Another process folds the model, or has just published the version that this would have been.
    Elsewhere,
    /// No delta was pending.
    Nothing,
}

/// Folds what is pending of a model now, without waiting for more or for the time, if enough clients sent it. A model that is not served has nothing pending.
pub async fn fold_now(state: &AppState, model: &str) -> Result<Folded, FoldError> {
    match state.model(model) {
        Some(model) => fold(state, &model).await,
        None => Ok(Folded::Nothing),
    }
}

/// What a fold made.
enum Outcome {
    /// No worse than what is out.
    Next(Next),
    /// The full step, which is worse.
    Worse(Next),
}

/// Folds what is pending, as much as one fold takes, and publishes what is not worse.
async fn fold(state: &AppState, model: &Model) -> Result<Folded, FoldError> {
    let _one_at_a_time = model.folding.lock().await;
    let started = Instant::now();
    let store = state.store();
    let Some(_lead) = store.lead(&model.name).await? else { return Ok(Folded::Elsewhere) };
    catch_up(state, model).await?;
    if store.settings(&model.name).await?.pinned {
        return Ok(Folded::Pinned);
    }
    if let Some(canary) = model.canary() {
        return Ok(match trial::judge(state, model, &canary).await? {
            Verdict::Published(version) => Folded::Published(version),
            Verdict::Rejected => Folded::HeldBack,
            Verdict::Open => Folded::OnTrial,
        });
    }
    let least = state.config().version_clients as usize;
    let of_a_client = (OF_A_CLIENT / least.max(1)).max(1);
    let limit = Limit { deltas: DELTAS.max(least), of_a_client };
    let mut waiting = store.waiting(&model.name, limit).await?;
    if waiting.is_empty() {
        return Ok(Folded::Nothing);
    }
    // Client by client, as the sums are made.
    waiting.sort_unstable_by_key(|delta| (delta.client, delta.id));
    let clients = waiting.chunk_by(|a, b| a.client == b.client).count();
    if clients < least {
        tracing::debug!(model = model.name, clients, least, "too few clients for a version");
        return Ok(Folded::TooFew);
    }
    let budget = state.config().budget();
    if budget.is_some_and(|budget| budget.versions_left(model.spent()) == 0) {
        return Ok(Folded::BudgetSpent);
    }
    let current = model.current();
    let aggregate = store.aggregate(&model.name, current.version).await?.ok_or(StoreError::Conflict)?;
    // Whoever was acknowledged is folded: the horizon was looked at when the delta came in, and by now its base may have
    // become older than that.
    let config = FoldConfig { horizon: u64::MAX, ..state.fold().clone() };
    let precision = state.config().precision;
    let judge = state.config().judge.clone();
    let mut sum = computed({
        let config = config.clone();
        move || {
            let aggregate = Aggregate::decode(&aggregate)?;
            let taking = match budget {
                None => Taking::new(aggregate, &config),
                Some(_) => Taking::with_noise(aggregate, &config),
            };
            Ok(Sum { taking, taken: Vec::new(), set_aside: Vec::new(), reported: Reported::default() })
        }
    })
    .await?;
    let [_, left_out_before] = sum.taking.new_rows();
    for some in waiting.chunks(AT_ONCE) {
        let mut deltas = store.deltas(&model.name, some.into()).await?;
        deltas.sort_unstable_by_key(|delta| (delta.client, delta.id));
        sum = computed(move || Ok(sum.with(&deltas))).await?;
    }
    let computed = computed(move || {
        let Sum { mut taking, taken, set_aside, reported } = sum;
        let (events, (changed_rows, digest)) = (taking.events(), taking.summary());
        if let (Some(budget), Some(sums)) = (budget, taking.sums()) {
            budget.add_noise(sums);
        }
        let judge = judge.as_ref().map(Judge::judging);
        let mut release = taking.release(precision, &Base::decode(current.bytes.as_ref())?, judge)?;
        let worse = release.base.is_none();
        let mut judged = judged(&release);
        let bytes = match release.base.take() {
            Some(base) => base.bytes().to_vec(),
            // What an operator who knows better can publish is what the deltas say, whole.
            None => {
                let bytes = taking.publish(1.0, precision)?;
                (judged.step, judged.held_back) = (Some(1.0), 0);
                judged.loss = judge.map(|judge| judge(&Base::decode(bytes.as_slice())?)).transpose()?;
                bytes
            }
        };
        let [waiting, left_out] = taking.new_rows();
        let settings = Settings::of(&config, precision, budget.is_some());
        let made = Made {
            by: By::Fold,
            parent: Some(current.version),
            judged,
            settings: Some(settings),
            reported,
            ..Made::default()
        };
        let fold = FoldedVersion { events, changed_rows: changed_rows as u64, digest, taken, set_aside, made };
        let next = Next::of(bytes, &taking.into_aggregate(), fold, now(), precision)?;
        let new_rows = [waiting, left_out - left_out_before];
        Ok((release, new_rows, if worse { Outcome::Worse(next) } else { Outcome::Next(next) }))
    });
    let (release, [waiting, left_out], outcome) = computed.await?;
    tell_of_the_gate(state, model, &release);
    state.metrics().new_rows(&model.name, waiting, left_out);
    if left_out > 0 {
        tracing::warn!(
            model = model.name,
            left_out,
            waiting,
            "there was no room for rows of new features, see --max-rows and --quorum"
        );
    }
    match outcome {
        Outcome::Worse(Next { publication, .. }) => {
            let version = publication.version;
            let id = store.propose(&model.name, CandidateState::Rejected, publication).await?;
            let told = serde_json::json!({ "candidate": id, "version": version });
            state.events().tell("rejected", &model.name, told);
            Ok(Folded::HeldBack)
        }
        Outcome::Next(next) if state.config().canary_share > 0 => {
            trial::begin(state, model, next).await?;
            Ok(Folded::OnTrial)
        }
        Outcome::Next(next) => {
            let deltas = next.publication.fold.taken.len() as u64;
            let version = match publish(state, model, next).await {
                // Nothing of this was published, and what was is served in a moment.
                Err(StoreError::Conflict) => return Ok(Folded::Elsewhere),
                published => published?,
            };
            state.metrics().folded(&model.name, deltas, started.elapsed());
            Ok(Folded::Published(version))
        }
    }
}

/// Keeps what the gate said, and says it aloud where it held something back.
fn tell_of_the_gate(state: &AppState, model: &Model, release: &Release) {
    model.released(release);
    if let Some(cut) = release.cut_short {
        state.metrics().cut_short(&model.name, cut.share);
    }
    if release.held_back == 0 {
        return;
    }
    state.metrics().held_back(&model.name, release.held_back);
    let [before, after] = release.losses.map_or([None; 2], |losses| losses.map(Some));
    let (held_back, step, regret) = (release.held_back, release.step, release.regret);
    tracing::warn!(
        model = model.name,
        held_back,
        step,
        regret,
        before,
        after,
        "a step that made the base worse was held back"
    );
}

/// The figures of the gate.
fn judged(release: &Release) -> Judged {
    let [loss_before, loss] = release.losses.map_or([None; 2], |losses| losses.map(Some));
    Judged {
        step: Some(release.step),
        held_back: release.held_back,
        regret: release.regret,
        loss_before,
        loss,
        cut_short_clients: release.cut_short.map(|cut| cut.clients),
        cut_short_share: release.cut_short.map(|cut| cut.share),
    }
}

/// Off the threads that answer requests.
async fn computed<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FoldError> + Send + 'static,
) -> Result<T, FoldError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| FoldError::Panicked)?
}

/// Adds a delta; what it reports. A version that is made again adds it in the same way.
pub(crate) fn add(taking: &mut Taking, plain: &[u8]) -> Result<Report, Error> {
    let mut delta = Delta::decode(plain)?;
    // What it says does not depend on its base, which may be a canary that is over.
    delta.base_version = delta.base_version.min(taking.version());
    taking.add(&delta)?;
    Ok(delta.report)
}

/// A sum and where each delta went.
struct Sum {
    taking: Taking,
    taken: Vec<i64>,
    set_aside: Vec<i64>,
    reported: Reported,
}

impl Sum {
    /// And of these, of clients in the order of their keys.
    fn with(mut self, deltas: &[Pending]) -> Sum {
        for Pending { id, bytes, .. } in deltas {
            let plain = gzip::plain(bytes).map_err(|_| Error::BadDelta("it is not the gzip that it was"));
            match plain.and_then(|plain| add(&mut self.taking, &plain)) {
                Ok(report) => {
                    self.taken.push(*id);
                    self.reported.add(&report);
                }
                // It was checked when it came in, so this is a defect, here or of the disk. One bad row must not keep
                // all others waiting for ever.
                Err(error) => {
                    tracing::error!(id, %error, "an accepted delta cannot be folded; it is set aside");
                    self.set_aside.push(*id);
                }
            }
        }
        self
    }
}

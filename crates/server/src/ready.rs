//! Whether deltas could be taken in and folded now, looked at once a second at most.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::clock::now;
use crate::model::Model;
use crate::store::Store;

/// How long an answer is as good as another.
const FRESH: Duration = Duration::from_secs(1);
/// How long the store may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// By how much the clock may be behind the time of the newest version.
const BEHIND: u64 = 60_000;

/// Whether the server is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ready {
    Yes,
    /// And why not, in a sentence for people.
    No(&'static str),
}

/// The last answer and when it was found.
#[derive(Debug, Default)]
pub(crate) struct Readiness(Mutex<Option<(Instant, Ready)>>);

impl Readiness {
    /// The answer; one caller finds it, the others wait for that one.
    pub(crate) async fn of(&self, store: &dyn Store, models: &[Arc<Model>]) -> Ready {
        let mut last = self.0.lock().await;
        if let Some((found, ready)) = *last
            && found.elapsed() < FRESH
        {
            return ready;
        }
        let ready = look(store, models).await;
        *last = Some((Instant::now(), ready));
        ready
    }
}

async fn look(store: &dyn Store, models: &[Arc<Model>]) -> Ready {
    match timeout(PATIENCE, store.check()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::error!(%error, "the store is not ready");
            return Ready::No("the store cannot take in deltas");
        }
        Err(_) => return Ready::No("the store did not answer within 5 seconds"),
    }
    let why = models.iter().find_map(|model| {
        let early = now() + BEHIND < model.current().created;
        let clock = early.then_some("the clock is behind the time of the newest version");
        clock.or_else(|| model.is_failing().then_some("the last fold failed"))
    });
    why.map_or(Ready::Yes, Ready::No)
}

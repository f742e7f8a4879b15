//! One exchange with the endpoint: what was learnt goes up, a newer base comes down.
//!
//! The order is what keeps the learning whole. A delta is in the store before it is on the wire, so after a crash the
//! same bytes go out again; the acknowledgement is in the store before anything new is prepared; and of several tabs one
//! at a time does this.

use alloc::rc::Rc;

use crate::learning::verdict::Verdict;
use crate::page::error::Failure;
use crate::page::event::Event;
use crate::page::host;
use crate::tab::client::Client;
use crate::tab::link::{Link, Sent};
use crate::tab::pace::backoff;
use crate::wire::endpoint::{self, Asking, PATIENCE};

/// A stale base, then a gap, then it should be taken: an endpoint that says otherwise is asked again later.
pub(super) const MOST_ROUNDS: usize = 3;

/// The longest that an endpoint can ask to be left alone, in seconds.
const LONGEST_ASKED: f64 = 24.0 * 60.0 * 60.0;

/// What a sync is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// The page asked for it, and learns how it went.
    Asked,
    /// It is time.
    Due,
}

/// How a sync went.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) sent: bool,
    pub(crate) acknowledged: Option<u64>,
    pub(crate) pulled: bool,
    pub(crate) version: u64,
}

/// Saves, sends what was learnt, and pulls a newer base.
pub(crate) async fn sync(client: Rc<Client>, occasion: Occasion) -> Result<Report, Failure> {
    let link = client.link.as_ref().ok_or(Failure::NO_ENDPOINT)?;
    if host::is_offline() {
        return Err(Failure::OFFLINE);
    }
    if client.home().is_some() && client.with(|session| session.is_waiting())? {
        return Err(Failure::new("storage", "IndexedDB does not answer, and nothing is sent that is not kept"));
    }
    let turn = link.syncing.take().await;
    if let Some(store) = &client.store {
        // Nobody is to hold the lock in his sleep.
        store.awake().await;
    }
    let outcome = link.lock.exclusive(exchange(&client, occasion)).await;
    link.unheard.set(matches!(&outcome, Err(failure) if failure.is_silence()));
    match &outcome {
        Ok(_) => {
            link.failures.set(0);
            link.not_before.set(0.0);
            link.due.set(link.pace.spread(host::random()));
        }
        Err(_) => {
            link.failures.set(link.failures.get().saturating_add(1));
            let backoff = js_sys::Date::now() + backoff(link.failures.get(), host::random());
            link.not_before.set(link.not_before.get().max(backoff));
        }
    }
    drop(turn);
    client.arm();
    outcome
}

/// The same, with nobody waiting for the outcome. Being offline is no event: the page knows, and `online` will come.
pub(crate) fn sync_in_background(client: &Rc<Client>, occasion: Occasion) {
    let syncing = Rc::clone(client);
    client.background("sync", async move {
        match sync(syncing, occasion).await {
            Err(_) if host::is_offline() => Ok(()),
            outcome => outcome.map(drop),
        }
    });
}

async fn exchange(client: &Client, occasion: Occasion) -> Result<Report, Failure> {
    let link = client.link.as_ref().ok_or(Failure::NO_ENDPOINT)?;
    let mut report = Report { sent: false, acknowledged: None, pulled: false, version: 0 };
    let mut current = None;
    let mut rounds = 0;
    while rounds < MOST_ROUNDS {
        rounds += 1;
        let (key, next_key) = (fresh_key()?, fresh_key()?);
        let (is_older, prepared) = client.commit(|session| (session.is_unheard(), session.prepare(key))).await?;
        let Some(pending) = prepared else {
            break;
        };
        let token = link.token().await?;
        if !client.with(|session| session.shares())? {
            // The visitor has said so while this was made ready.
            break;
        }
        link.sent.replace(Some(Sent::now(&pending)));
        client.tell(Event::Sent { seq: pending.seq, bytes: &pending.bytes });
        report.sent = true;
        let verdict = endpoint::post(&link.endpoint, token.as_deref(), pending.seq, &pending.bytes).await?;
        if verdict == Verdict::Stale {
            report.pulled |= pull(client, link).await?;
        }
        client.commit(|session| session.hear(&pending, &verdict, next_key)).await?;
        match verdict {
            Verdict::Acknowledged { repeat, version } => {
                if let Some(sent) = &mut *link.sent.borrow_mut() {
                    sent.acknowledged |= sent.bytes == pending.bytes;
                }
                client.tell(Event::Acknowledged { seq: pending.seq, repeat, version });
                report.acknowledged = Some(pending.seq);
                current = Some(version);
                // A delta from before does not hold what was learnt since: who asked for a sync means that too. The next
                // one is made now and holds all of it, so this ends; what is learnt meanwhile is for another sync.
                if !is_older || occasion != Occasion::Asked {
                    break;
                }
                rounds = 0;
            }
            Verdict::Gap | Verdict::Stale if rounds < MOST_ROUNDS => {}
            Verdict::Gap | Verdict::Stale => {
                return Err(Failure::new(
                    "refused",
                    "the endpoint takes no delta of this browser; what was learnt is kept",
                ));
            }
            Verdict::Refused(code) => {
                return Err(Failure::named(code, "the endpoint will never take this delta: it is dropped".into()));
            }
            Verdict::Later(code, after) => {
                let after = after.unwrap_or(0.0).min(LONGEST_ASKED) * 1000.0;
                link.not_before.set(js_sys::Date::now() + after);
                return Err(Failure::named(code, "the endpoint did not take the delta; it is kept".into()));
            }
        }
    }
    let mine = client.with(|session| session.core().base().metadata().version)?;
    let wanted = match occasion {
        Occasion::Asked => !report.pulled,
        Occasion::Due => current.is_some_and(|current| current != mine),
    };
    if wanted {
        report.pulled |= pull(client, link).await?;
    }
    report.version = client.with(|session| session.core().base().metadata().version)?;
    Ok(report)
}

fn fresh_key() -> Result<[u8; 16], Failure> {
    host::random_key().ok_or(Failure::new("unexpected", "this page has no crypto.getRandomValues"))
}

/// Fetches the endpoint's base, puts it under the profile and keeps it for the next visit. Says whether it is another.
async fn pull(client: &Client, link: &Link) -> Result<bool, Failure> {
    let etag = link.etag.borrow().clone();
    refresh(client, &link.endpoint, etag.as_deref()).await
}

/// The same of the base at `url`, of which the one with this tag is there.
pub(super) async fn refresh(client: &Client, url: &str, etag: Option<&str>) -> Result<bool, Failure> {
    // What stands elsewhere is not told the endpoint's token, nor whose key deltas have.
    let (token, cohort) = match client.link.as_ref().filter(|link| link.endpoint == url) {
        Some(link) => (link.token().await?, client.with(|session| session.core().cohort())?),
        None => (None, None),
    };
    let old = client.with(|session| session.core().base().clone())?;
    let old = Some(old).filter(|old| etag.is_some() && old.is_compact());
    let asking = Asking { token: token.as_deref(), etag, old, cohort };
    let Some((base, fetched)) = endpoint::pull(url, asking, PATIENCE, None).await? else {
        return Ok(false);
    };
    let version = base.metadata().version;
    let is_other = client.with(|session| session.core().base().bytes() != base.bytes())?;
    if is_other {
        client.commit(|session| session.swap_base(base.clone())).await??;
        client.tell(Event::Pulled { version });
    }
    if let Some(link) = client.link.as_ref().filter(|link| link.endpoint == url) {
        link.etag.replace(fetched.etag.clone());
    }
    if let Some(store) = client.home() {
        store.keep_base(&fetched).await?;
    }
    Ok(is_other)
}

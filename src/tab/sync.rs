//! One exchange with the endpoint: what was learnt goes up, a newer base comes down.
//!
//! The order is what keeps the learning whole. A delta is in the store before it is on the wire, so after a crash the
//! same bytes go out again; the acknowledgement is in the store before anything new is prepared; and of several tabs one
//! at a time does this.

use alloc::rc::Rc;

use brooklet_core::Base;

use crate::page::error::Failure;
use crate::page::event::Event;
use crate::page::host;
use crate::tab::client::Client;
use crate::tab::link::{Link, Sent};
use crate::wire::endpoint::{self, PATIENCE, Verdict};
use crate::wire::lock;

/// A stale base, then a gap, then it should be taken.
const MOST_ROUNDS: usize = 4;

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
    let turn = link.syncing.take().await;
    let work = exchange(Rc::clone(&client), occasion);
    let outcome = lock::exclusive(&link.lock, work).await;
    match &outcome {
        Ok(_) => {
            link.failures.set(0);
            link.due.set(link.pace.spread(host::random()));
        }
        Err(_) => link.failures.set(link.failures.get().saturating_add(1)),
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

async fn exchange(client: Rc<Client>, occasion: Occasion) -> Result<Report, Failure> {
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
        link.sent.replace(Some(Sent::now(&pending)));
        client.tell(Event::Sent { seq: pending.seq, bytes: &pending.bytes });
        report.sent = true;
        match endpoint::post(&link.endpoint, pending.seq, &pending.bytes).await? {
            Verdict::Acknowledged { repeat, version } => {
                client.commit(|session| session.acknowledge(&pending)).await?;
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
            Verdict::Gap => client.commit(|session| session.reject(&pending, next_key)).await?,
            Verdict::Stale => {
                report.pulled |= pull(&client, link).await?;
                client.commit(|session| session.reject(&pending, next_key)).await?;
            }
            Verdict::Refused(code) => {
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
        report.pulled |= pull(&client, link).await?;
    }
    report.version = client.with(|session| session.core().base().metadata().version)?;
    Ok(report)
}

fn fresh_key() -> Result<[u8; 16], Failure> {
    host::random_key().ok_or(Failure::new("unexpected", "this page has no crypto.getRandomValues"))
}

/// Fetches the endpoint's base, puts it under the profile and keeps it for opening offline. Says whether it is another.
async fn pull(client: &Client, link: &Link) -> Result<bool, Failure> {
    let etag = link.etag.borrow().clone();
    let Some(fetched) = endpoint::pull(&link.endpoint, etag.as_deref(), PATIENCE).await? else {
        return Ok(false);
    };
    let base = Base::decode(&fetched.bytes[..])?;
    let version = base.metadata().version;
    let is_other = client.with(|session| session.core().base().bytes() != base.bytes())?;
    if is_other {
        client.commit(|session| session.swap_base(base.clone())).await??;
        client.tell(Event::Pulled { version });
    }
    link.etag.replace(fetched.etag.clone());
    if let Some(store) = &client.store {
        store.keep_base(&fetched).await?;
    }
    Ok(is_other)
}

//! How a learner begins: its base, its profile, and the tab around them.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;

use brooklet_core::Base;

use crate::learning::consent::Consent;
use crate::learning::log::World;
use crate::learning::saved::Kept;
use crate::learning::session::Session;
use crate::page::error::Failure;
use crate::page::event::Event;
use crate::page::host;
use crate::page::names::Names;
use crate::page::promise::within;
use crate::page::record::CachedBase;
use crate::page::store::Store;
use crate::tab::client::Client;
use crate::tab::lifecycle;
use crate::tab::link::Link;
use crate::tab::pace::Pace;
use crate::tab::sync::refresh;
use crate::wire::endpoint::{self, Asking};
use crate::wire::lock::Lock;
use crate::wire::token::Token;
use alloc::string::String;
use brooklet_core::Config;
use js_sys::Function;
use web_sys::AbortSignal;

/// How long a page waits for its store, in milliseconds, before it goes on in memory.
const STORE_PATIENCE: f64 = 2_000.0;

/// The options of `Learner.open`, checked.
pub(crate) struct Options {
    pub(crate) source: Source,
    /// Without a slash at the end.
    pub(crate) endpoint: Option<String>,
    pub(crate) token: Option<Token>,
    /// Nothing: keep nothing.
    pub(crate) store: Option<String>,
    /// The most records of the event log; 0 is none.
    pub(crate) log: usize,
    pub(crate) config: Config,
    pub(crate) pace: Pace,
    pub(crate) consent: Consent,
    pub(crate) on_event: Option<Function>,
    /// How long the first base may take, in milliseconds, and what calls it off.
    pub(crate) timeout: u32,
    pub(crate) signal: Option<AbortSignal>,
}

/// Where the first base comes from.
pub(crate) enum Source {
    Url(String),
    Bytes(Vec<u8>),
}

/// Opens a learner. What fails on the way without stopping it becomes an event.
pub(crate) async fn open(options: Options) -> Result<Rc<Client>, Failure> {
    let mut trouble = Vec::new();
    let store = options.store.as_deref().map(Store::new);
    let mut asleep = None;
    let mut cached = None;
    let reads = options.consent != Consent::Off;
    if let Some(store) = store.clone().filter(|_| reads) {
        match within(STORE_PATIENCE, Box::pin(async move { store.base().await })).await {
            Ok(Ok(base)) => cached = base,
            Ok(Err(failure)) => trouble.push(failure),
            Err(waking) => asleep = Some(waking),
        }
    }
    // A store that cannot be opened at all is none.
    let store = store.filter(|_| trouble.is_empty());
    let start = start(&options, cached).await?;
    let mut kept = Kept::default();
    if let Some(store) = store.clone().filter(|_| reads && asleep.is_none()) {
        let (model, with_log) = (start.base.metadata().model.clone(), options.log > 0);
        // What cannot be read now is found by the first save, which then moves onto it.
        match store.kept(&model, with_log).await {
            Ok(found) => kept = found,
            Err(failure) => trouble.push(failure),
        }
    }
    let names = (options.log > 0).then(Names::default);
    let log = names.clone().map(|names| (options.log, Box::new(names) as Box<dyn World>));
    let mut session = Session::open(start.base, options.config, kept, first_slate(), log)?;
    session.allow(options.consent);
    if asleep.is_some() {
        session.wait_for_store();
        trouble
            .push(Failure::new("storage", "IndexedDB does not answer: what is learnt is kept in memory until it does"));
    }

    let link = options.endpoint.map(|endpoint| {
        let lock = ["brooklet:", options.store.as_deref().unwrap_or_default()].concat();
        let link = Link::new(endpoint, options.token, Lock::new(lock), options.pace);
        if let Some(kept) = start.kept.as_ref().filter(|kept| kept.url == link.endpoint) {
            link.etag.replace(kept.etag.clone());
        }
        link
    });
    let client = Client::new(session, names, store, link, options.on_event);
    for failure in &trouble {
        client.tell(Event::Failed { during: "open", failure });
    }
    if let Some(waking) = asleep {
        let woken = Rc::clone(&client);
        client.background("open", async move {
            waking.await?;
            woken.wake().await
        });
    }
    let (kept, is_new) = (start.kept, start.fetched);
    let keeping = Rc::clone(&client);
    client.background("open", async move {
        match (kept, is_new, keeping.home()) {
            // What the page begins with is from the last visit.
            (Some(kept), None, _) => refresh(&keeping, &kept.url, kept.etag.as_deref()).await.map(drop),
            (_, Some(fetched), Some(store)) => store.keep_base(&fetched).await,
            _ => Ok(()),
        }
    });
    lifecycle::watch(&client);
    lifecycle::confirm(&client);
    Ok(client)
}

/// Where this tab begins to number its slates: no other tab is likely to come there, and JavaScript holds the numbers
/// exactly.
fn first_slate() -> u64 {
    (((host::random() * f64::from(1u32 << 31)) as u64) << 20) + 1
}

/// A base to start with.
struct Start {
    base: Base,
    /// Where it came from, if not from the page itself, and under which tag: without the bytes.
    kept: Option<CachedBase>,
    /// To be kept, if it is new.
    fetched: Option<CachedBase>,
}

async fn start(options: &Options, cached: Option<CachedBase>) -> Result<Start, Failure> {
    let of_endpoint = |kept: &CachedBase| options.endpoint.as_ref() == Some(&kept.url);
    match &options.source {
        Source::Bytes(bytes) => {
            let base = Base::decode(&bytes[..])?;
            match cached.filter(of_endpoint).and_then(read) {
                Some(newer) if is_later(&newer.base, &base) => Ok(newer),
                _ => Ok(Start { base, kept: None, fetched: None }),
            }
        }
        Source::Url(url) => {
            // Once the endpoint gave a base, it is the one to ask.
            match cached.filter(|kept| kept.url == *url || of_endpoint(kept)).and_then(read) {
                Some(kept) => Ok(kept),
                None => fetch(url, options).await,
            }
        }
    }
}

/// The base of `url`, for a page that has none.
async fn fetch(url: &str, options: &Options) -> Result<Start, Failure> {
    let token = match options.token.as_ref().filter(|_| options.endpoint.as_deref() == Some(url)) {
        Some(token) => token.fresh().await?,
        None => None,
    };
    let (timeout, signal) = (options.timeout, options.signal.as_ref());
    let fetched = endpoint::pull(url, Asking { token: token.as_deref(), ..Asking::default() }, timeout, signal).await?;
    let (base, fetched) =
        fetched.ok_or(Failure::new("http_304", "the model was said to be unchanged, but none was kept"))?;
    let kept = Some(CachedBase { bytes: Vec::new(), ..fetched.clone() });
    Ok(Start { base, kept, fetched: Some(fetched) })
}

/// What was kept, if it can still be read.
fn read(mut kept: CachedBase) -> Option<Start> {
    let bytes = core::mem::take(&mut kept.bytes);
    let base = Base::decode(bytes).ok()?;
    Some(Start { base, kept: Some(kept), fetched: None })
}

fn is_later(one: &Base, other: &Base) -> bool {
    let (one, other) = (one.metadata(), other.metadata());
    one.model == other.model && one.factors == other.factors && one.version > other.version
}

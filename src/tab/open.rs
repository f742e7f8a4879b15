//! How a learner begins: its base, its profile, and the tab around them.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;

use brooklet_core::Base;

use crate::learning::log::World;
use crate::learning::saved::Kept;
use crate::learning::session::Session;
use crate::page::error::Failure;
use crate::page::event::Event;
use crate::page::host;
use crate::page::names::Names;
use crate::page::record::CachedBase;
use crate::page::store::Store;
use crate::tab::client::Client;
use crate::tab::lifecycle;
use crate::tab::link::Link;
use crate::tab::pace::Pace;
use crate::wire::endpoint::{self, PATIENCE};
use alloc::string::String;
use brooklet_core::Config;
use js_sys::Function;

/// How long a page waits for the network, in milliseconds, when it could begin with the base that it has kept.
const IMPATIENCE: u32 = 4_000;

/// The options of `Learner.open`, checked.
pub(crate) struct Options {
    pub(crate) source: Source,
    /// Without a slash at the end.
    pub(crate) endpoint: Option<String>,
    /// Nothing: keep nothing.
    pub(crate) store: Option<String>,
    /// The most records of the event log; 0 is none.
    pub(crate) log: usize,
    pub(crate) config: Config,
    pub(crate) pace: Pace,
    pub(crate) on_event: Option<Function>,
}

/// Where the first base comes from.
pub(crate) enum Source {
    Url(String),
    Bytes(Vec<u8>),
}

/// Opens a learner. What fails on the way without stopping it becomes an event.
pub(crate) async fn open(options: Options) -> Result<Rc<Client>, Failure> {
    let mut trouble = Vec::new();
    let store = match &options.store {
        Some(name) => Store::open(name).await.map_err(|failure| trouble.push(failure)).ok(),
        None => None,
    };
    let start = start(&options, store.as_ref(), &mut trouble).await?;
    let kept = match &store {
        // What cannot be read now is found by the first save, which then moves onto it.
        Some(store) => store.kept(&start.base.metadata().model, options.log > 0).await.unwrap_or_else(|failure| {
            trouble.push(failure);
            Kept::default()
        }),
        None => Kept::default(),
    };
    let names = (options.log > 0).then(Names::default);
    let log = names.clone().map(|names| (options.log, Box::new(names) as Box<dyn World>));
    let session = Session::open(start.base, options.config, kept, first_slate(), log)?;

    let link = options.endpoint.map(|endpoint| {
        let lock = ["brooklet:", options.store.as_deref().unwrap_or_default()].concat();
        let link = Link::new(endpoint, lock, options.pace);
        if let Some(kept) = start.kept.filter(|kept| kept.url == link.endpoint) {
            link.etag.replace(kept.etag);
        }
        link
    });
    let client = Client::new(session, names, store, link, options.on_event);
    for failure in &trouble {
        client.tell(Event::Failed { during: "open", failure });
    }
    if let Some(fetched) = start.fetched {
        let keeping = Rc::clone(&client);
        client.background("save", async move {
            match &keeping.store {
                Some(store) => store.keep_base(&fetched).await,
                None => Ok(()),
            }
        });
    }
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

async fn start(options: &Options, store: Option<&Store>, trouble: &mut Vec<Failure>) -> Result<Start, Failure> {
    let kept = match store {
        Some(store) => store.base().await.unwrap_or_else(|failure| {
            trouble.push(failure);
            None
        }),
        None => None,
    };
    let of_endpoint = |kept: &CachedBase| options.endpoint.as_ref() == Some(&kept.url);
    match &options.source {
        Source::Bytes(bytes) => {
            let base = Base::decode(&bytes[..])?;
            match kept.filter(of_endpoint).and_then(read) {
                Some(newer) if is_later(&newer.base, &base) => Ok(newer),
                _ => Ok(Start { base, kept: None, fetched: None }),
            }
        }
        Source::Url(url) => {
            // Once the endpoint gave a base, it is the one to ask.
            let kept = kept.filter(|kept| kept.url == *url || of_endpoint(kept)).and_then(read);
            fetch(url, kept, trouble).await
        }
    }
}

/// The base of `url`, or the one that was kept if it is still the same or nothing better can be had.
async fn fetch(url: &str, kept: Option<Start>, trouble: &mut Vec<Failure>) -> Result<Start, Failure> {
    let source = kept.as_ref().and_then(|start| start.kept.as_ref());
    let etag = source.and_then(|kept| kept.etag.clone());
    let url = source.map_or(url, |kept| &kept.url);
    let patience = if kept.is_some() { IMPATIENCE } else { PATIENCE };
    let fetched = endpoint::pull(url, etag.as_deref(), patience).await.and_then(|fetched| {
        fetched
            .map(|fetched| {
                let base = Base::decode(&fetched.bytes[..])?;
                let kept = Some(CachedBase { bytes: Vec::new(), ..fetched.clone() });
                Ok(Start { base, kept, fetched: Some(fetched) })
            })
            .transpose()
    });
    match (fetched, kept) {
        (Ok(Some(fetched)), _) => Ok(fetched),
        (Ok(None), Some(kept)) => Ok(kept),
        (Ok(None), None) => Err(Failure::new("http_304", "the model was said to be unchanged, but none was kept")),
        (Err(failure), Some(kept)) => {
            trouble.push(failure);
            Ok(kept)
        }
        (Err(failure), None) => Err(failure),
    }
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

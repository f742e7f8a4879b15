//! The comings and goings of a page: what a learner does when its timers ring, when the page is hidden, when the network is back.

use alloc::rc::Rc;
use alloc::vec;

use web_sys::VisibilityState;

use crate::page::host;
use crate::page::timer::{Listener, Timer};
use crate::tab::client::{Alarms, Client};
use crate::tab::sync::{Occasion, sync_in_background};

/// When the network is back, browsers do not all send in the same instant: up to this many milliseconds.
const BACK_ONLINE: f64 = 2000.0;

/// What was sent when a page was left, and perhaps not taken, goes out again within so many milliseconds of the next, at random.
const UNHEARD: f64 = 1000.0;

/// Begins to watch the page, for as long as the client is open.
pub(crate) fn watch(client: &Rc<Client>) {
    let mut listeners = vec![
        Listener::new(host::global_target(), "pagehide", with(client, |client| client.go())),
        Listener::new(
            host::global_target(),
            "pageshow",
            with(client, |client| {
                client.come_back();
                on_shown(client);
            }),
        ),
        Listener::new(host::global_target(), "online", with(client, on_online)),
    ];
    if let Some(document) = host::document() {
        let heard = with(client, |client| match host::document().map(|document| document.visibility_state()) {
            Some(VisibilityState::Hidden) => client.leave(),
            _ => on_shown(client),
        });
        listeners.push(Listener::new(document.into(), "visibilitychange", heard));
    }
    client.listen();
    client.watched_by(Alarms {
        save: Timer::new(with(client, save)),
        sync: Timer::new(with(client, |client| {
            // It was set before the endpoint asked to be left alone.
            let early = client.link.as_ref().is_some_and(|link| !link.is_open());
            if early { client.arm() } else { sync_in_background(client, Occasion::Due) }
        })),
        _listeners: listeners,
    });
}

/// The work with the client, if that is still there: the client owns what calls this, so this does not own the client.
fn with(client: &Rc<Client>, work: fn(&Rc<Client>)) -> impl FnMut() + 'static {
    let client = Rc::downgrade(client);
    move || {
        if let Some(client) = client.upgrade() {
            work(&client);
        }
    }
}

/// Saves and nothing else.
fn save(client: &Rc<Client>) {
    let saving = Rc::clone(client);
    client.background("save", async move { saving.save().await });
}

/// The page is there again, perhaps from the cache for the back button, and other tabs may have learnt meanwhile.
fn on_shown(client: &Rc<Client>) {
    if !client.is_back() {
        return;
    }
    client.listen();
    let shown = Rc::clone(client);
    client.background("save", async move {
        shown.catch_up().await?;
        confirm(&shown);
        Ok(())
    });
}

/// What went out when a page was left is heard of soon, so that it is not in the way of more.
pub(crate) fn confirm(client: &Rc<Client>) {
    if client.link.is_some() && client.with(|session| session.is_unheard()).unwrap_or(false) {
        client.sync_within(UNHEARD * host::random());
    }
}

/// Failures of the time without network count no more; what the endpoint itself asked for does.
fn on_online(client: &Rc<Client>) {
    let Some(link) = &client.link else { return };
    if link.unheard.get() {
        link.failures.set(0);
        link.not_before.set(0.0);
    }
    if client.waiting() > 0 && link.is_open() {
        client.sync_within(BACK_ONLINE * host::random());
    }
}

//! The comings and goings of a page: what a learner does when its timers ring, when the page is hidden, when the network is back.

use alloc::rc::Rc;
use alloc::vec;

use web_sys::VisibilityState;

use crate::page::event::Event;
use crate::page::host;
use crate::page::timer::{Listener, Timer};
use crate::tab::client::{Alarms, Client};
use crate::tab::sync::{Occasion, sync_in_background};

/// When the network is back, browsers do not all send in the same instant: up to this many milliseconds.
const BACK_ONLINE: f64 = 2000.0;

/// Begins to watch the page, for as long as the client is open.
pub(crate) fn watch(client: &Rc<Client>) {
    let mut listeners = vec![
        Listener::new(host::global_target(), "pagehide", with(client, on_hidden)),
        Listener::new(host::global_target(), "online", with(client, on_online)),
    ];
    if let Some(document) = host::document() {
        let heard = with(client, |client| {
            if host::document().is_some_and(|document| document.visibility_state() == VisibilityState::Hidden) {
                on_hidden(client);
            }
        });
        listeners.push(Listener::new(document.into(), "visibilitychange", heard));
    }
    client.watched_by(Alarms {
        save: Timer::new(with(client, save)),
        sync: Timer::new(with(client, |client| sync_in_background(client, Occasion::Due))),
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

/// The page may be gone in a moment: nothing is left for later.
fn on_hidden(client: &Rc<Client>) {
    if let Err(failure) = client.leave() {
        client.tell(Event::Failed { during: "save", failure: &failure });
    }
    let can_send = client.link.as_ref().is_some_and(|link| link.failures.get() == 0 && !link.syncing.is_taken());
    if can_send && client.waiting() > 0 && !host::is_offline() {
        sync_in_background(client, Occasion::Leaving);
    } else {
        save(client);
    }
}

/// Failures of the time without network count no more.
fn on_online(client: &Rc<Client>) {
    let Some(link) = &client.link else { return };
    link.failures.set(0);
    if client.waiting() > 0 {
        client.sync_within(BACK_ONLINE * host::random());
    }
}

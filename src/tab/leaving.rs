//! A page that is left, perhaps for good: what it has is kept and sent in one moment, for nothing of it may run afterwards.

use brooklet_core::PendingDelta;

use crate::learning::session::Session;
use crate::page::error::Failure;
use crate::page::event::Event;
use crate::page::host;
use crate::tab::client::Client;
use crate::tab::link::{Link, Sent};
use crate::wire::endpoint;
use crate::wire::token::Token;

impl Client {
    /// The page may be gone in a moment: leaves behind what is not saved yet, and sends what can be sent. Nothing goes on after this has
    /// returned: a page in which something does is not kept for the back button.
    pub(crate) fn leave(&self) {
        self.away.set(true);
        drop(self.channel.take());
        if let Err(failure) = self.leave_note() {
            self.tell(Event::Failed { during: "save", failure: &failure });
        }
        self.depart();
        if let Some(link) = &self.link {
            link.lock.release();
        }
    }

    /// The same of a page that is not there any more: nothing is begun until it is back, if ever.
    pub(crate) fn go(&self) {
        self.gone.set(true);
        self.leave();
    }

    /// The page is back.
    pub(crate) fn come_back(&self) {
        self.gone.set(false);
    }

    fn leave_note(&self) -> Result<(), Failure> {
        let link = self.open_link();
        let key = link.and_then(|_| host::random_key());
        let Some(store) = &self.store else {
            // What nobody else knows can be made and go at once.
            return self.with(|session| key.into_iter().for_each(|key| session.make_ready_unsaved(key)));
        };
        store.give_way();
        let noted = |session: &mut Session| Some((session.core().base().metadata().model.clone(), session.note(key)?));
        let Some((model, note)) = self.with(noted)? else { return Ok(()) };
        store.leave(&model, &note)?;
        self.with(Session::noted)?;
        if let Some((link, delta)) = link.zip(note.delta) {
            self.send_off(link, &delta);
        }
        Ok(())
    }

    /// Sends the delta that is ready, and does not wait for the answer: that is for the next visit to hear.
    pub(crate) fn depart(&self) {
        let Some(link) = self.open_link() else { return };
        if let Ok(Some(ready)) = self.with(Session::depart) {
            self.send_off(link, &ready);
        }
    }

    fn send_off(&self, link: &Link, delta: &PendingDelta) {
        let token = link.token.as_ref().and_then(Token::last);
        endpoint::post_and_go(&link.endpoint, token.as_deref(), &delta.bytes);
        link.sent.replace(Some(Sent::now(delta)));
        self.tell(Event::Sent { seq: delta.seq, bytes: &delta.bytes });
    }

    /// The way to the endpoint, if it seems open.
    fn open_link(&self) -> Option<&Link> {
        self.link.as_ref().filter(|link| link.is_open() && !host::is_offline())
    }

    /// Whether the page has come back, this being the first to ask.
    pub(crate) fn is_back(&self) -> bool {
        self.away.replace(false)
    }
}

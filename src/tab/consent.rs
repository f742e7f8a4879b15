//! What the visitor allows, in all tabs: learning, storing, sending; and that everything is forgotten.

use alloc::rc::Rc;

use wasm_bindgen::JsValue;

use crate::learning::consent::Consent;
use crate::page::channel::Channel;
use crate::page::error::Failure;
use crate::page::event::Event;
use crate::page::host;
use crate::tab::client::Client;

/// What the tab that empties the store says to the others.
const FORGOTTEN: &str = "forgotten";

impl Consent {
    /// As much of it as the browser's own signal allows (Global Privacy Control, W3C): with that nothing is shared.
    pub(crate) fn heeding_the_browser(self) -> Consent {
        if host::wants_privacy() { self.min(Consent::Personal) } else { self }
    }
}

impl Client {
    /// What is allowed now.
    pub(crate) fn consent(&self) -> Consent {
        self.look(|session| Some(session.consent())).unwrap_or(Consent::Off)
    }

    /// Goes by another consent from now on; the other tabs do as soon as they hear of it. What it was before, for [`Client::settle`].
    pub(crate) fn set_consent(&self, consent: Consent) -> Result<Consent, Failure> {
        let consent = consent.heeding_the_browser();
        let before = self.allow(consent)?;
        self.say(consent.name());
        Ok(before)
    }

    fn allow(&self, consent: Consent) -> Result<Consent, Failure> {
        let before = self.consent();
        if consent != before {
            self.ask(|session| session.allow(consent))?;
            self.tell(Event::Consent { consent: consent.name() });
        }
        Ok(before)
    }

    /// Waits until the store is as the visitor wants it, who allowed something else `before`.
    pub(crate) async fn settle(&self, before: Consent) -> Result<(), Failure> {
        if self.consent() == Consent::Off {
            // A save that has begun is not to end after this.
            drop(self.saving.take().await);
        } else if before == Consent::Off && self.store.is_some() {
            self.wake().await?;
        }
        self.arm();
        Ok(())
    }

    /// Forgets what was learnt and empties the store, and has the other tabs do the same.
    pub(crate) async fn forget(&self) -> Result<(), Failure> {
        self.empty().await?;
        self.say(FORGOTTEN);
        Ok(())
    }

    async fn empty(&self) -> Result<(), Failure> {
        let turn = self.saving.take().await;
        if let Some(store) = &self.store {
            store.empty().await?;
        }
        self.with(|session| session.forget())?;
        if let Some(link) = &self.link {
            link.sent.replace(None);
        }
        drop(turn);
        self.tell(Event::Forgotten);
        Ok(())
    }

    /// Takes the profile of another device in the place of its own, in the store as well.
    pub(crate) async fn import(&self, profile: &[u8]) -> Result<(), Failure> {
        if self.consent() == Consent::Off {
            return Err(Failure::new("no_consent", "nothing may be learnt: setConsent(\"personal\") first"));
        }
        Ok(self.commit(|session| session.import(profile)).await??)
    }

    fn say(&self, word: &str) {
        self.channel.borrow().iter().for_each(|channel| channel.tell(&word.into()));
    }

    /// Hears of the other tabs from now on.
    pub(crate) fn listen(&self) {
        let Some(store) = &self.store else { return };
        let me = self.me.clone();
        let heard = move |word: JsValue| {
            let Some(me) = me.upgrade() else { return };
            let hearing = Rc::clone(&me);
            let work = async move {
                match word.as_string().as_deref() {
                    None => hearing.catch_up().await,
                    Some(FORGOTTEN) => hearing.empty().await,
                    Some(name) => match Consent::named(name) {
                        Some(consent) => hearing.settle(hearing.allow(consent)?).await,
                        // Of a later version of this package.
                        None => Ok(()),
                    },
                }
            };
            me.background("save", work);
        };
        self.channel.replace(Channel::open(&["brooklet:", store.name()].concat(), heard));
    }
}

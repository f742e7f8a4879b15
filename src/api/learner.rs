//! The class `Learner` that JavaScript sees, but for what it tells of itself: that is in [`crate::api::insight`]. Every method converts, calls, and maps the error.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use brooklet_core::Subject;
use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;

use crate::api::answer;
use crate::api::argument::{self, Asked, item_ids, item_of, slate_id};
use crate::api::items::{Items, add_in_slices};
use crate::api::options;
use crate::learning::journal::Event;
use crate::page::error::Failure;
use crate::page::event;
use crate::page::object::bytes;
use crate::page::promise::promise;
use crate::page::vocabulary::when_forgotten;
use crate::tab::client::Client;
use crate::tab::open;
use crate::tab::sync::{Occasion, sync};

/// A recommender that learns from the one visitor of this page.
#[wasm_bindgen]
pub struct Learner {
    pub(crate) client: Rc<Client>,
}

/// Who frees a learner that is open, as the end of a block does with `using`, has it closed in the background.
impl Drop for Learner {
    fn drop(&mut self) {
        if !self.client.is_closed() {
            self.client.complain();
            let client = Rc::clone(&self.client);
            self.client.background("save", async move { client.close().await });
        }
    }
}

#[wasm_bindgen]
impl Learner {
    /// Opens a learner: fetches its model (or takes the one kept from last time, when offline) and restores the
    /// visitor's profile.
    #[wasm_bindgen(unchecked_return_type = "Promise<Learner>")]
    pub fn open(#[wasm_bindgen(unchecked_param_type = "OpenOptions")] options: &JsValue) -> Promise {
        let options = options::options(options);
        promise(async move {
            let client = open::open(options?).await?;
            let learner = JsValue::from(Learner { client: Rc::clone(&client) });
            client.complain_with(when_forgotten(&learner));
            Ok(learner)
        })
    }

    /// The version of the base that lies under the profile.
    #[wasm_bindgen(getter)]
    pub fn version(&self) -> Result<f64, Failure> {
        self.client.ask(|session| session.core().base().metadata().version as f64)
    }

    /// Adds items to the catalogue, or gives them other features. If one of them is bad, none is added.
    #[wasm_bindgen(js_name = addItems)]
    pub fn add_items(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Iterable<Item> | Columns")] items: &JsValue,
    ) -> Result<(), Failure> {
        self.client.set_items(&Items::of(items)?.read(&self.client)?, true)
    }

    /// The same in slices of some milliseconds, between which the page does what it has to: for catalogues of thousands. Whoever is recommended something meanwhile
    /// is recommended of those that are there.
    #[wasm_bindgen(js_name = addItemsInSlices, unchecked_return_type = "Promise<void>")]
    pub fn add_items_in_slices(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Iterable<Item> | Columns")] items: &JsValue,
    ) -> Promise {
        let items = Items::of(items);
        self.begin(|client| async move { add_in_slices(client, items?).await.map(|()| JsValue::UNDEFINED) })
    }

    /// The catalogue as it is now: other items are taken out of it. If one of them is bad, nothing changes.
    #[wasm_bindgen(js_name = setItems)]
    pub fn set_items(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Iterable<Item> | Columns")] items: &JsValue,
    ) -> Result<(), Failure> {
        self.client.set_items(&Items::of(items)?.read(&self.client)?, false)
    }

    /// Takes items out of the catalogue; returns how many were in it. Slates that were shown keep theirs.
    #[wasm_bindgen(js_name = removeItems)]
    pub fn remove_items(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Iterable<string | number | bigint>")] ids: &JsValue,
    ) -> Result<usize, Failure> {
        self.client.remove_items(&item_ids(ids)?)
    }

    /// Ranks the catalogue for the visitor and keeps the slate, so that clicks and skips find it by its id.
    #[wasm_bindgen(unchecked_return_type = "Slate")]
    pub fn recommend(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "RecommendOptions")] options: &JsValue,
    ) -> Result<JsValue, Failure> {
        let asked = Asked::from_js(&self.client, options)?;
        let slate = self.client.change(|session| asked.with(|query| session.recommend(query)))?;
        Ok(answer::slate(&slate))
    }

    /// Learns that an item of a slate was clicked, also if it was skipped before. Returns what was predicted before; null if it was
    /// clicked before already: then nothing is learnt.
    #[wasm_bindgen(unchecked_return_type = "Prediction | null")]
    pub fn click(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Slate | ImpressionId")] slate: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "string | number | bigint")] item: &JsValue,
    ) -> Result<JsValue, Failure> {
        self.labelled(item_of(slate, item)?, 1.0, 1.0)
    }

    /// Learns that an item of a slate was seen and passed over; the lower it stood, the less. An item that was never seen is
    /// not a skip, and neither is one that was clicked, or one of a slate that made room: then null is returned.
    #[wasm_bindgen(unchecked_return_type = "Prediction | null")]
    pub fn skip(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Slate | ImpressionId")] slate: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "string | number | bigint")] item: &JsValue,
    ) -> Result<JsValue, Failure> {
        self.labelled(item_of(slate, item)?, 0.0, 1.0)
    }

    /// Learns what became of an item of a slate, between a skip (0) and a click (1): stars, the share that was watched.
    /// Returns what was predicted before; null if it has a label already, but for a click upon a skip.
    #[wasm_bindgen(unchecked_return_type = "Prediction | null")]
    pub fn label(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Slate | ImpressionId")] slate: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "string | number | bigint")] item: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "number | boolean")] target: &JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "number")] weight: &JsValue,
    ) -> Result<JsValue, Failure> {
        self.labelled(item_of(slate, item)?, argument::target(target)?, argument::weight(weight)?)
    }

    /// Takes back that an item of a slate was clicked, skipped or labelled, as if it had not been; it may be labelled again. What it taught
    /// this learner is taken out, and no delta tells of it from now on; `sent` is true if one has, or may have, and then those to come
    /// take that back. Returns null if it has no label, and throws (`cannot_undo`, `unknown_slate`) if it was too long ago, or went out alone
    /// with a page that was left.
    #[wasm_bindgen(unchecked_return_type = "Undone | null")]
    pub fn undo(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Slate | ImpressionId")] slate: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "string | number | bigint")] item: &JsValue,
    ) -> Result<JsValue, Failure> {
        let subject = item_of(slate, item)?;
        Ok(answer::undone(self.client.change(|session| session.undo(subject))??))
    }

    /// What is thought of these features. Changes nothing.
    #[wasm_bindgen(js_name = predictOne, unchecked_return_type = "Prediction")]
    pub fn predict_one(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Features")] features: &JsValue,
    ) -> Result<JsValue, Failure> {
        let features = self.client.features(features)?;
        self.client.ask(|session| session.core().predict_one(&features)).map(answer::prediction)
    }

    /// Learns that these features had this target: true or 1 for a click, false or 0 for a skip, anything between is
    /// graded; any number for a model of numbers. Returns what was predicted before.
    #[wasm_bindgen(js_name = learnOne, unchecked_return_type = "Prediction")]
    pub fn learn_one(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Features")] features: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "number | boolean")] target: &JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "number")] weight: &JsValue,
    ) -> Result<JsValue, Failure> {
        let (target, weight) = (argument::target(target)?, argument::weight(weight)?);
        let features = self.client.features(features)?;
        self.client.learn(Event::Learnt { features, target, weight }).map(answer::learnt)
    }

    /// An integer for features that come again and again, so that they are read once: for `predictPrepared` and
    /// `learnPrepared`. It is good until it is released.
    #[wasm_bindgen(unchecked_return_type = "number")]
    pub fn prepare(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Features")] features: &JsValue,
    ) -> Result<u32, Failure> {
        self.client.prepare(features)
    }

    /// Lets go of features that were prepared: their integer may be given to others.
    pub fn release(&self, prepared: f64) -> Result<(), Failure> {
        self.client.release(prepared)
    }

    /// The probability of a click, or the number that is predicted, for features that were prepared. Changes nothing.
    #[wasm_bindgen(js_name = predictPrepared)]
    pub fn predict_prepared(&self, prepared: f64) -> Result<f64, Failure> {
        let features = self.client.prepared(prepared)?;
        self.client.ask(|session| session.core().probability(&features).into())
    }

    /// Learns that features that were prepared had this target. Returns what `predictPrepared` would have before.
    #[wasm_bindgen(js_name = learnPrepared)]
    pub fn learn_prepared(&self, prepared: f64, target: f64, weight: Option<f64>) -> Result<f64, Failure> {
        let features = self.client.prepared(prepared)?;
        let (target, weight) = (target as f32, weight.unwrap_or(1.0) as f32);
        let predicted = self.client.learn(Event::Learnt { features, target, weight })?;
        // Learning one thing predicts it.
        Ok(predicted.map_or(f64::NAN, |predicted| predicted.probability.into()))
    }

    /// Learns that one thing is preferred to another. It teaches the order alone and counts for no figure.
    #[wasm_bindgen(js_name = learnPair)]
    pub fn learn_pair(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Features")] preferred: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "Features")] other: &JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "number")] weight: &JsValue,
    ) -> Result<(), Failure> {
        let weight = argument::weight(weight)?;
        let (preferred, other) = (self.client.features(preferred)?, self.client.features(other)?);
        self.client.learn(Event::Compared { preferred, other, weight }).map(drop)
    }

    /// Predicts, and keeps the features until their label comes, after a reload too: for what is known only later, as how
    /// long a visit lasts.
    #[wasm_bindgen(unchecked_return_type = "Held")]
    pub fn hold(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Features")] features: &JsValue,
    ) -> Result<JsValue, Failure> {
        let features = self.client.features(features)?;
        self.client.change(|session| session.hold(&features)).map(answer::held)
    }

    /// The label of a held prediction. Returns what was predicted; null if it has a label already, but for a click upon a skip.
    #[wasm_bindgen(js_name = labelHeld, unchecked_return_type = "Prediction | null")]
    pub fn label_held(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Held | ImpressionId")] held: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "number | boolean")] target: &JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "number")] weight: &JsValue,
    ) -> Result<JsValue, Failure> {
        self.labelled(Subject::Held(slate_id(held)?), argument::target(target)?, argument::weight(weight)?)
    }

    /// Calls `listener` with every event of this type from now on, once however often it is added.
    #[wasm_bindgen(skip_typescript)]
    pub fn on(&self, kind: &JsValue, listener: &JsValue) -> Result<(), Failure> {
        let (kind, listener) = listening(kind, listener)?;
        self.client.ask(|_| self.client.on(kind, listener))
    }

    /// Calls it no more.
    #[wasm_bindgen(skip_typescript)]
    pub fn off(&self, kind: &JsValue, listener: &JsValue) -> Result<(), Failure> {
        let (kind, listener) = listening(kind, listener)?;
        self.client.ask(|_| self.client.off(kind, &listener))
    }

    /// Saves the profile now, instead of a moment after the last event.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn save(&self) -> Promise {
        self.begin(|client| async move { client.save().await.map(|()| JsValue::UNDEFINED) })
    }

    /// Saves, sends what was learnt, and pulls a newer base, now instead of when it is time.
    #[wasm_bindgen(unchecked_return_type = "Promise<SyncReport>")]
    pub fn sync(&self) -> Promise {
        self.begin(|client| async move { sync(client, Occasion::Asked).await.map(|report| answer::report(&report)) })
    }

    /// Forgets what was learnt of the visitor, in the store as well. The catalogue stays.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn reset(&self) -> Promise {
        self.begin(|client| async move { client.reset().await.map(|()| JsValue::UNDEFINED) })
    }

    /// What the visitor allows: `"off"`, nothing is learnt or stored, and everybody is recommended the same; `"personal"`, what is learnt
    /// stays on the device for good; `"sharing"`, deltas go out. Where the browser sends Global Privacy Control it is `"personal"` at most.
    #[wasm_bindgen(getter, unchecked_return_type = "Consent")]
    pub fn consent(&self) -> Result<String, Failure> {
        self.client.ask(|session| session.consent().name().into())
    }

    /// The visitor allows this from now on, in every tab of this store. It holds when the call returns; the promise is kept when nothing is under way in the
    /// store any more, or the profile is back that was kept before. With `"off"` what is kept stays as it is: `forget()` removes it.
    #[wasm_bindgen(js_name = setConsent, unchecked_return_type = "Promise<void>")]
    pub fn set_consent(&self, #[wasm_bindgen(unchecked_param_type = "Consent")] consent: &JsValue) -> Promise {
        let before = options::consent(consent).and_then(|consent| self.client.set_consent(consent));
        self.begin(|client| async move { client.settle(before?).await.map(|()| JsValue::UNDEFINED) })
    }

    /// Forgets this visitor: what was learnt here and in every other tab of the store, its database's rows, the base that was kept and the event log. The catalogue
    /// stays, and learning goes on if the visitor allows it. What was sent is not called back: nobody knows whose it was.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn forget(&self) -> Promise {
        self.begin(|client| async move { client.forget().await.map(|()| JsValue::UNDEFINED) })
    }

    /// The profile, for the visitor to take along: all that was learnt of him, and what deltas are made of. Keep it as private as that is.
    #[wasm_bindgen(js_name = exportProfile, unchecked_return_type = "Uint8Array")]
    pub fn export_profile(&self) -> Result<Vec<u8>, Failure> {
        self.client.ask(|session| session.core().profile())
    }

    /// Takes an exported profile in the place of its own, in the store as well: one of the same model, made with this version of it or one before. What that
    /// device has learnt no delta of this one tells again.
    #[wasm_bindgen(js_name = importProfile, unchecked_return_type = "Promise<void>")]
    pub fn import_profile(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Uint8Array | ArrayBuffer")] profile: &JsValue,
    ) -> Promise {
        let profile = bytes(profile).ok_or(Failure::argument("a profile is a Uint8Array or an ArrayBuffer"));
        self.begin(|client| async move { client.import(&profile?).await.map(|()| JsValue::UNDEFINED) })
    }

    /// Saves and sends for the last time and stops. Every other method throws from now on.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn close(&self) -> Promise {
        let client = Rc::clone(&self.client);
        promise(async move {
            if !client.is_closed() {
                client.close().await?;
            }
            Ok(JsValue::UNDEFINED)
        })
    }

    fn labelled(&self, subject: Subject, target: f32, weight: f32) -> Result<JsValue, Failure> {
        match self.client.label(subject, target, weight)? {
            Some(predicted) => Ok(answer::prediction(predicted)),
            None => Ok(JsValue::NULL),
        }
    }

    /// Work that goes on while the page uses the learner: it has its own hold on the client.
    fn begin<F>(&self, work: impl FnOnce(Rc<Client>) -> F) -> Promise
    where
        F: Future<Output = Result<JsValue, Failure>> + 'static,
    {
        let open = self.client.ask(|_| ());
        let work = work(Rc::clone(&self.client));
        promise(async move {
            open?;
            work.await
        })
    }
}

fn listening(kind: &JsValue, listener: &JsValue) -> Result<(&'static str, Function), Failure> {
    let kind = kind.as_string().and_then(|kind| event::KINDS.into_iter().find(|known| *known == kind));
    let kind =
        kind.ok_or_else(|| Failure::named("bad_argument", ["an event is ", &event::KINDS.join(", ")].concat()))?;
    let listener = listener.dyn_ref::<Function>().cloned();
    Ok((kind, listener.ok_or(Failure::argument("a listener is a function"))?))
}

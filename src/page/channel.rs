//! Word between the tabs of an origin: that one of them has saved, what the visitor allows.

use js_sys::{Function, Reflect};
use wasm_bindgen::prelude::*;
use web_sys::{BroadcastChannel, MessageEvent};

/// Open for as long as it lives. A page with one is kept for the back button only if nothing is heard meanwhile, so one that goes drops it.
pub(crate) struct Channel {
    channel: BroadcastChannel,
    _heard: Closure<dyn FnMut(MessageEvent)>,
}

impl Channel {
    /// Nothing where there is no such thing.
    pub(crate) fn open(name: &str, mut heard: impl FnMut(JsValue) + 'static) -> Option<Channel> {
        let channel = BroadcastChannel::new(name).ok()?;
        let heard = Closure::new(move |message: MessageEvent| heard(message.data()));
        channel.set_onmessage(Some(heard.as_ref().unchecked_ref()));
        // Node would go on for as long as one is open.
        if let Some(unref) = Reflect::get(&channel, &"unref".into()).ok()?.dyn_ref::<Function>() {
            let _ = unref.call0(&channel);
        }
        Some(Channel { channel, _heard: heard })
    }

    /// Says something to the other tabs: null, that there is something to look at, or a word.
    pub(crate) fn tell(&self, word: &JsValue) {
        let _ = self.channel.post_message(word);
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.channel.set_onmessage(None);
        self.channel.close();
    }
}

//! What happens in the background, told to the page through `onEvent` and to who listens.

use alloc::vec;

use js_sys::{Function, Uint8Array};
use wasm_bindgen::JsValue;

use crate::page::error::Failure;
use crate::page::object::{number, object};

/// Something that happened without the page asking for it.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// The profile is in the store.
    Saved { revision: f64 },
    /// Another tab's learning came in; this tab's unsaved events were learnt again upon it.
    Merged,
    /// A delta is on its way.
    Sent { seq: u64, bytes: &'a [u8] },
    /// The endpoint has it for good.
    Acknowledged { seq: u64, repeat: bool, version: u64 },
    /// A new base lies under the profile.
    Pulled { version: u64 },
    /// The visitor is predicted worse than before.
    Drift { drifts: u64 },
    /// The visitor allows this from now on, perhaps as another tab has said.
    Consent { consent: &'static str },
    /// All that was learnt and kept is gone, perhaps as another tab has said.
    Forgotten,
    /// Something failed; the learner goes on.
    Failed { during: &'static str, failure: &'a Failure },
}

/// What events are called.
pub(crate) const KINDS: [&str; 9] =
    ["saved", "merged", "sent", "acknowledged", "pulled", "drift", "consent", "forgotten", "error"];

impl Event<'_> {
    /// What it is called.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Event::Saved { .. } => "saved",
            Event::Merged => "merged",
            Event::Sent { .. } => "sent",
            Event::Acknowledged { .. } => "acknowledged",
            Event::Pulled { .. } => "pulled",
            Event::Drift { .. } => "drift",
            Event::Consent { .. } => "consent",
            Event::Forgotten => "forgotten",
            Event::Failed { .. } => "error",
        }
    }

    /// Calls `listener`. What it throws is the page's own affair and is put on the console.
    pub(crate) fn tell(&self, listener: &Function) {
        if let Err(thrown) = listener.call1(&JsValue::UNDEFINED, &self.to_js()) {
            web_sys::console::error_1(&thrown);
        }
    }

    fn to_js(&self) -> JsValue {
        let mut fields = vec![("type", self.kind().into())];
        match *self {
            Event::Merged | Event::Forgotten => {}
            Event::Saved { revision } => fields.push(("revision", revision.into())),
            Event::Sent { seq, bytes } => {
                fields.extend([("seq", number(seq)), ("bytes", Uint8Array::from(bytes).into())]);
            }
            Event::Acknowledged { seq, repeat, version } => {
                fields.extend([("seq", number(seq)), ("repeat", repeat.into()), ("version", number(version))]);
            }
            Event::Pulled { version } => fields.push(("version", number(version))),
            Event::Drift { drifts } => fields.push(("drifts", number(drifts))),
            Event::Consent { consent } => fields.push(("consent", consent.into())),
            Event::Failed { during, failure } => {
                fields.extend([("during", during.into()), ("error", failure.into())]);
            }
        }
        object(&fields)
    }
}

//! What happens in the background, told to the page through `onEvent`.

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

impl Event<'_> {
    /// Calls `listener`. What it throws is the page's own affair and is put on the console.
    pub(crate) fn tell(&self, listener: &Function) {
        if let Err(thrown) = listener.call1(&JsValue::UNDEFINED, &self.to_js()) {
            web_sys::console::error_1(&thrown);
        }
    }

    fn to_js(&self) -> JsValue {
        match *self {
            Event::Saved { revision } => object(&[("type", "saved".into()), ("revision", revision.into())]),
            Event::Merged => object(&[("type", "merged".into())]),
            Event::Sent { seq, bytes } => {
                object(&[("type", "sent".into()), ("seq", number(seq)), ("bytes", Uint8Array::from(bytes).into())])
            }
            Event::Acknowledged { seq, repeat, version } => object(&[
                ("type", "acknowledged".into()),
                ("seq", number(seq)),
                ("repeat", repeat.into()),
                ("version", number(version)),
            ]),
            Event::Pulled { version } => object(&[("type", "pulled".into()), ("version", number(version))]),
            Event::Drift { drifts } => object(&[("type", "drift".into()), ("drifts", number(drifts))]),
            Event::Consent { consent } => object(&[("type", "consent".into()), ("consent", consent.into())]),
            Event::Forgotten => object(&[("type", "forgotten".into())]),
            Event::Failed { during, failure } => {
                object(&[("type", "error".into()), ("during", during.into()), ("error", failure.into())])
            }
        }
    }
}

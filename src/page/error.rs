//! What JavaScript gets to see of a failure: an `Error` with a `code` for programs and a sentence for people.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::string::ToString;
use core::fmt;

use wasm_bindgen::{JsCast, JsValue};

const NO_ROOM: &str = "the browser gives this site no more room: until it does, what is learnt is in memory alone";

/// A failure on its way to JavaScript, where it is a `BrookletError`.
#[derive(Debug, Clone)]
pub struct Failure {
    code: Cow<'static, str>,
    message: Cow<'static, str>,
}

impl Failure {
    pub(crate) const CLOSED: Failure = Failure::new("closed", "this learner was closed: open a new one");
    pub(crate) const BUSY: Failure = Failure::new("busy", "the learner is in use");
    pub(crate) const OFFLINE: Failure =
        Failure::new("offline", "the endpoint cannot be reached; what was learnt is kept and sent later");
    pub(crate) const NO_ENDPOINT: Failure =
        Failure::new("no_endpoint", "this learner was opened without an endpoint: pass `endpoint` to Learner.open");

    pub(crate) const fn new(code: &'static str, message: &'static str) -> Failure {
        Failure { code: Cow::Borrowed(code), message: Cow::Borrowed(message) }
    }

    /// An option or an argument that the caller should mend.
    pub(crate) const fn argument(message: &'static str) -> Failure {
        Failure::new("bad_argument", message)
    }

    /// A failure whose code is only known at run time, such as one that the endpoint named.
    pub(crate) fn named(code: impl Into<Cow<'static, str>>, message: String) -> Failure {
        Failure { code: code.into(), message: message.into() }
    }

    /// The same, of this thing.
    pub(crate) fn of(self, kind: &str, name: &str) -> Failure {
        Failure { message: [kind, name, ": ", &self.message].concat().into(), ..self }
    }

    /// Whether nobody answered.
    pub(crate) fn is_silence(&self) -> bool {
        self.is("offline") || self.is("timeout")
    }

    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    pub(crate) fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// What a browser API threw, under a code of ours.
    pub(crate) fn thrown(code: &'static str, thrown: &JsValue) -> Failure {
        let message = match thrown.dyn_ref::<js_sys::Error>() {
            Some(error) if error.name() == "QuotaExceededError" => NO_ROOM.into(),
            Some(error) => String::from(error.message()),
            None => thrown.as_string().unwrap_or_default(),
        };
        Failure { code: Cow::Borrowed(code), message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<brooklet_core::Error> for Failure {
    fn from(error: brooklet_core::Error) -> Failure {
        Failure { code: Cow::Borrowed(error.code()), message: error.to_string().into() }
    }
}

impl From<&Failure> for JsValue {
    fn from(failure: &Failure) -> JsValue {
        let error = js_sys::Error::new(&failure.message);
        error.set_name("BrookletError");
        let error = JsValue::from(error);
        // Setting a property of an object that was made here cannot fail.
        let _ = js_sys::Reflect::set(&error, &"code".into(), &(*failure.code).into());
        error
    }
}

impl From<Failure> for JsValue {
    fn from(failure: Failure) -> JsValue {
        JsValue::from(&failure)
    }
}

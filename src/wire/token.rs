//! What the endpoint lets this visitor in by: a token of the site's backend, for which the page is asked.

use alloc::boxed::Box;
use alloc::string::String;
use core::cell::RefCell;

use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use crate::page::error::Failure;
use crate::page::promise::within;
use crate::wire::endpoint::PATIENCE;

/// The page's callback, and what it gave last.
pub(crate) struct Token {
    ask: Function,
    last: RefCell<Option<String>>,
}

impl Token {
    pub(crate) fn new(ask: Function) -> Token {
        Token { ask, last: RefCell::default() }
    }

    /// What the page gives now: a string or a promise of one, or nothing.
    pub(crate) async fn fresh(&self) -> Result<Option<String>, Failure> {
        let failed = |thrown| Failure::thrown("endpoint_token", &thrown);
        let given = Promise::resolve(&self.ask.call0(&JsValue::NULL).map_err(failed)?);
        let given = within(f64::from(PATIENCE), Box::pin(JsFuture::from(given))).await;
        let given = given.map_err(|_| Failure::new("timeout", "`endpointToken` took too long"))?.map_err(failed)?;
        self.last.replace(given.as_string());
        Ok(given.as_string())
    }

    /// What it gave last, for a page that cannot wait.
    pub(crate) fn last(&self) -> Option<String> {
        self.last.borrow().clone()
    }
}

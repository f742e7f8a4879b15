//! A running endpoint, as the operator's commands reach it: over HTTP, so that they work beside it, on any store and from another machine.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::io::Read;
use ureq::http::Request;
use ureq::{Agent, Body};

/// More than any base has.
const MOST: u64 = 4 << 30;

/// Where it is and what it asks for.
#[derive(Debug, clap::Args)]
pub(crate) struct Endpoint {
    /// The running server, as http://HOST:PORT. What speaks https stands before it: ask the server itself, on its machine or through a tunnel.
    #[arg(long, env = "BROOKLET_SERVER", default_value = "http://127.0.0.1:8787", value_name = "URL")]
    server: String,
    /// A token for `operate`, where the server needs one; better given as BROOKLET_TOKEN, for others see command lines.
    #[arg(long, env = "BROOKLET_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    token: Option<String>,
}

impl Endpoint {
    /// Asks with a body of JSON, if there is one, and reads the answer as JSON; null if it is empty.
    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let sent = body.map(Value::to_string).unwrap_or_default();
        let answer = self.send(method, path, "application/json", sent.as_bytes())?;
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer).with_context(|| format!("{} does not answer as an endpoint does", self.server))
    }

    /// The bytes of an answer.
    pub(crate) fn fetch(&self, path: &str) -> Result<Vec<u8>> {
        self.send("GET", path, "", &[])
    }

    pub(crate) fn send(&self, method: &str, path: &str, media: &str, body: &[u8]) -> Result<Vec<u8>> {
        let agent: Agent = Agent::config_builder().http_status_as_error(false).build().into();
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.server.trim_end_matches('/')));
        if !body.is_empty() {
            request = request.header("content-type", media);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(body).with_context(|| format!("`{}` is not an address", self.server))?;
        let mut answer = agent.run(request).with_context(|| format!("{} does not answer", self.server))?;
        let (status, bytes) = (answer.status(), read(answer.body_mut())?);
        if status.is_success() {
            return Ok(bytes);
        }
        let problem: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        match (problem["code"].as_str(), problem["detail"].as_str()) {
            (Some(code), Some(detail)) => bail!("{detail} ({code})"),
            _ => bail!("{} answers with status {status}", self.server),
        }
    }
}

fn read(body: &mut Body) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    body.with_config().limit(MOST).reader().read_to_end(&mut bytes).context("the answer broke off")?;
    Ok(bytes)
}

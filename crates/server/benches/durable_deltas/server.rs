//! A server in a process of its own, which is this program once more: the endpoint as `brooklet serve` runs it, and at another port a POST that does nothing.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use brooklet_core::Precision;
use brooklet_server::PostgresUrl;
use tokio::net::TcpListener;

use crate::common::config;

/// Where the POST is that reads its body and answers as if it were a delta's.
pub(crate) const NOTHING: &str = "/nothing";

const FOLDER: &str = "BROOKLET_BENCH_SERVE";
const STORE: &str = "BROOKLET_BENCH_STORE";

/// A server, killed when it is dropped.
pub(crate) struct Server {
    process: Child,
    /// Of the endpoint.
    pub(crate) address: SocketAddr,
    /// Of the POST that does nothing.
    pub(crate) nothing: SocketAddr,
}

impl Server {
    /// With its seed and its store in this folder, or upon a database.
    pub(crate) fn start(folder: &Path, store: Option<&str>) -> Server {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(FOLDER, folder).envs(store.map(|store| (STORE, store))).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let [address, nothing] = [(); 2].map(|()| lines.next().unwrap().unwrap().parse().unwrap());
        Server { process, address, nothing }
    }

    /// Memory that it has now and that it had at most, in MB.
    pub(crate) fn memory(&self) -> [f64; 2] {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let kb = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(f64::NAN)
        };
        ["VmRSS:", "VmHWM:"].map(|name| kb(name) / 1e3)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the process does that was started to be a server; does not return if this is one.
pub(crate) fn serve_if_asked() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let mut config = config(Path::new(&folder));
    config.precision = Precision::Steps;
    config.store = std::env::var(STORE).ok().map(|store| store.parse::<PostgresUrl>().unwrap());
    config.horizon = u64::MAX;
    config.quota = 1 << 40;
    config.max_connections = 4096;
    config.listen = "127.0.0.1:0".parse().unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let server = brooklet_server::Server::bind(config).await.unwrap();
        println!("{}", server.address().unwrap());
        let nothing = post(|_: Bytes| async { r#"{"acknowledged":1,"repeat":false,"version":1}"# });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, Router::new().route(NOTHING, nothing)).await });
        server.run(std::future::pending()).await.unwrap();
    });
}

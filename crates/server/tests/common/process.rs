//! A server in a process of its own: this test's own binary, started again with an environment that tells it to serve.
#![allow(dead_code, unreachable_pub)]

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use brooklet_server::{Config, LogFormat, Server};

const FOLDER: &str = "BROOKLET_TEST_FOLDER";
const FOLD_DELTAS: &str = "BROOKLET_TEST_FOLD_DELTAS";
const STORE: &str = "BROOKLET_TEST_STORE";

/// How many kills a test is to survive: a few, or as many as `BROOKLET_TEST_KILLS` says.
pub fn kills(few: usize) -> usize {
    std::env::var("BROOKLET_TEST_KILLS").map_or(few, |kills| kills.parse().unwrap())
}

/// The other side: call it in a test named `the_server_itself`. It serves if it was asked to, and is nothing otherwise.
pub fn serve_if_asked() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let log = brooklet_server::init_logging(None, LogFormat::Text).unwrap();
    let mut config: Config = crate::common::config(&folder);
    config.listen = "127.0.0.1:0".parse().unwrap();
    config.fold_deltas = std::env::var(FOLD_DELTAS).unwrap().parse().unwrap();
    config.store = std::env::var(STORE).ok().map(|store| store.parse().unwrap());
    config.retain_versions = 1_000_000;
    config.horizon = 1_000_000;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let result = runtime.block_on(async {
        let server = Server::bind(config).await?;
        let address = server.address()?.to_string();
        let stop = asked_to_stop();
        // Renamed, so that whoever waits for it never reads half of it.
        fs::write(folder.join("address.new"), address).unwrap();
        fs::rename(folder.join("address.new"), folder.join("address")).unwrap();
        server.run(stop).await
    });
    drop(runtime);
    drop(log);
    std::process::exit(match result {
        Ok(()) => 0,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            1
        }
    });
}

fn asked_to_stop() -> impl Future<Output = ()> + Send + 'static {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
    async move {
        terminate.recv().await;
    }
}

pub struct Process {
    child: Child,
    folder: PathBuf,
}

impl Process {
    pub fn start(folder: &Path, fold_deltas: u64) -> Process {
        Process::start_with_log(folder, fold_deltas, Stdio::inherit())
    }

    /// With its standard error, where the log goes, somewhere else.
    pub fn start_with_log(folder: &Path, fold_deltas: u64, log: impl Into<Stdio>) -> Process {
        Process::spawn(folder, command(folder, fold_deltas).stderr(log))
    }

    /// With a variable of the environment.
    pub fn start_with(folder: &Path, fold_deltas: u64, (name, value): (&str, &str)) -> Process {
        Process::spawn(folder, command(folder, fold_deltas).env(name, value))
    }

    /// Upon a database; the folder is for the seed and the address.
    pub fn start_upon(store: &str, folder: &Path, fold_deltas: u64) -> Process {
        Process::spawn(folder, command(folder, fold_deltas).env(STORE, store))
    }

    fn spawn(folder: &Path, command: &mut Command) -> Process {
        // The seed is there before the server asks for it.
        crate::common::config(folder);
        let _ = fs::remove_file(folder.join("address"));
        Process { child: command.spawn().unwrap(), folder: folder.into() }
    }

    /// Where it listens, once it does.
    pub fn wait_until_ready(&mut self) -> SocketAddr {
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            if let Ok(address) = fs::read_to_string(self.folder.join("address")) {
                return address.parse().unwrap();
            }
            assert!(self.child.try_wait().unwrap().is_none(), "the server ended before it listened");
            assert!(Instant::now() < patience, "the server does not start");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// SIGKILL: it gets no chance to do anything more.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, without waiting.
    pub fn terminate(&self) {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
    }

    pub fn wait(mut self) -> ExitStatus {
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < patience, "the server does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A test that fails leaves nothing running. A child that was waited for cannot be hit.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(folder: &Path, fold_deltas: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["the_server_itself", "--exact", "--nocapture"]).stdout(Stdio::null());
    command.env(FOLDER, folder).env(FOLD_DELTAS, fold_deltas.to_string());
    command
}

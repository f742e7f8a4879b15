//! A PostgreSQL cluster of the test's own: in a temporary folder, on a free port, as a user that may run it.
#![allow(dead_code, unreachable_pub)]

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use brooklet_server::PostgresUrl;
use tokio_postgres::NoTls;

/// Debian's `nobody`: PostgreSQL refuses to be run by root.
const NOBODY: u32 = 65534;

/// A cluster, stopped when it is dropped.
pub struct Cluster {
    folder: tempfile::TempDir,
    programs: PathBuf,
    pub port: u16,
    server: Mutex<Child>,
}

/// A cluster that the tests of a file share, if PostgreSQL is installed. Where it has to be, a test without it fails.
pub fn cluster() -> Option<Arc<Cluster>> {
    static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
    let programs = programs()?;
    let mut shared = SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(cluster) = shared.upgrade() {
        return Some(cluster);
    }
    // What is proven here is what a killed process leaves, not a machine: without syncs it is quick on any disk.
    let cluster = Arc::new(Cluster::start(programs, &["fsync=off"]));
    *shared = Arc::downgrade(&cluster);
    Some(cluster)
}

/// Where `initdb` and the others are.
pub fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|at| at.path().join("bin"));
    // A link upon the path leads to where all of them are.
    let initdb = std::env::split_paths(&path).chain(debian).find_map(|at| at.join("initdb").canonicalize().ok());
    let found = initdb.and_then(|initdb| Some(initdb.parent()?.to_owned()));
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "PostgreSQL is not installed: apt-get install postgresql");
        eprintln!("PostgreSQL is not installed: this test is left out");
    }
    found
}

impl Cluster {
    /// With these settings beside its defaults.
    pub fn start(programs: PathBuf, settings: &[&str]) -> Cluster {
        let folder = owned_folder();
        let initdb =
            ["--pgdata=data", "--username=brooklet", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"];
        run(&folder, &programs, "initdb", &initdb);
        Cluster::of(folder, programs, settings)
    }

    /// A standby, which has what the primary has and follows it under this name.
    pub fn standby(primary: &Cluster, name: &str, settings: &[&str]) -> Cluster {
        let folder = owned_folder();
        let from = format!("--dbname=postgres://brooklet@127.0.0.1:{}/postgres?application_name={name}", primary.port);
        let backup = ["--pgdata=data", "--write-recovery-conf", "--no-sync", "--checkpoint=fast", &from];
        run(&folder, &primary.programs, "pg_basebackup", &backup);
        Cluster::of(folder, primary.programs.clone(), settings)
    }

    fn of(folder: tempfile::TempDir, programs: PathBuf, settings: &[&str]) -> Cluster {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = command(&folder, &programs, "postgres");
        command.args(["-D", "data", "-c", "listen_addresses=127.0.0.1", "-c", &format!("port={port}")]);
        command.args([
            "-c",
            &format!("unix_socket_directories={}", folder.path().display()),
            "-c",
            "max_connections=60",
        ]);
        for setting in settings {
            command.args(["-c", setting]);
        }
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let server = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let cluster = Cluster { folder, programs, port, server: Mutex::new(server) };
        let patience = Instant::now() + Duration::from_secs(60);
        let ready = ["--quiet", "--host=127.0.0.1", &format!("--port={port}")];
        while !command_of(&cluster, "pg_isready").args(ready).status().unwrap().success() {
            assert!(Instant::now() < patience, "the cluster does not start: {}", cluster.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        cluster
    }

    /// A new database.
    pub fn database(&self) -> PostgresUrl {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.run(&format!("CREATE DATABASE {name}"), "postgres");
        self.url(&name).parse().unwrap()
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://brooklet@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs SQL in a database.
    pub fn run(&self, sql: &str, database: &str) {
        let psql = ["--host=127.0.0.1", &format!("--port={}", self.port), "--username=brooklet", "--quiet"];
        let mut psql_command = command_of(self, "psql");
        psql_command.args(psql).args(["--set=ON_ERROR_STOP=1", database]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut running = psql_command.spawn().unwrap();
        running.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
        assert!(running.wait().unwrap().success(), "{sql}");
    }

    /// The SQL that makes a database again.
    pub fn dump(&self, database: &str) -> String {
        let options = ["--inserts", "--rows-per-insert=100", "--no-owner", "--no-acl", "--no-comments"];
        let mut command = command_of(self, "pg_dump");
        command.args(options).arg(self.url(database));
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    }

    /// SIGKILL to all of its processes, as if its machine were gone.
    pub fn kill(&self) {
        let mut server = self.server.lock().unwrap();
        let id = server.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        server.kill().unwrap();
        for child in children.split_whitespace() {
            let _ = Command::new("kill").args(["-KILL", child]).stderr(Stdio::null()).status();
        }
        server.wait().unwrap();
    }

    /// A standby becomes the primary.
    pub fn promote(&self) {
        let promote = ["promote", "--pgdata=data", "--silent"];
        assert!(command_of(self, "pg_ctl").args(promote).status().unwrap().success());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A connection to look at a database with.
pub async fn look(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A folder of the user who runs the cluster.
pub fn owned_folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("brooklet-postgres-").tempdir().unwrap();
    if is_root(folder.path()) {
        std::os::unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    folder
}

/// Whether whoever makes files here is root.
fn is_root(folder: &Path) -> bool {
    let probe = tempfile::tempfile_in(folder).unwrap();
    probe.metadata().unwrap().uid() == 0
}

fn command_of(cluster: &Cluster, program: &str) -> Command {
    command(&cluster.folder, &cluster.programs, program)
}

fn command(folder: &tempfile::TempDir, programs: &Path, program: &str) -> Command {
    let mut command = Command::new(programs.join(program));
    command.current_dir(folder.path()).env("HOME", folder.path());
    if folder.path().metadata().unwrap().uid() == NOBODY {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn run(folder: &tempfile::TempDir, programs: &Path, program: &str, arguments: &[&str]) {
    let output = command(folder, programs, program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

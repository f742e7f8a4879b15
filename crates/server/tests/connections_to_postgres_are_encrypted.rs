//! `sslmode` of a database's address holds for every connection of a server, and `verify-full` believes nobody else's certificate.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "common/cluster.rs"]
mod cluster;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use brooklet_server::{Postgres, PostgresConfig, Store, StoreError};
use cluster::{Cluster, look, owned_folder, programs};

const PATIENCE: Duration = Duration::from_secs(30);

/// A certificate of `localhost` and its key, by an authority; both are made.
fn certificates(folder: &Path, name: &str) {
    let openssl = |more: &[&str], name: &str| {
        let mut command = Command::new("openssl");
        command.current_dir(folder).args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
        command.args(["-nodes", "-days", "2", "-subj", &format!("/CN={name}")]).args(more);
        command.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let authority = format!("{name}-authority");
    openssl(&[], &authority);
    let [by, key] = ["pem", "key"].map(|kind| format!("{authority}.{kind}"));
    let host = ["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"];
    openssl(&[&["-CA", &by, "-CAkey", &key], &host[..]].concat(), name);
    // PostgreSQL reads a key that is its user's, and nobody else's.
    let (key, user) = (folder.join(format!("{name}.key")), folder.metadata().unwrap());
    std::os::unix::fs::chown(&key, Some(user.uid()), Some(user.gid())).unwrap();
    fs::set_permissions(key, PermissionsExt::from_mode(0o600)).unwrap();
}

async fn open(url: &str) -> Result<Postgres, StoreError> {
    Postgres::open(&url.parse().unwrap(), &PostgresConfig::default(), Arc::default()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_connection_is_encrypted_and_a_strangers_certificate_is_refused() {
    let Some(programs) = programs() else { return };
    let folder = owned_folder();
    let path = |name: &str| folder.path().join(name).display().to_string();
    certificates(folder.path(), "database");
    certificates(folder.path(), "stranger");
    let certificate = format!("ssl_cert_file={}", path("database.pem"));
    let key = format!("ssl_key_file={}", path("database.key"));
    let cluster = Cluster::start(programs.clone(), &["fsync=off", "ssl=on", &certificate, &key]);
    cluster.run("CREATE DATABASE shop", "postgres");
    let url = |host: &str, more: &str| format!("postgres://brooklet@{host}:{}/shop?{more}", cluster.port);
    let encrypted = async || -> Vec<bool> {
        let asked = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'brooklet'";
        let client = look(&cluster.url("postgres")).await;
        client.query(asked, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    };

    let full = format!("sslmode=verify-full&sslrootcert={}", path("database-authority.pem"));
    for (mode, host) in [(full.as_str(), "localhost"), ("sslmode=require", "127.0.0.1")] {
        let store = open(&url(host, mode)).await.unwrap();
        assert_eq!(store.models().await.unwrap(), Vec::<String>::new());
        // The pool's, and the one that listens.
        let patience = Instant::now() + PATIENCE;
        while encrypted().await.len() < 2 {
            assert!(Instant::now() < patience, "{mode}: nobody listens");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(encrypted().await.iter().all(|is| *is), "{mode}: {:?}", encrypted().await);
        store.close().await.unwrap();
        drop(store);
        while !encrypted().await.is_empty() {
            assert!(Instant::now() < patience, "{mode}: a connection stays");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    let of_a_stranger = format!("sslmode=verify-full&sslrootcert={}", path("stranger-authority.pem"));
    for (refused, host) in
        [(of_a_stranger.as_str(), "localhost"), (full.as_str(), "127.0.0.1"), ("sslmode=verify-full", "localhost")]
    {
        let error = open(&url(host, refused)).await.unwrap_err().to_string();
        assert!(error.contains("certificate"), "{refused} of {host}: {error}");
    }
    let missing = format!("sslmode=verify-full&sslrootcert={}", path("nothing.pem"));
    let error = open(&url("localhost", &missing)).await.unwrap_err().to_string();
    assert!(error.contains("nothing.pem"), "{error}");

    let plain = Cluster::start(programs, &["fsync=off"]);
    let error = open(&format!("{}?sslmode=require", plain.url("postgres"))).await.unwrap_err().to_string();
    assert!(error.contains("TLS"), "{error}");
}

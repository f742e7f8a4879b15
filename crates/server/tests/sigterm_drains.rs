//! Whoever is being served when the server is told to stop is served, and nothing is left in the log.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used)]

mod common;
#[path = "common/process.rs"]
mod process;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use common::{delta, deltas_path};
use process::Process;

#[test]
fn the_server_itself() {
    process::serve_if_asked();
}

#[test]
fn a_request_in_flight_is_finished_and_new_ones_find_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path(), u64::MAX >> 1);
    let address = process.wait_until_ready();

    // Half of a request is there when the signal comes.
    let body = delta(1, 1, 1).encode();
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\ncontent-type: application/cbor\r\ncontent-length: {}\r\n\r\n",
        deltas_path(),
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body[..10]).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    process.terminate();

    let patience = Instant::now() + Duration::from_secs(5);
    while TcpStream::connect(address).is_ok() {
        assert!(Instant::now() < patience, "the server still takes connections");
        std::thread::sleep(Duration::from_millis(10));
    }
    stream.write_all(&body[10..]).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains(r#"{"acknowledged":1,"repeat":false,"version":1}"#), "{answer}");

    assert_eq!(process.wait().code(), Some(0));
    let log = folder.path().join("store/brooklet.sqlite-wal");
    assert!(!log.exists() || log.metadata().unwrap().len() == 0, "the log was not emptied");
    let connection = rusqlite::Connection::open(folder.path().join("store/brooklet.sqlite")).unwrap();
    let stored: u64 = connection.query_row("SELECT count(*) FROM deltas", [], |row| row.get(0)).unwrap();
    assert_eq!(stored, 1);
}

#[test]
fn an_idle_connection_does_not_hold_it_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path(), u64::MAX >> 1);
    let mut stream = TcpStream::connect(process.wait_until_ready()).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    let started = Instant::now();
    process.terminate();
    assert_eq!(process.wait().code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(5));
}

//! With the feature `otel`, and a collector in the environment.
#![cfg(all(unix, feature = "otel"))]
#![allow(missing_docs, clippy::unwrap_used)]

mod common;
#[path = "common/process.rs"]
mod process;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use common::delta;
use process::Process;

/// What a collector finds among the spans of one delta that becomes a version.
const WANTED: [&str; 5] = ["brooklet", "request", "/v1/models/films/deltas", "commit", "fold"];

#[test]
fn the_server_itself() {
    process::serve_if_asked();
}

#[test]
fn a_delta_that_becomes_a_version_leaves_spans() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let endpoint = format!("http://{}", collector.local_addr().unwrap());
    let mut server = Process::start_with(folder.path(), 1, ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint));
    let (told, bodies) = channel();
    thread::spawn(move || collector.incoming().for_each(|connection| collect(connection.unwrap(), &told)));
    let address = server.wait_until_ready();
    let sent = ureq::post(format!("http://{address}/v1/models/films/deltas"))
        .header("content-type", "application/cbor")
        .send(&delta(1, 1, 1).encode())
        .unwrap();
    assert_eq!(sent.status(), 200);
    let mut missing = WANTED.to_vec();
    while !missing.is_empty() {
        let body: Vec<u8> = bodies.recv_timeout(Duration::from_secs(30)).unwrap_or_else(|_| panic!("no {missing:?}"));
        missing.retain(|wanted| !body.windows(wanted.len()).any(|found| found == wanted.as_bytes()));
    }
    server.terminate();
    assert!(server.wait().success());
}

/// Reads posts from a connection, as a collector does.
fn collect(connection: TcpStream, told: &Sender<Vec<u8>>) {
    let mut answers = connection.try_clone().unwrap();
    let mut read = BufReader::new(connection);
    let mut lines = Vec::new();
    while read.read_until(b'\n', &mut lines).unwrap_or(0) > 0 {
        if !lines.ends_with(b"\r\n\r\n") {
            continue;
        }
        let head = String::from_utf8(std::mem::take(&mut lines)).unwrap().to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
        let mut body = vec![0; length];
        read.read_exact(&mut body).unwrap();
        let _ = told.send(body);
        answers.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    }
}

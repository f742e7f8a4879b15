//! Who asks too often, too much or too slowly is told so, or cut off; nobody else notices.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use brooklet_server::{Config, Server};
use common::{MODEL, config, delta};

/// A server on a socket, while it is asked.
fn while_serving(adjust: impl FnOnce(&mut Config), ask: impl FnOnce(SocketAddr)) {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.listen = "127.0.0.1:0".parse().unwrap();
    adjust(&mut config);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let server = runtime.block_on(Server::bind(config)).unwrap();
    let address = server.address().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = runtime.spawn(server.run(async move { _ = stopped.await }));
    ask(address);
    stop.send(()).unwrap();
    runtime.block_on(running).unwrap().unwrap();
}

/// What comes back until the connection is closed or nothing comes for long.
fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // The server may have answered, and closed, before it has read all.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn ask(address: SocketAddr, path: &str, headers: &str) -> String {
    exchange(address, format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n").as_bytes())
}

fn send(address: SocketAddr, seq: u64, headers: &str) -> String {
    let body = delta(1, seq, 1).encode();
    let head = format!(
        "POST /v1/models/{MODEL}/deltas HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/cbor\r\n\
         content-length: {}\r\n{headers}\r\n",
        body.len()
    );
    exchange(address, &[head.as_bytes(), &body].concat())
}

fn assert_problem(answer: &str, status: u16, code: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    assert!(answer.contains("\r\ncontent-type: application/problem+json\r\n"), "{answer}");
    let body: serde_json::Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!((body["code"].as_str(), body["status"].as_u64()), (Some(code), Some(status.into())));
}

/// Whoever broke a connection hears of it before it is counted.
fn assert_counted(address: SocketAddr, code: &str, n: u64) {
    let line = format!("brooklet_refused_total{{code=\"{code}\"}} {n}\n");
    for _ in 0..100 {
        if ask(address, "/metrics", "").contains(&line) {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{line} is not in {}", ask(address, "/metrics", ""));
}

#[test]
fn what_is_no_http_is_answered_in_words_too() {
    while_serving(
        |_| {},
        |address| {
            assert_problem(&exchange(address, b"BEGIN IMMEDIATE\r\n\r\n"), 400, "bad_request");
            // As of a browser that takes it for a server with TLS.
            assert_problem(&exchange(address, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), 400, "bad_request");
            assert_counted(address, "bad_request", 2);
            assert_problem(&ask(address, &format!("/{}", "a".repeat(9000)), ""), 414, "uri_too_long");
            let many = "x-many: 1\r\n".repeat(120);
            assert_problem(&ask(address, "/livez", &many), 431, "headers_too_large");
            assert_problem(&ask(address, "/livez", &many.repeat(3)), 431, "headers_too_large");
            let long = format!("x-long: {}\r\n", "a".repeat(20_000));
            assert_problem(&ask(address, "/livez", &long), 431, "headers_too_large");
            assert!(ask(address, "/livez", &format!("x-long: {}\r\n", "a".repeat(8000))).starts_with("HTTP/1.1 200"));
        },
    );
}

#[test]
fn an_address_and_a_key_ask_so_many_times_a_minute() {
    let from = |address: &str| format!("x-forwarded-for: {address}\r\n");
    while_serving(
        |config| {
            config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
            (config.rate_address, config.rate_key) = (5, 2);
        },
        |address| {
            let answer = ask(address, "/livez", &from("203.0.113.1"));
            assert!(answer.contains("\r\nratelimit-policy: \"address\";q=5;w=60\r\n"), "{answer}");
            assert!(answer.contains("\r\nratelimit: \"address\";r=4;t=12\r\n"), "{answer}");
            for _ in 0..4 {
                assert!(ask(address, "/livez", &from("203.0.113.1")).starts_with("HTTP/1.1 200"));
            }
            let answer = ask(address, "/livez", &from("203.0.113.1"));
            assert_problem(&answer, 429, "rate_limited");
            assert!(
                answer.contains("\r\nretry-after: 1") && answer.contains("\r\nratelimit: \"address\";r=0;"),
                "{answer}"
            );
            // Who makes up who he was before the proxy is still who the proxy says; others go on.
            assert_problem(&ask(address, "/livez", &from("198.51.100.9, 203.0.113.1")), 429, "rate_limited");
            assert!(send(address, 1, &from("203.0.113.2")).starts_with("HTTP/1.1 200"));
            assert!(send(address, 2, &from("203.0.113.3")).starts_with("HTTP/1.1 200"));
            let answer = send(address, 3, &from("203.0.113.4"));
            assert_problem(&answer, 429, "rate_limited");
            assert!(answer.contains("\"key\";q=2"), "{answer}");
            assert_counted(address, "rate_limited", 3);
        },
    );
}

#[test]
fn programs_on_this_machine_ask_as_often_as_they_like() {
    while_serving(
        |config| (config.rate_address, config.rate_key) = (1, 1),
        |address| {
            for seq in 1..=4 {
                assert!(send(address, seq, "x-forwarded-for: 203.0.113.1\r\n").starts_with("HTTP/1.1 200"));
            }
        },
    );
}

#[test]
fn there_are_only_so_many_connections() {
    while_serving(
        |config| config.max_connections = 3,
        |address| {
            let idle: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect(address).unwrap()).collect();
            std::thread::sleep(Duration::from_millis(200));
            let answer = exchange(address, b"");
            assert_problem(&answer, 503, "too_many_connections");
            assert!(answer.contains("\r\nretry-after: 5\r\n"), "{answer}");
            drop(idle);
            std::thread::sleep(Duration::from_millis(200));
            assert_counted(address, "too_many_connections", 1);
        },
    );
}

#[test]
fn who_keeps_the_server_waiting_is_cut_off() {
    while_serving(
        |config| (config.idle_seconds, config.body_seconds) = (1, 1),
        |address| {
            // Nothing at all, half of a head, and nothing after a whole request.
            for begun in ["", "GET /livez HTTP/1.1\r\nhost:", "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"] {
                let started = Instant::now();
                exchange(address, begun.as_bytes());
                assert!(started.elapsed() < Duration::from_secs(15), "{begun:?} is waited for");
            }
            let path = format!("/v1/models/{MODEL}/deltas");
            let head = format!(
                "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/cbor\r\ncontent-length: 9\r\n\r\n"
            );
            assert_problem(&exchange(address, head.as_bytes()), 408, "slow_body");
        },
    );
}

#[test]
fn deltas_of_too_many_rows_or_beyond_the_memory_for_them_are_refused() {
    while_serving(
        |config| config.max_delta_rows = 1,
        |address| assert_problem(&send(address, 1, ""), 413, "too_large"),
    );
    while_serving(
        |config| config.max_pending_bytes = 100,
        |address| assert_problem(&send(address, 1, ""), 503, "busy"),
    );
}

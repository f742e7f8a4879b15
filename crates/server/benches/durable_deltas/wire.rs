//! Clients that post over sockets, each one request after the other on a connection of its own, with as little of their own as can be.
#![allow(unreachable_pub, dead_code)]

use std::net::SocketAddr;
use std::sync::Arc;

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval};

/// What each connection posts, one after the other.
pub type Bodies = Arc<Vec<Vec<Vec<u8>>>>;

/// Acknowledgements a second, over as long as it takes to post everything.
pub async fn rate(addresses: &[SocketAddr], path: &'static str, bodies: &Bodies) -> f64 {
    let started = Instant::now();
    let mut posting = tokio::task::JoinSet::new();
    for connection in 0..bodies.len() {
        let (address, bodies) = (addresses[connection % addresses.len()], bodies.clone());
        posting.spawn(async move {
            let mut client = Client::connect(address, path).await;
            for body in &bodies[connection] {
                client.post(body).await;
            }
        });
    }
    posting.join_all().await;
    bodies.iter().map(Vec::len).sum::<usize>() as f64 / started.elapsed().as_secs_f64()
}

/// How long each answer took where so many are posted a second, whatever the answers take; sorted.
pub async fn latencies(address: SocketAddr, path: &'static str, bodies: &Bodies, a_second: f64) -> Vec<Duration> {
    let mut posting = tokio::task::JoinSet::new();
    let pause = Duration::from_secs_f64(bodies.len() as f64 / a_second);
    for connection in 0..bodies.len() {
        let bodies = bodies.clone();
        posting.spawn(async move {
            let mut client = Client::connect(address, path).await;
            tokio::time::sleep(pause.mul_f64(connection as f64 / bodies.len() as f64)).await;
            let mut due = interval(pause);
            due.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let mut took = Vec::new();
            for body in &bodies[connection] {
                // From when it was due: who waits for the one before waits, too.
                let due = due.tick().await;
                client.post(body).await;
                took.push(due.elapsed());
            }
            took
        });
    }
    let mut took: Vec<Duration> = posting.join_all().await.into_iter().flatten().collect();
    took.sort_unstable();
    took
}

struct Client {
    stream: TcpStream,
    path: &'static str,
    buffer: Vec<u8>,
}

impl Client {
    async fn connect(address: SocketAddr, path: &'static str) -> Client {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream, path, buffer: vec![0; 4096] }
    }

    async fn post(&mut self, body: &[u8]) {
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/cbor\r\ncontent-length: {}\r\n\r\n",
            self.path,
            body.len()
        );
        let mut request = head.into_bytes();
        request.extend_from_slice(body);
        self.stream.write_all(&request).await.unwrap();
        let mut read = 0;
        loop {
            let more = self.stream.read(&mut self.buffer[read..]).await.unwrap();
            assert!(more > 0, "the server hung up");
            read += more;
            let text = std::str::from_utf8(&self.buffer[..read]).unwrap();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            assert!(head.starts_with("HTTP/1.1 200"), "{text}");
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() >= length.parse().unwrap() {
                return;
            }
        }
    }
}

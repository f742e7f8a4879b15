//! Clients that post over sockets, each one request after the other on a connection of its own, with as little of their own as can be.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// What the client of this number posts next.
pub(crate) type Bodies = Arc<dyn Fn(usize) -> Vec<u8> + Send + Sync>;

/// Clients with connections that stay open.
pub(crate) struct Clients {
    clients: Vec<Client>,
    bodies: Bodies,
}

impl Clients {
    /// So many, of each address in turn as many as of the others.
    pub(crate) async fn connect(addresses: &[SocketAddr], path: &'static str, many: usize, bodies: Bodies) -> Clients {
        let mut clients = Vec::new();
        for number in 0..many {
            let stream = TcpStream::connect(addresses[number % addresses.len()]).await.unwrap();
            stream.set_nodelay(true).unwrap();
            clients.push(Client { number, stream, path, buffer: vec![0; 4096] });
        }
        Clients { clients, bodies }
    }

    /// Answers a second, where each posts for so long as fast as it is answered, and once at least.
    pub(crate) async fn rate(&mut self, long: Duration) -> f64 {
        let started = Instant::now();
        let mut posting = JoinSet::new();
        for mut client in self.clients.drain(..) {
            let bodies = self.bodies.clone();
            posting.spawn(async move {
                let mut answers = 0u32;
                loop {
                    client.post(&bodies(client.number)).await;
                    answers += 1;
                    if started.elapsed() >= long {
                        return (client, answers);
                    }
                }
            });
        }
        let (clients, answers): (_, Vec<u32>) = posting.join_all().await.into_iter().unzip();
        self.clients = clients;
        f64::from(answers.iter().sum::<u32>()) / started.elapsed().as_secs_f64()
    }

    /// How long each answer took where so many are posted a second, however long the answers take; sorted.
    pub(crate) async fn latencies(&mut self, a_second: f64, long: Duration) -> Vec<Duration> {
        let many = self.clients.len() as f64;
        let pause = Duration::from_secs_f64(many / a_second);
        let posts = (long.as_secs_f64() / pause.as_secs_f64()) as usize;
        let mut posting = JoinSet::new();
        for (n, mut client) in self.clients.drain(..).enumerate() {
            let bodies = self.bodies.clone();
            posting.spawn(async move {
                tokio::time::sleep(pause.mul_f64(n as f64 / many)).await;
                let mut due = interval(pause);
                due.set_missed_tick_behavior(MissedTickBehavior::Burst);
                let mut took = Vec::with_capacity(posts);
                for _ in 0..posts {
                    // From when it was due: who waits for the one before waits, too.
                    let due = due.tick().await;
                    client.post(&bodies(client.number)).await;
                    took.push(due.elapsed());
                }
                (client, took)
            });
        }
        let (clients, took): (_, Vec<Vec<Duration>>) = posting.join_all().await.into_iter().unzip();
        self.clients = clients;
        let mut took = took.concat();
        took.sort_unstable();
        took
    }
}

struct Client {
    number: usize,
    stream: TcpStream,
    path: &'static str,
    buffer: Vec<u8>,
}

impl Client {
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

//! Connections: for how many there is room, how long each may keep the server waiting, and what is said to one that speaks no HTTP.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

use crate::caller::{Peer, Proxies};
use crate::config::Config;
use crate::http::bare::Bare;
use crate::http::problem::{Code, Problem};
use crate::metrics::Metrics;

/// How long a connection for which there is no room is told so.
const REFUSAL: Duration = Duration::from_secs(1);
/// How long to wait where the system has no room for a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// What connections are bounded by.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    connections: usize,
    of_address: usize,
    idle: Duration,
    head: usize,
    proxies: Proxies,
}

impl Bounds {
    pub(crate) fn of(config: &Config) -> Bounds {
        Bounds {
            connections: config.max_connections,
            of_address: config.max_address_connections,
            idle: Duration::from_secs(config.idle_seconds),
            head: config.max_header_bytes,
            proxies: Proxies::new(&config.trusted_proxies),
        }
    }
}

/// Serves until `stopped`, then finishes what was begun.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    bounds: Bounds,
    metrics: Arc<Metrics>,
    stopped: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let open = Open::default();
    tokio::pin!(stopped);
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                // It has gone again, or there are no more files to open: that passes.
                Err(_) => { sleep(PAUSE).await; continue }
            },
            () = &mut stopped => break,
        };
        let of_address =
            if bounds.proxies.is_local_or_trusted(peer.ip()) { bounds.connections } else { bounds.of_address };
        let entered = open.enter(peer.ip(), bounds.connections, of_address);
        metrics.connected(open.count());
        let Some(slot) = entered else {
            metrics.refused(Code::TooManyConnections.name());
            tokio::spawn(refuse(stream));
            continue;
        };
        // Small answers should not wait for more to send. Without it they are late, not wrong.
        let _ = stream.set_nodelay(true);
        let connection = http(&bounds).serve_connection(io(stream, bounds.idle), service(router.clone(), peer));
        let connection = graceful.watch(connection);
        let metrics = metrics.clone();
        tokio::spawn(async move {
            if connection.await.is_err_and(|error| error.is_parse() || error.is_parse_too_large()) {
                metrics.refused(Code::BadRequest.name());
            }
            let open = slot.0.clone();
            drop(slot);
            metrics.connected(open.count());
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

fn http(bounds: &Bounds) -> http1::Builder {
    let mut http = http1::Builder::new();
    // What is a little too large is told by the router, in words; this is where reading ends.
    http.timer(TokioTimer::new())
        .header_read_timeout(bounds.idle)
        .max_headers(256)
        .max_buf_size((4 * bounds.head).max(64 << 10));
    http
}

type Io = TokioIo<std::pin::Pin<Box<TimeoutStream<Bare<TcpStream>>>>>;

/// A connection that ends if nothing of an answer is taken for so long.
fn io(stream: TcpStream, idle: Duration) -> Io {
    let mut stream = TimeoutStream::new(Bare::new(stream));
    stream.set_write_timeout(Some(idle));
    TokioIo::new(Box::pin(stream))
}

fn service(
    router: Router,
    peer: SocketAddr,
) -> impl hyper::service::Service<
    Request<Incoming>,
    Response = axum::response::Response,
    Error = std::convert::Infallible,
    Future = impl Future<Output = Result<axum::response::Response, std::convert::Infallible>> + Send + 'static,
> + Send
+ 'static {
    service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer.ip()));
        router.clone().oneshot(request.map(axum::body::Body::new))
    })
}

/// Says that there is no room, to whoever listens.
async fn refuse(stream: TcpStream) {
    let detail = "too many connections are open: try again in a moment";
    let told = Problem::new(Code::TooManyConnections, detail).retry(5).to_bytes();
    let _ = tokio::time::timeout(REFUSAL, async {
        stream.writable().await?;
        stream.try_write(&told)
    })
    .await;
}

/// The connections that are open, by address.
#[derive(Debug, Clone, Default)]
struct Open(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    of: HashMap<IpAddr, usize>,
}

/// Counts a connection until it is dropped.
struct Slot(Open, IpAddr);

impl Open {
    fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).all
    }

    /// Nothing if there is no room.
    fn enter(&self, address: IpAddr, most: usize, of_address: usize) -> Option<Slot> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = counts.of.get(&address).copied().unwrap_or(0);
        if counts.all >= most || mine >= of_address {
            return None;
        }
        counts.all += 1;
        counts.of.insert(address, mine + 1);
        Some(Slot(self.clone(), address))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all -= 1;
        if let Some(mine) = counts.of.get_mut(&self.1) {
            *mine -= 1;
            if *mine == 0 {
                counts.of.remove(&self.1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_again_when_a_connection_ends() {
        let open = Open::default();
        let [a, b] = [IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2])];
        let first = open.enter(a, 3, 2).unwrap();
        let second = open.enter(a, 3, 2).unwrap();
        assert!(open.enter(a, 3, 2).is_none(), "two of this address are open");
        let third = open.enter(b, 3, 2).unwrap();
        assert!(open.enter(b, 3, 2).is_none(), "three are open");
        drop(first);
        assert!(open.enter(b, 3, 2).is_some());
        drop((second, third));
        assert!(open.0.lock().unwrap().of.is_empty());
    }
}

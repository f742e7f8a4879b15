//! How often one address and one client key may ask (governor, the generic cell rate algorithm): a number a minute, and as many at once.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::http::HeaderName;
use brooklet_core::ClientKey;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

/// What is left (draft-ietf-httpapi-ratelimit-headers).
pub(crate) const LEFT: HeaderName = HeaderName::from_static("ratelimit");
/// What may be asked.
pub(crate) const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// After so many questions those who asked long ago are forgotten.
const TIDY: u32 = 4096;

/// Both limits; one that is 0 bounds nothing.
#[derive(Debug)]
pub(crate) struct Pace {
    pub(crate) address: Option<Limit<IpAddr>>,
    pub(crate) key: Option<Limit<ClientKey>>,
}

impl Pace {
    pub(crate) fn new(a_minute_of_address: u32, a_minute_of_key: u32) -> Pace {
        Pace { address: Limit::new("address", a_minute_of_address), key: Limit::new("key", a_minute_of_key) }
    }
}

type Limiter<K> = RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// A limit by what the name says.
#[derive(Debug)]
pub(crate) struct Limit<K: Hash + Eq + Clone> {
    name: &'static str,
    a_minute: NonZeroU32,
    limiter: Limiter<K>,
    asked: AtomicU32,
}

/// What is left of a limit, or after how long there is something again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    Some(u32),
    None(Duration),
}

impl<K: Hash + Eq + Clone> Limit<K> {
    fn new(name: &'static str, a_minute: u32) -> Option<Limit<K>> {
        let a_minute = NonZeroU32::new(a_minute)?;
        let limiter = RateLimiter::keyed(Quota::per_minute(a_minute)).with_middleware();
        Some(Limit { name, a_minute, limiter, asked: AtomicU32::new(0) })
    }

    /// Takes one of what is left.
    pub(crate) fn take(&self, who: &K) -> Left {
        if self.asked.fetch_add(1, Ordering::Relaxed) % TIDY == TIDY - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        match self.limiter.check_key(who) {
            Ok(state) => Left::Some(state.remaining_burst_capacity()),
            Err(not_until) => Left::None(not_until.wait_time_from(DefaultClock::default().now())),
        }
    }

    /// The values of [`POLICY`] and [`LEFT`].
    pub(crate) fn headers(&self, left: Left) -> [String; 2] {
        let Limit { name, a_minute, .. } = self;
        let (left, until) = match left {
            // One more comes back after this long.
            Left::Some(left) => (left, 60u64.div_ceil(u64::from(a_minute.get()))),
            Left::None(wait) => (0, wait.as_secs() + 1),
        };
        [format!("\"{name}\";q={a_minute};w=60"), format!("\"{name}\";r={left};t={until}")]
    }

    /// What is said to whoever asked too often.
    pub(crate) fn sentence(&self) -> String {
        format!("one {} may ask {} times a minute: wait as long as `Retry-After` says", self.name, self.a_minute)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_a_minute_allows_at_once_and_then_one_at_a_time() {
        let pace = Pace::new(3, 0);
        assert!(pace.key.is_none());
        let limit = pace.address.unwrap();
        let [a, b] = [IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2])];
        assert_eq!([limit.take(&a), limit.take(&a), limit.take(&a)], [2, 1, 0].map(Left::Some));
        let Left::None(wait) = limit.take(&a) else { panic!("the fourth in a minute") };
        assert!(wait > Duration::from_secs(15) && wait <= Duration::from_secs(20), "{wait:?}");
        assert_eq!(limit.take(&b), Left::Some(2));
        assert_eq!(limit.headers(Left::Some(2)), ["\"address\";q=3;w=60", "\"address\";r=2;t=20"]);
        assert_eq!(limit.headers(Left::None(Duration::from_millis(19_500)))[1], "\"address\";r=0;t=20");
    }
}

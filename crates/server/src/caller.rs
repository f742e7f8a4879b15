//! Who asks: the address at the other end of a connection, or the one that a trusted proxy names.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The other end of the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// The proxies whose word counts.
#[derive(Debug, Clone)]
pub(crate) struct Proxies(Vec<IpNet>);

impl Proxies {
    pub(crate) fn new(trusted: &[IpNet]) -> Proxies {
        Proxies(trusted.to_vec())
    }

    /// Whoever asks, as limits count: of IPv6 a network of 64 bits, for that is what one subscriber has. None for a program on this machine: it is no
    /// stranger, unless it is a proxy that speaks for some.
    pub(crate) fn caller(&self, peer: Option<Peer>, headers: &HeaderMap) -> Option<IpAddr> {
        let peer = peer?.0.to_canonical();
        let address = if self.trusts(peer) { self.forwarded(headers).unwrap_or(peer) } else { peer };
        if address.is_loopback() { None } else { Some(subscriber(address)) }
    }

    /// Whether an address may stand for many callers.
    pub(crate) fn is_local_or_trusted(&self, address: IpAddr) -> bool {
        address.to_canonical().is_loopback() || self.trusts(address.to_canonical())
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The last address that is no trusted proxy's: whatever stands before it may be made up.
    fn forwarded(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let values: Vec<&str> = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
        let mut addresses = values.iter().rev().flat_map(|value| value.rsplit(','));
        addresses.find_map(|address| match address.trim().parse::<IpAddr>() {
            Ok(address) if self.trusts(address.to_canonical()) => None,
            // What cannot be read is nobody's address, but not the proxy's either.
            read => Some(read.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |address| address.to_canonical())),
        })
    }
}

fn subscriber(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(trusted: &[&str], peer: &str, forwarded: &[&str]) -> Option<String> {
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        forwarded.iter().for_each(|value| _ = headers.append(FORWARDED_FOR, value.parse().unwrap()));
        let caller = Proxies::new(&trusted).caller(Some(Peer(peer.parse().unwrap())), &headers);
        caller.map(|address| address.to_string())
    }

    #[test]
    fn a_forwarded_address_counts_from_a_trusted_proxy_alone() {
        let told = ["198.51.100.7", "203.0.113.9, 10.0.0.2"];
        assert_eq!(caller(&[], "192.0.2.1", &told).as_deref(), Some("192.0.2.1"));
        assert_eq!(caller(&["192.0.2.0/24"], "192.0.2.1", &told).as_deref(), Some("10.0.0.2"));
        assert_eq!(caller(&["192.0.2.0/24", "10.0.0.0/8"], "192.0.2.1", &told).as_deref(), Some("203.0.113.9"));
        assert_eq!(caller(&["192.0.2.0/24"], "192.0.2.1", &[]).as_deref(), Some("192.0.2.1"));
        assert_eq!(
            caller(&["192.0.2.0/24"], "::ffff:192.0.2.1", &["2001:db8:1:2:3::4"]).as_deref(),
            Some("2001:db8:1:2::")
        );
        assert_eq!(caller(&["192.0.2.0/24"], "192.0.2.1", &["unknown"]).as_deref(), Some("::"));
    }

    #[test]
    fn programs_on_this_machine_are_no_strangers_unless_they_are_proxies() {
        for local in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(caller(&[], local, &["203.0.113.9"]), None);
        }
        assert_eq!(caller(&["127.0.0.0/8"], "127.0.0.1", &["203.0.113.9"]).as_deref(), Some("203.0.113.9"));
        assert_eq!(caller(&["127.0.0.0/8"], "127.0.0.1", &[]), None);
    }
}

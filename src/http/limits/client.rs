//! The client that a request counts against: the address of the peer, or the one that trusted proxies report.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

/// A client, as the limits distinguish clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::http) enum ClientKey {
    /// An IPv4 address, or the /64 of an IPv6 address, which belongs to one subscriber line.
    Address(IpAddr),
    /// All clients behind this proxy whose addresses it reports in an unreadable way.
    Unreadable(IpAddr),
    /// All clients for which there is no room.
    EverybodyElse,
}

#[derive(Debug)]
pub(super) struct Addresses {
    trusted_proxies: Vec<IpNet>,
    exempt: Vec<IpNet>,
}

impl Addresses {
    pub(super) fn new(trusted_proxies: &[IpNet], exempt: &[IpNet]) -> Self {
        Self { trusted_proxies: trusted_proxies.to_vec(), exempt: exempt.to_vec() }
    }

    /// Returns the client; `None` if it is exempt. The header of an untrusted peer does not count. Addresses that
    /// trusted proxies append are read from the right, up to the first one that is not a trusted proxy. A client that
    /// they name in an unreadable way counts as an ordinary client: neither as the proxy nor as exempt.
    pub(super) fn client_of(&self, peer: IpAddr, forwarded_for: Option<&str>) -> Option<ClientKey> {
        let mut client = peer.to_canonical();
        let hops = forwarded_for.unwrap_or_default().rsplit(',').map(str::trim).filter(|hop| !hop.is_empty());
        for hop in hops {
            if !self.is_trusted(client) {
                break;
            }
            match address_of(hop) {
                Some(address) => client = address,
                None => return Some(ClientKey::Unreadable(client)),
            }
        }
        (!self.is_exempt(client)).then(|| ClientKey::of(client))
    }

    /// Returns the client that a connection counts against before anything is read; `None` for exempt addresses and
    /// trusted proxies.
    pub(super) fn client_by_connection(&self, peer: IpAddr) -> Option<ClientKey> {
        let peer = peer.to_canonical();
        (!self.is_exempt(peer) && !self.is_trusted(peer)).then(|| ClientKey::of(peer))
    }

    fn is_exempt(&self, address: IpAddr) -> bool {
        self.exempt.iter().any(|network| network.contains(&address))
    }

    fn is_trusted(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(&address))
    }
}

/// Parses an address as proxies write it: alone, in brackets, or with a port.
fn address_of(hop: &str) -> Option<IpAddr> {
    let in_brackets = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']'));
    let alone = in_brackets.unwrap_or(hop).parse().ok();
    let with_port = || hop.parse::<SocketAddr>().ok().map(|address| address.ip());
    alone.or_else(with_port).map(|address| address.to_canonical())
}

impl ClientKey {
    /// Returns a name that no other client has.
    pub(in crate::http) fn name(self) -> String {
        match self {
            Self::Address(address) => address.to_string(),
            Self::Unreadable(proxy) => format!("somebody behind {proxy}"),
            Self::EverybodyElse => "everybody else".to_owned(),
        }
    }

    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Address(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::Address(IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses() -> Addresses {
        Addresses::new(&["10.0.0.0/8".parse().unwrap()], &["192.0.2.7/32".parse().unwrap()])
    }

    fn client(peer: &str, forwarded_for: &str) -> Option<String> {
        let client = addresses().client_of(peer.parse().unwrap(), Some(forwarded_for));
        client.map(ClientKey::name)
    }

    #[test]
    fn the_header_of_an_untrusted_peer_does_not_count() {
        assert_eq!(client("203.0.113.5", "198.51.100.1").unwrap(), "203.0.113.5");
    }

    #[test]
    fn behind_trusted_proxies_the_right_most_other_address_counts() {
        assert_eq!(client("10.0.0.1", "198.51.100.1, 203.0.113.9, 10.2.0.3").unwrap(), "203.0.113.9");
        assert_eq!(client("10.0.0.1", "").unwrap(), "10.0.0.1");
        assert_eq!(client("10.0.0.1", "10.0.0.2").unwrap(), "10.0.0.2");
    }

    #[test]
    fn a_client_with_an_unreadable_address_is_neither_the_proxy_nor_exempt() {
        for hop in ["unknown", "203.0.113.9, unknown", "\u{fffd}", "192.0.2.7, x", "192.0.2.7:99999", "[192.0.2.7"] {
            assert_eq!(client("10.0.0.1", hop).unwrap(), "somebody behind 10.0.0.1", "{hop:?}");
        }
        assert_eq!(client("10.0.0.1", "203.0.113.9, unknown, 10.2.0.3").unwrap(), "somebody behind 10.2.0.3");
        assert_eq!(client("203.0.113.5", "unknown").unwrap(), "203.0.113.5", "its own header does not count");
    }

    #[test]
    fn an_address_may_have_a_port_or_brackets() {
        assert_eq!(client("10.0.0.1", "203.0.113.9:4711").unwrap(), "203.0.113.9");
        assert_eq!(client("10.0.0.1", "[2001:db8::1]").unwrap(), "2001:db8::");
        assert_eq!(client("10.0.0.1", "[2001:db8::1]:4711").unwrap(), "2001:db8::");
        assert_eq!(client("10.0.0.1", "203.0.113.9, ").unwrap(), "203.0.113.9");
        assert_eq!(client("10.0.0.1", "192.0.2.7:80"), None, "a port does not change the exemption");
    }

    #[test]
    fn addresses_of_one_ipv6_line_are_one_client_and_mapped_addresses_are_ipv4() {
        assert_eq!(client("2001:db8:1:2:3:4:5:6", "").unwrap(), "2001:db8:1:2::");
        assert_eq!(client("2001:db8:1:2:ffff::1", "").unwrap(), "2001:db8:1:2::");
        assert_eq!(client("::ffff:203.0.113.5", "").unwrap(), "203.0.113.5");
    }

    #[test]
    fn exempt_addresses_are_not_clients() {
        assert_eq!(client("192.0.2.7", ""), None);
        assert_eq!(client("10.0.0.1", "192.0.2.7"), None);
    }
}

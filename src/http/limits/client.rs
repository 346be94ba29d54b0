//! Who a request is counted against: the address of the peer, or what trusted proxies say of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// A client as limits know it: an IPv4 address, or the /64 of an IPv6 address, which one subscriber line has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::http) struct ClientKey(IpAddr);

#[derive(Debug)]
pub(super) struct Addresses {
    trusted_proxies: Vec<IpNet>,
    exempt: Vec<IpNet>,
}

impl Addresses {
    pub(super) fn new(trusted_proxies: &[IpNet], exempt: &[IpNet]) -> Self {
        Self { trusted_proxies: trusted_proxies.to_vec(), exempt: exempt.to_vec() }
    }

    /// Returns the client, `None` if it is exempt. What an untrusted peer says of itself does not count; what trusted
    /// proxies append is read from the right, up to the first address that is none of theirs.
    pub(super) fn client_of(&self, peer: IpAddr, forwarded_for: Option<&str>) -> Option<ClientKey> {
        let mut client = peer.to_canonical();
        if self.is_trusted(client) {
            for hop in forwarded_for.unwrap_or_default().rsplit(',') {
                // Beyond what cannot be read nothing can be believed.
                let Ok(hop) = hop.trim().parse::<IpAddr>() else { break };
                client = hop.to_canonical();
                if !self.is_trusted(client) {
                    break;
                }
            }
        }
        (!self.is_exempt(client)).then(|| ClientKey::of(client))
    }

    /// Returns whom a connection is counted against before anything is read, `None` for the exempt and for trusted
    /// proxies.
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

impl ClientKey {
    /// Whom those are counted as for whom there is no room.
    pub(super) const EVERYBODY_ELSE: Self = Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED));

    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self(IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)))
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
        client.map(|ClientKey(address)| address.to_string())
    }

    #[test]
    fn what_an_untrusted_peer_says_of_itself_does_not_count() {
        assert_eq!(client("203.0.113.5", "198.51.100.1").unwrap(), "203.0.113.5");
    }

    #[test]
    fn behind_trusted_proxies_the_right_most_address_that_is_none_of_theirs_counts() {
        assert_eq!(client("10.0.0.1", "198.51.100.1, 203.0.113.9, 10.2.0.3").unwrap(), "203.0.113.9");
        assert_eq!(client("10.0.0.1", "").unwrap(), "10.0.0.1");
        assert_eq!(client("10.0.0.1", "10.0.0.2").unwrap(), "10.0.0.2");
        assert_eq!(client("10.0.0.1", "203.0.113.9, unknown").unwrap(), "10.0.0.1", "nothing beyond it is believed");
    }

    #[test]
    fn addresses_of_one_ipv6_line_are_one_client_and_mapped_ones_are_ipv4() {
        assert_eq!(client("2001:db8:1:2:3:4:5:6", "").unwrap(), "2001:db8:1:2::");
        assert_eq!(client("2001:db8:1:2:ffff::1", "").unwrap(), "2001:db8:1:2::");
        assert_eq!(client("::ffff:203.0.113.5", "").unwrap(), "203.0.113.5");
    }

    #[test]
    fn exempt_addresses_are_nobody() {
        assert_eq!(client("192.0.2.7", ""), None);
        assert_eq!(client("10.0.0.1", "192.0.2.7"), None);
    }
}

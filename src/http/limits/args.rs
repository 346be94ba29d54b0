//! The command-line arguments of the limits.

use std::net::IpAddr;

use clap::Args;
use ipnet::{IpNet, Ipv4Net};

/// How much clients may ask for.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Requests a second that one address (IPv6: one /64) may make in the long run. Each 200 rows of a CSV answer count as
    /// one request, and so do each 1,000 rows that an `offset` skips. Requests of one address are answered one after the
    /// other, and at most one a second may be a sign-in. 0 sets no limit.
    #[arg(long, env = "FLOWFI_REQUESTS_PER_SECOND", value_name = "N", default_value_t = 20)]
    pub requests_per_second: u32,

    /// How many requests an address may make at once before that rate applies.
    #[arg(long, env = "FLOWFI_REQUESTS_BURST", value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    pub requests_burst: u32,

    /// New TCP connections a second that one address (IPv6: one /64) may open in the long run. Trusted proxies are exempt.
    /// 0 sets no limit.
    #[arg(long, env = "FLOWFI_CONNECTS_PER_SECOND", value_name = "N", default_value_t = 20)]
    pub connects_per_second: u32,

    /// How many connections an address may open at once before that rate applies.
    #[arg(long, env = "FLOWFI_CONNECTS_BURST", value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    pub connects_burst: u32,

    /// How many event streams may be open in all; 0 sets no limit. Besides them, 1,024 connections may be open for
    /// requests; beyond that, each new one closes the one that has been idle longest.
    #[arg(long, env = "FLOWFI_MAX_CONNECTIONS", value_name = "N", default_value_t = 20_000)]
    pub max_connections: u32,

    /// How many event streams one address (IPv6: one /64) may have open; 0 sets no limit. Besides them, it may have 100
    /// connections open for requests.
    #[arg(long, env = "FLOWFI_MAX_CONNECTIONS_PER_IP", value_name = "N", default_value_t = 50)]
    pub max_connections_per_ip: u32,

    /// How many event streams one subject (whoever signed in) may have open, from all addresses together; 0 sets no limit.
    /// All memos and muxed addresses of an account are one subject here.
    #[arg(long, env = "FLOWFI_MAX_CONNECTIONS_PER_SUBJECT", value_name = "N", default_value_t = 20)]
    pub max_connections_per_subject: u32,

    /// Proxies whose `X-Forwarded-For` is trusted, as addresses or networks. The client is then the right-most address in
    /// that header that is not one of them.
    #[arg(long, alias = "trusted-proxy", env = "FLOWFI_TRUSTED_PROXIES", value_name = "CIDR", value_delimiter = ',', value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,

    /// Addresses or networks that are exempt from the limits per address.
    #[arg(long, alias = "limit-exempt", env = "FLOWFI_LIMIT_EXEMPTIONS", value_name = "CIDR", value_delimiter = ',', value_parser = network)]
    pub limit_exemptions: Vec<IpNet>,
}

/// A text is not a network that a client's address can be in.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum NotANetwork {
    #[error("is neither an address nor a network like 10.0.0.0/8")]
    Unreadable,
    #[error("has IPv4 addresses in the form of IPv6, and other addresses too; write the IPv4 network like 10.0.0.0/8")]
    MoreThanIpv4,
}

/// The bits of an IPv6 address that say that the rest is an IPv4 address (RFC 4291, 2.5.5.2).
const BITS_BEFORE_IPV4: u8 = 96;

/// Reads a network, or one address as the network of itself. The addresses that networks are compared with are in IPv4
/// form wherever they can be.
fn network(text: &str) -> Result<IpNet, NotANetwork> {
    let address = || text.parse().map(|address: IpAddr| IpNet::from(address));
    let network: IpNet = text.parse().or_else(|_| address()).map_err(|_| NotANetwork::Unreadable)?;
    match network.addr() {
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => {
                let bits = network.prefix_len().checked_sub(BITS_BEFORE_IPV4);
                let network = bits.and_then(|bits| Ipv4Net::new(address, bits).ok());
                network.map(IpNet::V4).ok_or(NotANetwork::MoreThanIpv4)
            }
            None => Ok(network),
        },
        IpAddr::V4(_) => Ok(network),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_network_in_the_form_of_ipv6_is_that_network() {
        for (text, same) in [
            ("::ffff:127.0.0.8/128", "127.0.0.8/32"),
            ("::ffff:127.0.0.8", "127.0.0.8/32"),
            ("::FFFF:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:a00:0/104", "10.0.0.0/8"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("::1", "::1/128"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(network(text), Ok(same.parse().unwrap()), "{text}");
        }
        for text in ["::ffff:10.0.0.0/95", "::ffff:127.0.0.8/64", "::ffff:0:0/0"] {
            assert_eq!(network(text), Err(NotANetwork::MoreThanIpv4), "{text}");
        }
        assert_eq!(network("10.0.0.0/33"), Err(NotANetwork::Unreadable));
    }
}

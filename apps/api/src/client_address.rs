//! Where a request comes from. The header that proxies write is believed from trusted proxies alone, since
//! anybody can write it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;
use poem::Request;
use poem::http::{HeaderMap, HeaderName};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A proxy, or a network of proxies, whose `X-Forwarded-For` is believed: `10.0.0.7` or `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrustedProxy(IpNet);

/// The text is neither an address nor a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither an IP address such as 10.0.0.7 nor a network such as 10.0.0.0/8")]
pub struct ParseProxyError(String);

impl FromStr for TrustedProxy {
    type Err = ParseProxyError;

    fn from_str(text: &str) -> Result<Self, ParseProxyError> {
        let text = text.trim();
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map(Self).map_err(|_| ParseProxyError(text.to_owned()))
    }
}

/// What requests of one origin have in common: an IPv4 address, or the /64 of an IPv6 address, since one
/// customer has all of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientAddress(Option<IpAddr>);

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("unknown"),
        }
    }
}

/// Where `request` comes from.
pub(crate) fn client_address(request: &Request, proxies: &[TrustedProxy]) -> ClientAddress {
    let peer = request.remote_addr().as_socket_addr().map(SocketAddr::ip);
    ClientAddress(peer.map(|peer| group(resolve(peer, request.headers(), proxies))))
}

/// Goes from the peer back through the hops that trusted proxies noted, to the first that is no trusted proxy.
fn resolve(peer: IpAddr, headers: &HeaderMap, proxies: &[TrustedProxy]) -> IpAddr {
    let trusted = |address: &IpAddr| proxies.iter().any(|TrustedProxy(network)| network.contains(address));
    let mut client = peer.to_canonical();
    if !trusted(&client) {
        return client;
    }
    let lines: Vec<&str> =
        headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok()).collect();
    for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        // What can't be read ends the chain: the last proxy that could be read answers for it.
        let Some(address) = parse_hop(hop.trim()) else { break };
        client = address;
        if !trusted(&client) {
            break;
        }
    }
    client
}

/// An address, possibly with a port.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let address = text.parse().ok().or_else(|| text.parse().ok().map(|socket: SocketAddr| socket.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

fn group(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;

    use super::*;

    fn check(peer: &str, forwarded: &[&'static str], expected: &str) {
        let proxies = ["10.0.0.0/8".parse().unwrap(), "192.0.2.1".parse().unwrap()];
        let lines = forwarded.iter().map(|line| (FORWARDED_FOR, HeaderValue::from_static(line)));
        let headers: HeaderMap = lines.collect();
        let client = group(resolve(peer.parse().unwrap(), &headers, &proxies));
        assert_eq!(client.to_string(), expected, "{peer} {forwarded:?}");
    }

    #[test]
    fn strangers_are_not_believed() {
        check("203.0.113.5", &["198.51.100.1"], "203.0.113.5");
        check("203.0.113.5", &[], "203.0.113.5");
    }

    #[test]
    fn the_rightmost_hop_that_is_no_proxy_counts() {
        check("10.1.2.3", &["198.51.100.1"], "198.51.100.1");
        check("10.1.2.3", &["1.1.1.1, 198.51.100.1, 192.0.2.1"], "198.51.100.1");
        check("10.1.2.3", &["1.1.1.1", "198.51.100.1"], "198.51.100.1");
        check("10.1.2.3", &["198.51.100.1:4711"], "198.51.100.1");
        check("::ffff:10.1.2.3", &["198.51.100.1"], "198.51.100.1");
    }

    #[test]
    fn what_cannot_be_read_ends_the_chain() {
        check("10.1.2.3", &["198.51.100.1, nonsense, 10.9.9.9"], "10.9.9.9");
        check("10.1.2.3", &[""], "10.1.2.3");
    }

    #[test]
    fn neighbours_in_ipv6_are_one() {
        check("2001:db8:1:2:3:4:5:6", &[], "2001:db8:1:2::");
    }

    #[test]
    fn proxies_are_addresses_or_networks() {
        assert!("fd00::/8".parse::<TrustedProxy>().is_ok());
        let error = "proxy.local".parse::<TrustedProxy>().unwrap_err();
        assert!(error.to_string().contains("\"proxy.local\" is neither"), "{error}");
    }
}

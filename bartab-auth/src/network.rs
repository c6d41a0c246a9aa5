//! Which addresses are one person's, as far as bounds go.

use std::net::{IpAddr, Ipv6Addr};

/// What counts as one address: whoever has one IPv6 address usually has the 2^64 of its /64.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(prefix(v6, 64)),
        v4 => v4,
    }
}

/// The /48 of an IPv6 address: what a provider gives a site at most (RFC 6177), and the least that is routed by itself.
/// An IPv4 address has none.
pub(crate) fn site(address: IpAddr) -> Option<IpAddr> {
    match address.to_canonical() {
        IpAddr::V6(v6) => Some(IpAddr::V6(prefix(v6, 48))),
        IpAddr::V4(_) => None,
    }
}

fn prefix(address: Ipv6Addr, bits: u32) -> Ipv6Addr {
    (u128::from(address) & (u128::MAX << (128 - bits))).into()
}

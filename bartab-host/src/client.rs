//! Who is at the other end, and under which name the client asked: from the connection, or from a trusted proxy.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::request::Parts;
use http::{Extensions, HeaderMap, header};
use ipnet::IpNet;

use crate::config::ForwardedHeaders;

/// The other end of the connection. Whoever serves a [`Host`](crate::Host) puts it into the request's extensions;
/// without it all clients share one address for rate limits, and no proxy is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// The proxies whose forwarding headers are believed.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrustedProxies {
    networks: Vec<IpNet>,
    headers: ForwardedHeaders,
}

/// How the client sees the server, and who it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Origin<'a> {
    pub(crate) address: IpAddr,
    /// `https` or `http`, where a trusted proxy says so.
    pub(crate) scheme: Option<&'a str>,
    /// The authority that was asked for, with its port.
    pub(crate) authority: Option<&'a str>,
}

impl Origin<'_> {
    /// The host name that was asked for, in lower case and without port.
    pub(crate) fn host(&self) -> Option<Cow<'_, str>> {
        let authority = self.authority?;
        // An IPv6 address stands in brackets and has colons of its own.
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => authority,
        };
        let host = host.strip_suffix('.').unwrap_or(host);
        Some(if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(host.to_ascii_lowercase())
        } else {
            Cow::Borrowed(host)
        })
    }
}

impl TrustedProxies {
    pub(crate) fn new(networks: Vec<IpNet>, headers: ForwardedHeaders) -> Self {
        Self { networks, headers }
    }

    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address.to_canonical()))
    }

    /// Who asks, and for what.
    pub(crate) fn origin<'a>(&self, parts: &'a Parts) -> Origin<'a> {
        let asked = parts.uri.authority().map(http::uri::Authority::as_str);
        let authority = asked.or_else(|| text(&parts.headers, header::HOST.as_str()));
        let origin = Origin { address: peer(&parts.extensions), scheme: None, authority };
        if self.trusts(origin.address) { self.forwarded(&parts.headers, origin) } else { origin }
    }

    /// The address of who asks.
    pub(crate) fn address(&self, headers: &HeaderMap, extensions: &Extensions) -> IpAddr {
        let address = peer(extensions);
        if !self.trusts(address) {
            return address;
        }
        self.forwarded(headers, Origin { address, scheme: None, authority: None }).address
    }

    /// The origin as the nearest trusted proxies tell it, in the headers that they write and no others.
    fn forwarded<'a>(&self, headers: &'a HeaderMap, mut origin: Origin<'a>) -> Origin<'a> {
        if self.headers == ForwardedHeaders::Rfc7239 {
            // The last element is the nearest proxy's; each one before it is believed while its writer is trusted.
            for element in elements(headers, header::FORWARDED.as_str()).rev() {
                let parameter = |name: &str| {
                    element.split(';').find_map(|pair| {
                        let (key, value) = pair.split_once('=')?;
                        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
                    })
                };
                origin.scheme = parameter("proto").and_then(scheme).or(origin.scheme);
                origin.authority = parameter("host").or(origin.authority);
                let Some(address) = parameter("for").and_then(node) else { break };
                origin.address = address;
                if !self.trusts(address) {
                    break;
                }
            }
            return origin;
        }
        for address in elements(headers, "x-forwarded-for").rev().map_while(node) {
            origin.address = address;
            if !self.trusts(address) {
                break;
            }
        }
        origin.scheme = elements(headers, "x-forwarded-proto").next_back().and_then(scheme);
        origin.authority = elements(headers, "x-forwarded-host").next_back().or(origin.authority);
        origin
    }
}

fn peer(extensions: &Extensions) -> IpAddr {
    extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Peer(peer)| peer.ip().to_canonical())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The elements of a comma-separated header, over all lines of that name.
fn elements<'a>(headers: &'a HeaderMap, name: &str) -> impl DoubleEndedIterator<Item = &'a str> {
    let lines = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|element| !element.is_empty())
}

fn scheme(text: &str) -> Option<&'static str> {
    ["https", "http"].into_iter().find(|scheme| text.eq_ignore_ascii_case(scheme))
}

/// The address of a node as RFC 7239 section 6 or `X-Forwarded-For` writes it, with or without port.
fn node(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::ForwardedHeaders::{Rfc7239, XForwarded};
    use super::*;
    use http::Request;

    fn parts(peer: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().uri("/v1/rooms").header("host", "Inner.example:8080");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        parts.extensions.insert(Peer(SocketAddr::new(peer.parse().unwrap(), 1)));
        parts
    }

    type Seen = (String, Option<String>, Option<String>);

    fn told(peer: &str, family: ForwardedHeaders, headers: &[(&str, &str)]) -> Seen {
        let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()], family);
        let parts = parts(peer, headers);
        let origin = proxies.origin(&parts);
        let host = origin.host().map(Cow::into_owned);
        (origin.address.to_string(), origin.scheme.map(str::to_owned), host)
    }

    fn seen(address: &str, scheme: Option<&str>, host: &str) -> Seen {
        (address.to_owned(), scheme.map(str::to_owned), Some(host.to_owned()))
    }

    #[test]
    fn strangers_are_not_believed() {
        let lies =
            [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-host", "evil"), ("forwarded", "for=1.1.1.1;host=evil")];
        for family in [XForwarded, Rfc7239] {
            assert_eq!(told("192.0.2.1", family, &lies), seen("192.0.2.1", None, "inner.example"));
            assert_eq!(told("::ffff:192.0.2.1", family, &lies), seen("192.0.2.1", None, "inner.example"));
        }
    }

    #[test]
    fn trusted_proxies_tell_who_asked_and_for_what() {
        let old = [
            ("x-forwarded-for", "6.6.6.6, 192.0.2.7, 10.0.0.2"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "Chat.example"),
            ("forwarded", "for=6.6.6.6;proto=http;host=evil"),
        ];
        assert_eq!(told("10.0.0.1", XForwarded, &old), seen("192.0.2.7", Some("https"), "chat.example"));
        let new = [
            ("forwarded", "for=6.6.6.6, for=\"[2001:db8::1]:77\";proto=HTTPS;host=\"chat.example:443\""),
            ("x-forwarded-for", "6.6.6.6"),
        ];
        assert_eq!(told("10.0.0.1", Rfc7239, &new), seen("2001:db8::1", Some("https"), "chat.example"));
        assert_eq!(
            told("10.0.0.1", Rfc7239, &[("forwarded", "for=_hidden;proto=gopher")]),
            seen("10.0.0.1", None, "inner.example")
        );
    }

    #[test]
    fn hosts_lose_port_case_and_trailing_dot() {
        let host = |authority: &str| {
            let origin = Origin { address: [0, 0, 0, 0].into(), scheme: None, authority: Some(authority) };
            origin.host().unwrap().into_owned()
        };
        assert_eq!(host("A.example.:80"), "a.example");
        assert_eq!(host("[::1]:80"), "[::1]");
        assert_eq!(host("[::1]"), "[::1]");
        assert_eq!(host("a.example"), "a.example");
    }
}

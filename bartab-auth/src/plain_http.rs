//! Where another process may be asked: with TLS, or without it where nobody can listen in or answer in its place.

use url::{Host, Url};

/// Where `http` will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    all(not(test), not(all(feature = "remote-feed", feature = "openid-providers"))),
    expect(dead_code, reason = "not every feature takes it in as many places")
)]
pub(crate) enum PlainHttp {
    /// Nowhere.
    Nowhere,
    /// On this very machine.
    Here,
    /// There, and at private addresses: for what is no secret. A name is none of them, for whoever answers for the name
    /// says where it leads.
    Private,
    /// Wherever the operator says.
    Anywhere,
}

impl PlainHttp {
    /// Whether the URL may be asked: by `https`, or by `http` where that will do. It has a host and no credentials.
    pub(crate) fn allows(self, url: &str) -> bool {
        let Ok(url) = Url::parse(url) else { return false };
        let Some(host) = url.host() else { return false };
        let named = url.username().is_empty() && url.password().is_none();
        named
            && match url.scheme() {
                "https" => true,
                "http" => match self {
                    Self::Nowhere => false,
                    Self::Here => is_here(&host),
                    Self::Private => is_here(&host) || is_private(&host),
                    Self::Anywhere => true,
                },
                _ => false,
            }
    }
}

fn is_here(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

fn is_private(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(_) => false,
        Host::Ipv4(address) => address.is_private(),
        Host::Ipv6(address) => address.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_asked_by_tls_or_where_nobody_listens_in() {
        let all = [PlainHttp::Nowhere, PlainHttp::Here, PlainHttp::Private, PlainHttp::Anywhere];
        let allowed = |url: &str| all.map(|plain| plain.allows(url));
        for url in ["https://login.example/realm", "https://login.example:8443", "https://10.0.0.1"] {
            assert_eq!(allowed(url), [true; 4], "{url}");
        }
        for url in ["http://127.0.0.1:1/t/a", "http://localhost", "http://[::1]:9/x", "http://127.9.9.9"] {
            assert_eq!(allowed(url), [false, true, true, true], "{url}");
        }
        for url in ["http://10.0.0.1", "http://172.31.0.1:80/a", "http://192.168.1.1", "http://[fd00::1]/jwks"] {
            assert_eq!(allowed(url), [false, false, true, true], "{url}");
        }
        for url in [
            "http://login.example",
            "http://auth.internal:8080",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "http://169.254.169.254/latest",
            "http://172.32.0.1",
            "http://[fe80::1]",
            "http://0.0.0.0",
        ] {
            assert_eq!(allowed(url), [false, false, false, true], "{url}");
        }
        for url in [
            "https://user:secret@login.example",
            "http://user@127.0.0.1",
            "https://",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "ftp://127.0.0.1",
            "login.example",
            "",
        ] {
            assert_eq!(allowed(url), [false; 4], "{url}");
        }
    }
}

//! The way back to a client: which redirect URIs are its own, and what is written into them.

use bartab_core::store::OAuthClient;

/// The redirect URI that a request may use: `named`, if it is the client's; without a name, the only one that there is.
///
/// Names are compared byte by byte (RFC 9700 section 2.1). The one exception is the port of a loopback address of a
/// client without a secret: a native app listens where it finds room (RFC 8252 section 7.3).
pub(crate) fn allowed<'a>(client: &'a OAuthClient, named: Option<&'a str>) -> Option<&'a str> {
    let uri = match named {
        Some(named) => {
            let own = |uri: &String| uri == named || (!client.is_confidential() && same_but_port(uri, named));
            client.redirect_uris.iter().any(own).then_some(named)?
        }
        None => match client.redirect_uris.as_slice() {
            [only] => only,
            _ => return None,
        },
    };
    is_safe(uri).then_some(uri)
}

/// Whether somebody may be sent to `uri`. Registration refuses what is not; this holds whatever the store says.
fn is_safe(uri: &str) -> bool {
    let never = ["javascript", "data", "vbscript", "file", "blob", "about", "filesystem"];
    let plain = uri.bytes().all(|byte| byte.is_ascii_graphic() && !b"#\"<>\\^`{|}".contains(&byte));
    plain && scheme(uri).is_some_and(|scheme| !never.contains(&&*scheme))
}

/// Whether `uri` is one of a site, which nobody else answers for.
pub(crate) fn is_https(uri: &str) -> bool {
    scheme(uri).as_deref() == Some("https")
}

/// The scheme in lower case (RFC 3986 section 3.1).
fn scheme(uri: &str) -> Option<String> {
    let (scheme, _) = uri.split_once(':')?;
    let good = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    (good && scheme.starts_with(|first: char| first.is_ascii_alphabetic())).then(|| scheme.to_ascii_lowercase())
}

fn same_but_port(registered: &str, named: &str) -> bool {
    match (loopback(registered), loopback(named)) {
        (Some(registered), Some(named)) => registered == named,
        _ => false,
    }
}

/// Host and what follows the port of a plain http URI of this very machine.
fn loopback(uri: &str) -> Option<(&'static str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let hosts = ["127.0.0.1", "[::1]", "localhost"];
    let (host, rest) = hosts.into_iter().find_map(|host| Some((host, rest.strip_prefix(host)?)))?;
    let rest = match rest.strip_prefix(':') {
        Some(rest) => {
            let end = rest.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(rest.len());
            let (port, rest) = rest.split_at(end);
            (port.len() <= 5 && port.parse::<u16>().is_ok_and(|port| port > 0)).then_some(rest)?
        }
        None => rest,
    };
    // Anything else would make the host another one: `127.0.0.1.evil.example`, `localhost:1@evil.example`.
    (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((host, rest))
}

/// The URI with `parameters` in its query (RFC 6749 section 4.1.2); whatever they hold is encoded.
pub(crate) fn with_query<'a>(uri: &str, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    let between = match uri.split_once('?') {
        None => "?",
        Some((_, before)) if before.is_empty() || before.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{uri}{between}{}", query.finish())
}

/// What a page's `form-action` must allow beside `'self'` so that its form can end at `uri`.
///
/// Chromium holds every redirect that follows a form against `form-action`, not the first alone, and clients send
/// people on: from `https://api.…/callback` to `https://app.…/`, from a native app's loopback to its web site. So it is
/// the scheme that is allowed and not the one origin; a page with it keeps people's input from anything but a secure
/// site, and that nobody adds a form to it is for escaping and `default-src 'none'` to see to.
pub(crate) fn form_sources(uri: &str) -> String {
    match scheme(uri).as_deref() {
        Some("https") | None => "https:".to_owned(),
        Some("http") => "http: https:".to_owned(),
        Some(scheme) => format!("{scheme}: https:"),
    }
}

/// Where people get to with `uri`, in a form that they can compare: host and port. `None` for an app's own scheme.
pub(crate) fn place(uri: &str) -> Option<&str> {
    let rest = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?']).next()?;
    // What stands before an `@` is no host, and could look like one.
    authority.rsplit('@').next().filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use bartab_core::store::{ClientKind, ClientSecret, Grants, KeyAlgorithm, TokenHash};
    use bartab_core::{Scopes, Timestamp};

    use super::*;

    fn client(uris: &[&str]) -> OAuthClient {
        OAuthClient {
            client_id: "app".to_owned(),
            kind: ClientKind::App,
            name: "App".to_owned(),
            secrets: Vec::new(),
            redirect_uris: uris.iter().map(|uri| (*uri).to_owned()).collect(),
            scopes: Scopes::NONE,
            grants: Grants::default(),
            id_token_algorithm: KeyAlgorithm::EdDsa,
            created_at: Timestamp::from_secs(0),
            created_by: None,
        }
    }

    #[test]
    fn a_uri_is_the_client_s_byte_by_byte() {
        let app = client(&["https://app.example/cb", "com.example.app:/cb"]);
        for own in &app.redirect_uris {
            assert_eq!(allowed(&app, Some(own)), Some(own.as_str()));
        }
        for other in [
            "",
            "https://app.example/cb/",
            "https://app.example/cb?",
            "https://app.example/cb?x=1",
            "https://app.example/cb#x",
            "https://app.example/c",
            "https://app.example/cb/../x",
            "https://app.example/%63b",
            "https://APP.example/cb",
            "HTTPS://app.example/cb",
            "http://app.example/cb",
            "https://app.example:443/cb",
            "https://app.example:8443/cb",
            "https://user@app.example/cb",
            "https://app.example@evil.example/cb",
            "https://app.example.evil.example/cb",
            "https://evil.example/https://app.example/cb",
            "//app.example/cb",
            "//evil.example",
            "/cb",
            " https://app.example/cb",
            "https://app.example/cb\r\nx: y",
            "https://app.example/cb\0",
            "com.example.app:/cb/",
            "com.example.app://cb",
        ] {
            assert_eq!(allowed(&app, Some(other)), None, "{other:?}");
        }
    }

    #[test]
    fn without_a_name_it_is_the_only_one() {
        assert_eq!(allowed(&client(&["https://app.example/cb"]), None), Some("https://app.example/cb"));
        assert_eq!(allowed(&client(&["https://app.example/cb", "https://app.example/b"]), None), None);
        assert_eq!(allowed(&client(&[]), None), None);
    }

    #[test]
    fn a_native_app_listens_where_it_finds_room() {
        let uris = ["http://127.0.0.1/cb", "http://[::1]:1/cb?a=b", "http://localhost:5000"];
        let app = client(&uris);
        for own in [
            "http://127.0.0.1:49152/cb",
            "http://127.0.0.1/cb",
            "http://127.0.0.1:65535/cb",
            "http://[::1]:7/cb?a=b",
            "http://[::1]/cb?a=b",
            "http://localhost",
            "http://localhost:5001",
        ] {
            assert_eq!(allowed(&app, Some(own)), Some(own));
        }
        for other in [
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:65536/cb",
            "http://127.0.0.1:000080/cb",
            "http://127.0.0.1:80/cb/",
            "http://127.0.0.1:80/cb?x",
            "http://127.0.0.1:80@evil.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://127.0.0.2:80/cb",
            "https://127.0.0.1:80/cb",
            "http://localhost:80/cb",
            "http://localhost:80:80",
            "http://localhost:+80",
            "http://localhost.evil.example",
            "http://localhostevil",
            "http://user@localhost:80",
            "http://[::1]:7/cb?a=c",
            "http://0.0.0.0:80/cb",
        ] {
            assert_eq!(allowed(&app, Some(other)), None, "{other}");
        }
        let secret = ClientSecret { hash: TokenHash::of(b"x"), created_at: Timestamp::from_secs(0), expires_at: None };
        let confidential = OAuthClient { secrets: vec![secret], ..client(&uris) };
        assert_eq!(allowed(&confidential, Some("http://127.0.0.1:1/cb")), None);
        assert_eq!(allowed(&confidential, Some("http://127.0.0.1/cb")), Some("http://127.0.0.1/cb"));
    }

    #[test]
    fn nobody_is_sent_into_a_script_whatever_was_registered() {
        for uri in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "//app.example",
            "app.example",
            ":x",
            "1a:x",
            "https://app.example/\u{e9}",
            "https://app.example/ x",
            "https://app.example/#x",
        ] {
            assert_eq!(allowed(&client(&[uri]), Some(uri)), None, "{uri}");
            assert_eq!(allowed(&client(&[uri]), None), None, "{uri}");
        }
    }

    #[test]
    fn what_is_written_into_a_uri_is_encoded() {
        let hostile = "a&b=c\r\nLocation: x#\u{e9}";
        let encoded = "state=a%26b%3Dc%0D%0ALocation%3A+x%23%C3%A9";
        for (uri, start) in [
            ("https://a.example/cb", "https://a.example/cb?"),
            ("https://a.example/cb?", "https://a.example/cb?"),
            ("https://a.example/cb?x=1", "https://a.example/cb?x=1&"),
            ("https://a.example/cb?x=1&", "https://a.example/cb?x=1&"),
            ("com.example.app:/cb", "com.example.app:/cb?"),
        ] {
            assert_eq!(with_query(uri, [("state", hostile)]), format!("{start}{encoded}"));
        }
    }

    #[test]
    fn a_form_may_end_where_the_client_is() {
        assert_eq!(form_sources("https://a.example/cb"), "https:");
        assert_eq!(form_sources("http://127.0.0.1:1/"), "http: https:");
        assert_eq!(form_sources("com.example.App:/cb"), "com.example.app: https:");
    }

    #[test]
    fn people_are_told_the_host() {
        assert_eq!(place("https://app.example:8443/cb?x"), Some("app.example:8443"));
        assert_eq!(place("https://app.example?x=@y"), Some("app.example"));
        assert_eq!(place("https://bank.example@app.example/cb"), Some("app.example"));
        assert_eq!(place("com.example.app:/cb"), None);
    }
}

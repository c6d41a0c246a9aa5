//! Which providers people may sign in with.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::plain_http::PlainHttp;

/// So many providers at most.
const MAX_PROVIDERS: usize = 32;

/// An OpenID provider that people may sign in with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// Its name in URLs: 1 to 32 of `a-z 0-9 -`.
    pub id: String,
    /// What people are shown, 1 to 64 characters.
    pub name: String,
    /// The `iss` of its tokens, and where its discovery document lies: an `https` URL, or `http` on this very machine.
    pub issuer: String,
    /// The tenant's name at the provider. The redirect URI to register there is
    /// `<issuer of the tenant>/v1/auth/providers/<id>/callback`.
    pub client_id: String,
    /// The tenant's secret there; without one it is a public client.
    #[serde(default)]
    pub client_secret: Option<ProviderSecret>,
    /// What is asked for beside `openid`: `profile` and `email` at first.
    #[serde(default = "usual_scopes")]
    pub scopes: Vec<String>,
    /// The domains whose people may sign in, by their verified e-mail address; empty: everybody whom the provider knows.
    #[serde(default)]
    pub allowed_domains: Vec<String>,
    /// Whether people get an account when they first come, whatever the tenant's policy says of those who come with a
    /// password: no at first. Without it, they sign in to accounts that they have linked before.
    #[serde(default)]
    pub allow_registration: bool,
    /// How long to wait for each of the provider's answers, in seconds: 5 at first, at most 30.
    #[serde(default = "usual_timeout")]
    pub timeout_seconds: u64,
}

fn usual_scopes() -> Vec<String> {
    vec!["profile".to_owned(), "email".to_owned()]
}

const fn usual_timeout() -> u64 {
    5
}

impl ProviderConfig {
    /// A provider with everything else as it is at first.
    pub fn new(
        id: impl Into<String>,
        name: impl Into<String>,
        issuer: impl Into<String>,
        client_id: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            issuer: issuer.into(),
            client_id: client_id.into(),
            client_secret: None,
            scopes: usual_scopes(),
            allowed_domains: Vec::new(),
            allow_registration: false,
            timeout_seconds: usual_timeout(),
        }
    }

    pub(super) const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }

    /// Whether people of this e-mail address may sign in.
    pub(super) fn admits(&self, email: &str) -> bool {
        let Some((_, domain)) = email.rsplit_once('@') else { return false };
        self.allowed_domains.iter().any(|allowed| allowed.eq_ignore_ascii_case(domain))
    }

    fn check(&self) -> Result<(), &'static str> {
        let in_id = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=32).contains(&self.id.len()) || !self.id.bytes().all(in_id) {
            return Err("an `id` has 1 to 32 of a-z, 0-9 and -");
        }
        if !(1..=64).contains(&self.name.chars().count()) || self.name.chars().any(char::is_control) {
            return Err("a `name` has 1 to 64 characters");
        }
        if !PlainHttp::Here.allows(&self.issuer) || self.issuer.contains(['?', '#']) {
            return Err("an `issuer` is an https URL, or an http one of this very machine");
        }
        if !(1..=512).contains(&self.client_id.len()) || self.client_id.chars().any(char::is_control) {
            return Err("a `client_id` has 1 to 512 bytes");
        }
        let plain = |text: &String| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if self.scopes.len() > 32 || !self.scopes.iter().all(plain) {
            return Err("`scopes` are at most 32 names");
        }
        let domain = |domain: &String| plain(domain) && !domain.contains(['@', '*', ',']);
        if self.allowed_domains.len() > 256 || !self.allowed_domains.iter().all(domain) {
            return Err("`allowed_domains` are at most 256 names, without @ and without *");
        }
        if (1..=30).contains(&self.timeout_seconds) { Ok(()) } else { Err("`timeout_seconds` is 1 to 30") }
    }
}

/// Whether these providers can be used; otherwise which of them cannot, from 0, and what is wrong.
pub(crate) fn check(providers: &[ProviderConfig]) -> Result<(), (usize, &'static str)> {
    let mut seen = BTreeSet::new();
    for (index, provider) in providers.iter().enumerate() {
        if index == MAX_PROVIDERS {
            return Err((index, "there are at most 32"));
        }
        if !seen.insert(&provider.id) {
            return Err((index, "another one has this `id`"));
        }
        provider.check().map_err(|what| (index, what))?;
    }
    Ok(())
}

/// The tenant's secret at a provider; `Debug` does not show it, and the memory is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct ProviderSecret(Zeroizing<String>);

impl ProviderSecret {
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

impl From<String> for ProviderSecret {
    fn from(secret: String) -> Self {
        Self(Zeroizing::new(secret))
    }
}

impl fmt::Debug for ProviderSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProviderSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> ProviderConfig {
        ProviderConfig::new("corp", "Work", "https://login.example/realm", "chat")
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        assert_eq!(check(&[good(), ProviderConfig { id: "other".to_owned(), ..good() }]), Ok(()));
        assert_eq!(check(&[good(), good()]), Err((1, "another one has this `id`")));
        let text = |text: &str| text.to_owned();
        for bad in [
            ProviderConfig { id: text("Work"), ..good() },
            ProviderConfig { id: text("../x"), ..good() },
            ProviderConfig { id: String::new(), ..good() },
            ProviderConfig { name: text("a\nb"), ..good() },
            ProviderConfig { issuer: text("http://login.example"), ..good() },
            ProviderConfig { issuer: text("ftp://login.example"), ..good() },
            ProviderConfig { issuer: text("https://login.example/?x"), ..good() },
            ProviderConfig { client_id: String::new(), ..good() },
            ProviderConfig { scopes: vec![text("a b")], ..good() },
            ProviderConfig { allowed_domains: vec![text("*.example")], ..good() },
            ProviderConfig { allowed_domains: vec![text("@example.org")], ..good() },
            ProviderConfig { timeout_seconds: 0, ..good() },
            ProviderConfig { timeout_seconds: 31, ..good() },
        ] {
            assert!(check(std::slice::from_ref(&bad)).is_err(), "{bad:?}");
        }
        let many: Vec<_> = (0..33).map(|n| ProviderConfig { id: format!("p{n}"), ..good() }).collect();
        assert!(check(&many).is_err());
    }

    #[test]
    fn a_domain_is_compared_whole() {
        let config = ProviderConfig { allowed_domains: vec!["Example.org".to_owned()], ..good() };
        assert!(config.admits("a@example.org") && config.admits("\"b@evil.example\"@EXAMPLE.org"));
        for other in ["a@evil-example.org", "a@sub.example.org", "a@example.org.evil.example", "example.org", "a@", ""]
        {
            assert!(!config.admits(other), "{other}");
        }
    }

    #[test]
    fn the_secret_is_not_shown() {
        let json = serde_json::json!({
            "id": "corp", "name": "Work", "issuer": "https://login.example", "client_id": "chat", "client_secret": "hush",
        });
        let config: ProviderConfig = serde_json::from_value(json).unwrap();
        assert_eq!(config.client_secret.as_ref().unwrap().text(), "hush");
        assert!(!format!("{config:?}").contains("hush"));
        assert_eq!((config.scopes.len(), config.timeout_seconds, config.allow_registration), (2, 5, false));
    }
}

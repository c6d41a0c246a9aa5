//! OAuth clients: registered by an administrator or the operator, and removed again.

use std::fmt;
use std::str::FromStr;

use bartab_core::store::{
    AuditActor, AuditFilter, ClientKind, ClientSecret, Grant, Grants, KeyAlgorithm, OAuthClient, TokenHash,
};
use bartab_core::{BotId, Id, IdError, IdKind, Scope, Scopes};
use url::{Host, Url};

use crate::acts::{Act, Authority};
use crate::auth::Auth;
use crate::error::AuthError;
use crate::rights::Permission;
use crate::rules::Broken;
use crate::sessions::OWN_CLIENT;
use crate::turn::half_done;

/// No real one is longer, and every browser takes as much.
const MAX_REDIRECT_URI: usize = 2000;
const MAX_REDIRECT_URIS: usize = 20;
/// What the audit trail calls the end of a client.
pub(crate) const REMOVED: &str = "client.removed";

/// The names of clients in the protocol: `client_` and a ULID, so that they are listed by age.
enum ClientIdKind {}

impl IdKind for ClientIdKind {
    const PREFIX: &'static str = "client";
}

/// What a client is called in the protocol: `client_…`; a bot's is the bot's own id, and our own login's is `bartab`.
pub(crate) struct ClientName(pub(crate) String);

impl FromStr for ClientName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text != OWN_CLIENT && text.parse::<BotId>().is_err() {
            text.parse::<Id<ClientIdKind>>()?;
        }
        Ok(Self(text.to_owned()))
    }
}

/// A client to be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewClient {
    /// What people are shown: 1 to 64 characters.
    pub name: String,
    /// [`ClientKind::App`] or [`ClientKind::Service`]; a bot's client is made with the bot.
    pub kind: ClientKind,
    /// Whether it can keep a secret; it then gets one.
    pub confidential: bool,
    /// Where codes may be sent, compared exactly: at most 20 of at most 2000 characters. Each is an `https` URL, an `http`
    /// URL of this very machine, or has a private-use scheme with a dot in it (RFC 8252).
    pub redirect_uris: Vec<String>,
    /// The most that it is given; without it an app may ask for all but `admin`.
    pub scopes: Option<Scopes>,
    /// The ways to tokens that it may take; without it an app may use codes and refresh tokens, a service
    /// `client_credentials`.
    pub grants: Option<Grants>,
    /// What its ID tokens are signed with.
    pub id_token_algorithm: KeyAlgorithm,
}

impl NewClient {
    /// A program that people sign in to, with a secret.
    pub fn app(name: impl Into<String>, redirect_uris: &[&str]) -> Self {
        Self {
            name: name.into(),
            kind: ClientKind::App,
            confidential: true,
            redirect_uris: redirect_uris.iter().map(|uri| (*uri).to_owned()).collect(),
            scopes: None,
            grants: None,
            id_token_algorithm: KeyAlgorithm::Rs256,
        }
    }

    /// Another service, with these scopes and a secret.
    pub fn service(name: impl Into<String>, scopes: Scopes) -> Self {
        Self { kind: ClientKind::Service, scopes: Some(scopes), ..Self::app(name, &[]) }
    }

    /// What is registered when nothing is said.
    fn scopes(&self) -> Scopes {
        let usual = if self.kind == ClientKind::App { OPENID } else { Scopes::NONE };
        self.scopes.unwrap_or(usual)
    }

    fn grants(&self) -> Grants {
        let usual: &[Grant] = match self.kind {
            ClientKind::App => &[Grant::AuthorizationCode, Grant::RefreshToken],
            _ => &[Grant::ClientCredentials],
        };
        self.grants.unwrap_or_else(|| usual.iter().copied().collect())
    }

    fn check(&self) -> Result<(), AuthError> {
        let mut broken = Broken::default();
        broken.name("/name", &self.name);
        let grants = self.grants();
        match self.kind {
            ClientKind::App => {
                if grants == Grants::default() {
                    broken.add("/grant_types", "missing", "a client has at least one way to tokens");
                }
            }
            ClientKind::Service => {
                if grants != Grants::default().with(Grant::ClientCredentials) {
                    broken.add("/grant_types", "invalid", "a service uses client_credentials alone");
                }
                if self.scopes() == Scopes::NONE {
                    broken.add("/scopes", "missing", "a service has at least one scope");
                }
            }
            _ => broken.add("/kind", "invalid", "a bot's client is made with the bot"),
        }
        if grants.contains(Grant::ClientCredentials) && !self.confidential {
            broken.add("/confidential", "invalid", "client_credentials is for clients that can keep a secret");
        }
        let codes = grants.contains(Grant::AuthorizationCode);
        if codes && self.redirect_uris.is_empty() {
            broken.add("/redirect_uris", "missing", "authorization_code needs a redirect URI");
        } else if !codes && !self.redirect_uris.is_empty() {
            broken.add("/redirect_uris", "invalid", "only authorization_code has redirect URIs");
        } else if self.redirect_uris.len() > MAX_REDIRECT_URIS {
            broken.add("/redirect_uris", "too_long", "a client has at most 20 redirect URIs");
        }
        for (index, uri) in self.redirect_uris.iter().enumerate().take(MAX_REDIRECT_URIS) {
            if let Err(problem) = check_redirect_uri(uri) {
                broken.add(&format!("/redirect_uris/{index}"), "invalid", problem);
            }
        }
        broken.into_result()
    }
}

/// What an app may ask for when nothing else is said.
const OPENID: Scopes = Scopes::PERSON.with(Scope::Openid).with(Scope::Profile);

/// Whether a code may be sent to `uri` at all.
fn check_redirect_uri(uri: &str) -> Result<(), &'static str> {
    if uri.len() > MAX_REDIRECT_URI {
        return Err("a redirect URI has at most 2000 characters");
    }
    // Browsers read some of these as something else; RFC 3986 allows none of them.
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
    if !uri.bytes().all(plain) {
        return Err("a redirect URI has the characters of RFC 3986 alone");
    }
    let url = Url::parse(uri).map_err(|_| "a redirect URI is an absolute URI")?;
    if uri.contains('#') {
        return Err("a redirect URI has no fragment");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a redirect URI names no user");
    }
    // `https:app.example` and `https:///app.example` name a host to browsers, but not to everybody.
    let authority = uri.split_once("://").map(|(_, rest)| rest.split(['/', '?']).next().unwrap_or_default());
    if matches!(url.scheme(), "http" | "https") && authority.is_none_or(str::is_empty) {
        return Err("a redirect URI names a host after two slashes");
    }
    let this_machine = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(()),
        "http" if this_machine => Ok(()),
        "http" => Err("http is for this very machine: 127.0.0.1, [::1] or localhost"),
        // RFC 8252 section 7.1; `javascript:` and `data:` have no dot.
        private if private.contains('.') => Ok(()),
        _ => Err("a redirect URI is https, http on this machine, or has a private-use scheme with a dot"),
    }
}

/// A client that was just registered; `Debug` does not show the secret.
#[derive(Clone)]
pub struct RegisteredClient {
    /// The record.
    pub client: OAuthClient,
    /// The secret of a confidential client, 256 random bits. It is told this once: the store has a hash of it.
    pub client_secret: Option<String>,
}

impl fmt::Debug for RegisteredClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisteredClient").field("client", &self.client).finish_non_exhaustive()
    }
}

impl Auth {
    /// Registers a client.
    ///
    /// # Errors
    /// [`AuthError::PermissionDenied`], [`AuthError::InsufficientScope`]; [`AuthError::Invalid`], also without a reason;
    /// [`AuthError::Store`].
    pub async fn register_client(&self, act: &Act, new: NewClient) -> Result<RegisteredClient, AuthError> {
        act.check(Permission::ClientsManage)?;
        new.check()?;
        let (inner, by) = (&*self.0, act.actor());
        let now = inner.clock.now();
        let client_id = Id::<ClientIdKind>::new(now, &*inner.random).to_string();
        let client_secret = new.confidential.then(|| self.random_text::<32>());
        let hash = |secret: &String| ClientSecret {
            hash: TokenHash::of(secret.as_bytes()),
            created_at: now,
            expires_at: None,
        };
        let client = OAuthClient {
            kind: new.kind,
            scopes: new.scopes(),
            grants: new.grants(),
            name: new.name,
            secrets: client_secret.iter().map(hash).collect(),
            redirect_uris: new.redirect_uris,
            id_token_algorithm: new.id_token_algorithm,
            created_at: now,
            created_by: if let AuditActor::User(user) = by { Some(user) } else { None },
            client_id,
        };
        let audit = self.audited_by(by, "client.registered", &client.client_id, Some(&act.reason));
        if client.scopes.contains(Scope::Openid) {
            // Before the first ID token is asked for, and published by then: making an RSA key takes its time.
            self.ensure_key(client.id_token_algorithm).await?;
        }
        inner.stores.clients.create(client.clone(), Some(audit)).await?;
        Ok(RegisteredClient { client, client_secret })
    }

    /// The registered clients, oldest first, at most `limit` from the first one after `after` on.
    ///
    /// # Errors
    /// [`AuthError::PermissionDenied`], [`AuthError::InsufficientScope`]; [`AuthError::Store`].
    pub async fn clients(
        &self,
        by: &Authority,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<OAuthClient>, AuthError> {
        by.require(Permission::ClientsManage)?;
        Ok(self.0.stores.clients.list(after, limit).await?)
    }

    /// Removes a client and what people allowed it, and ends its sessions.
    ///
    /// When the store fails in between, the same again does the rest. Nobody can refresh the sessions that are left, since
    /// their client is gone.
    ///
    /// # Errors
    /// [`AuthError::PermissionDenied`], [`AuthError::InsufficientScope`]; [`AuthError::ClientNotFound`], also for a bot's
    /// client, which goes with the bot; [`AuthError::Invalid`] without a reason.
    pub async fn remove_client(&self, act: &Act, client_id: &str) -> Result<(), AuthError> {
        act.check(Permission::ClientsManage)?;
        let (act, client_id) = (act.clone(), client_id.to_owned());
        self.to_its_end(|auth| async move {
            let removed = match auth.0.stores.clients.get(&client_id).await? {
                Some(client) if matches!(client.kind, ClientKind::Bot { .. }) => return Err(AuthError::ClientNotFound),
                Some(_) => {
                    let audit = auth.audited_by(act.actor(), REMOVED, &client_id, Some(&act.reason));
                    auth.0.stores.clients.remove(&client_id, Some(audit)).await?
                }
                None => false,
            };
            // What follows may not have been done the first time.
            if !removed && !auth.was_removed(&client_id).await? {
                return Err(AuthError::ClientNotFound);
            }
            let ended = auth.end_of_client(&client_id).await;
            // It may wait for news of accounts.
            auth.0.nudges.wake();
            let ended = ended.map_err(half_done)?;
            if removed || ended { Ok(()) } else { Err(AuthError::ClientNotFound) }
        })
        .await
    }

    /// Whether there was such a client, as the trail says.
    async fn was_removed(&self, client_id: &str) -> Result<bool, AuthError> {
        let filter = AuditFilter {
            subject: Some(client_id.to_owned()),
            action: Some(REMOVED.to_owned()),
            ..AuditFilter::default()
        };
        Ok(!self.0.stores.audit.list(&filter, None, 1).await?.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirect_uris() {
        for good in [
            "https://app.example/callback",
            "https://app.example/callback?tenant=1",
            "https://[2001:db8::1]:8443/",
            "http://127.0.0.1/cb",
            "http://127.9.9.9:49152/cb",
            "http://[::1]:3000/cb",
            "http://localhost:3000/cb",
            "com.example.app:/oauth2redirect",
            "com.example.app://oauth2/redirect",
            &format!("https://app.example/{}", "a".repeat(1980)),
        ] {
            assert_eq!(check_redirect_uri(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "/callback",
            "app.example/callback",
            "//app.example/callback",
            "https://",
            "https:///callback",
            "https:app.example/callback",
            "https:/app.example/callback",
            "https://?app.example",
            "https://app.example/#",
            "https://app.example/callback#fragment",
            "https://user@app.example/",
            "https://user:password@app.example/",
            "https://:password@app.example/",
            "http://app.example/callback",
            "http://127.0.0.1.example/",
            "http://localhost.example/",
            "http://128.0.0.1/",
            "http://0.0.0.0/",
            "javascript:alert(1)",
            "data:text/html,x",
            "myapp:/callback",
            "urn:ietf:wg:oauth:2.0:oob",
            "https://app.example/\r\nLocation:x",
            "https://app.example/ x",
            "https:\\\\app.example",
            "https://app.example/<script>",
            "https://\u{430}pp.example/",
            &format!("https://app.example/{}", "a".repeat(1981)),
        ] {
            assert!(check_redirect_uri(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_hides_the_secret() {
        let client = crate::client_auth::own_client();
        let registered = RegisteredClient { client, client_secret: Some("hush".to_owned()) };
        assert!(!format!("{registered:?}").contains("hush"));
    }
}

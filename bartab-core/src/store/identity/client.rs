//! OAuth clients: the programs that ask for tokens, and what people allowed them.

use async_trait::async_trait;

use crate::actor::Scopes;
use crate::id::{BotId, UserId};
use crate::store::{AuditRecord, KeyAlgorithm, StoreError, TokenHash};
use crate::time::Timestamp;

/// The record of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthClient {
    /// Its name in the protocol.
    pub client_id: String,
    /// What sort of client it is.
    pub kind: ClientKind,
    /// What people are shown.
    pub name: String,
    /// Its secrets; a public client has none. While one is replaced, the old one stays good for a while.
    pub secrets: Vec<ClientSecret>,
    /// Where a code may be sent, compared exactly.
    pub redirect_uris: Vec<String>,
    /// The most that it is given.
    pub scopes: Scopes,
    /// The ways to tokens that it may take.
    pub grants: Grants,
    /// What its ID tokens are signed with.
    pub id_token_algorithm: KeyAlgorithm,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Who registered it; `None`: the operator.
    pub created_by: Option<UserId>,
}

/// What sort of client it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientKind {
    /// A program that people sign in to.
    App,
    /// A bot's own.
    Bot {
        /// The bot's registration.
        bot: BotId,
        /// The bot's account.
        user: UserId,
    },
    /// Another service of the same tenant.
    Service,
}

/// A client's secret; only its hash is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientSecret {
    /// The hash.
    pub hash: TokenHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is good no more; `None` for the newest.
    pub expires_at: Option<Timestamp>,
}

impl OAuthClient {
    /// Whether it has to prove who it is.
    pub fn is_confidential(&self) -> bool {
        !self.secrets.is_empty()
    }

    /// Whether `secret` is one of its own and good at `now`.
    pub fn accepts(&self, secret: &TokenHash, now: Timestamp) -> bool {
        let good = |own: &ClientSecret| own.hash == *secret && own.expires_at.is_none_or(|end| now < end);
        self.secrets.iter().any(good)
    }
}

/// A way to tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Grant {
    /// RFC 6749 section 4.1, with PKCE.
    AuthorizationCode = 1,
    /// RFC 6749 section 6.
    RefreshToken = 1 << 1,
    /// RFC 6749 section 4.4.
    ClientCredentials = 1 << 2,
    /// RFC 8628.
    DeviceCode = 1 << 3,
    /// RFC 8693.
    TokenExchange = 1 << 4,
}

impl Grant {
    /// Every grant with its name in the protocol.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::AuthorizationCode, "authorization_code"),
        (Self::RefreshToken, "refresh_token"),
        (Self::ClientCredentials, "client_credentials"),
        (Self::DeviceCode, "urn:ietf:params:oauth:grant-type:device_code"),
        (Self::TokenExchange, "urn:ietf:params:oauth:grant-type:token-exchange"),
    ];

    /// The grant with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(grant, _)| grant)
    }
}

/// A set of grants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grants(u8);

impl Grants {
    /// Whether the set holds `grant`.
    pub const fn contains(self, grant: Grant) -> bool {
        self.0 & grant as u8 != 0
    }

    /// The set with `grant` in it.
    #[must_use]
    pub const fn with(self, grant: Grant) -> Self {
        Self(self.0 | grant as u8)
    }

    /// The names of the grants in it.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Grant::ALL.into_iter().filter(move |(grant, _)| self.contains(*grant)).map(|(_, name)| name)
    }
}

impl FromIterator<Grant> for Grants {
    fn from_iter<I: IntoIterator<Item = Grant>>(grants: I) -> Self {
        grants.into_iter().fold(Self::default(), Self::with)
    }
}

/// A new secret for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretRotation {
    /// The new one.
    pub next: TokenHash,
    /// When it is made.
    pub now: Timestamp,
    /// From when on the ones before are good no more.
    pub old_until: Timestamp,
}

impl SecretRotation {
    /// Gives `client` the new secret; the old ones stay good until `old_until` at the latest, at most one of them.
    pub fn apply(&self, client: &mut OAuthClient) {
        client.secrets.retain(|secret| secret.expires_at.is_none() && self.old_until > self.now);
        for secret in &mut client.secrets {
            secret.expires_at = Some(self.old_until);
        }
        client.secrets.push(ClientSecret { hash: self.next, created_at: self.now, expires_at: None });
    }
}

/// The OAuth clients of a tenant, and the consents of its people.
///
/// A bot's client is made with its account, by [`AccountStore::create`](crate::store::AccountStore::create).
#[async_trait]
pub trait ClientStore: Send + Sync + 'static {
    /// Stores the client, and what the audit trail says of it, durably, or nothing of it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the id is taken.
    async fn create(&self, client: OAuthClient, audit: Option<AuditRecord>) -> Result<(), StoreError>;

    /// Gives the client as of the last change that was acknowledged.
    async fn get(&self, client_id: &str) -> Result<Option<OAuthClient>, StoreError>;

    /// Gives up to `limit` clients by rising `client_id`, bytewise, from the first one above `after` on.
    async fn list(&self, after: Option<&str>, limit: usize) -> Result<Vec<OAuthClient>, StoreError>;

    /// Applies the rotation with [`SecretRotation::apply`] in one atomic step, durably.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such client.
    async fn rotate_secret(
        &self,
        client_id: &str,
        rotation: SecretRotation,
        audit: Option<AuditRecord>,
    ) -> Result<OAuthClient, StoreError>;

    /// Replaces what a bot's client is given at most, durably, and gives it as it is then.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such client.
    async fn set_scopes(
        &self,
        client_id: &str,
        scopes: Scopes,
        audit: Option<AuditRecord>,
    ) -> Result<OAuthClient, StoreError>;

    /// Removes the client and the consents to it durably, in one step; answers whether it was there. `audit` is written
    /// only then.
    async fn remove(&self, client_id: &str, audit: Option<AuditRecord>) -> Result<bool, StoreError>;

    /// Gives what `user` has allowed the client; [`Scopes::NONE`] when nothing.
    async fn consent(&self, user: UserId, client_id: &str) -> Result<Scopes, StoreError>;

    /// Adds `scopes`, durably, to what `user` has allowed the client.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such client.
    async fn allow(&self, user: UserId, client_id: &str, scopes: Scopes) -> Result<(), StoreError>;

    /// Forgets, durably, what `user` has allowed the client; without one, what they have allowed any.
    async fn withdraw(&self, user: UserId, client_id: Option<&str>) -> Result<(), StoreError>;
}

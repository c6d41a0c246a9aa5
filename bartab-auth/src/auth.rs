//! Identity in process: what a tenant's people, sessions and tokens are kept by.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bartab_core::store::{AccountStore, KeyState, KeyStore, SessionStore};
use bartab_core::{Clock, Random};
use bytes::Bytes;

use crate::config::{Config, ConfigError};
use crate::error::AuthError;
use crate::metadata::Metadata;
use crate::password::{HashPool, Passwords};
use crate::token::{Revocations, Signer, Verifier, generate, key_set};

/// The stores of one tenant's identity.
#[derive(Clone)]
pub struct AuthStores {
    /// Its accounts.
    pub accounts: Arc<dyn AccountStore>,
    /// Its sessions.
    pub sessions: Arc<dyn SessionStore>,
    /// Its signing keys.
    pub keys: Arc<dyn KeyStore>,
}

impl fmt::Debug for AuthStores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthStores").finish_non_exhaustive()
    }
}

/// Why the identity of a tenant could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The stores failed, or hold keys that cannot be used.
    #[error(transparent)]
    Auth(#[from] AuthError),
}

/// The identity of one tenant: the same operations that [`AuthService`](crate::AuthService) offers over HTTP, for code
/// in the same process. Clones share everything.
#[derive(Clone, Debug)]
pub struct Auth(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) stores: AuthStores,
    pub(crate) config: Config,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) passwords: Passwords,
    pub(crate) signer: Signer,
    pub(crate) verifier: Verifier,
    pub(crate) revocations: Revocations,
    /// The JWK Set, as it is published.
    pub(crate) jwks: Bytes,
    pub(crate) metadata: Metadata,
    /// Counts new sessions, so that old ones are cleared away now and then.
    pub(crate) sessions_opened: AtomicU64,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").field("issuer", &self.config.issuer).finish_non_exhaustive()
    }
}

impl Auth {
    /// Opens the identity that `stores` hold; the first time, a signing key is made.
    ///
    /// # Errors
    /// When `config` cannot be used, or the stores fail.
    pub async fn open(
        stores: AuthStores,
        config: Config,
        pool: HashPool,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, OpenError> {
        config.validate()?;
        let now = clock.now();
        let mut keys = stores.keys.list().await.map_err(AuthError::from)?;
        if !keys.iter().any(|key| key.state == KeyState::Active) {
            let key = generate(&*random, now)?;
            keys = stores.keys.ensure_active(key).await.map_err(AuthError::from)?;
        }
        let active = keys.iter().rfind(|key| key.state == KeyState::Active);
        let active = active.ok_or_else(|| AuthError::internal("the store keeps no active key"))?;
        let signer = Signer::new(active)?;
        let (public, jwks) = key_set(&keys)?;

        let revocations = Revocations::default();
        // Sessions that ended just before the tenant was opened may have access tokens that are still about.
        let since = bartab_core::Timestamp::from_secs(now.as_secs().saturating_sub(config.access_token_seconds));
        for session in stores.sessions.ended_since(since).await.map_err(AuthError::from)? {
            revocations.remember(session, now, config.access_token_life());
        }
        let verifier = Verifier::local(
            &config.issuer,
            config.audience(),
            public,
            config.token_cache,
            revocations.clone(),
            Arc::clone(&clock),
        );
        Ok(Self(Arc::new(Inner {
            passwords: Passwords::new(config.password, pool)?,
            jwks: Bytes::from(jwks),
            metadata: Metadata::new(&config.issuer),
            stores,
            config,
            clock,
            random,
            signer,
            verifier,
            revocations,
            sessions_opened: AtomicU64::new(0),
        })))
    }

    /// Verifies the tenant's access tokens.
    pub fn verifier(&self) -> &Verifier {
        &self.0.verifier
    }

    /// The sessions that have ended, and a way to be told of each.
    pub fn revocations(&self) -> &Revocations {
        &self.0.revocations
    }

    /// Whether the stores answer and there is a key to verify with.
    ///
    /// # Errors
    /// What is missing.
    pub async fn ready(&self) -> Result<(), AuthError> {
        self.0.stores.keys.list().await?;
        if self.0.verifier.has_keys() { Ok(()) } else { Err(AuthError::Token(crate::TokenError::KeysUnavailable)) }
    }
}

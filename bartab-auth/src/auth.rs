//! Identity in process: what a tenant's people, sessions and tokens are kept by.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bartab_core::store::{
    AccountFeed, AccountStore, AuditStore, ClientStore, InviteStore, KeyStore, SessionStore, TicketStore,
};
use bartab_core::{Clock, Random, UserId};

use crate::attempts::Attempts;
use crate::config::{Config, ConfigError};
use crate::error::AuthError;
use crate::exchange::Trusted;
use crate::hash_pool::HashPool;
use crate::keys::Keys;
use crate::metadata::Metadata;
use crate::nudge::Nudges;
use crate::password::Passwords;
use crate::seal::Sealer;
use crate::second_factor::Resealing;
use crate::token::{Revocations, Verifier};

/// The stores of one tenant's identity.
#[derive(Clone)]
pub struct AuthStores {
    /// Its accounts.
    pub accounts: Arc<dyn AccountStore>,
    /// Its sessions.
    pub sessions: Arc<dyn SessionStore>,
    /// Its signing keys.
    pub keys: Arc<dyn KeyStore>,
    /// Its invites.
    pub invites: Arc<dyn InviteStore>,
    /// Its OAuth clients.
    pub clients: Arc<dyn ClientStore>,
    /// Its secrets that are good once.
    pub tickets: Arc<dyn TicketStore>,
    /// Its audit trail.
    pub audit: Arc<dyn AuditStore>,
    /// What others must know of its accounts.
    pub feed: Arc<dyn AccountFeed>,
}

impl AuthStores {
    /// One store that is all of them.
    pub fn of<S>(store: Arc<S>) -> Self
    where
        S: AccountStore + SessionStore + KeyStore + InviteStore + ClientStore + TicketStore + AuditStore + AccountFeed,
    {
        Self {
            accounts: store.clone(),
            sessions: store.clone(),
            keys: store.clone(),
            invites: store.clone(),
            clients: store.clone(),
            tickets: store.clone(),
            audit: store.clone(),
            feed: store,
        }
    }
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

/// The identity of one tenant, for code in the same process: what [`AuthService`](crate::AuthService) lets people and
/// administrators do over HTTP with accounts, sign-in, sessions, invites, bots, clients, keys and the audit trail, as
/// methods that keep the same rules. Clones share everything.
///
/// What takes an [`Actor`](bartab_core::Actor), an [`Authority`](crate::Authority) or an [`Act`](crate::Act) checks what
/// that one may. What takes neither is
/// for the host itself and asks nobody who they are. OAuth 2 is spoken over HTTP alone: codes, the device grant, token
/// exchange, `client_credentials`, introspection.
#[derive(Clone, Debug)]
pub struct Auth(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) stores: AuthStores,
    pub(crate) config: Config,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) passwords: Passwords,
    /// Seals what must not be read out of the store.
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) attempts: Attempts,
    pub(crate) keys: Keys,
    pub(crate) verifier: Verifier,
    pub(crate) revocations: Revocations,
    pub(crate) metadata: Metadata,
    /// Whose tokens can be exchanged for ours.
    pub(crate) trusted: Trusted,
    /// Counts new sessions, so that old ones are cleared away now and then.
    pub(crate) sessions_opened: AtomicU64,
    /// The same for tickets.
    pub(crate) tickets_issued: AtomicU64,
    /// How far the shared secrets of second factors are sealed with today's host key.
    pub(crate) resealing: Resealing,
    /// Whose turn it is to act on accounts.
    pub(crate) turn: Arc<tokio::sync::Mutex<()>>,
    #[cfg(feature = "openid-providers")]
    pub(crate) providers: crate::providers::Providers,
    /// Who follows the account feed.
    pub(crate) nudges: Nudges,
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
        let attempts = Attempts::new(&*random);
        Self::open_with(stores, config, pool, attempts, clock, random).await
    }

    /// [`Auth::open`] with what is remembered of failed attempts from when the tenant was open before.
    ///
    /// # Errors
    /// Those of [`Auth::open`].
    pub async fn open_with(
        stores: AuthStores,
        config: Config,
        pool: HashPool,
        attempts: Attempts,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, OpenError> {
        config.validate()?;
        let now = clock.now();
        let sealer = Arc::new(Sealer::new(&config.sealing_keys, Arc::clone(&random))?);
        let keys = Keys::open(&stores, &config, &sealer, &clock, &random).await?;

        let revocations = Revocations::default();
        let service_id = |client_id: &str| UserId::from_external(&config.issuer, client_id);
        revocations.recall(&stores, now, config.access_token_life(), service_id).await.map_err(AuthError::from)?;
        let verifier = Verifier::local(
            &config.issuer,
            config.audience(),
            keys.ring().clone(),
            (config.token_cache, config.access_token_seconds),
            revocations.clone(),
            Arc::clone(&clock),
        );
        Ok(Self(Arc::new(Inner {
            passwords: Passwords::new(config.password, pool)?,
            attempts,
            metadata: Metadata::new(&config),
            trusted: Trusted::new(&config)?,
            #[cfg(feature = "openid-providers")]
            providers: crate::providers::Providers::new(&config.providers),
            sealer,
            stores,
            config,
            clock,
            random,
            keys,
            verifier,
            revocations,
            sessions_opened: AtomicU64::new(0),
            tickets_issued: AtomicU64::new(0),
            resealing: Resealing::default(),
            turn: Arc::default(),
            nudges: Nudges::default(),
        })))
    }

    /// The tenant's base URL.
    pub(crate) fn issuer(&self) -> &str {
        &self.0.config.issuer
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

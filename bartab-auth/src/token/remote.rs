//! Public keys that another process publishes (RFC 7517), fetched, kept and fetched again.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bartab_core::store::BoxError;
use bartab_core::{Clock, Timestamp};
use reqwest::redirect::Policy;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use super::jwk::VerifyingKey;
use super::{TokenError, Verifier};
use crate::plain_http::PlainHttp;

/// A set of keys has a few hundred bytes; nobody gets us to read more than this.
const MAX_DOCUMENT: usize = 256 * 1024;

/// Whose tokens to take, and where the issuer publishes its keys.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteConfig {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// The `aud` of its tokens; the issuer when there is none.
    #[serde(default)]
    pub audience: Option<String>,
    /// The JWK Set: an `https` URL, or an `http` one of `localhost` or of a loopback or private address: whoever could
    /// answer in the issuer's place could sign in as anybody.
    pub jwks_url: String,
    /// The keys are fetched again after so many seconds: 300 at first. A key that is no longer published is then no
    /// longer good, nor is any token signed with it.
    #[serde(default = "RemoteConfig::default_max_age")]
    pub max_age_seconds: u64,
    /// They are fetched at most once in so many seconds, whatever tokens come: 10 at first.
    #[serde(default = "RemoteConfig::default_min_interval")]
    pub min_interval_seconds: u64,
    /// How many verified tokens are remembered.
    #[serde(default = "RemoteConfig::default_token_cache")]
    pub token_cache: usize,
}

impl RemoteConfig {
    /// The keys at `jwks_url` for tokens of `issuer`, the rest as it is by default.
    pub fn new(issuer: impl Into<String>, jwks_url: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audience: None,
            jwks_url: jwks_url.into(),
            max_age_seconds: Self::default_max_age(),
            min_interval_seconds: Self::default_min_interval(),
            token_cache: Self::default_token_cache(),
        }
    }

    const fn default_max_age() -> u64 {
        300
    }

    const fn default_min_interval() -> u64 {
        10
    }

    const fn default_token_cache() -> usize {
        4096
    }
}

/// The keys of another process.
pub(crate) struct Remote {
    url: String,
    client: reqwest::Client,
    max_age: Duration,
    min_interval: Duration,
    keys: RwLock<Fetched>,
    /// Raised after the keys have changed.
    generation: AtomicU64,
    /// The second from which on the keys are too old; 0 when there are none. Beside the lock, for every request asks.
    stale_from: AtomicU64,
    /// Held while fetching, so that requests that need the same keys wait for one fetch; when it was last tried.
    tried_at: Mutex<Option<Timestamp>>,
}

#[derive(Default)]
struct Fetched {
    keys: Arc<[VerifyingKey]>,
    /// SHA-256 of the document that they were read from.
    digest: [u8; 32],
}

impl Remote {
    /// The keys at `url`, with the usual times of [`RemoteConfig`].
    pub(crate) fn new(url: &str) -> Result<Self, BoxError> {
        let config = RemoteConfig::new("", url);
        Self::of(&config)
    }

    fn of(config: &RemoteConfig) -> Result<Self, BoxError> {
        if !PlainHttp::Private.allows(&config.jwks_url) {
            return Err(
                "the keys are at an https URL, or an http one of this very machine or of a private address".into()
            );
        }
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .connect_timeout(Duration::from_secs(3))
            .timeout(Duration::from_secs(5))
            .build()?;
        Ok(Self {
            url: config.jwks_url.clone(),
            client,
            max_age: Duration::from_secs(config.max_age_seconds),
            min_interval: Duration::from_secs(config.min_interval_seconds),
            keys: RwLock::default(),
            generation: AtomicU64::new(0),
            stale_from: AtomicU64::new(0),
            tried_at: Mutex::new(None),
        })
    }

    /// The key that a token's header asks for; the keys are fetched when they are old or it is not among them.
    pub(crate) async fn find(&self, kid: Option<&str>, now: Timestamp) -> Result<Option<VerifyingKey>, TokenError> {
        if self.is_stale(now) {
            self.fetch(now).await?;
        }
        if let Some(key) = VerifyingKey::choose(&self.keys(), kid) {
            return Ok(Some(key.clone()));
        }
        self.fetch(now).await?;
        Ok(VerifyingKey::choose(&self.keys(), kid).cloned())
    }

    pub(super) fn keys(&self) -> Arc<[VerifyingKey]> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner).keys)
    }

    /// Fetches the keys, unless that was tried a moment ago; those that are there stay when it fails.
    pub(super) async fn fetch(&self, now: Timestamp) -> Result<(), TokenError> {
        let mut tried_at = self.tried_at.lock().await;
        if !self.lately(*tried_at, now) {
            *tried_at = Some(now);
            match self.download().await {
                Ok(new) => {
                    let mut fetched = self.keys.write().unwrap_or_else(PoisonError::into_inner);
                    if fetched.digest != new.digest {
                        *fetched = new;
                        self.generation.fetch_add(1, Ordering::Release);
                    }
                    let stale_from = now.as_secs().saturating_add(self.max_age.as_secs());
                    self.stale_from.store(stale_from, Ordering::Release);
                }
                Err(error) => tracing::warn!(url = %self.url, %error, "the issuer's keys cannot be fetched"),
            }
        }
        if self.keys().is_empty() { Err(TokenError::KeysUnavailable) } else { Ok(()) }
    }

    fn is_stale(&self, now: Timestamp) -> bool {
        now.as_secs() >= self.stale_from.load(Ordering::Acquire)
    }

    /// Whether the keys are old, and nobody fetches them or tried to a moment ago.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.is_stale(now) && self.tried_at.try_lock().is_ok_and(|tried_at| !self.lately(*tried_at, now))
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    fn lately(&self, tried_at: Option<Timestamp>, now: Timestamp) -> bool {
        tried_at.is_some_and(|at| now.since(at) < self.min_interval)
    }

    async fn download(&self) -> Result<Fetched, BoxError> {
        let mut response = self.client.get(&self.url).send().await?;
        if response.status() != http::StatusCode::OK {
            return Err(format!("the issuer answered {}", response.status()).into());
        }
        let mut document = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if document.len() + chunk.len() > MAX_DOCUMENT {
                return Err("the document is too large".into());
            }
            document.extend_from_slice(&chunk);
        }
        let digest = Sha256::digest(&document).into();
        let keys: Arc<[VerifyingKey]> = VerifyingKey::from_set(&serde_json::from_slice(&document)?).into();
        if keys.is_empty() {
            Err("the document holds no key that can verify".into())
        } else {
            Ok(Fetched { keys, digest })
        }
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Verifier {
    /// A verifier with the keys that another process publishes; they are fetched when they are first needed, or by
    /// [`Verifier::refresh_keys`].
    ///
    /// # Errors
    /// When `jwks_url` is none that may be asked, or the TLS of this machine cannot be used.
    pub fn remote(config: &RemoteConfig, clock: Arc<dyn Clock>) -> Result<Self, BoxError> {
        let remote = Remote::of(config)?;
        let audience = config.audience.as_deref().unwrap_or(&config.issuer);
        Ok(Self::with_remote(&config.issuer, audience, remote, config.token_cache, clock))
    }

    /// Fetches the keys if they are older than `max_age_seconds`, at most once in `min_interval_seconds`.
    ///
    /// The first request with a token does so too; call it before that to be ready. Without remote keys it does
    /// nothing. When the issuer does not answer, the keys that are there stay good.
    ///
    /// # Errors
    /// [`TokenError::KeysUnavailable`] when there are none.
    pub async fn refresh_keys(&self) -> Result<(), TokenError> {
        match self.remote_keys() {
            Some((remote, now)) if remote.is_stale(now) => remote.fetch(now).await,
            _ => Ok(()),
        }
    }
}

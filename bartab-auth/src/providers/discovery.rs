//! What a provider says of itself, fetched when needed, kept for a while, and kept from hanging anybody else.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bartab_core::Timestamp;
use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType,
    CoreSubjectIdentifierType,
};
use openidconnect::{AdditionalProviderMetadata, IssuerUrl, ProviderMetadata};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};

use super::config::ProviderConfig;
use super::error::ProviderError;
use super::http::Http;
use crate::error::chain;

/// It is fetched again after so long.
const MAX_AGE: Duration = Duration::from_secs(60 * 60);
/// What is so old is used all the same while the provider does not answer.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);
/// It is not asked for more often than this, whatever comes.
const MIN_INTERVAL: Duration = Duration::from_secs(10);
/// So many sign-ins wait for one provider at once.
const UNDER_WAY: usize = 32;

pub(super) type Metadata = ProviderMetadata<
    Extra,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// What OpenID Connect Discovery 1.0 does not know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Extra {
    /// Its answers say whose they are (RFC 9207).
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for Extra {}

/// A provider.
pub(super) struct Provider {
    config: ProviderConfig,
    http: Http,
    known: ArcSwapOption<Known>,
    /// When it was asked last; held while it is.
    asked_at: Mutex<Option<Timestamp>>,
    under_way: Semaphore,
}

/// What a provider has said of itself, its keys among it.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) metadata: Metadata,
    fetched_at: Timestamp,
}

impl Provider {
    pub(super) fn new(config: ProviderConfig) -> Self {
        let http = Http::new(&config.issuer, config.timeout());
        let under_way = Semaphore::new(UNDER_WAY);
        Self { http, config, known: ArcSwapOption::empty(), asked_at: Mutex::new(None), under_way }
    }

    pub(super) const fn config(&self) -> &ProviderConfig {
        &self.config
    }

    pub(super) const fn http(&self) -> &Http {
        &self.http
    }

    /// A place among those who wait for the provider: should it hang, the others go on.
    pub(super) fn begin(&self) -> Result<SemaphorePermit<'_>, ProviderError> {
        self.under_way.try_acquire().map_err(|_| ProviderError::Unavailable)
    }

    /// What the provider says of itself.
    pub(super) async fn known(&self, now: Timestamp) -> Result<Arc<Known>, ProviderError> {
        let young = |known: &Arc<Known>| now.since(known.fetched_at) < MAX_AGE;
        match self.known.load_full().filter(young) {
            Some(known) => Ok(known),
            None => self.fetch(now).await,
        }
    }

    /// The same, asked again because `before` does not name a key that it has signed with.
    pub(super) async fn newer(&self, before: &Arc<Known>, now: Timestamp) -> Result<Arc<Known>, ProviderError> {
        match self.known.load_full().filter(|known| !Arc::ptr_eq(known, before)) {
            Some(known) => Ok(known),
            None => self.fetch(now).await,
        }
    }

    /// Refuses an answer that says it is another provider's (RFC 9207), and one that says nothing although this provider
    /// always does.
    pub(super) async fn check_issuer(&self, named: Option<&str>, now: Timestamp) -> Result<(), ProviderError> {
        let right = match named {
            Some(named) => named == self.config.issuer,
            None => {
                let known = self.known(now).await?;
                !known.metadata.additional_metadata().authorization_response_iss_parameter_supported
            }
        };
        if right {
            return Ok(());
        }
        tracing::warn!(provider = %self.config.id, "an answer came that is not this provider's");
        Err(ProviderError::BadAnswer)
    }

    async fn fetch(&self, now: Timestamp) -> Result<Arc<Known>, ProviderError> {
        let mut asked_at = self.asked_at.lock().await;
        // Whoever waited here finds what the one before has fetched, or that nothing came of it.
        let just_asked = asked_at.is_some_and(|asked| asked <= now && now.since(asked) < MIN_INTERVAL);
        if !just_asked {
            *asked_at = Some(now);
            match self.discover().await {
                Ok(metadata) => self.known.store(Some(Arc::new(Known { metadata, fetched_at: now }))),
                Err(error) => tracing::warn!(provider = %self.config.id, error, "a provider cannot be discovered"),
            }
        }
        let usable = |known: &Arc<Known>| now.since(known.fetched_at) < STALE;
        self.known.load_full().filter(usable).ok_or(ProviderError::Unavailable)
    }

    async fn discover(&self) -> Result<Metadata, String> {
        let issuer = IssuerUrl::new(self.config.issuer.clone()).map_err(|error| error.to_string())?;
        let metadata = Metadata::discover_async(issuer, &self.http).await.map_err(|error| chain(&error))?;
        let urls = [
            Some(metadata.authorization_endpoint().as_str()),
            metadata.token_endpoint().map(|url| url.as_str()),
            metadata.userinfo_endpoint().map(|url| url.as_str()),
        ];
        if urls.into_iter().flatten().all(|url| self.http.allows(url)) {
            Ok(metadata)
        } else {
            Err("it names an endpoint that is neither https nor of this very machine".to_owned())
        }
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("id", &self.config.id).finish_non_exhaustive()
    }
}

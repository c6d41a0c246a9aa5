//! Sign-in with another OpenID provider (OpenID Connect Core 1.0): the tenant as a relying party.
//!
//! A person is sent to the provider with a state that is good once and in one browser, comes back with a code, and is
//! whoever the provider's signed answer names: `(iss, sub)`, never an e-mail address.

mod callback;
mod config;
mod discovery;
mod error;
mod exchange;
mod http;
mod link;
mod start;

pub use config::{ProviderConfig, ProviderSecret};
pub use error::ProviderError;

pub(crate) use callback::{Arrival, Ended, Outcome};
pub(crate) use config::check;
pub(crate) use link::Linking;
pub(crate) use start::{Departure, is_own_path, link_of};

use self::discovery::Provider;
use crate::auth::Auth;

/// The providers of a tenant.
#[derive(Debug, Default)]
pub(crate) struct Providers(Vec<Provider>);

impl Providers {
    pub(crate) fn new(configs: &[ProviderConfig]) -> Self {
        Self(configs.iter().cloned().map(Provider::new).collect())
    }

    pub(crate) fn configs(&self) -> impl Iterator<Item = &ProviderConfig> {
        self.0.iter().map(Provider::config)
    }

    fn find(&self, id: &str) -> Result<&Provider, ProviderError> {
        self.0.iter().find(|provider| provider.config().id == id).ok_or(ProviderError::NotFound)
    }
}

impl Auth {
    /// Whether the tenant has this provider.
    pub(crate) fn has_provider(&self, id: &str) -> bool {
        self.0.providers.find(id).is_ok()
    }

    /// Where people are sent to sign in with the provider.
    pub(crate) fn provider_start_url(&self, id: &str) -> String {
        format!("{}/v1/auth/providers/{id}/start", self.issuer())
    }
}

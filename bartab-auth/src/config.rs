//! What an operator can choose.

use std::time::Duration;

use serde::Deserialize;

/// The configuration of the identity of one tenant; made to be nested in the host's own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The public base URL of the tenant, without a trailing slash: `iss` of its tokens and the start of every URL
    /// that the discovery documents name. The host gives it when it opens the tenant.
    pub issuer: String,
    /// The `aud` of its tokens; the issuer when there is none.
    pub audience: Option<String>,
    /// Who may make an account.
    pub registration: RegistrationPolicy,
    /// How long an access token is good, in seconds: 10 minutes at first, at most a day.
    pub access_token_seconds: u64,
    /// How long a session lasts without a refresh, in seconds: 30 days at first.
    pub refresh_token_seconds: u64,
    /// How many verified tokens are remembered; memory is taken as they come, about 1 KiB each.
    pub token_cache: usize,
    /// How passwords are hashed.
    pub password: PasswordConfig,
}

/// Who may make an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RegistrationPolicy {
    /// Everybody.
    Open,
    /// Nobody over HTTP, until the operator opens registration; there are no invites yet. Only the program that holds
    /// the service makes accounts, with [`Auth::create_account`](crate::Auth::create_account).
    #[default]
    Closed,
}

/// The cost of Argon2id (RFC 9106); what a stored hash was made with travels in its PHC string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PasswordConfig {
    /// Memory in KiB: 19,456 (19 MiB) at first, at least [`PasswordConfig::MIN_MEMORY_KIB`].
    pub memory_kib: u32,
    /// Passes over the memory: 2 at first.
    pub iterations: u32,
    /// Lanes: 1 at first.
    pub parallelism: u32,
}

impl PasswordConfig {
    /// No configuration goes below 1 MiB, not even for trying things out.
    pub const MIN_MEMORY_KIB: u32 = 1024;

    /// The cheapest cost that is accepted: for tests and throw-away tenants, never for people's real passwords.
    pub const THROW_AWAY: Self = Self { memory_kib: Self::MIN_MEMORY_KIB, iterations: 1, parallelism: 1 };
}

impl Default for PasswordConfig {
    /// OWASP's first choice for Argon2id.
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, iterations: 2, parallelism: 1 }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            audience: None,
            registration: RegistrationPolicy::default(),
            access_token_seconds: 10 * 60,
            refresh_token_seconds: 30 * 24 * 60 * 60,
            token_cache: 4096,
            password: PasswordConfig::default(),
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The issuer is no base URL.
    #[error("`issuer` must be an http or https URL without query, fragment or trailing slash")]
    Issuer,
    /// A token would live not at all, or too long.
    #[error("`access_token_seconds` must be 1 to 86400")]
    AccessTokenSeconds,
    /// A session would live not at all, or too long.
    #[error("`refresh_token_seconds` must be at least `access_token_seconds`, and at most 10 years")]
    RefreshTokenSeconds,
    /// Passwords would be hashed too cheaply, or not at all.
    #[error("`password` must have `memory_kib` 1024 to 1048576, `iterations` 1 to 16, `parallelism` 1 to 16")]
    Password,
}

impl Config {
    /// The configuration of a tenant at this base URL, the rest as it is by default.
    pub fn new(issuer: impl Into<String>) -> Self {
        Self { issuer: issuer.into(), ..Self::default() }
    }

    /// The `aud` of the tokens.
    pub fn audience(&self) -> &str {
        self.audience.as_deref().unwrap_or(&self.issuer)
    }

    /// Whether every value can be used.
    ///
    /// # Errors
    /// The first one that cannot.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let rest = self.issuer.strip_prefix("https://").or_else(|| self.issuer.strip_prefix("http://"));
        let plain = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\"\\<>".contains(&byte));
        if !rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.ends_with('/') && plain(rest)) {
            return Err(ConfigError::Issuer);
        }
        if !(1..=24 * 60 * 60).contains(&self.access_token_seconds) {
            return Err(ConfigError::AccessTokenSeconds);
        }
        if !(self.access_token_seconds..=10 * 366 * 24 * 60 * 60).contains(&self.refresh_token_seconds) {
            return Err(ConfigError::RefreshTokenSeconds);
        }
        let PasswordConfig { memory_kib, iterations, parallelism } = self.password;
        if !(PasswordConfig::MIN_MEMORY_KIB..=1 << 20).contains(&memory_kib)
            || !(1..=16).contains(&iterations)
            || !(1..=16).contains(&parallelism)
        {
            return Err(ConfigError::Password);
        }
        Ok(())
    }

    pub(crate) const fn access_token_life(&self) -> Duration {
        Duration::from_secs(self.access_token_seconds)
    }

    pub(crate) const fn refresh_token_life(&self) -> Duration {
        Duration::from_secs(self.refresh_token_seconds)
    }
}

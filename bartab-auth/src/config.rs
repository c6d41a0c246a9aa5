//! What an operator can choose.

use std::time::Duration;

use bartab_core::store::KeyAlgorithm;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::exchange::TrustedIssuer;
#[cfg(feature = "openid-providers")]
use crate::providers::ProviderConfig;
use crate::seal::SealingKeys;

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
    /// Whether members make invites too, to the tenant but to no rooms; at first only moderators and above do.
    pub member_invites: bool,
    /// Who needs a second factor.
    pub require_totp: TotpPolicy,
    /// How long an access token is good, in seconds: 10 minutes at first, at most a day.
    pub access_token_seconds: u64,
    /// How long a session lasts without a refresh, in seconds: 30 days at first.
    pub refresh_token_seconds: u64,
    /// How long a refresh token that was just used is answered with the same next one again, in seconds: 30 at first, at
    /// most 300. An answer can be lost on its way; without this its session would be lost too.
    pub refresh_grace_seconds: u64,
    /// How long a browser stays signed in for the sign-in page, in seconds: 7 days at first, at least a minute, at most a
    /// year. A browser that is closed forgets it before.
    pub browser_session_seconds: u64,
    /// Whose tokens can be exchanged for ours (RFC 8693): nobody's at first.
    pub token_exchange: Vec<TrustedIssuer>,
    /// How many verified tokens are remembered; memory is taken as they come, about 1 KiB each.
    pub token_cache: usize,
    /// How passwords are hashed.
    pub password: PasswordConfig,
    /// What access tokens are signed with: `EdDSA` at first, `ES256` or `RS256` for whoever has to check them with
    /// something older.
    #[serde(deserialize_with = "algorithm")]
    pub token_algorithm: KeyAlgorithm,
    /// How long a key signs before another one takes over, in days: 90 at first; 0: until somebody says so.
    pub rotate_after_days: u32,
    /// How long a key is published before it signs, in seconds: an hour at first, at least twice as long as the key set
    /// may be kept by others (300), at most a day.
    pub publish_ahead_seconds: u64,
    /// Whether every member may make bots; else only administrators do. They may at first.
    pub member_bots: bool,
    /// How many bots one person may have: 20 at first, at most 1000.
    pub bots_per_owner: u32,
    /// The OpenID providers that people may sign in with: none at first.
    #[cfg(feature = "openid-providers")]
    pub providers: Vec<ProviderConfig>,
    /// The host's keys that private keys and other secrets are sealed with before they are stored: none at first.
    pub sealing_keys: SealingKeys,
}

/// Who may make an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RegistrationPolicy {
    /// Everybody.
    Open,
    /// Whoever has an invite.
    Invite,
    /// Nobody by themselves, whatever invites there are. What the operator has set up makes accounts all the same: the
    /// program that holds the service ([`Auth::create_account`](crate::Auth::create_account)), the link for the first
    /// owner, the tokens of a [`TrustedIssuer`], a provider with `allow_registration`; and people make bots.
    #[default]
    Closed,
}

/// Who needs a second factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TotpPolicy {
    /// Nobody; everybody may have one.
    #[default]
    None,
    /// Administrators and owners: without one, and without having signed in with it, they get no `admin` scope. The same
    /// holds for their bots while they have none.
    Administrators,
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
            member_invites: false,
            require_totp: TotpPolicy::default(),
            access_token_seconds: 10 * 60,
            refresh_token_seconds: 30 * 24 * 60 * 60,
            refresh_grace_seconds: 30,
            browser_session_seconds: 7 * 24 * 60 * 60,
            token_exchange: Vec::new(),
            token_cache: 4096,
            password: PasswordConfig::default(),
            token_algorithm: KeyAlgorithm::EdDsa,
            rotate_after_days: 90,
            publish_ahead_seconds: 60 * 60,
            member_bots: true,
            bots_per_owner: 20,
            #[cfg(feature = "openid-providers")]
            providers: Vec::new(),
            sealing_keys: SealingKeys::default(),
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
    /// A spent refresh token would be good for too long.
    #[error("`refresh_grace_seconds` must be at most 300")]
    RefreshGraceSeconds,
    /// A browser would stay signed in not at all, or too long.
    #[error("`browser_session_seconds` must be 60 to 31622400")]
    BrowserSessionSeconds,
    /// A trusted issuer cannot be used.
    #[error("`token_exchange`, entry {entry}: {what}")]
    TokenExchange {
        /// Which one, from 1.
        entry: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Passwords would be hashed too cheaply, or not at all.
    #[error("`password` must have `memory_kib` 1024 to 1048576, `iterations` 1 to 16, `parallelism` 1 to 16")]
    Password,
    /// Somebody could have more bots than can be counted at every new one.
    #[error("`bots_per_owner` must be at most 1000")]
    BotsPerOwner,
    /// Keys would be exchanged too fast to be known, or practically never.
    #[error("`publish_ahead_seconds` must be 600 to 86400, and `rotate_after_days` at most 3660")]
    KeyRotation,
    /// A provider cannot be used.
    #[cfg(feature = "openid-providers")]
    #[error("`providers`, entry {entry}: {what}")]
    Provider {
        /// Which one, from 1.
        entry: usize,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// How long an ID token is good, in seconds. It is read once, by the program that asked for it.
pub(crate) const ID_TOKEN_SECONDS: u64 = 60 * 60;

/// How long others may keep what is published: the key set and the discovery documents.
pub(crate) const PUBLIC_MAX_AGE: u64 = 300;

fn algorithm<'de, D: Deserializer<'de>>(deserializer: D) -> Result<KeyAlgorithm, D::Error> {
    let name = String::deserialize(deserializer)?;
    KeyAlgorithm::from_name(&name).ok_or_else(|| de::Error::custom("the algorithms are EdDSA, ES256 and RS256"))
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
        if self.bots_per_owner > 1000 {
            return Err(ConfigError::BotsPerOwner);
        }
        if self.refresh_grace_seconds > 300 {
            return Err(ConfigError::RefreshGraceSeconds);
        }
        if !(60..=366 * 24 * 60 * 60).contains(&self.browser_session_seconds) {
            return Err(ConfigError::BrowserSessionSeconds);
        }
        for (index, trusted) in self.token_exchange.iter().enumerate() {
            let wrong = |what| ConfigError::TokenExchange { entry: index + 1, what };
            trusted.validate(&self.issuer).map_err(wrong)?;
            if self.token_exchange.iter().take(index).any(|other| other.issuer == trusted.issuer) {
                return Err(wrong("the issuer is there already"));
            }
        }
        let PasswordConfig { memory_kib, iterations, parallelism } = self.password;
        if !(PasswordConfig::MIN_MEMORY_KIB..=1 << 20).contains(&memory_kib)
            || !(1..=16).contains(&iterations)
            || !(1..=16).contains(&parallelism)
        {
            return Err(ConfigError::Password);
        }
        if !(2 * PUBLIC_MAX_AGE..=24 * 60 * 60).contains(&self.publish_ahead_seconds) || self.rotate_after_days > 3660 {
            return Err(ConfigError::KeyRotation);
        }
        #[cfg(feature = "openid-providers")]
        crate::providers::check(&self.providers)
            .map_err(|(index, what)| ConfigError::Provider { entry: index + 1, what })?;
        Ok(())
    }

    /// No token that is signed is good for longer.
    pub(crate) fn longest_token_life(&self) -> Duration {
        Duration::from_secs(self.access_token_seconds.max(ID_TOKEN_SECONDS))
    }

    pub(crate) const fn access_token_life(&self) -> Duration {
        Duration::from_secs(self.access_token_seconds)
    }

    pub(crate) const fn browser_session_life(&self) -> Duration {
        Duration::from_secs(self.browser_session_seconds)
    }

    pub(crate) const fn refresh_grace(&self) -> Duration {
        Duration::from_secs(self.refresh_grace_seconds)
    }

    pub(crate) const fn refresh_token_life(&self) -> Duration {
        Duration::from_secs(self.refresh_token_seconds)
    }
}

//! What one tenant has otherwise than the others of a host.

use bartab_core::store::KeyAlgorithm;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::config::{Config, RegistrationPolicy, TotpPolicy};
use crate::exchange::TrustedIssuer;

/// What replaces some of a [`Config`]: for a host of many tenants, each with a section of its own. What is left out
/// stays.
///
/// What a tenant cannot choose is what costs the machine, as the hashing of passwords, what the host alone keeps, as its
/// keys, and what is the same for everybody, because clients and verifiers are built on it: the grace for a lost refresh
/// and how long a key is published before it signs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct TenantConfig {
    /// [`Config::audience`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// [`Config::registration`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration: Option<RegistrationPolicy>,
    /// [`Config::member_invites`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member_invites: Option<bool>,
    /// [`Config::require_totp`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_totp: Option<TotpPolicy>,
    /// [`Config::token_exchange`], all of it. It is read and never written.
    #[serde(skip_serializing)]
    pub token_exchange: Option<Vec<TrustedIssuer>>,
    /// [`Config::providers`], all of them. They are read and never written.
    #[cfg(feature = "openid-providers")]
    #[serde(skip_serializing)]
    pub providers: Option<Vec<crate::providers::ProviderConfig>>,
    /// [`Config::member_bots`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member_bots: Option<bool>,
    /// [`Config::bots_per_owner`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bots_per_owner: Option<u32>,
    /// [`Config::access_token_seconds`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_seconds: Option<u64>,
    /// [`Config::refresh_token_seconds`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token_seconds: Option<u64>,
    /// [`Config::browser_session_seconds`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub browser_session_seconds: Option<u64>,
    /// [`Config::token_algorithm`].
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "name", deserialize_with = "algorithm")]
    pub token_algorithm: Option<KeyAlgorithm>,
    /// [`Config::rotate_after_days`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotate_after_days: Option<u32>,
}

impl TenantConfig {
    /// Nothing but who may make an account.
    pub fn registration(policy: RegistrationPolicy) -> Self {
        Self { registration: Some(policy), ..Self::default() }
    }

    /// `config`, with that replaced which this names.
    #[must_use]
    pub fn over(&self, config: &Config) -> Config {
        fn or<T: Clone>(own: &Option<T>, otherwise: &T) -> T {
            own.as_ref().unwrap_or(otherwise).clone()
        }
        Config {
            audience: self.audience.clone().or_else(|| config.audience.clone()),
            registration: or(&self.registration, &config.registration),
            member_invites: or(&self.member_invites, &config.member_invites),
            require_totp: or(&self.require_totp, &config.require_totp),
            token_exchange: or(&self.token_exchange, &config.token_exchange),
            #[cfg(feature = "openid-providers")]
            providers: or(&self.providers, &config.providers),
            member_bots: or(&self.member_bots, &config.member_bots),
            bots_per_owner: or(&self.bots_per_owner, &config.bots_per_owner),
            access_token_seconds: or(&self.access_token_seconds, &config.access_token_seconds),
            refresh_token_seconds: or(&self.refresh_token_seconds, &config.refresh_token_seconds),
            browser_session_seconds: or(&self.browser_session_seconds, &config.browser_session_seconds),
            token_algorithm: or(&self.token_algorithm, &config.token_algorithm),
            rotate_after_days: or(&self.rotate_after_days, &config.rotate_after_days),
            ..config.clone()
        }
    }
}

fn name<S: Serializer>(algorithm: &Option<KeyAlgorithm>, serializer: S) -> Result<S::Ok, S::Error> {
    algorithm.map(KeyAlgorithm::name).serialize(serializer)
}

fn algorithm<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<KeyAlgorithm>, D::Error> {
    let name = String::deserialize(deserializer)?;
    let known = KeyAlgorithm::from_name(&name);
    known.map(Some).ok_or_else(|| de::Error::custom("the algorithms are EdDSA, ES256 and RS256"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_stays() {
        let config = Config { member_invites: true, access_token_seconds: 60, ..Config::new("https://chat.example") };
        assert_eq!(TenantConfig::default().over(&config), config);
        let own: TenantConfig = serde_json::from_str(
            r#"{"registration": "invite", "member_invites": false, "require_totp": "administrators", "token_algorithm": "ES256", "audience": "chat"}"#,
        )
        .unwrap();
        let expected = Config {
            registration: RegistrationPolicy::Invite,
            member_invites: false,
            require_totp: TotpPolicy::Administrators,
            token_algorithm: KeyAlgorithm::Es256,
            audience: Some("chat".to_owned()),
            ..config.clone()
        };
        assert_eq!(own.over(&config), expected);
        let text = serde_json::to_string(&own).unwrap();
        assert_eq!(serde_json::from_str::<TenantConfig>(&text).unwrap(), own, "{text}");
        for wrong in [r#"{"password": {}}"#, r#"{"issuer": "https://a"}"#, r#"{"token_algorithm": "HS256"}"#] {
            assert!(serde_json::from_str::<TenantConfig>(wrong).is_err(), "{wrong}");
        }
    }
}

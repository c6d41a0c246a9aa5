//! `tenant.toml`: what the operator says about one tenant.

use std::fmt;
use std::str::FromStr;

use bartab_auth::TenantConfig;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::base_url::BaseUrl;
use crate::config::LimitOverrides;

/// What `tenant.toml` says. Every field may be left out; an unknown one is refused.
///
/// It is read once, when the server first hears of the tenant; a change takes a restart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TenantSettings {
    /// The host names that lead to this tenant, without port.
    pub hosts: Vec<HostName>,
    /// Where clients reach the tenant; it becomes the issuer of its tokens. Without it: the server's `public_url`
    /// and `/t/{name}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<BaseUrl>,
    /// Whether every request is answered 403 `tenant.suspended`.
    pub suspended: bool,
    /// How often each person and bot may ask, where that is not as the server is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitOverrides>,
    /// Identity, where that is not as the server is configured: who may make an account, and how one signs in.
    pub auth: TenantConfig,
    /// How much may be uploaded, where that is not as the server is configured.
    pub media: bartab_media::TenantConfig,
}

/// A host name in lower case, without port or trailing dot.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostName(String);

/// The text is no host name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a host name without port, such as chat.example.org")]
pub struct HostNameError;

impl HostName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostName {
    type Err = HostNameError;

    fn from_str(text: &str) -> Result<Self, HostNameError> {
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        let fit = name.len() <= 253 && name.split('.').all(label);
        if fit { Ok(Self(name)) } else { Err(HostNameError) }
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for HostName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for HostName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartab_auth::RegistrationPolicy;

    #[test]
    fn host_names_are_compared_in_one_form() {
        assert_eq!("Chat.Example.ORG.".parse::<HostName>().unwrap().as_str(), "chat.example.org");
        for bad in ["", ".", "a..b", "a:80", "a/b", "ä.example", "a b"] {
            assert!(bad.parse::<HostName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn settings_may_be_empty_and_know_no_others() {
        let empty: TenantSettings = toml::from_str("").unwrap();
        assert_eq!(empty, TenantSettings::default());
        for unknown in ["host = ['a']", "registration = 'open'", "[auth]\nissuer = 'https://a'"] {
            assert!(toml::from_str::<TenantSettings>(unknown).is_err(), "{unknown}");
        }
        let trusting = "[[auth.token_exchange]]\nissuer = 'https://a'\naudience = 'b'\njwks_url = 'https://a/jwks'";
        let trusting: TenantSettings = toml::from_str(trusting).unwrap();
        assert_eq!(trusting.auth.token_exchange.map(|issuers| issuers.len()), Some(1));
        let text = toml::to_string(&TenantSettings {
            hosts: vec!["a.example".parse().unwrap()],
            auth: TenantConfig::registration(RegistrationPolicy::Invite),
            ..TenantSettings::default()
        });
        let text = text.unwrap();
        assert_eq!(toml::to_string(&toml::from_str::<TenantSettings>(&text).unwrap()).unwrap(), text);
    }
}

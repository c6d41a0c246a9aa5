//! The address under which clients reach a tenant, from which its issuer and every generated URL follow.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::Uri;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::tenant_name::TenantName;

/// An absolute `http` or `https` URL without query, fragment or trailing slash: an issuer as RFC 8414 section 2 has it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BaseUrl(Arc<str>);

/// The text is no base URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an http or https URL without query or fragment, such as https://chat.example.org")]
pub struct BaseUrlError;

impl BaseUrl {
    /// The text, without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The base URL of the tenant that is reached under this one by its path prefix.
    #[must_use]
    pub fn of_tenant(&self, name: &TenantName) -> Self {
        Self(format!("{}/t/{name}", self.0).into())
    }
}

impl FromStr for BaseUrl {
    type Err = BaseUrlError;

    fn from_str(text: &str) -> Result<Self, BaseUrlError> {
        let uri: Uri = text.parse().map_err(|_| BaseUrlError)?;
        let web = matches!(uri.scheme_str(), Some("http" | "https"));
        let plain_host = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        if !web || !plain_host || text.contains(['?', '#']) {
            return Err(BaseUrlError);
        }
        Ok(Self(text.trim_end_matches('/').into()))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for BaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for BaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_loses_its_trailing_slash_and_nothing_else() {
        let url = |text: &str| text.parse::<BaseUrl>().map(|url| url.to_string());
        assert_eq!(url("https://chat.example.org/"), Ok("https://chat.example.org".to_owned()));
        assert_eq!(url("http://[::1]:80/chat"), Ok("http://[::1]:80/chat".to_owned()));
        for bad in
            ["", "chat.example.org", "ftp://a", "https://", "https://a/?q", "https://a/#f", "https://u:p@a", "/t"]
        {
            assert_eq!(url(bad), Err(BaseUrlError), "{bad}");
        }
        let base: BaseUrl = "https://a".parse().unwrap();
        assert_eq!(base.of_tenant(&"acme".parse().unwrap()).as_str(), "https://a/t/acme");
    }
}

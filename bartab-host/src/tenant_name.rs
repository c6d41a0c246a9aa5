//! The name of a tenant: its folder, its path prefix, its place in the operator's commands.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A tenant's name: 1 to 63 of `a-z`, `0-9` and `-`, with a letter or digit at both ends, as a DNS label has it.
///
/// So it is a folder and a path segment as it stands: there is no name that leads out of the folder of tenants.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantName(Arc<str>);

/// The text is no tenant's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tenant's name is 1 to 63 of a-z, 0-9 and `-`, with a letter or digit at both ends")]
pub struct TenantNameError;

impl TenantName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `text` could be a name, told without allocating.
    pub fn is_valid(text: &str) -> bool {
        let bytes = text.as_bytes();
        let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
        let at_the_ends = |byte: Option<&u8>| byte.is_some_and(|byte| *byte != b'-');
        bytes.len() <= 63 && bytes.iter().all(inner) && at_the_ends(bytes.first()) && at_the_ends(bytes.last())
    }
}

impl FromStr for TenantName {
    type Err = TenantNameError;

    fn from_str(text: &str) -> Result<Self, TenantNameError> {
        if Self::is_valid(text) { Ok(Self(text.into())) } else { Err(TenantNameError) }
    }
}

impl std::borrow::Borrow<str> for TenantName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for TenantName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TenantName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_labels_are_names() {
        for good in ["a", "acme", "a-b", "0", "x1", &"a".repeat(63)] {
            assert!(good.parse::<TenantName>().is_ok(), "{good}");
        }
        let long = "a".repeat(64);
        for bad in ["", "-", "a-", "-a", "A", "a.b", "..", "a/b", "a b", "ä", "a\0", "a_b", "%2e", &long] {
            assert!(bad.parse::<TenantName>().is_err(), "{bad}");
        }
    }
}

//! Signing keys: what the tenant's tokens are signed with.

use std::fmt;

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::store::{AuditRecord, StoreError};
use crate::time::Timestamp;

/// The record of a key pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    /// The key's name in tokens: the RFC 7638 thumbprint of the public key.
    pub kid: String,
    /// What it signs with.
    pub algorithm: KeyAlgorithm,
    /// The public key as a JWK (RFC 7517), the very text that is published.
    pub public_jwk: String,
    /// The private key.
    pub private: PrivateKey,
    /// When it was made.
    pub created_at: Timestamp,
    /// What it is used for.
    pub state: KeyState,
    /// Since when.
    pub state_since: Timestamp,
}

/// What a key signs with, by its name in RFC 7518 and RFC 8037.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA on P-256.
    Es256,
    /// RSA, PKCS#1 version 1.5.
    Rs256,
}

impl KeyAlgorithm {
    /// The `alg` of a token.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// The algorithm with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::EdDsa, Self::Es256, Self::Rs256].into_iter().find(|algorithm| algorithm.name() == name)
    }
}

/// What a key is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyState {
    /// It is published, so that it is known when it begins to sign.
    Next,
    /// It signs.
    Active,
    /// It signs no more and its private half is gone, but tokens of its are still about.
    Retired,
}

impl KeyState {
    /// The stable name, for a store's column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }

    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Next, Self::Active, Self::Retired].into_iter().find(|state| state.name() == name)
    }
}

/// A private key as PKCS#8 DER; `Debug` does not show it, and the memory is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey(Zeroizing<Vec<u8>>);

impl PrivateKey {
    /// The key with this PKCS#8 document, or with what sealing made of it.
    pub fn new(pkcs8: Vec<u8>) -> Self {
        Self(Zeroizing::new(pkcs8))
    }

    /// No key any more: what is left of a retired one.
    pub fn gone() -> Self {
        Self::new(Vec::new())
    }

    /// The bytes, for the store's column and for signing.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

/// A change of the set of keys, made from how it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyChange {
    /// Every key that the change was decided from, with its state.
    pub expected: Vec<(String, KeyState)>,
    /// Keys that are new.
    pub insert: Vec<SigningKey>,
    /// Keys that go to another state, each with when. One that is retired loses its private half in the same step.
    pub set: Vec<(String, KeyState, Timestamp)>,
    /// Keys that are gone, private half and all.
    pub remove: Vec<String>,
}

impl KeyChange {
    /// No change yet of `keys`.
    pub fn from_state(keys: &[SigningKey]) -> Self {
        Self { expected: keys.iter().map(|key| (key.kid.clone(), key.state)).collect(), ..Self::default() }
    }

    /// Changes `keys`, which are ordered by age and name; answers whether it did: not when they are not as expected.
    pub fn apply(&self, keys: &mut Vec<SigningKey>) -> bool {
        let same = |(key, (kid, state)): (&SigningKey, &(String, KeyState))| key.kid == *kid && key.state == *state;
        let mut expected = self.expected.clone();
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        let mut found: Vec<&SigningKey> = keys.iter().collect();
        found.sort_by(|a, b| a.kid.cmp(&b.kid));
        if found.len() != expected.len() || !found.into_iter().zip(&expected).all(same) {
            return false;
        }
        keys.retain(|key| !self.remove.contains(&key.kid));
        for key in &mut *keys {
            if let Some((_, state, since)) = self.set.iter().find(|(kid, ..)| *kid == key.kid) {
                key.state = *state;
                key.state_since = *since;
                if *state == KeyState::Retired {
                    key.private = PrivateKey::gone();
                }
            }
        }
        keys.extend(self.insert.iter().cloned());
        keys.sort_by(|a, b| (a.created_at, &a.kid).cmp(&(b.created_at, &b.kid)));
        true
    }
}

/// The signing keys of a tenant.
#[async_trait]
pub trait KeyStore: Send + Sync + 'static {
    /// Gives every key, oldest first, byte for byte as it was stored.
    async fn list(&self) -> Result<Vec<SigningKey>, StoreError>;

    /// Applies [`KeyChange::apply`] in one atomic step, durably, and gives every key as [`KeyStore::list`] does; of
    /// concurrent changes from one state exactly one happens. `audit` is written with it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the keys are not as expected, or a new `kid` is taken.
    async fn change(&self, change: KeyChange, audit: Option<AuditRecord>) -> Result<Vec<SigningKey>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retired_key_has_no_private_half() {
        let key = SigningKey {
            kid: "a".to_owned(),
            algorithm: KeyAlgorithm::EdDsa,
            public_jwk: "{}".to_owned(),
            private: PrivateKey::new(vec![1, 2, 3]),
            created_at: Timestamp::from_secs(1),
            state: KeyState::Active,
            state_since: Timestamp::from_secs(1),
        };
        let mut keys = vec![key];
        let retired_at = Timestamp::from_secs(5);
        let set = vec![("a".to_owned(), KeyState::Retired, retired_at)];
        assert!(KeyChange { set, ..KeyChange::from_state(&keys) }.apply(&mut keys));
        assert_eq!((keys[0].state, keys[0].state_since), (KeyState::Retired, retired_at));
        assert_eq!(keys[0].private, PrivateKey::gone());
    }
}

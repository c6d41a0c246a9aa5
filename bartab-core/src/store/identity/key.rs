//! Signing keys: what the tenant's tokens are signed with.

use std::fmt;

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::store::StoreError;
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
    /// It signs no more, but tokens of its are still about.
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

/// The signing keys of a tenant.
#[async_trait]
pub trait KeyStore: Send + Sync + 'static {
    /// Gives every key, oldest first, byte for byte as it was stored.
    async fn list(&self) -> Result<Vec<SigningKey>, StoreError>;

    /// Stores `key` durably if the store holds none that is [`KeyState::Active`], and gives every key as
    /// [`KeyStore::list`] does; of concurrent calls on an empty store exactly one stores its key.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when no key is active and the `kid` is taken.
    async fn ensure_active(&self, key: SigningKey) -> Result<Vec<SigningKey>, StoreError>;
}

//! The keys that a tenant signs and verifies with now.

use std::fmt;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use bartab_core::Timestamp;
use bartab_core::store::{KeyAlgorithm, KeyState, SigningKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::jwk::{VerifyingKey, key_set};
use super::signer::Signer;
use crate::error::AuthError;
use crate::seal::Sealer;

/// The keys in use: who signs, who verifies, and what is published, exchanged all at once. Clones share it.
///
/// Readers take no lock, and each of them sees one state of the keys.
#[derive(Clone)]
pub(crate) struct Ring(Arc<ArcSwap<KeySet>>);

/// One state of the keys.
pub(crate) struct KeySet {
    /// Rises with every exchange.
    generation: u64,
    /// The keys as they are stored.
    records: Vec<SigningKey>,
    /// The active key of each algorithm in use.
    signers: Vec<Arc<Signer>>,
    /// Every published key.
    verifying: Vec<VerifyingKey>,
    /// The JWK Set, as it is published.
    jwks: Bytes,
    /// Its strong entity tag, quoted.
    etag: String,
}

impl Ring {
    /// The ring of `records`.
    pub(crate) fn new(records: Vec<SigningKey>, sealer: &Sealer) -> Result<Self, AuthError> {
        Ok(Self(Arc::new(ArcSwap::from_pointee(KeySet::new(0, records, &[], sealer)?))))
    }

    pub(crate) fn load(&self) -> Guard<Arc<KeySet>> {
        self.0.load()
    }

    /// Goes over to `records`, unless they are the same. When they cannot be used, everything stays as it was.
    ///
    /// The caller sees to it that nobody else does so meanwhile.
    pub(crate) fn exchange(&self, records: Vec<SigningKey>, sealer: &Sealer) -> Result<(), AuthError> {
        let before = self.0.load_full();
        if before.records != records {
            let next = KeySet::new(before.generation + 1, records, &before.signers, sealer)?;
            self.0.store(Arc::new(next));
        }
        Ok(())
    }
}

impl KeySet {
    fn new(
        generation: u64,
        records: Vec<SigningKey>,
        known: &[Arc<Signer>],
        sealer: &Sealer,
    ) -> Result<Self, AuthError> {
        let (verifying, jwks) = key_set(&records)?;
        let active = records.iter().filter(|key| key.state == KeyState::Active);
        let signer = |key: &SigningKey| match known.iter().find(|signer| signer.kid() == key.kid) {
            Some(known) => Ok(Arc::clone(known)),
            None => Signer::new(key, sealer).map(Arc::new),
        };
        let signers = active.map(signer).collect::<Result<_, AuthError>>()?;
        let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(&Sha256::digest(&jwks)[..16]));
        Ok(Self { generation, signers, verifying, jwks: Bytes::from(jwks), etag, records })
    }

    pub(crate) const fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) fn records(&self) -> &[SigningKey] {
        &self.records
    }

    pub(crate) fn verifying(&self) -> &[VerifyingKey] {
        &self.verifying
    }

    pub(crate) fn jwks(&self) -> &Bytes {
        &self.jwks
    }

    pub(crate) fn etag(&self) -> &str {
        &self.etag
    }

    /// Whether there is a key to sign with.
    pub(crate) fn signs_with(&self, algorithm: KeyAlgorithm) -> bool {
        self.signers.iter().any(|signer| signer.algorithm() == algorithm)
    }

    /// The latest time at which this process signed with the key, as far as it still holds it.
    pub(crate) fn last_signed(&self, kid: &str) -> Timestamp {
        let signer = self.signers.iter().find(|signer| signer.kid() == kid);
        signer.map_or(Timestamp::default(), |signer| signer.last_signed())
    }

    /// The JWT of type `typ` that says `claims` at `now`, signed with the active key for `algorithm`.
    pub(crate) fn token(
        &self,
        algorithm: KeyAlgorithm,
        typ: &str,
        claims: &impl Serialize,
        now: Timestamp,
    ) -> Result<String, AuthError> {
        let signer = self.signers.iter().find(|signer| signer.algorithm() == algorithm);
        let signer = signer.ok_or_else(|| AuthError::internal(format!("no key signs with {}", algorithm.name())))?;
        signer.token(typ, claims, now)
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").field("keys", &self.load().records.len()).finish_non_exhaustive()
    }
}

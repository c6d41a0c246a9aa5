//! Making tokens.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use bartab_core::Timestamp;
use bartab_core::store::{KeyAlgorithm, SigningKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::json;

use super::generate::sealing_context;
use crate::error::AuthError;
use crate::seal::Sealer;

/// The media type of a JWT access token, without `application/` (RFC 9068 section 2.1).
pub(crate) const ACCESS_TOKEN_TYPE: &str = "at+jwt";

/// Signs tokens with one key.
///
/// It asks the cryptographic library itself, not through `jsonwebtoken`, which reads the key anew for each signature.
pub(crate) struct Signer {
    kid: String,
    algorithm: KeyAlgorithm,
    pair: Pair,
    /// The latest time at which it signed, in milliseconds.
    last_signed: AtomicU64,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
    Rsa(Box<RsaKeyPair>),
}

impl Signer {
    pub(super) fn new(key: &SigningKey, sealer: &Sealer) -> Result<Self, AuthError> {
        let der = sealer.open(&sealing_context(&key.kid), key.private.as_bytes())?;
        let pair = match key.algorithm {
            KeyAlgorithm::EdDsa => Pair::Ed25519(Ed25519KeyPair::from_pkcs8(&der).map_err(AuthError::internal)?),
            KeyAlgorithm::Es256 => Pair::P256(
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).map_err(AuthError::internal)?,
            ),
            KeyAlgorithm::Rs256 => Pair::Rsa(Box::new(RsaKeyPair::from_pkcs8(&der).map_err(AuthError::internal)?)),
            _ => return Err(AuthError::internal("a stored key is for an algorithm of a newer version")),
        };
        let last_signed = AtomicU64::new(0);
        Ok(Self { kid: key.kid.clone(), algorithm: key.algorithm, pair, last_signed })
    }

    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    pub(super) const fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The latest time at which it signed.
    pub(super) fn last_signed(&self) -> Timestamp {
        Timestamp::from_millis(self.last_signed.load(Ordering::Acquire))
    }

    /// The JWT of this type that says `claims` at `now`.
    pub(super) fn token(&self, typ: &str, claims: &impl Serialize, now: Timestamp) -> Result<String, AuthError> {
        let header = json!({"typ": typ, "alg": self.algorithm.name(), "kid": self.kid}).to_string();
        let claims = serde_json::to_vec(claims).map_err(AuthError::internal)?;
        let mut token = String::with_capacity((header.len() + claims.len()) * 4 / 3 + 352);
        URL_SAFE_NO_PAD.encode_string(header, &mut token);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        // Before the signature is there: whoever retires the key sees this token, or the token is not made.
        self.last_signed.fetch_max(now.as_millis(), Ordering::AcqRel);
        let signature = self.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, AuthError> {
        match &self.pair {
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::P256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).map_err(AuthError::internal)?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .map_err(AuthError::internal)?;
                Ok(signature)
            }
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("kid", &self.kid).field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

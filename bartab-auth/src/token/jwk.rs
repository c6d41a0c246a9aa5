//! Keys: made, named, and read from the JWKs that publish them.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use bartab_core::store::{KeyAlgorithm, KeyState, PrivateKey, SigningKey};
use bartab_core::{Random, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::error::AuthError;

/// A public key that tokens are verified with.
#[derive(Clone, Debug)]
pub(crate) struct VerifyingKey {
    /// The name by which a token's header asks for it.
    pub(crate) kid: String,
    /// The one algorithm it is good for; what a token's header says must be the same.
    pub(crate) algorithm: Algorithm,
    pub(crate) key: DecodingKey,
}

/// A new Ed25519 key that signs from now on.
pub(crate) fn generate(random: &dyn Random, now: Timestamp) -> Result<SigningKey, AuthError> {
    let mut seed = Zeroizing::new([0; 32]);
    random.fill(&mut *seed);
    let pair = Ed25519KeyPair::from_seed_unchecked(&*seed).map_err(AuthError::internal)?;
    let x = URL_SAFE_NO_PAD.encode(pair.public_key());
    let kid = ed25519_thumbprint(&x);
    let public = json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "alg": "EdDSA", "use": "sig"});
    Ok(SigningKey {
        kid,
        algorithm: KeyAlgorithm::EdDsa,
        public_jwk: public.to_string(),
        private: PrivateKey::new(pair.to_pkcs8v1().map_err(AuthError::internal)?.as_ref().to_vec()),
        created_at: now,
        state: KeyState::Active,
    })
}

/// The RFC 7638 thumbprint of an Ed25519 key (RFC 8037 section 2): SHA-256 over the members that matter, in order.
fn ed25519_thumbprint(x: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)))
}

/// The public keys of `keys`, and the JWK Set (RFC 7517) that publishes them.
pub(crate) fn key_set(keys: &[SigningKey]) -> Result<(Vec<VerifyingKey>, String), AuthError> {
    let read = |key: &SigningKey| {
        let jwk: Jwk = serde_json::from_str(&key.public_jwk).map_err(AuthError::internal)?;
        VerifyingKey::from_jwk(&jwk).ok_or_else(|| AuthError::internal("a stored public key cannot be used"))
    };
    let published: Vec<&str> = keys.iter().map(|key| key.public_jwk.as_str()).collect();
    let document = format!("{{\"keys\":[{}]}}", published.join(","));
    Ok((keys.iter().map(read).collect::<Result<_, _>>()?, document))
}

impl VerifyingKey {
    /// The key of a JWK that can verify signatures and has a name; `None` for every other.
    ///
    /// Symmetric keys are among the others: who can verify with one can sign with it.
    pub(crate) fn from_jwk(jwk: &Jwk) -> Option<Self> {
        let family = match &jwk.algorithm {
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Algorithm::ES256,
            AlgorithmParameters::RSA(_) => Algorithm::RS256,
            _ => return None,
        };
        let algorithm = jwk.common.key_algorithm.map_or(Some(family), |named| Algorithm::try_from(named).ok())?;
        let for_signatures = jwk.common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
        if algorithm != family || !for_signatures {
            return None;
        }
        Some(Self { kid: jwk.common.key_id.clone()?, algorithm, key: DecodingKey::from_jwk(jwk).ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartab_core::SeededRandom;

    #[test]
    fn the_thumbprint_is_the_one_of_rfc_8037() {
        let kid = ed25519_thumbprint("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_key_is_read_back_from_what_is_published() {
        let key = generate(&SeededRandom::new(1), Timestamp::from_secs(1)).unwrap();
        let (keys, document) = key_set(std::slice::from_ref(&key)).unwrap();
        assert_eq!((keys[0].kid.as_str(), keys[0].algorithm), (key.kid.as_str(), Algorithm::EdDSA));
        assert!(!document.contains("\"d\""));
    }

    #[test]
    fn symmetric_encryption_and_nameless_keys_are_left_out() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        for jwk in [
            json!({"kty": "oct", "k": x, "kid": "a", "alg": "HS256"}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "a", "use": "enc"}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "a", "alg": "HS256"}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": x}),
        ] {
            let jwk: Jwk = serde_json::from_value(jwk).unwrap();
            assert!(VerifyingKey::from_jwk(&jwk).is_none(), "{jwk:?}");
        }
    }
}

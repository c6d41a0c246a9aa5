//! Public keys: named, published, and read from the JWKs that publish them.

use bartab_core::store::SigningKey;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

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

/// What there is to say of a public key, in base64url.
#[derive(Debug)]
pub(super) enum PublicKey {
    /// RFC 8037 section 2.
    Ed25519 { x: String },
    /// RFC 7518 section 6.2.1.
    P256 { x: String, y: String },
    /// RFC 7518 section 6.3.1.
    Rsa { n: String, e: String },
}

impl PublicKey {
    /// The key's name: the RFC 7638 thumbprint, SHA-256 over the members that make it this key, in order.
    pub(super) fn thumbprint(&self) -> String {
        let members = match self {
            Self::Ed25519 { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#),
            Self::P256 { x, y } => format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#),
            Self::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
        };
        URL_SAFE_NO_PAD.encode(Sha256::digest(members))
    }

    /// The JWK (RFC 7517) as it is published.
    pub(super) fn jwk(&self) -> Value {
        let kid = self.thumbprint();
        match self {
            Self::Ed25519 { x } => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "alg": "EdDSA", "use": "sig"})
            }
            Self::P256 { x, y } => {
                json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid, "alg": "ES256", "use": "sig"})
            }
            Self::Rsa { n, e } => {
                json!({"kty": "RSA", "n": n, "e": e, "kid": kid, "alg": "RS256", "use": "sig"})
            }
        }
    }
}

/// The public keys of `keys`, and the JWK Set (RFC 7517) that publishes them.
pub(super) fn key_set(keys: &[SigningKey]) -> Result<(Vec<VerifyingKey>, String), AuthError> {
    let read = |key: &SigningKey| {
        let jwk: Jwk = serde_json::from_str(&key.public_jwk).map_err(AuthError::internal)?;
        VerifyingKey::from_jwk(&jwk).ok_or_else(|| AuthError::internal("a stored public key cannot be used"))
    };
    let published: Vec<&str> = keys.iter().map(|key| key.public_jwk.as_str()).collect();
    let document = format!("{{\"keys\":[{}]}}", published.join(","));
    Ok((keys.iter().map(read).collect::<Result<_, _>>()?, document))
}

/// More keys than this are not looked at.
const MAX_KEYS: usize = 64;

impl VerifyingKey {
    /// The keys of a JWK Set that can be used. A key of a kind that we do not know is no reason to refuse the others (RFC
    /// 7517 section 5).
    pub(crate) fn from_set(set: &Value) -> Vec<Self> {
        let keys = set.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let read = |key: &Value| Self::from_jwk(&Jwk::deserialize(key).ok()?);
        keys.iter().take(MAX_KEYS).filter_map(read).collect()
    }

    /// The key that a token's header asks for; one that asks for none means the only one there is.
    pub(crate) fn choose<'a>(keys: &'a [Self], kid: Option<&str>) -> Option<&'a Self> {
        match (kid, keys) {
            (Some(kid), keys) => keys.iter().find(|key| key.kid == kid),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }

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

    #[test]
    fn thumbprints_are_those_of_the_rfcs() {
        let rfc_8037 = PublicKey::Ed25519 { x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".to_owned() };
        assert_eq!(rfc_8037.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let rfc_7638 = PublicKey::Rsa {
            n: "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCi\
                FV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d\
                0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-cs\
                FCur-kEgU8awapJzKnqDKgw"
                .to_owned(),
            e: "AQAB".to_owned(),
        };
        assert_eq!(rfc_7638.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        // No RFC has one for P-256; this is the key of RFC 7517 appendix A.1, its thumbprint computed by hand.
        let p256 = PublicKey::P256 {
            x: "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4".to_owned(),
            y: "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM".to_owned(),
        };
        assert_eq!(p256.thumbprint(), "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s");
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

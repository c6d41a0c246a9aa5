//! Making access tokens.

use bartab_core::store::{KeyAlgorithm, SigningKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm, EncodingKey, Header};

use super::Claims;
use crate::error::AuthError;

/// The media type of a JWT access token, without `application/` (RFC 9068 section 2.1).
pub(super) const ACCESS_TOKEN_TYPE: &str = "at+jwt";

/// Signs access tokens with one key.
#[derive(Debug)]
pub(crate) struct Signer {
    algorithm: Algorithm,
    key: EncodingKey,
    /// The first part of every token, encoded once.
    header: String,
}

impl Signer {
    pub(crate) fn new(key: &SigningKey) -> Result<Self, AuthError> {
        let der = key.private.as_bytes();
        let (algorithm, encoding) = match key.algorithm {
            KeyAlgorithm::EdDsa => (Algorithm::EdDSA, EncodingKey::from_ed_der(der)),
            KeyAlgorithm::Es256 => (Algorithm::ES256, EncodingKey::from_ec_der(der)),
            KeyAlgorithm::Rs256 => (Algorithm::RS256, EncodingKey::from_rsa_der(der)),
            _ => return Err(AuthError::internal("a stored key is for an algorithm of a newer version")),
        };
        let header =
            Header { typ: Some(ACCESS_TOKEN_TYPE.to_owned()), kid: Some(key.kid.clone()), ..Header::new(algorithm) };
        let header = serde_json::to_vec(&header).map_err(AuthError::internal)?;
        let signer = Self { algorithm, key: encoding, header: URL_SAFE_NO_PAD.encode(header) };
        signer.sign("")?;
        Ok(signer)
    }

    /// The token that says `claims`.
    pub(crate) fn token(&self, claims: &Claims) -> Result<String, AuthError> {
        let claims = serde_json::to_vec(claims).map_err(AuthError::internal)?;
        let mut token = String::with_capacity(self.header.len() + claims.len() * 4 / 3 + 96);
        token.push_str(&self.header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.sign(&token)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    /// The provider is named, never the process's default one: the crate's default is a panic when a build turns on
    /// both of its providers and nobody has chosen between them.
    fn sign(&self, message: &str) -> Result<Vec<u8>, AuthError> {
        let signer = (DEFAULT_PROVIDER.signer_factory)(&self.algorithm, &self.key).map_err(AuthError::internal)?;
        signer.try_sign(message.as_bytes()).map_err(AuthError::internal)
    }
}

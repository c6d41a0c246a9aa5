//! Signed tokens (RFC 7515) as they come in: read, and their signatures checked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::{Header, decode_header};

use super::TokenError;
use super::jwk::VerifyingKey;

/// A longer token is refused unread; ours have about 700 bytes.
const MAX_TOKEN: usize = 8 * 1024;

/// A token that has three parts and a header; nothing of it is to be believed yet.
pub(crate) struct Jws<'a> {
    header: Header,
    /// Header and claims, which are signed.
    message: &'a str,
    claims: &'a str,
    signature: &'a str,
}

impl<'a> Jws<'a> {
    /// Reads the token.
    ///
    /// # Errors
    /// [`TokenError::Malformed`].
    pub(crate) fn parse(token: &'a str) -> Result<Self, TokenError> {
        if token.len() > MAX_TOKEN {
            return Err(TokenError::Malformed);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (_, claims) = message.split_once('.').ok_or(TokenError::Malformed)?;
        // `alg: none` and every other name that is no algorithm end here.
        let header = decode_header(token).map_err(|_| TokenError::Malformed)?;
        // No extension is understood, so none may be critical (RFC 7515 section 4.1.11); and a token that is nested or
        // encrypted is another thing than what is read here.
        let foreign = header.cty.is_some() || header.enc.is_some() || header.zip.is_some();
        if header.crit.is_some() || foreign {
            return Err(TokenError::Malformed);
        }
        Ok(Self { header, message, claims, signature })
    }

    /// Its type in lower case and without `application/`, which may be there or not (RFC 7515 section 4.1.9).
    pub(crate) fn typ(&self) -> Option<String> {
        let typ = self.header.typ.as_ref()?.to_ascii_lowercase();
        Some(typ.strip_prefix("application/").map_or(typ.clone(), str::to_owned))
    }

    /// The name of the key that it is signed with.
    pub(crate) fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// The claims as JSON, whoever made them.
    pub(crate) fn unverified(&self) -> Result<Vec<u8>, TokenError> {
        URL_SAFE_NO_PAD.decode(self.claims).map_err(|_| TokenError::Malformed)
    }

    /// The claims as JSON, once the signature is right by `key`, whose own algorithm is the only one that counts.
    pub(crate) fn verify(&self, key: &VerifyingKey) -> Result<Vec<u8>, TokenError> {
        if self.header.alg != key.algorithm {
            return Err(TokenError::WrongAlgorithm);
        }
        let signature = URL_SAFE_NO_PAD.decode(self.signature).map_err(|_| TokenError::WrongSignature)?;
        // The provider is named, never the process's default one: the crate's default is a panic when a build turns on both
        // of its providers and nobody has chosen between them.
        (DEFAULT_PROVIDER.verifier_factory)(&key.algorithm, &key.key)
            .map_err(|_| TokenError::WrongAlgorithm)?
            .verify(self.message.as_bytes(), &signature)
            .map_err(|_| TokenError::WrongSignature)?;
        self.unverified()
    }
}

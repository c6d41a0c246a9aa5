//! ID tokens: what a client is told of a sign-in (OpenID Connect Core section 2).

use std::borrow::Cow;

use bartab_core::store::{KeyAlgorithm, OAuthClient};
use bartab_core::{SessionId, Timestamp, UserId};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha512};

use crate::auth::Auth;
use crate::config::ID_TOKEN_SECONDS;
use crate::error::AuthError;
use crate::token::Jws;

/// A sign-in that a client is to be told of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdToken<'a> {
    /// Who is told; the token is signed with what it registered.
    pub(crate) client: &'a OAuthClient,
    /// Who signed in.
    pub(crate) user: UserId,
    /// When.
    pub(crate) auth_time: Timestamp,
    /// How (RFC 8176), with a space between.
    pub(crate) methods: &'a str,
    /// What the request wants to find again.
    pub(crate) nonce: Option<&'a str>,
    /// The access token that it comes with.
    pub(crate) access_token: &'a str,
    /// The session.
    pub(crate) session: SessionId,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: UserId,
    aud: &'a str,
    azp: &'a str,
    iat: u64,
    exp: u64,
    auth_time: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    amr: Vec<&'a str>,
    at_hash: String,
    sid: SessionId,
}

impl Auth {
    /// Makes the ID token. Its type is plain `JWT`, so that nobody takes it for an access token.
    ///
    /// # Errors
    /// [`AuthError::Internal`] when there is no key for the algorithm: [`Auth::ensure_key`] sees to it.
    pub(crate) fn id_token(&self, token: &IdToken<'_>) -> Result<String, AuthError> {
        let now = self.0.clock.now().as_secs();
        let algorithm = token.client.id_token_algorithm;
        let claims = Claims {
            iss: &self.0.config.issuer,
            sub: token.user,
            aud: &token.client.client_id,
            azp: &token.client.client_id,
            iat: now,
            exp: now + ID_TOKEN_SECONDS,
            auth_time: token.auth_time.as_secs(),
            nonce: token.nonce,
            amr: token.methods.split_ascii_whitespace().collect(),
            at_hash: half_hash(algorithm, token.access_token),
            sid: token.session,
        };
        self.sign_with(algorithm, "JWT", &claims)
    }
}

/// Whom a client expects when it shows an ID token (`id_token_hint`, OpenID Connect Core section 3.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Anybody,
    /// The one that its ID token is about.
    Only(UserId),
    /// Somebody, but nobody can say who: no key that is still published signed the token, or it is another client's.
    Unknown,
}

impl Expected {
    /// Whether `user` is not whom the client expects.
    pub(crate) fn is_not(self, user: UserId) -> bool {
        matches!(self, Self::Only(expected) if expected != user)
    }
}

impl Auth {
    /// Whom `client_id` expects that shows `hint`. Its time does not matter: it tells of a sign-in that was, and gives
    /// nothing.
    pub(crate) fn expected(&self, hint: Option<&str>, client_id: &str) -> Expected {
        let Some(hint) = hint else { return Expected::Anybody };
        self.subject_of(hint, client_id).map_or(Expected::Unknown, Expected::Only)
    }

    fn subject_of(&self, token: &str, client_id: &str) -> Option<UserId> {
        #[derive(Deserialize)]
        struct Hint<'a> {
            #[serde(borrow)]
            iss: Cow<'a, str>,
            #[serde(borrow)]
            aud: Cow<'a, str>,
            sub: UserId,
        }
        let jws = Jws::parse(token).ok()?;
        let typ = jws.typ()?;
        let ring = self.0.keys.ring().load();
        let key = ring.verifying().iter().find(|key| Some(key.kid.as_str()) == jws.kid())?;
        let claims = jws.verify(key).ok()?;
        let claims: Hint<'_> = serde_json::from_slice(&claims).ok()?;
        let ours = typ == "jwt" && claims.iss == self.0.config.issuer && claims.aud == client_id;
        ours.then_some(claims.sub)
    }
}

/// The left half of the hash that goes with the algorithm (OpenID Connect Core section 3.1.3.6); Ed25519 hashes with
/// SHA-512 (RFC 8032).
fn half_hash(algorithm: KeyAlgorithm, text: &str) -> String {
    match algorithm {
        KeyAlgorithm::EdDsa => URL_SAFE_NO_PAD.encode(&Sha512::digest(text)[..32]),
        _ => URL_SAFE_NO_PAD.encode(&Sha256::digest(text)[..16]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_access_token_s_hash_is_the_left_half() {
        // OpenID Connect Core appendix A.3.
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(half_hash(KeyAlgorithm::Rs256, token), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(half_hash(KeyAlgorithm::Es256, token), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(half_hash(KeyAlgorithm::EdDsa, token).len(), 43);
    }
}

//! The claims of an access token: RFC 9068's, and the actor they stand for.

use std::sync::Arc;

use bartab_core::{Actor, ActorKind, MediaId, Profile, Scope, Scopes, SessionId, TenantRole, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::TokenError;

/// What an access token says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) aud: Audience,
    pub(crate) sub: UserId,
    pub(crate) client_id: String,
    pub(crate) iat: u64,
    pub(crate) exp: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nbf: Option<u64>,
    pub(crate) jti: String,
    pub(crate) scope: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<SessionId>,
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) picture: Option<MediaId>,
    pub(crate) role: TenantRole,
    pub(crate) profile_rev: u64,
    /// What the account's rights were when the token was made; once they are less, it is good no more.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) rights_rev: u64,
    /// How much the caller may ask, in percent of what everybody may.
    #[serde(default = "usual", skip_serializing_if = "is_usual")]
    pub(crate) rate: u32,
    /// `kind`, and the `owner` or `room` that belongs to it.
    #[serde(flatten)]
    pub(crate) kind: ActorKind,
}

const fn usual() -> u32 {
    100
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_usual(rate: &u32) -> bool {
    *rate == usual()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(rev: &u64) -> bool {
    *rev == 0
}

/// Whom a token is for: one name or several (RFC 7519 section 4.1.3).
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    /// Whether `wanted` is among them.
    pub(crate) fn names(&self, wanted: &str) -> bool {
        match self {
            Self::One(name) => name == wanted,
            Self::Several(names) => names.iter().any(|name| name == wanted),
        }
    }
}

/// How far another machine's clock may be ahead of ours when it says when a token was made.
pub(crate) const CLOCK_SKEW_SECONDS: u64 = 5;

impl Claims {
    /// Whether a verifier of `issuer` and `audience` may take the token at `now`; the signature is another matter.
    pub(crate) fn check(&self, issuer: &str, audience: &str, now: Timestamp) -> Result<(), TokenError> {
        if self.iss != issuer {
            return Err(TokenError::WrongIssuer);
        }
        if !self.aud.names(audience) {
            return Err(TokenError::WrongAudience);
        }
        if now >= Timestamp::from_secs(self.exp) {
            return Err(TokenError::Expired);
        }
        let latest = now.as_secs() + CLOCK_SKEW_SECONDS;
        if self.iat > latest || self.nbf.is_some_and(|nbf| nbf > latest) {
            return Err(TokenError::NotYetValid);
        }
        Ok(())
    }

    /// The actor that the token stands for.
    pub(crate) fn into_actor(self) -> Actor {
        // A scope that this version does not know gives nothing here, and is no reason to refuse the others.
        let known = |name: &str| Scope::ALL.iter().find(|(_, known)| *known == name).map(|(scope, _)| *scope);
        let scopes: Scopes = self.scope.split(' ').filter_map(known).collect();
        Actor {
            user_id: self.sub,
            kind: self.kind,
            client_id: Arc::from(self.client_id),
            session_id: self.sid,
            scopes,
            tenant_role: self.role,
            rate_percent: self.rate,
            profile: Arc::new(Profile { name: Arc::from(self.name), avatar: self.picture, rev: self.profile_rev }),
            expires_at: Some(Timestamp::from_secs(self.exp)),
        }
    }
}

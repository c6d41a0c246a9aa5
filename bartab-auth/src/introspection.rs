//! What a token stands for, told to a client that holds one (RFC 7662).

use bartab_core::store::OAuthClient;
use bartab_core::{ActorKind, SessionId, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::Auth;
use crate::error::AuthError;
use crate::token::{Audience, Claims, RefreshToken};

/// Whether a token is good now, and if so what it says; of one that is not, nothing is said at all.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Introspection {
    /// Whether the token is good now.
    active: bool,
    #[serde(flatten)]
    #[schema(inline)]
    token: Option<ActiveToken>,
}

/// What a good token says.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActiveToken {
    scope: String,
    client_id: String,
    /// The name to sign in with, when the token stands for an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// `Bearer` for an access token; a refresh token has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    exp: u64,
    iat: u64,
    #[schema(value_type = String)]
    sub: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    aud: Option<Audience>,
    iss: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    sid: Option<SessionId>,
}

impl From<Option<ActiveToken>> for Introspection {
    fn from(token: Option<ActiveToken>) -> Self {
        Self { active: token.is_some(), token }
    }
}

impl Auth {
    /// Whether the token is good at this moment, by what the stores say and not only by what it says itself.
    ///
    /// `client`, which has proved who it is, learns of every access token of the tenant that it holds, and of its own
    /// refresh tokens. Nothing is spent and nothing ended by asking.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    pub(crate) async fn introspect(&self, token: &str, client: &OAuthClient) -> Result<Introspection, AuthError> {
        let found = match RefreshToken::parse(token) {
            Some(refresh) => self.active_refresh_token(&refresh, client).await?,
            None => match self.verifier().claims(token) {
                Ok(claims) => self.active_access_token(claims).await?,
                Err(_) => None,
            },
        };
        Ok(found.into())
    }

    async fn active_access_token(&self, claims: Claims) -> Result<Option<ActiveToken>, AuthError> {
        let inner = &*self.0;
        // Ended by another process, perhaps, which this one has not been told of.
        if let Some(session) = claims.sid {
            let session = inner.stores.sessions.get(session).await?;
            if session.is_none_or(|session| session.ended_at.is_some()) {
                return Ok(None);
            }
        }
        let username = match claims.kind {
            ActorKind::Person | ActorKind::Bot { .. } => match self.usable(claims.sub).await? {
                Some(username) => Some(username),
                None => return Ok(None),
            },
            ActorKind::Service if self.client(&claims.client_id).await?.is_none() => return Ok(None),
            _ => None,
        };
        Ok(Some(ActiveToken {
            scope: claims.scope,
            client_id: claims.client_id,
            username,
            token_type: Some("Bearer"),
            exp: claims.exp,
            iat: claims.iat,
            sub: claims.sub,
            aud: Some(claims.aud),
            iss: claims.iss,
            jti: Some(claims.jti),
            sid: claims.sid,
        }))
    }

    async fn active_refresh_token(
        &self,
        token: &RefreshToken,
        client: &OAuthClient,
    ) -> Result<Option<ActiveToken>, AuthError> {
        let inner = &*self.0;
        let session = inner.stores.sessions.get(token.session()).await?.filter(|session| {
            session.family == token.family()
                && session.current == token.secret()
                && session.client_id == client.client_id
                && session.is_live(inner.clock.now())
        });
        let Some(session) = session else { return Ok(None) };
        let Some(username) = self.usable(session.user_id).await? else { return Ok(None) };
        Ok(Some(ActiveToken {
            scope: session.scopes.to_string(),
            client_id: session.client_id,
            username: Some(username),
            token_type: None,
            exp: session.expires_at.as_secs(),
            iat: session.last_used_at.as_secs(),
            sub: session.user_id,
            aud: None,
            iss: inner.config.issuer.clone(),
            jti: None,
            sid: Some(session.session_id),
        }))
    }

    /// The username of an account that may be used now.
    async fn usable(&self, user: UserId) -> Result<Option<String>, AuthError> {
        let Some(account) = self.0.stores.accounts.get(user).await? else { return Ok(None) };
        Ok(self.rights(&account).await?.map(|_| account.username))
    }
}

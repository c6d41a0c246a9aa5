//! Making access tokens for accounts, and for clients that act for themselves.

use bartab_core::store::{Account, AccountKind, OAuthClient};
use bartab_core::{ActorKind, Scopes, SessionId, TenantRole, Timestamp, UserId};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::auth::Auth;
use crate::error::AuthError;
use crate::token::{ACCESS_TOKEN_TYPE, Audience, Claims};

/// What an access token is made for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AccessGrant<'a> {
    /// Whom it stands for.
    pub(crate) account: &'a Account,
    /// The client that uses it.
    pub(crate) client_id: &'a str,
    /// What was granted; what the account has no right to is left out.
    pub(crate) scopes: Scopes,
    /// The session that it ends with.
    pub(crate) session: Option<SessionId>,
}

/// An access token.
pub(crate) struct AccessToken {
    pub(crate) text: String,
    /// Seconds until it runs out.
    pub(crate) expires_in: u64,
    /// What it allows.
    pub(crate) scope: String,
}

impl Auth {
    /// Makes the access token (RFC 9068) of `grant`, with no more in it than the account, and a bot's owner, may.
    ///
    /// # Errors
    /// [`AuthError::InvalidGrant`] when the account, or a bot's owner, may not be used.
    pub(crate) async fn access_token(&self, grant: &AccessGrant<'_>, now: Timestamp) -> Result<AccessToken, AuthError> {
        let account = grant.account;
        let rights = self.rights(account).await?.ok_or(AuthError::InvalidGrant)?;
        let kind = match account.kind {
            AccountKind::Bot { owner } => ActorKind::Bot { owner },
            _ => ActorKind::Person,
        };
        let scopes = grant.scopes.intersection(rights.scopes);
        self.sign(Claims {
            sid: grant.session,
            name: account.display_name.clone(),
            picture: account.avatar,
            role: rights.role,
            profile_rev: account.profile_rev,
            rights_rev: account.rights_rev,
            rate: account.rate_percent,
            ..self.claims(account.user_id, kind, grant.client_id, scopes, now)
        })
    }

    /// Makes the access token of a client that acts for nobody but itself.
    ///
    /// # Errors
    /// [`AuthError::Internal`].
    pub(crate) fn client_token(
        &self,
        client: &OAuthClient,
        scopes: Scopes,
        now: Timestamp,
    ) -> Result<AccessToken, AuthError> {
        let user = self.service_id(&client.client_id);
        let claims = self.claims(user, ActorKind::Service, &client.client_id, scopes, now);
        self.sign(Claims { name: client.name.clone(), ..claims })
    }

    /// Who a client is when it acts for itself: the same for ever, and nobody's account.
    pub(crate) fn service_id(&self, client_id: &str) -> UserId {
        UserId::from_external(&self.0.config.issuer, client_id)
    }

    fn claims(&self, user: UserId, kind: ActorKind, client_id: &str, scopes: Scopes, now: Timestamp) -> Claims {
        let config = &self.0.config;
        Claims {
            iss: config.issuer.clone(),
            aud: Audience::One(config.audience().to_owned()),
            sub: user,
            client_id: client_id.to_owned(),
            iat: now.as_secs(),
            exp: now.as_secs() + config.access_token_seconds,
            nbf: None,
            jti: self.random_text::<16>(),
            scope: scopes.to_string(),
            sid: None,
            name: String::new(),
            picture: None,
            role: TenantRole::Member,
            profile_rev: 0,
            rights_rev: 0,
            rate: 100,
            kind,
        }
    }

    fn sign(&self, claims: Claims) -> Result<AccessToken, AuthError> {
        let config = &self.0.config;
        let text = self.sign_with(config.token_algorithm, ACCESS_TOKEN_TYPE, &claims)?;
        Ok(AccessToken { text, expires_in: config.access_token_seconds, scope: claims.scope })
    }

    /// `N` random bytes as base64url.
    pub(crate) fn random_text<const N: usize>(&self) -> String {
        let mut bytes = [0; N];
        self.0.random.fill(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

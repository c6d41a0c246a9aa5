//! What a person's yes gives a client: a session and its tokens.

use bartab_core::store::OAuthClient;
use bartab_core::{Scope, Scopes, SessionId, Timestamp, UserId};

use super::TokenAnswer;
use crate::answer::OAuthError;
use crate::auth::Auth;
use crate::error::AuthError;
use crate::id_token::IdToken;
use crate::sessions::NewSession;
use crate::tickets::password_of;

/// What a person has allowed a client, and how they signed in to do so.
pub(super) struct Allowed<'a> {
    pub(super) user: UserId,
    pub(super) scopes: Scopes,
    pub(super) session_id: SessionId,
    pub(super) auth_time: Timestamp,
    pub(super) methods: &'a str,
    pub(super) password: [u8; 32],
    pub(super) nonce: Option<&'a str>,
}

/// Opens the session. Only `offline_access` gives a refresh token; without it the session ends with the access token.
pub(super) async fn open(auth: &Auth, client: &OAuthClient, allowed: Allowed<'_>) -> Result<TokenAnswer, OAuthError> {
    let signs_in = allowed.scopes.contains(Scope::Openid);
    if signs_in {
        // What can fail is done before the session is there.
        auth.ensure_key(client.id_token_algorithm).await?;
    }
    let account = auth.0.stores.accounts.get(allowed.user).await?.ok_or(AuthError::InvalidGrant)?;
    // What was allowed in the name of another password may have been allowed by whom the new one keeps out.
    if password_of(&account) != allowed.password {
        return Err(AuthError::InvalidGrant.into());
    }
    let new = NewSession {
        client_id: &client.client_id,
        device_name: Some(&client.name),
        scopes: allowed.scopes,
        methods: allowed.methods,
        granted: true,
        session_id: Some(allowed.session_id),
    };
    let mut answer = TokenAnswer::from(auth.start_session(&account, new).await?);
    if signs_in {
        let token = IdToken {
            client,
            user: allowed.user,
            auth_time: allowed.auth_time,
            methods: allowed.methods,
            nonce: allowed.nonce,
            access_token: &answer.access_token,
            session: allowed.session_id,
        };
        answer.id_token = Some(auth.id_token(&token)?);
    }
    if !allowed.scopes.contains(Scope::OfflineAccess) {
        answer.refresh_token = None;
    }
    Ok(answer)
}

//! `grant_type=client_credentials` (RFC 6749 section 4.4)

use bartab_core::store::{ClientKind, OAuthClient};
use bartab_core::{Scope, Scopes};
use http::HeaderMap;

use super::TokenAnswer;
use crate::answer::OAuthError;
use crate::auth::Auth;
use crate::error::AuthError;
use crate::extract::Form;
use crate::mint::AccessGrant;

/// What a client can be given that acts for nobody else: nothing of what means a person who signs in, and an app has
/// `admin` only for its administrators.
fn meant_for(client: &OAuthClient, scope: Scope) -> bool {
    match scope {
        Scope::Openid | Scope::Profile | Scope::OfflineAccess => false,
        Scope::Admin => client.kind != ClientKind::App,
        _ => true,
    }
}

/// A bot's client acts as the bot, any other for itself. There is no session and no refresh token: the secret is as good.
pub(super) async fn grant(
    auth: &Auth,
    headers: &HeaderMap,
    client: &OAuthClient,
    form: &Form,
) -> Result<TokenAnswer, OAuthError> {
    // Registration sees to it; a client that anybody can name gets nothing here whatever a store says.
    if !client.is_confidential() {
        return Err(OAuthError::unauthorized_client());
    }
    let account = match client.kind {
        ClientKind::Bot { user, .. } => Some(auth.0.stores.accounts.get(user).await?.ok_or_else(unusable)?),
        _ => None,
    };
    // Looked at again after the account: what ends the client, a secret or a scope from here on takes the token back that
    // is made now, since that says no more than the account did before.
    let client = &auth.authenticate_client(headers, form).await?;
    let asked = form.scope()?.unwrap_or(client.scopes);
    if !asked.is_subset(client.scopes) {
        return Err(AuthError::InvalidScope.into());
    }
    let every = Scope::ALL.into_iter().map(|(scope, _)| scope);
    let scopes: Scopes = every.filter(|scope| asked.contains(*scope) && meant_for(client, *scope)).collect();
    let now = auth.0.clock.now();
    let (user, token) = match account {
        Some(account) => {
            let user = account.user_id;
            let grant = AccessGrant { account: &account, client_id: &client.client_id, scopes, session: None };
            let token = auth.access_token(&grant, now).await.map_err(|error| match error {
                AuthError::InvalidGrant => unusable(),
                error => error.into(),
            })?;
            (user, token)
        }
        None => (auth.service_id(&client.client_id), auth.client_token(client, scopes, now)?),
    };
    if token.scope.is_empty() {
        return Err(AuthError::InvalidScope.into());
    }
    Ok(TokenAnswer::of(token, user))
}

fn unusable() -> OAuthError {
    OAuthError::new("unauthorized_client", "the bot, or who answers for it, may not be used")
}

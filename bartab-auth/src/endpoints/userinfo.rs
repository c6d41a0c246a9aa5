//! `GET, POST /v1/oauth2/userinfo`

use axum::response::{IntoResponse as _, Response};
use bartab_core::{Actor, Scope, UserId};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::{self, OAuthError, OAuthErrorBody};
use crate::auth::Auth;
use crate::error::AuthError;
use crate::extract::{OAuthCaller, Tenant};
use crate::rights::require;
use crate::token::TokenError;

/// What is told of the person who signed in (OpenID Connect Core section 5.3).
#[derive(Serialize, ToSchema)]
pub(crate) struct UserInfo {
    /// Who it is; the same as in the ID token.
    #[schema(value_type = String)]
    sub: UserId,
    #[serde(flatten)]
    #[schema(inline)]
    profile: Option<ProfileClaims>,
}

/// What the scope `profile` adds.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProfileClaims {
    /// The name that others see.
    name: String,
    /// The name to sign in with; it can become another person's when this one is erased.
    preferred_username: String,
    /// Where the picture is, for who may read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<String>,
}

/// Read what the access token tells of the person who signed in.
#[utoipa::path(
    get, path = "/v1/oauth2/userinfo", tag = "oauth2", operation_id = "userinfo",
    responses(
        (status = 200, description = "The claims of the scopes", body = UserInfo),
        (status = 401, description = "`invalid_token`", body = OAuthErrorBody),
        (status = 403, description = "`insufficient_scope`: the token lacks `openid`", body = OAuthErrorBody),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn read(
    Tenant(auth): Tenant,
    caller: Result<OAuthCaller, OAuthError>,
) -> Result<Response, OAuthError> {
    let OAuthCaller(actor) = caller?;
    let info = auth.user_info(&actor).await?;
    Ok(answer::secret(StatusCode::OK, &info).unwrap_or_else(|failure| failure.into_response()))
}

/// The same by POST, as OpenID Connect demands; the token stands in the header here too, and the body is not read.
#[utoipa::path(
    post, path = "/v1/oauth2/userinfo", tag = "oauth2", operation_id = "userinfo_by_post",
    responses(
        (status = 200, description = "The claims of the scopes", body = UserInfo),
        (status = 401, description = "`invalid_token`", body = OAuthErrorBody),
        (status = 403, description = "`insufficient_scope`: the token lacks `openid`", body = OAuthErrorBody),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn read_by_post(
    tenant: Tenant,
    caller: Result<OAuthCaller, OAuthError>,
) -> Result<Response, OAuthError> {
    read(tenant, caller).await
}

impl Auth {
    /// What the scopes of `actor` tell of them, as the account is now.
    async fn user_info(&self, actor: &Actor) -> Result<UserInfo, AuthError> {
        require(actor, Scope::Openid)?;
        let account = self.0.stores.accounts.get(actor.user_id).await?;
        // The token outlives the account's use by its own short life, where nobody was told of it.
        let gone = AuthError::Token(TokenError::Revoked);
        let Some(account) = account else { return Err(gone) };
        if self.rights(&account).await?.is_none() {
            return Err(gone);
        }
        let issuer = &self.0.config.issuer;
        let profile = actor.scopes.contains(Scope::Profile).then(|| ProfileClaims {
            picture: account.avatar.map(|media| format!("{issuer}/v1/media/{media}")),
            name: account.display_name,
            preferred_username: account.username,
        });
        Ok(UserInfo { sub: account.user_id, profile })
    }
}

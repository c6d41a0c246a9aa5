//! `POST /v1/oauth2/token`

mod authorization_code;
mod client_credentials;
mod device_code;
mod refresh_token;
mod session;
mod token_exchange;

use axum::response::{IntoResponse as _, Response};
use bartab_core::store::Grant;
use bartab_core::{SessionId, UserId};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::{self, OAuthError, OAuthErrorBody};
use crate::extract::{Form, Tenant};
use crate::metadata::offered;
use crate::mint::AccessToken;
use crate::sessions::Tokens;

/// What a token request looks like, for the OpenAPI document; unknown parameters are ignored.
#[expect(dead_code, reason = "describes the form that `Form` reads")]
#[derive(Deserialize, ToSchema)]
pub(crate) struct TokenRequest {
    /// `refresh_token`, `authorization_code`, `client_credentials`, `urn:ietf:params:oauth:grant-type:device_code`,
    /// `urn:ietf:params:oauth:grant-type:token-exchange`.
    grant_type: String,
    /// For `refresh_token`: the refresh token; it is spent by this.
    refresh_token: Option<String>,
    /// For `authorization_code`: the code.
    code: Option<String>,
    /// For `authorization_code`: what the authorization request said.
    redirect_uri: Option<String>,
    /// For `authorization_code`: what the challenge was made from (RFC 7636, S256).
    code_verifier: Option<String>,
    /// For a device: its code.
    device_code: Option<String>,
    /// For an exchange: the token of a trusted issuer.
    subject_token: Option<String>,
    /// For an exchange: `urn:ietf:params:oauth:token-type:jwt`, `…:access_token` or `…:id_token`.
    subject_token_type: Option<String>,
    /// For `refresh_token`: a narrower scope for the new access token. For `client_credentials` and an exchange: less
    /// than the client is registered for.
    scope: Option<String>,
    /// The client, unless it authenticates with HTTP Basic; `bartab` when it is left out.
    client_id: Option<String>,
    /// Its secret, unless it authenticates with HTTP Basic or is public.
    client_secret: Option<String>,
}

/// The answer to a grant (RFC 6749 section 5.1).
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenAnswer {
    /// The access token: a JWT (RFC 9068).
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds until the access token runs out.
    expires_in: u64,
    /// The refresh token, good once; only with the scope `offline_access`.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// What the access token allows: names with a space between.
    scope: String,
    /// The ID token (OpenID Connect Core section 2), when somebody signed in with the scope `openid`. A refresh gives
    /// none.
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    /// What sort of token an exchange has given: an access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
    /// Whom it stands for.
    #[schema(value_type = String)]
    user_id: UserId,
    /// The session that it belongs to, when it belongs to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    session_id: Option<SessionId>,
}

impl TokenAnswer {
    /// An access token and nothing with it.
    fn of(token: AccessToken, user_id: UserId) -> Self {
        Self {
            access_token: token.text,
            token_type: "Bearer",
            expires_in: token.expires_in,
            refresh_token: None,
            scope: token.scope,
            id_token: None,
            issued_token_type: None,
            user_id,
            session_id: None,
        }
    }
}

impl From<Tokens> for TokenAnswer {
    /// What belongs to a session; the refresh token too, whether it is meant for the client or not.
    fn from(tokens: Tokens) -> Self {
        Self {
            access_token: tokens.access_token,
            token_type: tokens.token_type,
            expires_in: tokens.expires_in,
            refresh_token: Some(tokens.refresh_token),
            scope: tokens.scope,
            id_token: None,
            issued_token_type: None,
            user_id: tokens.user_id,
            session_id: Some(tokens.session_id),
        }
    }
}

/// Exchange a grant for tokens (RFC 6749). Refresh tokens rotate: one that was just used is answered with the
/// same next one for half a minute, and any other use of a spent one ends the session.
#[utoipa::path(
    post, path = "/v1/oauth2/token", tag = "oauth2", operation_id = "token",
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "New tokens", body = TokenAnswer),
        (status = 400, description = "RFC 6749 section 5.2", body = OAuthErrorBody),
        (status = 401, description = "`invalid_client`", body = OAuthErrorBody),
        (status = 503, description = "`temporarily_unavailable`: the token is not spent", body = OAuthErrorBody),
        (
            status = 504, body = OAuthErrorBody,
            description = "`server_error`, described as `write.unknown`: the token may be spent; try it once more \
                           at once, and sign in again if that is answered `invalid_grant`",
        ),
    ),
    security(("client" = []), ()),
)]
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    headers: HeaderMap,
    form: Result<Form, OAuthError>,
) -> Result<Response, OAuthError> {
    let form = form?;
    let grant = Grant::from_name(form.require("grant_type")?).filter(|grant| offered(*grant, &auth.0.config));
    let grant = grant.ok_or_else(|| OAuthError::new("unsupported_grant_type", "there is no such grant type here"))?;
    let client = auth.authenticate_client(&headers, &form).await?;
    if !client.grants.contains(grant) {
        return Err(OAuthError::unauthorized_client());
    }
    let answer = match grant {
        Grant::AuthorizationCode => authorization_code::grant(&auth, &client, &form).await?,
        Grant::DeviceCode => device_code::grant(&auth, &client, &form).await?,
        Grant::ClientCredentials => client_credentials::grant(&auth, &headers, &client, &form).await?,
        Grant::RefreshToken => refresh_token::grant(&auth, &client, &form).await?,
        Grant::TokenExchange => token_exchange::grant(&auth, &client, &form).await?,
    };
    Ok(answer::secret(StatusCode::OK, &answer).unwrap_or_else(|failure| failure.into_response()))
}

//! `POST /v1/oauth2/token`

use axum::response::{IntoResponse as _, Response};
use bartab_core::Scopes;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answer::{self, OAuthError, OAuthErrorBody};
use crate::error::AuthError;
use crate::extract::{Form, Tenant};
use crate::sessions::Tokens;

/// What a token request looks like, for the OpenAPI document; unknown parameters are ignored.
#[expect(dead_code, reason = "describes the form that `Form` reads")]
#[derive(Deserialize, ToSchema)]
pub(crate) struct TokenRequest {
    /// `refresh_token`.
    grant_type: String,
    /// The refresh token; it is spent by this.
    refresh_token: String,
    /// A narrower scope for the new access token.
    scope: Option<String>,
    /// `bartab` for sessions of our own login, or left out.
    client_id: Option<String>,
}

/// Exchange a grant for tokens (RFC 6749). Refresh tokens rotate, and using a spent one ends the session.
#[utoipa::path(
    post, path = "/v1/oauth2/token", tag = "oauth2", operation_id = "token",
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "New tokens", body = Tokens),
        (status = 400, description = "RFC 6749 section 5.2", body = OAuthErrorBody),
        (status = 401, description = "`invalid_client`", body = OAuthErrorBody),
        (status = 503, description = "`temporarily_unavailable`: the token is not spent", body = OAuthErrorBody),
        (
            status = 504, body = OAuthErrorBody,
            description = "`server_error`, described as `write.unknown`: the token may be spent; try it once more, and \
                           sign in again if that is answered `invalid_grant`",
        ),
    ),
)]
pub(crate) async fn handler(Tenant(auth): Tenant, form: Result<Form, OAuthError>) -> Result<Response, OAuthError> {
    let form = form?;
    let grant = form.grant_type.as_deref().ok_or_else(|| OAuthError::invalid_request("`grant_type` is missing"))?;
    if grant != "refresh_token" {
        let supported = "the grant types are: refresh_token";
        return Err(OAuthError::new("unsupported_grant_type", supported));
    }
    form.check_client()?;
    let token = form.refresh_token.as_deref();
    let token = token.ok_or_else(|| OAuthError::invalid_request("`refresh_token` is missing"))?;
    let scope = form.scope.as_deref().map(str::parse::<Scopes>).transpose();
    let scope = scope.map_err(|_| AuthError::InvalidScope)?;
    let tokens = auth.refresh(token, form.client_id.as_deref(), scope).await?;
    Ok(answer::tokens(StatusCode::OK, &tokens).unwrap_or_else(|failure| failure.into_response()))
}

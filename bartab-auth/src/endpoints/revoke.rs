//! `POST /v1/oauth2/revoke`

use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answer::{self, OAuthError, OAuthErrorBody};
use crate::extract::{Form, Tenant};

/// What a revocation request looks like, for the OpenAPI document; unknown parameters are ignored.
#[expect(dead_code, reason = "describes the form that `Form` reads")]
#[derive(Deserialize, ToSchema)]
pub(crate) struct RevocationRequest {
    /// A refresh or access token.
    token: String,
    /// Not needed: the two kinds look different.
    token_type_hint: Option<String>,
    /// `bartab`, or left out.
    client_id: Option<String>,
}

/// End the session that a token belongs to (RFC 7009). A token that is none, or no more, is answered 200 all the same.
#[utoipa::path(
    post, path = "/v1/oauth2/revoke", tag = "oauth2", operation_id = "revoke",
    request_body(content = RevocationRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The token is good no more"),
        (status = 400, description = "`invalid_request`", body = OAuthErrorBody),
        (status = 401, description = "`invalid_client`", body = OAuthErrorBody),
    ),
)]
pub(crate) async fn handler(Tenant(auth): Tenant, form: Result<Form, OAuthError>) -> Result<Response, OAuthError> {
    let form = form?;
    form.check_client()?;
    let token = form.token.as_deref().ok_or_else(|| OAuthError::invalid_request("`token` is missing"))?;
    auth.revoke(token).await?;
    Ok(answer::empty(StatusCode::OK))
}

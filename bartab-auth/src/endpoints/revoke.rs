//! `POST /v1/oauth2/revoke`

use axum::response::Response;
use http::{HeaderMap, StatusCode};
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
    /// The client, unless it authenticates with HTTP Basic; `bartab` when it is left out.
    client_id: Option<String>,
    /// Its secret, unless it authenticates with HTTP Basic or is public.
    client_secret: Option<String>,
}

/// End the session that a token belongs to (RFC 7009). A token that is none, or no more, is answered 200 all the same.
#[utoipa::path(
    post, path = "/v1/oauth2/revoke", tag = "oauth2", operation_id = "revoke",
    request_body(content = RevocationRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The token is good no more"),
        (status = 400, description = "`invalid_request`, `unsupported_token_type`", body = OAuthErrorBody),
        (status = 401, description = "`invalid_client`", body = OAuthErrorBody),
    ),
    security(("client" = []), ()),
)]
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    headers: HeaderMap,
    form: Result<Form, OAuthError>,
) -> Result<Response, OAuthError> {
    let form = form?;
    let client = auth.authenticate_client(&headers, &form).await?;
    if !auth.revoke(form.require("token")?, Some(&client.client_id)).await? {
        let description = "a client's token for itself cannot be taken back; it runs out soon";
        return Err(OAuthError::new("unsupported_token_type", description));
    }
    Ok(answer::empty(StatusCode::OK))
}

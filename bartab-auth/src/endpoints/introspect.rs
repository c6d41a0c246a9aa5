//! `POST /v1/oauth2/introspect`

use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answer::{self, OAuthError, OAuthErrorBody};
use crate::extract::{Form, Tenant};
use crate::introspection::Introspection;

/// What an introspection request looks like, for the OpenAPI document; unknown parameters are ignored.
#[expect(dead_code, reason = "describes the form that `Form` reads")]
#[derive(Deserialize, ToSchema)]
pub(crate) struct IntrospectionRequest {
    /// A refresh or access token.
    token: String,
    /// Not needed: the two kinds look different.
    token_type_hint: Option<String>,
    /// The client, unless it authenticates with HTTP Basic.
    client_id: Option<String>,
    /// Its secret, unless it authenticates with HTTP Basic.
    client_secret: Option<String>,
}

/// Ask what a token stands for (RFC 7662). Only for clients with a secret; a token that is none, or good no more, is just
/// inactive.
#[utoipa::path(
    post, path = "/v1/oauth2/introspect", tag = "oauth2", operation_id = "introspect",
    request_body(content = IntrospectionRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Whether the token is good, and what it says", body = Introspection),
        (status = 400, description = "`invalid_request`", body = OAuthErrorBody),
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
    if !client.is_confidential() {
        return Err(OAuthError::invalid_client(false));
    }
    let answer = auth.introspect(form.require("token")?, &client).await?;
    Ok(answer::secret(StatusCode::OK, &answer).unwrap_or_else(|failure| failure.into_response()))
}

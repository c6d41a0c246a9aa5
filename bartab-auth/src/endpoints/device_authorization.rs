//! `POST /v1/oauth2/device_authorization`

use axum::response::{IntoResponse as _, Response};
use bartab_core::Scopes;
use bartab_core::store::Grant;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::{self, OAuthError, OAuthErrorBody};
use crate::browser::request::known_scopes;
use crate::error::AuthError;
use crate::extract::{Address, Form, Tenant};

/// What a device asks with, for the OpenAPI document; unknown parameters are ignored.
#[expect(dead_code, reason = "describes the form that `Form` reads")]
#[derive(Deserialize, ToSchema)]
pub(crate) struct DeviceAuthorizationRequest {
    /// The client, unless it authenticates with HTTP Basic; `bartab` when it is left out.
    client_id: Option<String>,
    /// Its secret, unless it authenticates with HTTP Basic or is public.
    client_secret: Option<String>,
    /// Names with a space between; unknown ones are ignored.
    scope: String,
}

/// The codes of a device (RFC 8628 section 3.2).
#[derive(Serialize, ToSchema)]
pub(crate) struct DeviceAuthorization {
    /// What the device asks for tokens with.
    device_code: String,
    /// What it shows: eight letters with a dash in the middle.
    user_code: String,
    /// Where a person enters it.
    verification_uri: String,
    /// The same with the code filled in, for a QR code; the person still confirms it.
    verification_uri_complete: String,
    /// Seconds until both codes are over.
    expires_in: u64,
    /// Seconds to wait between two questions.
    interval: u32,
}

/// Begin to connect a device that has no browser (RFC 8628).
#[utoipa::path(
    post, path = "/v1/oauth2/device_authorization", tag = "oauth2", operation_id = "device_authorization",
    request_body(content = DeviceAuthorizationRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The codes", body = DeviceAuthorization),
        (status = 400, description = "`invalid_request`, `invalid_scope`, `unauthorized_client`", body = OAuthErrorBody),
        (status = 401, description = "`invalid_client`", body = OAuthErrorBody),
        (status = 503, description = "`temporarily_unavailable`: too many devices are waiting, here or in the network", body = OAuthErrorBody),
    ),
    security(("client" = []), ()),
)]
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    Address(address): Address,
    headers: HeaderMap,
    form: Result<Form, OAuthError>,
) -> Result<Response, OAuthError> {
    let form = form?;
    let client = auth.authenticate_client(&headers, &form).await?;
    if !client.grants.contains(Grant::DeviceCode) {
        return Err(OAuthError::unauthorized_client());
    }
    let scopes = known_scopes(form.get("scope").unwrap_or_default());
    if scopes == Scopes::NONE || !scopes.is_subset(client.scopes) {
        return Err(AuthError::InvalidScope.into());
    }
    let codes = auth.begin_device(&client, scopes, address).await?;
    let verification_uri = format!("{}/v1/oauth2/device", auth.issuer());
    let answer = DeviceAuthorization {
        verification_uri_complete: format!("{verification_uri}?user_code={}", codes.user_code),
        verification_uri,
        device_code: codes.device_code,
        user_code: codes.user_code,
        expires_in: codes.expires_in,
        interval: codes.interval,
    };
    Ok(answer::secret(StatusCode::OK, &answer).unwrap_or_else(|failure| failure.into_response()))
}

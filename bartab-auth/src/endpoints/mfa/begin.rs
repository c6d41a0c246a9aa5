//! `POST /v1/me/mfa/totp`

use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::{self, Failure};
use crate::extract::{Address, Caller, Json, Tenant};

/// Who wants a second factor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TotpRequest {
    /// One's password; left out by who has none.
    password: Option<String>,
}

/// What the authenticator needs.
#[derive(Serialize, ToSchema)]
pub(crate) struct TotpView<'a> {
    /// The shared secret in base 32.
    secret: &'a str,
    /// The same for a link or a QR code: SHA-1, 6 digits, 30 seconds.
    otpauth_url: &'a str,
}

/// Begin a second factor (RFC 6238): it is asked for once a code of it is confirmed.
#[utoipa::path(
    post, path = "/v1/me/mfa/totp", tag = "auth", operation_id = "begin_totp", request_body = TotpRequest,
    responses(
        (status = 200, description = "The shared secret; an earlier one that waits counts no more", body = TotpView),
        (status = 400, description = "`request.invalid`: also with `wrong` at `/password`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`, `auth.sign_in_again`; `permission.denied`: no app does this"),
        (status = 409, description = "`mfa.on`: there is one; `account.no_sign_in`: it is a bot's account"),
        (status = 429, description = "`auth.too_many_attempts`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    Address(address): Address,
    Json(body): Json<TotpRequest>,
) -> Result<Response, Failure> {
    let new = auth.begin_totp(&actor, body.password.as_deref(), address).await?;
    answer::secret(StatusCode::OK, &TotpView { secret: new.secret(), otpauth_url: new.otpauth_url() })
}

//! `POST, DELETE /v1/me/mfa/totp`, `POST /v1/me/mfa/totp/confirm` and `POST /v1/me/mfa/totp/recovery_codes`

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

/// A code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodeRequest {
    /// What the authenticator shows.
    code: String,
}

/// Codes for the day the authenticator is lost.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecoveryCodes {
    /// Ten codes, each good once; they are shown this once.
    recovery_codes: Vec<String>,
}

/// Who wants no second factor any more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TotpRemoval {
    /// One's password; left out by who has none.
    password: Option<String>,
    /// What the authenticator shows, or a recovery code; left out when the second factor was never confirmed.
    code: Option<String>,
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
pub(crate) async fn begin(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    Address(address): Address,
    Json(body): Json<TotpRequest>,
) -> Result<Response, Failure> {
    let new = auth.begin_totp(&actor, body.password.as_deref(), address).await?;
    answer::secret(StatusCode::OK, &TotpView { secret: &new.secret, otpauth_url: &new.otpauth_url })
}

/// Have the second factor asked for from now on.
#[utoipa::path(
    post, path = "/v1/me/mfa/totp/confirm", tag = "auth", operation_id = "confirm_totp", request_body = CodeRequest,
    responses(
        (status = 200, description = "It is; the recovery codes, this once", body = RecoveryCodes),
        (status = 400, description = "`request.invalid`: also with `wrong` at `/code`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`; `permission.denied`: no app does this"),
        (status = 409, description = "`mfa.off`: nothing was begun; `mfa.on`: it is confirmed already"),
        (status = 429, description = "`auth.too_many_attempts`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn confirm(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    Address(address): Address,
    Json(body): Json<CodeRequest>,
) -> Result<Response, Failure> {
    let recovery_codes = auth.confirm_totp(&actor, &body.code, address).await?;
    answer::secret(StatusCode::OK, &RecoveryCodes { recovery_codes })
}

/// Get other recovery codes, by a code of the second factor or an old recovery code; the old ones are good no more.
#[utoipa::path(
    post, path = "/v1/me/mfa/totp/recovery_codes", tag = "auth", operation_id = "replace_recovery_codes",
    request_body = CodeRequest,
    responses(
        (status = 200, description = "The new ones, this once", body = RecoveryCodes),
        (status = 400, description = "`request.invalid`: also with `wrong` at `/code`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`; `permission.denied`: no app does this"),
        (status = 409, description = "`mfa.off`: there is no second factor"),
        (status = 429, description = "`auth.too_many_attempts`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn recovery_codes(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    Address(address): Address,
    Json(body): Json<CodeRequest>,
) -> Result<Response, Failure> {
    let recovery_codes = auth.replace_recovery_codes(&actor, &body.code, address).await?;
    answer::secret(StatusCode::OK, &RecoveryCodes { recovery_codes })
}

/// Have no second factor any more. Where administrators need one, they can then not administer.
#[utoipa::path(
    delete, path = "/v1/me/mfa/totp", tag = "auth", operation_id = "remove_totp", request_body = TotpRemoval,
    responses(
        (status = 204, description = "There is none any more"),
        (status = 400, description = "`request.invalid`: also with `wrong` at `/password` or `/code`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`, `auth.sign_in_again`; `permission.denied`: no app does this"),
        (status = 409, description = "`mfa.off`: there is none"),
        (status = 429, description = "`auth.too_many_attempts`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn remove(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    Address(address): Address,
    Json(body): Json<TotpRemoval>,
) -> Result<Response, Failure> {
    auth.remove_totp(&actor, body.password.as_deref(), body.code.as_deref(), address).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

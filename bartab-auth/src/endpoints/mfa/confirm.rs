//! `POST /v1/me/mfa/totp/confirm`

use axum::response::Response;
use http::StatusCode;

use super::{CodeRequest, RecoveryCodes};
use crate::answer::{self, Failure};
use crate::extract::{Address, Caller, Json, Tenant};

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
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    Address(address): Address,
    Json(body): Json<CodeRequest>,
) -> Result<Response, Failure> {
    let recovery_codes = auth.confirm_totp(&actor, &body.code, address).await?;
    answer::secret(StatusCode::OK, &RecoveryCodes { recovery_codes })
}

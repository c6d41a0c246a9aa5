//! `POST /v1/me/mfa/totp/recovery_codes`

use axum::response::Response;
use http::StatusCode;

use super::{CodeRequest, RecoveryCodes};
use crate::answer::{self, Failure};
use crate::extract::{Address, Caller, Json, Tenant};

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
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    Address(address): Address,
    Json(body): Json<CodeRequest>,
) -> Result<Response, Failure> {
    let recovery_codes = auth.replace_recovery_codes(&actor, &body.code, address).await?;
    answer::secret(StatusCode::OK, &RecoveryCodes { recovery_codes })
}

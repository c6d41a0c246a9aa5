//! `DELETE /v1/me/mfa/totp`

use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answer::{self, Failure};
use crate::extract::{Address, Caller, Json, Tenant};

/// Who wants no second factor any more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TotpRemoval {
    /// One's password; left out by who has none.
    password: Option<String>,
    /// What the authenticator shows, or a recovery code; left out when the second factor was never confirmed.
    code: Option<String>,
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
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    Address(address): Address,
    Json(body): Json<TotpRemoval>,
) -> Result<Response, Failure> {
    auth.remove_totp(&actor, body.password.as_deref(), body.code.as_deref(), address).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

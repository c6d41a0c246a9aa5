//! `POST /v1/me/password`

use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answer::{self, Failure};
use crate::extract::{Address, Caller, Json, Tenant};

/// A change of password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    /// The password as it is; left out by who has none.
    current: Option<String>,
    /// The password from now on, 8 to 128 characters.
    new: String,
}

/// Change one's own password; the other sessions end. Who has none yet, because they sign in by another provider, sets
/// the first one in the client `bartab` and within ten minutes of a sign-in.
#[utoipa::path(
    post, path = "/v1/me/password", tag = "auth", operation_id = "change_password", request_body = PasswordChange,
    responses(
        (status = 204, description = "It is changed, and the other sessions have ended"),
        (status = 400, description = "`request.invalid`: also with `wrong` at `/current`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`, `auth.sign_in_again`; `permission.denied`: no app does this"),
        (status = 409, description = "`account.no_sign_in`: it is a bot's account"),
        (status = 429, description = "`auth.too_many_attempts`"),
        (status = 503, description = "`auth.busy`: too many passwords are being checked"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    Address(address): Address,
    Json(body): Json<PasswordChange>,
) -> Result<Response, Failure> {
    auth.change_password(&actor, body.current.as_deref(), &body.new, address).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

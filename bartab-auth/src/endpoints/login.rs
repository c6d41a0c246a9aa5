//! `POST /v1/auth/login`

use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answer::{self, Failure};
use crate::extract::{Address, Json, Tenant};
use crate::sessions::Tokens;
use crate::sign_in::Login;

/// Credentials.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    /// Whose account; capital letters are made small.
    username: String,
    /// The password.
    password: String,
    /// What the person calls the device, 1 to 64 characters; shown in the list of sessions.
    device_name: Option<String>,
    /// A code of the second factor, or a recovery code; asked for by `auth.otp_required`.
    otp: Option<String>,
}

/// Sign in with a password.
#[utoipa::path(
    post, path = "/v1/auth/login", tag = "auth", operation_id = "login", request_body = Credentials,
    responses(
        (status = 200, description = "Signed in", body = Tokens),
        (status = 400, description = "`request.invalid`, `request.invalid_json`"),
        (status = 401, description = "`auth.bad_credentials`, also when there is no such user, or the code is wrong; `auth.otp_required`"),
        (status = 403, description = "`account.suspended`"),
        (status = 429, description = "`auth.too_many_attempts`: too many have failed; this one was not looked at"),
        (status = 503, description = "`auth.busy`: too many passwords are being checked"),
    ),
)]
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    Address(address): Address,
    Json(body): Json<Credentials>,
) -> Result<Response, Failure> {
    let login = Login {
        username: &body.username,
        password: &body.password,
        otp: body.otp.as_deref(),
        device_name: body.device_name.as_deref(),
        address,
    };
    let tokens = auth.login(login).await?;
    answer::secret(StatusCode::OK, &tokens)
}

//! `POST /v1/auth/login`

use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answer::{self, Failure};
use crate::extract::{Json, Tenant};
use crate::sessions::Tokens;

/// Credentials.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    /// Whose account; capital letters are made small.
    username: String,
    /// The password.
    password: String,
    /// What the person calls the device, 1 to 64 characters; shown in the list of sessions.
    device_name: Option<String>,
}

/// Sign in with a password.
#[utoipa::path(
    post, path = "/v1/auth/login", tag = "auth", operation_id = "login", request_body = Login,
    responses(
        (status = 200, description = "Signed in", body = Tokens),
        (status = 400, description = "`request.invalid`, `request.invalid_json`"),
        (status = 401, description = "`auth.bad_credentials`, also when there is no such user"),
        (status = 403, description = "`account.suspended`"),
        (status = 503, description = "`auth.busy`: too many passwords are being checked"),
    ),
)]
pub(crate) async fn handler(Tenant(auth): Tenant, Json(body): Json<Login>) -> Result<Response, Failure> {
    let tokens = auth.login(&body.username, &body.password, body.device_name.as_deref()).await?;
    answer::tokens(StatusCode::OK, &tokens)
}

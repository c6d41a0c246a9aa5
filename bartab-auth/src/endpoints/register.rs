//! `POST /v1/auth/register`

use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answer::{self, Failure};
use crate::extract::{Json, Tenant};
use crate::sessions::Tokens;

/// An account to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Register {
    /// 1 to 32 of `a-z 0-9 . _ -`, a letter or digit first; capital letters are made small.
    username: String,
    /// 8 to 128 characters.
    password: String,
    /// The name that others see, 1 to 64 characters; the username when there is none.
    display_name: Option<String>,
}

/// Make an account and sign it in.
#[utoipa::path(
    post, path = "/v1/auth/register", tag = "auth", operation_id = "register", request_body = Register,
    responses(
        (status = 201, description = "The account is made and signed in", body = Tokens),
        (status = 400, description = "`request.invalid`, `request.invalid_json`"),
        (status = 403, description = "`registration.closed`"),
        (status = 409, description = "`username.taken`"),
        (status = 503, description = "`auth.busy`: too many passwords are being hashed"),
        (status = 504, description = "`write.unknown`: the account may be made; sign in to find out"),
    ),
)]
pub(crate) async fn handler(Tenant(auth): Tenant, Json(body): Json<Register>) -> Result<Response, Failure> {
    let tokens = auth.register(&body.username, &body.password, body.display_name.as_deref()).await?;
    answer::tokens(StatusCode::CREATED, &tokens)
}

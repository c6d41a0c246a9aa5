//! `POST /v1/auth/register`

use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answer::{self, Failure};
use crate::extract::{Json, Tenant};
use crate::sessions::Tokens;
use crate::sign_up::NewRegistration;

/// An account to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Register {
    /// 1 to 32 of `a-z 0-9 . _ -`, a letter or digit first; capital letters are made small. Names of offices, such as
    /// `admin`, are kept for the operator.
    username: String,
    /// 8 to 128 characters; none of the most common passwords, and no name of one's own.
    password: String,
    /// The name that others see, 1 to 64 characters; the username when there is none.
    display_name: Option<String>,
    /// The code of an invite, where one is needed; elsewhere it counts all the same.
    invite: Option<String>,
}

/// Make an account and sign it in.
#[utoipa::path(
    post, path = "/v1/auth/register", tag = "auth", operation_id = "register", request_body = Register,
    responses(
        (status = 201, description = "The account is made and signed in", body = Tokens),
        (status = 400, description = "`request.invalid`, `request.invalid_json`"),
        (
            status = 403,
            description = "`registration.closed`, `registration.invite_required`; `registration.invite_invalid`, whether it \
                           is unknown, used up, expired or taken back",
        ),
        (status = 409, description = "`username.taken`"),
        (status = 503, description = "`auth.busy`: too many passwords are being hashed"),
        (status = 504, description = "`write.unknown`: the account may be made; sign in to find out"),
    ),
)]
pub(crate) async fn handler(Tenant(auth): Tenant, Json(body): Json<Register>) -> Result<Response, Failure> {
    let tokens = auth.register(NewRegistration {
        username: &body.username,
        password: &body.password,
        display_name: body.display_name.as_deref(),
        invite: body.invite.as_deref(),
    });
    let tokens = tokens.await?;
    answer::secret(StatusCode::CREATED, &tokens)
}

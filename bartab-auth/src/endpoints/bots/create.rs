//! `POST /v1/bots`

use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{BotSecretAnswer, scopes};
use crate::answer::{self, Failure};
use crate::extract::{Caller, Json, Tenant};

/// A bot to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewBot {
    /// The name that others see, 1 to 64 characters.
    name: String,
    /// What it may at most, of what the caller may; `chat:read`, `chat:write`, `media:read` and `media:write` when
    /// nothing is said.
    scopes: Option<Vec<String>>,
}

/// Make a bot: an account of a program, with the caller to answer for it. It gets tokens with the grant
/// `client_credentials`, and may what both its scopes and its owner's rights allow.
#[utoipa::path(
    post, path = "/v1/bots", tag = "bots", operation_id = "create_bot", request_body = NewBot,
    responses(
        (status = 201, description = "The bot, with its secret, which is shown this once", body = BotSecretAnswer),
        (status = 400, description = "`request.invalid`, `request.invalid_json`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (
            status = 403,
            description = "`auth.insufficient_scope`: this takes `profile:write`, and each scope that the bot is to \
                           have; `permission.denied`: this takes `bots.create`, which no app has; `quota.exceeded`",
        ),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    Json(body): Json<NewBot>,
) -> Result<Response, Failure> {
    let scopes = body.scopes.as_deref().map(scopes).transpose()?;
    let made = auth.create_bot(&actor, &body.name, scopes).await?;
    answer::secret(StatusCode::CREATED, &BotSecretAnswer::from(made))
}
